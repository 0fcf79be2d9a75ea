"""Bank entries as people see them: what is left, what the worklist says of it, what it was used for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.model.cash import OpenEntry, Use
from engine.model.worklist import WorkItem
from engine.runs.cash import exceptions as exc
from engine.runs.cash.orders import Order
from engine.store.reader import Reader


class Waiting(msgspec.Struct, frozen=True):
    """Money that is not used: the entry, what is left of it, for how many days, and what the worklist says of it."""

    entry: int
    entity: str
    account: str
    booked: date
    amount: Decimal
    left: Decimal
    currency: str
    payer: str
    age: int
    kind: str
    owner: str
    until: str
    item: int
    text: str
    suggest: tuple[str, ...]
    proposals: tuple[Mapping[str, Any], ...]


class EntryView(msgspec.Struct, frozen=True):
    """A bank entry as people see it."""

    waiting: Waiting
    statement: str
    remittance: str
    references: Mapping[str, str]
    uses: tuple[Use, ...]
    orders: tuple[Order, ...] = ()


def items_of(reader: Reader, tenant: str) -> dict[int, WorkItem]:
    """What the worklist has about bank entries, by entry."""
    items = reader.work_items(tenant, kinds=(exc.CASH,), state="unresolved", limit=1_000_000)
    return {int(item.detail["entry"]): item for item in items}


def waiting_of(one: OpenEntry, item: WorkItem | None, on: date) -> Waiting:
    """A bank entry as people see it, with its item of the worklist if it has one."""
    entry = one.entry
    detail: Mapping[str, Any] = item.detail if item is not None else {}
    head = (entry.id, entry.entity, entry.account, entry.booked, entry.amount, one.left, entry.currency, entry.payer)
    state = "used" if not one.left else "new"
    told = (detail.get("kind", state), item.owner if item else "", str(detail.get("until", "")), item.id if item else 0)
    words = item.difference.split(": ", 2)[-1] if item else ""
    lists = (tuple(detail.get("suggest", ())), tuple(detail.get("proposals", ())))
    return Waiting(*head, max((on - entry.booked).days, 0), *told, words, *lists)
