"""Reports of revenue: how contract liabilities moved, what remains, and schedules for an export."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.reading.revenue import PAGE, month_of
from engine.store.session import Session

Moves = list[tuple[str, str, str, str, Any, Any]]
"""(legal entity, GL account, currency, what, amount, amount in functional currency)."""


def invoiced(session: Session, tenant: str, last: date, first: date | None = None) -> Moves:
    """What documents put on contract liabilities that are recognised later, up to and with a day (from ``first`` on): what of it
    was ``invoiced``, ``credited``, or ``brought`` over."""
    schedule, invoice, line = t.REVENUE_SCHEDULE.c, t.INVOICE.c, t.INVOICE_LINE.c
    kind, worth = schedule.amount.type, schedule.functional_amount.type
    sums = (sa.func.sum(schedule.amount, type_=kind), sa.func.sum(schedule.functional_amount, type_=worth))
    keys = (schedule.entity, schedule.liability, schedule.currency)
    what = sa.case((schedule.takes != 0, "credited"), else_="invoiced")
    days = [invoice.invoice_date <= last, *([invoice.invoice_date >= first] if first else [])]
    ours = (
        sa.select(*keys, what.label("what"), *sums)
        .join_from(t.REVENUE_SCHEDULE, t.INVOICE_LINE, line.id == schedule.line_id)
        .join(t.INVOICE, invoice.id == line.invoice_id)
        .where(schedule.tenant == tenant, schedule.source == "line", *days)
        .group_by(*keys, sa.text("what"))
    )
    day = (
        sa.select(t.ENTRY.c.posting_date)
        .where(t.ENTRY.c.tenant == tenant, t.ENTRY.c.entity == schedule.entity, t.ENTRY.c.kind == "opening")
        .where(t.ENTRY.c.document == schedule.line_id)
        .scalar_subquery()
    )
    theirs = (
        sa.select(*keys, sa.literal("brought").label("what"), *sums)
        .where(schedule.tenant == tenant, schedule.source == "opening", day <= last, *([day >= first] if first else []))
        .group_by(*keys)
    )
    return [*session.rows(ours), *session.rows(theirs)]


def recognised(session: Session, tenant: str, last: date, first: date | None = None) -> Moves:
    """What entries have recognised of them up to and with a posting date: of credits, ``taken back``."""
    schedule, posted, entry = t.REVENUE_SCHEDULE.c, t.REVENUE_POSTED.c, t.ENTRY.c
    sums = (sa.func.sum(one, type_=one.type) for one in (posted.amount, posted.functional_amount))
    keys = (schedule.entity, schedule.liability, schedule.currency)
    what = sa.case((schedule.takes != 0, "taken back"), else_="recognised")
    days = [entry.posting_date <= last, *([entry.posting_date >= first] if first else [])]
    statement = (
        sa.select(*keys, what.label("what"), *sums)
        .join_from(t.REVENUE_POSTED, t.ENTRY, entry.id == posted.entry_id)
        .join(t.REVENUE_SCHEDULE, schedule.id == posted.schedule_id)
        .where(posted.tenant == tenant, schedule.source.in_(("line", "opening")), *days)
        .group_by(*keys, sa.text("what"))
    )
    return session.rows(statement)


def at_once(session: Session, tenant: str, last: date, first: date) -> Moves:
    """What documents from one posting date to another, both included, put on contract liabilities and took from there by themselves, as
    it was earned at once: what of it was ``invoiced`` or ``credited``.  It has no schedule, and leaves nothing behind."""
    posting, entry, line = t.POSTING.c, t.ENTRY.c, t.INVOICE_LINE.c
    sums = (sa.func.sum(one, type_=one.type) for one in (posting.amount, posting.functional_amount))
    keys = (posting.entity, posting.account, posting.currency)
    what = sa.case((line.credits != 0, "credited"), else_="invoiced")
    taken = sa.or_((posting.amount > 0) & (line.amount > 0), (posting.amount < 0) & (line.amount < 0))
    scheduled = sa.exists().where(t.REVENUE_SCHEDULE.c.line_id == line.id, t.REVENUE_SCHEDULE.c.source == "line")
    statement = (
        sa.select(*keys, what.label("what"), *sums)
        .join_from(t.POSTING, t.ENTRY, entry.id == posting.entry_id)
        .join(t.INVOICE_LINE, line.id == posting.line_id)
        .where(entry.tenant == tenant, entry.kind == "revenue", entry.posting_date.between(first, last))
        .where(taken, ~scheduled)
        .group_by(*keys, sa.text("what"))
    )
    return session.rows(statement)


def held(session: Session, tenant: str, last: date) -> Moves:
    """Balances of the GL accounts of contract liabilities up to and with a posting date, without advances: lines that no schedule
    is of, and deferrals that have none yet, are left out."""
    posting, entry, schedule = t.POSTING.c, t.ENTRY.c, t.REVENUE_SCHEDULE.c
    accounts = sa.select(schedule.entity, schedule.liability).where(schedule.tenant == tenant).distinct().subquery()
    keys = (posting.entity, posting.account, posting.currency)
    mine = sa.exists().where(schedule.line_id == posting.line_id, schedule.source == "line")
    of_contract = sa.exists().where(t.REVENUE_BILLED.c.id == posting.line_id)
    over = sa.exists().where(schedule.line_id == entry.document, schedule.source == "opening")
    sums = (sa.func.sum(one, type_=one.type) for one in (posting.amount, posting.functional_amount))
    statement = (
        sa.select(*keys, sa.literal("ledger"), *sums)
        .join_from(t.POSTING, t.ENTRY, entry.id == posting.entry_id)
        .join(accounts, (accounts.c.entity == posting.entity) & (accounts.c.liability == posting.account))
        .where(posting.tenant == tenant, entry.posting_date <= last)
        .where(sa.or_(posting.line_id == 0, mine, of_contract), sa.or_(entry.kind != "opening", over))
        .group_by(*keys)
    )
    return session.rows(statement)


def remaining(session: Session, tenant: str, on: date, entity: str = "") -> list[tuple[str, str, Any, Any]]:
    """(legal entity, currency, month, amount) planned for days after ``on``; month None: what waits for what is to happen."""
    item, schedule = t.REVENUE_ITEM.c, t.REVENUE_SCHEDULE.c
    month = month_of(session.dialect, item.on_day).label("month")
    total = sa.func.sum(item.amount, type_=item.amount.type)
    mine = [schedule.tenant == tenant, *([schedule.entity == entity] if entity else [])]
    planned = (
        sa.select(schedule.entity, schedule.currency, month, total)
        .join_from(t.REVENUE_ITEM, t.REVENUE_SCHEDULE, schedule.id == item.schedule_id)
        .where(*mine, item.on_day > on)
        .group_by(schedule.entity, schedule.currency, sa.text("month"))
        .order_by(schedule.entity, schedule.currency, sa.text("month"))
    )
    whole = sa.select(schedule.entity, schedule.currency, sa.func.sum(schedule.amount, type_=schedule.amount.type))
    sums = {row[:2]: row[2] for row in session.rows(whole.where(*mine).group_by(schedule.entity, schedule.currency))}
    every = (
        sa.select(schedule.entity, schedule.currency, total)
        .join_from(t.REVENUE_ITEM, t.REVENUE_SCHEDULE, schedule.id == item.schedule_id)
        .where(*mine)
        .group_by(schedule.entity, schedule.currency)
    )
    for given, currency, amount in session.rows(every):
        sums[given, currency] -= amount
    waiting = [(*key, None, amount) for key, amount in sorted(sums.items()) if amount]
    return [*(tuple(row) for row in session.rows(planned) if row[3]), *waiting]


FIELDS = (
    *("schedule", "entity", "source", "invoice", "line", "account", "contract", "obligation", "product", "country", "currency"),
    *("amount", "functional_currency", "functional_amount", "service_from", "service_to", "takes", "waits", "liability"),
    *("month", "recognised", "functional_recognised", "entry", "posting_date", "gl_kind"),
)  # fmt: skip
"""Columns of the export: a row for each month that was recognised of a schedule; a schedule of which nothing was has one row."""


def exported(session: Session, tenant: str, last: date, entity: str = "") -> Iterator[tuple[Any, ...]]:
    """Rows of :data:`FIELDS` in order of schedule, posted up to and with a day; streamed."""
    schedule, posted, entry = t.REVENUE_SCHEDULE.c, t.REVENUE_POSTED.c, t.ENTRY.c
    line, invoice = t.INVOICE_LINE.c, t.INVOICE.c
    entries = t.REVENUE_POSTED.join(t.ENTRY, (entry.id == posted.entry_id) & (entry.posting_date <= last))
    statement = (
        sa.select(
            *(schedule.id, schedule.entity, schedule.source, invoice.number, line.number, schedule.account),
            *(schedule.contract, schedule.obligation, schedule.product, schedule.country, schedule.currency),
            *(schedule.amount, schedule.functional_currency, schedule.functional_amount, schedule.service_from),
            *(schedule.service_to, schedule.takes, schedule.waits, schedule.liability, posted.month, posted.amount),
            *(posted.functional_amount, entry.id, entry.posting_date, entry.kind),
        )
        .join_from(t.REVENUE_SCHEDULE, entries, posted.schedule_id == schedule.id, isouter=True)
        .join(t.INVOICE_LINE, (line.id == schedule.line_id) & (schedule.source == "line"), isouter=True)
        .join(t.INVOICE, invoice.id == line.invoice_id, isouter=True)
        .where(schedule.tenant == tenant, *([schedule.entity == entity] if entity else []))
        .order_by(schedule.id, posted.month, entry.id)
    )
    for row in session.connection.execute(statement.execution_options(yield_per=PAGE)):
        yield tuple(row)
