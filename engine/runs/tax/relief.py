"""Tax that was lowered because money was given up: a discount for paying early, a bad debt; and that came back with the money.

What was posted to the GL accounts of tax by such an act is divided over the categories and rates of its document as their
tax is, to the cent; what else was given up lowers their net amounts in the same way (Directive 2006/112/EC, article 90).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import msgspec

from engine.base.money import ZERO, round_to, split
from engine.base.period import Period
from engine.ledger.posting import determine
from engine.runs.run import Parts
from engine.store import tax_relief
from engine.store.reader import Reader

DOCUMENT: Final = "document"
"""The cause of all tax that documents themselves have."""


class Relief(msgspec.Struct, frozen=True):
    """What an act of some day has lowered of what a document was taxed at: ``net`` and ``tax`` are above zero where less is owed than
    before; ``account`` is the GL account of that tax, ``origin`` the tax point of the document."""

    entity: str
    day: date
    currency: str
    cause: str
    account: str
    origin: date
    jurisdiction: str
    category: str
    rate: Decimal
    tax_code: str
    code: str
    net: Decimal
    tax: Decimal


def relief(parts: Parts, reader: Reader, days: Period, entity: str = "") -> Iterator[Relief]:
    """What acts of some days have lowered, of one legal entity or all.

    Raises:
        TollbookError: ``rule.no-answer`` of the posting rules.
    """
    acts = tax_relief.given_up(reader, parts.tenant, days.start, days.end, entity)
    known: dict[int, list[Any]] = defaultdict(list)
    for row in tax_relief.taxed(reader, sorted({one.item for one in acts})):
        known[row.item].append(row)
    for _, rows in groupby(acts, lambda one: one.document):
        some = list(rows)
        first, lines = some[0], known[some[0].item]
        head = (first.entity, first.day, first.currency, first.cause)
        accounts = determine(parts.rules.decide, first.entity, first.currency, first.day)
        placed = [(accounts("tax", line.jurisdiction[:2], "")[0], line) for line in lines]
        posted = {one.account: one.posted for one in some}
        for (account, line), (net, tax) in zip(
            placed, shares(-first.amount, posted, placed, first.currency), strict=False
        ):
            if net or tax:
                taxed_at = (line.jurisdiction, line.category, line.rate, line.tax_code, line.code)
                yield Relief(*head, account, line.tax_point, *taxed_at, net, tax)


def shares(
    amount: Decimal, posted: Mapping[str, Decimal], placed: Sequence[tuple[str, Any]], currency: str
) -> list[tuple[Decimal, Decimal]]:
    """What of an amount that was given up, tax and all, and of the tax that was ``posted`` by GL account, each part of a document
    bears as net and as tax; nothing where no tax was lowered.

    ``placed`` are these parts, with ``net`` and ``tax``, and the account of their tax.
    """
    taxes = [ZERO] * len(placed)
    for account in sorted({account for account, _ in placed} & posted.keys()):
        weights = [line.tax if own == account else ZERO for own, line in placed]
        for place, tax in enumerate(_divided(posted[account], weights, currency)):
            taxes[place] += tax
    if not any(taxes):
        return []
    nets = _divided(amount - sum(taxes, ZERO), [line.net for _, line in placed], currency)
    return list(zip(nets, taxes, strict=True))


def _divided(amount: Decimal, weights: Sequence[Decimal], currency: str) -> Sequence[Decimal]:
    """An amount in proportion to the weights that have the sign of their sum; nothing where nothing has."""
    sign = -1 if sum(weights, ZERO) < ZERO else 1
    some = [max(sign * weight, ZERO) for weight in weights]
    return split(round_to(amount, currency), some, currency) if any(some) else [ZERO] * len(some)
