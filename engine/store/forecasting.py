"""What a forecast of revenue asks of the books: what schedules plan, what was recognised, and services that end."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.session import Session

_SCHEDULE, _ITEM, _POSTED = t.REVENUE_SCHEDULE.c, t.REVENUE_ITEM.c, t.REVENUE_POSTED.c
_LINE, _HEAD = t.INVOICE_LINE.c, t.INVOICE.c


def _earned() -> sa.ColumnElement[bool]:
    """Schedules of revenue, not those of costs."""
    return _SCHEDULE.source != "cost"


def planned(
    session: Session, tenant: str, entity: str, first: date, until: date, known: date | None = None
) -> list[tuple[str, date, Decimal]]:
    """(currency, day, amount) that schedules plan from ``first`` to the day before ``until``; of documents dated before ``known``."""
    total = sa.func.sum(_ITEM.amount, type_=_ITEM.amount.type)
    joined = (
        sa.select(_SCHEDULE.currency, _ITEM.on_day, total)
        .join_from(t.REVENUE_ITEM, t.REVENUE_SCHEDULE, _SCHEDULE.id == _ITEM.schedule_id)
        .where(_ITEM.tenant == tenant, _ITEM.entity == entity, _earned(), ~_ITEM.billed)
        .where(_ITEM.on_day >= first, _ITEM.on_day < until)
    )
    if known is not None:
        dated = sa.select(_HEAD.id).join_from(t.INVOICE, t.INVOICE_LINE, _LINE.invoice_id == _HEAD.id)
        there = sa.exists(dated.where(_LINE.id == _SCHEDULE.line_id, _HEAD.invoice_date < known))
        joined = joined.where((_SCHEDULE.source != "line") | there)
    keys = (_SCHEDULE.currency, _ITEM.on_day)
    return [tuple(row) for row in session.rows(joined.group_by(*keys).order_by(*keys))]


def recognised(session: Session, tenant: str, entity: str, first: date, until: date) -> dict[tuple[str, date], Decimal]:
    """What was recognised, by currency and first day of the month that it belongs to."""
    total = sa.func.sum(_POSTED.amount, type_=_POSTED.amount.type)
    joined = (
        sa.select(_SCHEDULE.currency, _POSTED.month, total)
        .join_from(t.REVENUE_POSTED, t.REVENUE_SCHEDULE, _SCHEDULE.id == _POSTED.schedule_id)
        .where(_POSTED.tenant == tenant, _POSTED.entity == entity, _earned())
        .where(_POSTED.month >= first, _POSTED.month < until)
    )
    rows = session.rows(joined.group_by(_SCHEDULE.currency, _POSTED.month))
    return {(currency, month): amount for currency, month, amount in rows}


def endings(session: Session, tenant: str, entity: str, until: date) -> list[Any]:
    """The newest schedule of each charge of a subscription whose service ends before ``until`` and was not given back: (id and key of
    the subscription, currency, amount, first day, day after the last)."""
    later, again = t.INVOICE_LINE.alias("later").c, t.REVENUE_SCHEDULE.alias("again").c
    newer = sa.exists().where(
        later.subscription_id == _LINE.subscription_id,
        later.charge == _LINE.charge,
        later.service_to > _LINE.service_to,
        later.credits == 0,
    )
    taken = sa.exists().where(again.takes == _SCHEDULE.id)
    fields = (_LINE.subscription_id, _LINE.subscription, _LINE.currency, _SCHEDULE.amount)
    statement = (
        sa.select(*fields, _LINE.service_from, _LINE.service_to)
        .join_from(t.REVENUE_SCHEDULE, t.INVOICE_LINE, _LINE.id == _SCHEDULE.line_id)
        .where(_SCHEDULE.tenant == tenant, _SCHEDULE.entity == entity, _SCHEDULE.source == "line")
        .where(_SCHEDULE.amount > 0, _LINE.kind == "recurring", _LINE.service_to < until, ~newer, ~taken)
        .order_by(_LINE.subscription, _LINE.id)
    )
    return session.rows(statement)
