"""Discounts, credits and write-offs by hand: who asked, who approved, and what they have taken of revenue."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.ledger.posting import Role
from engine.runs.reports.roles import accounts_of
from engine.runs.run import Parts
from engine.store import concessions
from engine.store.reader import Reader

EXCHANGE: Final[tuple[Role, ...]] = ("realised_gain", "realised_loss", "fx_difference", "fx_rounding")
"""Roles of what exchange rates have done: nobody has conceded it."""


class Concession(msgspec.Struct, frozen=True):
    """A document or settlement that was made by hand: ``revenue`` is what it has taken of income (below zero: added), ``expense``
    what it cost beside, both in functional currency.  ``maker`` and ``checker`` are of its approval; without one the maker is who
    did it, and nobody checked."""

    kind: str
    entity: str
    key: str
    account: str
    reason: str
    on: date
    currency: str
    revenue: Decimal
    expense: Decimal
    maker: str
    checker: str = ""
    why: str = ""


def conceded(parts: Parts, reader: Reader, first: date, last: date) -> list[Concession]:
    """What was conceded on some days, both included, with the approvals of it."""
    by_key = {}
    for act, content, maker, checker, state, reason in concessions.decided(reader, parts.tenant):
        asked = msgspec.json.decode(content).get("do", {})
        if state == "approved" and asked.get("key"):
            by_key[str(asked.get("entity", "")), str(asked["key"])] = (act, maker, checker, reason)
    made = []
    aside = {
        gl for entity in reader.entities(parts.tenant) for gl in accounts_of(parts, reader, entity, last, EXCHANGE)
    }
    for kind, entity, key, account, reason, on, who, currency, income, expense in concessions.given_up(
        reader, parts.tenant, first, last, aside
    ):
        _, maker, checker, why = by_key.get((entity, key)) or by_key.get(("", key)) or ("", who, "", "")
        if income or expense:
            head = (kind, entity, key, account, reason, on, currency)
            made.append(Concession(*head, income, expense, maker, checker, why))
    return made
