"""What an accrual run asks of the books: what stands accrued, and what was invoiced after the month."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.accrual import AccrualKey, Accrued
from engine.model.journal import FxRate
from engine.store import tables as t
from engine.store.session import Session

_KEY = tuple(AccrualKey.__struct_fields__)


def held(session: Session, tenant: str, entity: str = "", through: date | None = None) -> dict[AccrualKey, Accrued]:
    """What stands accrued of each key, of one legal entity or all, as of the months up to and with ``through``."""
    column = t.REVENUE_ACCRUAL.c
    fields = [column[name] for name in _KEY]
    more = (column.service_to, column.amount, column.functional_amount, column.functional_currency)
    mine = [column.tenant == tenant]
    mine += [column.entity == entity] if entity else []
    mine += [column.month <= through] if through is not None else []
    rates = (column.rate, column.rate_source, column.rate_on)
    found: dict[AccrualKey, Accrued] = {}
    for row in session.rows(sa.select(*fields, *more, *rates).where(*mine).order_by(column.id)):
        key = AccrualKey(*row[: len(_KEY)])
        service_to, amount, functional, own, *rate = row[len(_KEY) :]
        before = found.get(key)
        there, kept = (before.amount, before.functional) if before else (ZERO, ZERO)
        same = before is not None and there * amount < ZERO and before.rate.quote == own
        newest = before.rate if before is not None and same else FxRate(key.currency, own, *rate)
        found[key] = Accrued(service_to, there + amount, kept + functional, newest)
    return {key: one for key, one in found.items() if one.amount or one.functional}


def newest_month(session: Session, tenant: str, entity: str = "") -> date | None:
    """The first day of the last month of which anything is accrued, of one legal entity or of any."""
    column = t.REVENUE_ACCRUAL.c
    mine = (column.tenant == tenant, *([column.entity == entity] if entity else []))
    found: date | None = session.connection.execute(sa.select(sa.func.max(column.month)).where(*mine)).scalar()
    return found


def invoiced_after(
    session: Session, tenant: str, payers: tuple[str, str, str], end: date
) -> tuple[set[int], dict[int, date]]:
    """Of documents of payers (entity, first, last) that are dated on ``end`` or later: the ids of their lines, and by
    subscription the first day of cycles that they bill service of before ``end``."""
    line, head = t.INVOICE_LINE.c, t.INVOICE.c
    entity, low, high = payers
    statement = (
        sa.select(line.id, line.subscription_id, line.service_from, line.cycle_from)
        .join_from(t.INVOICE, t.INVOICE_LINE, line.invoice_id == head.id)
        .where(head.tenant == tenant, head.entity == entity, head.payer.between(low, high), head.invoice_date >= end)
    )
    ids: set[int] = set()
    since: dict[int, date] = {}
    for ident, subscription, service, cycle in session.rows(statement):
        ids.add(ident)
        if service < end and subscription:
            since[subscription] = min(since.get(subscription, service), service, cycle)
    return ids, since


def rows_of(session: Session, tenant: str, run_ids: Iterable[int] = (), **wanted: Any) -> list[dict[str, Any]]:
    """Rows of accruals by column name, in order of id: those of some runs where any are named, with the values that are wanted."""
    column = t.REVENUE_ACCRUAL.c
    runs = list(run_ids)
    mine = [column.tenant == tenant, *(column[name] == value for name, value in wanted.items())]
    mine += [column.run_id.in_(runs)] if runs else []
    return [dict(row._mapping) for row in session.rows(sa.select(t.REVENUE_ACCRUAL).where(*mine).order_by(column.id))]
