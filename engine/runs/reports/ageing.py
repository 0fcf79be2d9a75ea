"""Ageing: what customers owe on a day, by how long it is overdue, and whether the ledger says the same."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.base.money import ZERO
from engine.model.settlement import OpenItem
from engine.receivables.ageing import bucket, limits, names
from engine.receivables.open_items import worth_left
from engine.runs.reports.roles import accounts_of
from engine.runs.run import Parts
from engine.store import subledgers
from engine.store.reader import Reader
from engine.store.subledgers import Item

By = Literal["account", "segment", "currency"]
BY: Final[tuple[By, ...]] = ("account", "segment", "currency")
USUAL: Final = "30,60,90"


class AgeRow(msgspec.Struct, frozen=True):
    """What is owed by one customer, segment or all, in one currency; ``amounts`` are by bucket."""

    entity: str
    key: str
    currency: str
    amounts: tuple[Decimal, ...]
    total: Decimal
    functional_currency: str
    functional: Decimal


class AgeTie(msgspec.Struct, frozen=True):
    """What the open items of a legal entity come to in a currency, and what the GL accounts of receivables do."""

    entity: str
    currency: str
    items: Decimal
    ledger: Decimal

    @property
    def difference(self) -> Decimal:
        """What the ledger has more."""
        return self.ledger - self.items


class Ageing(msgspec.Struct, frozen=True):
    """The report."""

    on: date
    buckets: tuple[str, ...]
    rows: tuple[AgeRow, ...]
    ties: tuple[AgeTie, ...]


def worth(item: Item) -> Decimal:
    """What is left of an item in functional currency."""
    days, kept = (item.on, item.due, item.currency), (item.functional_currency, item.worth)
    return worth_left(
        OpenItem(0, item.account, item.kind, item.number, *days, item.amount, item.left, *kept), item.left
    )


def ageing(
    parts: Parts, reader: Reader, on: date, *, by: By = "account", buckets: str = USUAL, entity: str = ""
) -> Ageing:
    """What was owed on a day as it was known by the dates of documents and settlements.

    Raises:
        TollbookError: ``ledger.wrong-buckets``.
    """
    ends = limits(buckets)
    rows: list[AgeRow] = []
    ties: list[AgeTie] = []
    for key, one in sorted(reader.entities(parts.tenant).items()):
        if entity not in ("", key):
            continue
        items = subledgers.items_on(reader, parts.tenant, key, on)
        rows += _rows(reader, parts.tenant, key, one.functional_currency, items, on, by, ends)
        ties += _ties(parts, reader, key, on, items)
    return Ageing(on, names(ends), tuple(rows), tuple(ties))


def _rows(
    reader: Reader,
    tenant: str,
    entity: str,
    own: str,
    items: list[Item],
    on: date,
    by: By,
    ends: tuple[int, ...],
) -> list[AgeRow]:
    keys = sorted({item.account for item in items}) if by == "segment" else []
    known = reader.accounts(tenant, entity, keys)

    def key(item: Item) -> str:
        return {"account": item.account, "currency": item.currency}.get(by) or known[item.account].segment

    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [ZERO] * (len(ends) + 2))
    functional: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for item in items:
        place = (key(item), item.currency)
        sums[place][bucket(item.due, on, ends)] += item.left
        functional[place] += worth(item)
    return [
        AgeRow(entity, name, currency, tuple(found), sum(found, ZERO), own, functional[name, currency])
        for (name, currency), found in sorted(sums.items())
    ]


def _ties(parts: Parts, reader: Reader, entity: str, on: date, items: list[Item]) -> list[AgeTie]:
    accounts = accounts_of(parts, reader, entity, on, ("receivable",))
    posted = subledgers.ledger_on(reader, parts.tenant, entity, on, accounts)
    owed: dict[str, Decimal] = defaultdict(lambda: ZERO)
    ledger: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for item in items:
        owed[item.currency] += item.left
    for (currency, _), amount in posted.items():
        ledger[currency] += amount
    return [AgeTie(entity, one, owed[one], ledger[one]) for one in sorted(owed.keys() | ledger.keys())]
