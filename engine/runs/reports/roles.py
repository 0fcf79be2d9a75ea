"""Which GL accounts a role stands for in the books of a legal entity: the answers of the posting rules for all that it sells."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import product as every

from engine.base.errors import TollbookError
from engine.ledger.posting import PostingFacts, Role
from engine.runs.run import Parts
from engine.store import subledgers
from engine.store.reader import Reader


def accounts_of(parts: Parts, reader: Reader, entity: str, on: date, roles: Iterable[Role]) -> dict[str, set[Role]]:
    """GL account -> the roles that lead to it, for the countries, products and currencies of documents; a role that no rule answers
    for has none."""
    countries, products, currencies = subledgers.dimensions(reader, parts.tenant, entity)
    found: dict[str, set[Role]] = {}
    places = every(roles, sorted({"", *countries}), sorted({"", *products}), sorted(currencies))
    for role, country, product, currency in places:
        facts = PostingFacts(role, entity, country, product, currency, on)
        try:
            account = str(parts.rules.decide("posting", facts, on).terms["account"])
        except TollbookError:
            continue
        found.setdefault(account, set()).add(role)
    return found
