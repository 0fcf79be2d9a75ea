"""Schedules of revenue against what was recognised, posted and accrued."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.revenue import KIND
from engine.store import tables as t
from engine.store.session import Session

_SCHEDULE, _ITEM, _POSTED, _ENTRY, _POSTING = (
    table.c for table in (t.REVENUE_SCHEDULE, t.REVENUE_ITEM, t.REVENUE_POSTED, t.ENTRY, t.POSTING)
)
_PLANNED = ("line", "opening")
"""Sources of schedules whose plan is kept item by item."""


def due(session: Session, tenant: str, entity: str, last: date) -> list[Any]:
    """What schedules plan up to a day and nobody has recognised, by product and currency: (product, currency, amount, schedules,
    since); of what is recognised too much the amount is below zero.  What the entry of a document recognises is planned and posted
    with it."""
    kind, month = _ITEM.amount.type, last.replace(day=1)
    planned = sa.select(_ITEM.schedule_id, _ITEM.amount, _ITEM.on_day.label("on_day")).where(
        _ITEM.tenant == tenant, _ITEM.entity == entity, _ITEM.on_day <= last
    )
    done = sa.select(_POSTED.schedule_id, (-_POSTED.amount).label("amount"), _POSTED.month).where(
        _POSTED.tenant == tenant, _POSTED.entity == entity, _POSTED.month <= month
    )
    both = sa.union_all(planned, done).subquery().c
    left = sa.func.sum(both.amount, type_=kind)
    one = (
        sa.select(
            both.schedule_id, left.label("amount"), sa.func.max(both.on_day, type_=_ITEM.on_day.type).label("since")
        )
        .group_by(both.schedule_id)
        .having(left != 0)
        .subquery()
    )
    keys = (_SCHEDULE.product, _SCHEDULE.currency)
    statement = (
        sa.select(*keys, sa.func.sum(one.c.amount, type_=kind).label("amount"), sa.func.count().label("schedules"))
        .add_columns(sa.func.min(one.c.since, type_=_ITEM.on_day.type).label("since"))
        .join_from(t.REVENUE_SCHEDULE, one, one.c.schedule_id == _SCHEDULE.id)
        .where(_SCHEDULE.source.in_(_PLANNED))
        .group_by(*keys)
        .order_by(*keys)
    )
    return session.rows(statement)


def other_periods(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """Schedules of lines of documents of some days whose service is of other days than the line's: (number, line, currency, amount,
    service_from, service_to, planned_from, planned_to)."""
    line, invoice = t.INVOICE_LINE.c, t.INVOICE.c
    fields = (invoice.number, line.number.label("line"), line.currency, line.amount, line.service_from, line.service_to)
    planned = (_SCHEDULE.service_from.label("planned_from"), _SCHEDULE.service_to.label("planned_to"))
    statement = (
        sa.select(*fields, *planned)
        .join_from(t.INVOICE, t.INVOICE_LINE, line.invoice_id == invoice.id)
        .join(t.REVENUE_SCHEDULE, (_SCHEDULE.line_id == line.id) & (_SCHEDULE.source == "line"))
        .where(invoice.tenant == tenant, invoice.entity == entity, invoice.invoice_date.between(first, last))
        .where(_SCHEDULE.takes == 0)
        .where((_SCHEDULE.service_from != line.service_from) | (_SCHEDULE.service_to != line.service_to))
    )
    return session.rows(statement.order_by(invoice.number, line.number))


def other_months(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """What was recognised for one month and posted in another, where either is one of some days: (month, posting_date, currency,
    amount, schedules)."""
    keys = (_POSTED.month, _ENTRY.posting_date, _SCHEDULE.currency)
    amount = sa.func.sum(_POSTED.amount, type_=_POSTED.amount.type)
    concerned = _POSTED.month.between(first, last) | _ENTRY.posting_date.between(first, last)
    found = session.rows(
        sa.select(*keys, amount.label("amount"), sa.func.count().label("schedules"))
        .join_from(t.REVENUE_POSTED, t.ENTRY, _ENTRY.id == _POSTED.entry_id)
        .join(t.REVENUE_SCHEDULE, _SCHEDULE.id == _POSTED.schedule_id)
        .where(_POSTED.tenant == tenant, _POSTED.entity == entity, concerned)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [row for row in found if row.posting_date.replace(day=1) != row.month]


def other_amounts(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """Entries of recognition of some days whose liability is not what their schedules say: (entry, account, currency, amount, posted,
    posting_date).  Those of contracts and of costs have other sides, and those of documents earn what has no schedule, too."""
    kind = _POSTED.amount.type
    days = (
        _ENTRY.tenant == tenant,
        _ENTRY.entity == entity,
        _ENTRY.posting_date.between(first, last),
        _ENTRY.kind == KIND,
    )
    of = sa.select(_POSTED.entry_id, _SCHEDULE.liability.label("account"), _SCHEDULE.currency, _POSTED.amount)
    told = (
        of.join_from(t.REVENUE_POSTED, t.REVENUE_SCHEDULE, _SCHEDULE.id == _POSTED.schedule_id)
        .join(t.ENTRY, _ENTRY.id == _POSTED.entry_id)
        .where(*days)
    )
    other = sa.select(_POSTED.entry_id).join_from(
        t.REVENUE_POSTED, t.REVENUE_SCHEDULE, _SCHEDULE.id == _POSTED.schedule_id
    )
    mixed = other.where(_POSTED.tenant == tenant, _POSTED.entity == entity, _SCHEDULE.source.not_in(_PLANNED))
    sums = told.subquery().c
    whole = (
        sa.select(sums.entry_id, sums.account, sums.currency, sa.func.sum(sums.amount, type_=kind).label("amount"))
        .group_by(sums.entry_id, sums.account, sums.currency)
        .subquery()
        .c
    )
    posted = (
        sa.select(sa.func.coalesce(sa.func.sum(_POSTING.amount, type_=kind), sa.literal(0, kind)))
        .where(_POSTING.entry_id == whole.entry_id, _POSTING.account == whole.account)
        .where(_POSTING.currency == whole.currency)
        .scalar_subquery()
    )
    statement = (
        sa.select(
            whole.entry_id, whole.account, whole.currency, whole.amount, sa.type_coerce(posted, kind).label("posted")
        )
        .add_columns(_ENTRY.posting_date)
        .join_from(whole.entry_id.table, t.ENTRY, _ENTRY.id == whole.entry_id)
        .where(whole.entry_id.not_in(mixed), whole.amount != posted)
    )
    return session.rows(statement.order_by(whole.entry_id, whole.account))


def overridden(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """What two persons let be recognised on some days without its criterion: (key, subscription, charge, kind, on_day, note)."""
    one = t.REVENUE_EVENT.c
    mine = (one.tenant == tenant, one.entity == entity, one.on_day.between(first, last), one.override)
    fields = (one.key, one.subscription, one.charge, one.kind, one.on_day, one.note)
    return session.rows(sa.select(*fields).where(*mine).order_by(one.on_day, one.key))
