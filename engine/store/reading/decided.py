"""What the decisions that the books keep have decided: how often, when last, and how much money."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.store import tables
from engine.store.session import Session
from engine.store.types import Moment

_LINE: Final = tables.INVOICE_LINE.join(tables.INVOICE, tables.INVOICE.c.id == tables.INVOICE_LINE.c.invoice_id)
_ENTRY: Final = tables.POSTING.join(tables.ENTRY, tables.ENTRY.c.id == tables.POSTING.c.entry_id)


class _Source(msgspec.Struct, frozen=True):
    """Where decisions stand: the rows, the column that names one, the day that it is of, and the money that it decided."""

    rows: Any
    decision: Any
    tenant: Any
    day: Any
    amount: Any = None
    currency: Any = None


def _plain(table: Any, day: str, amount: str = "", currency: str = "currency", decision: str = "decision") -> _Source:
    column = table.c
    money = (column[amount], column[currency]) if amount else (None, None)
    return _Source(table, column[decision], column.tenant, column[day], *money)


def _line(decision: str, amount: str) -> _Source:
    line, invoice = tables.INVOICE_LINE.c, tables.INVOICE.c
    return _Source(_LINE, line[decision], line.tenant, invoice.invoice_date, line[amount], line.currency)


_SOURCES: Final = (
    _line("decision", "amount"),
    _line("proration", "amount"),
    _line("tax_decision", "tax_amount"),
    _plain(tables.INVOICE, "invoice_date", "total", decision="draft_decision"),
    _plain(tables.INVOICE, "invoice_date", "total", decision="numbering_decision"),
    _Source(
        _ENTRY,
        tables.POSTING.c.decision,
        tables.POSTING.c.tenant,
        tables.ENTRY.c.posting_date,
        sa.func.abs(tables.POSTING.c.amount, type_=tables.POSTING.c.amount.type),
        tables.POSTING.c.currency,
    ),
    _plain(tables.BANK_USE, "day"),
    _plain(tables.SETTLEMENT, "day", "amount"),
    _plain(tables.MEMO, "day"),
    _plain(tables.DISPUTE, "at", "amount"),
    _plain(tables.DRAFT, "opened_at"),
    _plain(tables.DUNNING_STEP, "day"),
    _plain(tables.DUNNING_CLAIM, "until", "amount"),
    _plain(tables.LATE_USAGE, "day", "amount"),
    _plain(tables.WORK_ITEM, "opened_at"),
    _plain(tables.DIRECT_DEBIT, "planned_on", "amount"),
    _plain(tables.CLEARANCE_STEP, "at"),
    _plain(tables.PAYMENT, "day", "amount"),
    _plain(tables.PAYMENT_STEP, "at"),
    _plain(tables.WALLET_MOVEMENT, "day"),
)


class Decided(msgspec.Struct, frozen=True):
    """What one decision decided: records, the day of the last one, and money by currency."""

    times: int
    last: date
    amounts: Mapping[str, Decimal]


def decided(reader: Session, tenant: str, first: date | None, last: date | None) -> dict[int, Decided]:
    """What each decision that the books name decided on some days, both included; all days where none are said."""
    found: dict[int, Decided] = {}
    for source in _SOURCES:
        moment = isinstance(source.day.type, Moment)
        conditions = [source.tenant == tenant, source.decision != 0]
        conditions += [source.day >= _bound(first, moment)] if first else []
        conditions += [source.day < _bound(last + timedelta(1), moment)] if last else []
        money = [] if source.amount is None else [source.currency, sa.func.sum(source.amount, type_=source.amount.type)]
        keys = [source.decision, *money[:1]]
        newest = sa.func.max(source.day, type_=source.day.type)
        statement = (
            sa.select(source.decision, sa.func.count(), newest, *money)
            .select_from(source.rows)
            .where(*conditions)
            .group_by(*keys)
            .order_by(*keys)
        )
        for ident, times, at, *sums in reader.connection.execute(statement):
            day = at.astimezone(UTC).date() if isinstance(at, datetime) else at
            amounts = {sums[0]: sums[1]} if sums and sums[1] is not None else {}
            found[ident] = _joined(found.get(ident), Decided(times, day, amounts))
    return found


def _bound(day: date, moment: bool) -> date | datetime:
    return datetime.combine(day, time.min, UTC) if moment else day


def _joined(one: Decided | None, other: Decided) -> Decided:
    if one is None:
        return other
    amounts = dict(one.amounts)
    for currency, amount in other.amounts.items():
        amounts[currency] = amounts.get(currency, Decimal(0)) + amount
    return Decided(one.times + other.times, max(one.last, other.last), amounts)
