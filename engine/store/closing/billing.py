"""What is not billed, not issued, not finished: subscriptions behind, drafts, runs, corrections of tax."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.session import Session
from engine.store.tables.usage import ROLLED


def behind(session: Session, tenant: str, entity: str, last: date) -> list[Any]:
    """Subscriptions of which a bill run may have something to bill of days up to ``last``: (key, account, payer, since), where
    ``since`` is the first day that is not billed, or the last one where usage is of days before the service.

    No run since the day has looked at them, or something became known after the newest one: an event, or usage.
    """
    sub, account, mark = t.SUBSCRIPTION.c, t.ACCOUNT.c, t.BILLING_MARK.c
    event, used = t.SUBSCRIPTION_EVENT.c, t.USAGE_DAY.c
    until = (event.subscription_id == sub.id, event.on_day <= last)
    began = sa.select(sa.func.min(event.on_day, type_=event.on_day.type)).where(*until)
    changed = sa.exists().where(*until, event.id > sa.func.coalesce(mark.events_seen, 0))
    late = sa.exists().where(
        used.subscription_id == sub.id, used.last_id > sa.func.coalesce(mark.usage_seen, 0), used.day <= last
    )
    unseen = (mark.billed_to <= last) & (mark.billed_on.is_(None) | (mark.billed_on <= last))
    since = sa.func.coalesce(mark.billed_to, began.scalar_subquery(), sa.literal(last, event.on_day.type))
    joined = t.SUBSCRIPTION.join(
        t.ACCOUNT,
        (account.tenant == sub.tenant)
        & (account.entity == sub.entity)
        & (account.key == sub.account)
        & account.current,
    ).join(t.BILLING_MARK, mark.subscription_id == sub.id, isouter=True)
    statement = (
        sa.select(sub.key, sub.account, account.payer, sa.type_coerce(since, mark.billed_to.type).label("since"))
        .select_from(joined)
        .where(sub.tenant == tenant, sub.entity == entity)
        .where(
            sa.or_(
                unseen,
                mark.subscription_id.is_(None) & sa.exists().where(*until),
                changed,
                late,
                sub.id.in_(_new(tenant, last)),
            )
        )
    )
    return session.rows(statement.order_by(sub.key))


def _new(tenant: str, last: date) -> sa.CompoundSelect[Any]:
    """Subscriptions with usage of days up to ``last``, or with usage that was taken back, that is in no daily sum yet."""
    rolled = sa.select(t.WATERMARK.c.value).where(t.WATERMARK.c.tenant == tenant, t.WATERMARK.c.name == ROLLED)
    known = sa.func.coalesce(rolled.scalar_subquery(), 0)
    return sa.union_all(
        *(
            sa.select(one.c.subscription_id).where(one.c.tenant == tenant, one.c.id > known, one.c.day <= last)
            for one in (t.USAGE_EVENT, t.USAGE_REVERSAL)
        )
    )


def drafts(session: Session, tenant: str, entity: str, last: date) -> list[Any]:
    """Drafts of days up to one that are no invoices yet: (id, payer, period, state, why)."""
    column = t.DRAFT.c
    mine = (column.tenant == tenant, column.entity == entity, column.period <= last)
    fields = (column.id, column.payer, column.period, column.state, column.why)
    undecided = column.state.in_(("open", "approved"))
    return session.rows(sa.select(*fields).where(*mine, undecided).order_by(column.id))


def runs(session: Session, tenant: str) -> list[Any]:
    """Runs that began and are neither done nor given up: (id, kind, period, scope, started_at, left), where ``left`` is how many
    of their partitions are not worked off."""
    run, part = t.RUN.c, t.PARTITION.c
    left = sa.select(sa.func.count()).where(part.run_id == run.id, part.state != "done").scalar_subquery()
    fields = (run.id, run.kind, run.period, run.scope, run.started_at, left.label("left"))
    return session.rows(sa.select(*fields).where(run.tenant == tenant, run.state == "running").order_by(run.id))


def true_ups(session: Session, tenant: str, entity: str, last: date) -> list[Any]:
    """Corrections of tax of invoices up to a day that no document carries yet: (payer, invoice, currency, amount, since)."""
    one, invoice = t.TAX_CORRECTION.c, t.INVOICE.c
    amount = sa.func.sum(one.after - one.before, type_=one.after.type)
    since = sa.func.min(invoice.invoice_date, type_=invoice.invoice_date.type)
    statement = (
        sa.select(one.payer, one.invoice, one.currency, amount.label("amount"), since.label("since"))
        .join_from(t.TAX_CORRECTION, t.INVOICE_LINE, t.INVOICE_LINE.c.id == one.line_id)
        .join(t.INVOICE, invoice.id == t.INVOICE_LINE.c.invoice_id)
        .where(one.tenant == tenant, one.entity == entity, one.document == 0, one.way == "next_bill")
        .where(invoice.invoice_date <= last)
        .group_by(one.payer, one.invoice, one.currency)
        .order_by(one.invoice)
    )
    return session.rows(statement)


def invoiced(session: Session, tenant: str, entity: str, first: date, last: date) -> dict[str, Decimal]:
    """What the documents of some days come to before tax, by currency."""
    one = t.INVOICE.c
    net = sa.func.sum(one.net, type_=one.net.type)
    statement = sa.select(one.currency, net).where(one.tenant == tenant, one.entity == entity)
    rows = session.rows(statement.where(one.invoice_date.between(first, last)).group_by(one.currency))
    return dict(map(tuple, rows))
