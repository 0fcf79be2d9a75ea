"""Checks of revenue: no more is recognised than there is, what is planned is posted, and the ledger has the same."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.model.revenue import KIND
from engine.store.reader import Reader
from engine.store.tables import (
    ENTRY,
    POSTING,
    REVENUE_ITEM,
    REVENUE_MARK,
    REVENUE_POSTED,
    REVENUE_SCHEDULE,
)

OVER = Code("revenue.over", "A schedule of which more is planned or recognised than its amount.")
DIFFERS = Code("revenue.differs", "Revenue that its schedule, its postings and its plan do not agree about.")

SOURCES = ("line", "opening")
"""Schedules that are planned ahead; those of contracts are computed."""


def revenue_within(reader: Reader, tenant: str) -> list[Finding]:
    """Neither what is planned of a schedule nor what was recognised is beyond its amount; every row has its schedule."""
    found: list[Finding] = []
    schedule = REVENUE_SCHEDULE.c
    for table, word in ((REVENUE_ITEM, "planned"), (REVENUE_POSTED, "recognised")):
        column = table.c
        total = sa.func.sum(column.amount, type_=column.amount.type)
        sums = (
            sa.select(column.schedule_id, total.label("total"))
            .where(column.tenant == tenant)
            .group_by(column.schedule_id)
            .subquery()
        )
        beyond = sa.or_(
            sa.func.abs(sums.c.total) > sa.func.abs(schedule.amount),
            sums.c.total * schedule.amount < 0,
            schedule.id.is_(None),
        )
        statement = (
            sa.select(sums.c.schedule_id, sums.c.total, schedule.amount, schedule.currency)
            .join_from(sums, REVENUE_SCHEDULE, schedule.id == sums.c.schedule_id, isouter=True)
            .where(beyond, sa.or_(schedule.waits.is_(None), schedule.waits != "royalty"))
            .where(sa.or_(schedule.source.is_(None), schedule.source.in_(SOURCES)))
            .order_by(sums.c.schedule_id)
        )
        for row in reader.rows(statement):
            there = "there is no schedule" if row.amount is None else f"of {row.amount:f} {row.currency}"
            found.append(_finding(OVER, f"schedule/{row.schedule_id}", f"{row.total:f} is {word}, {there}"))
    return found


def revenue_ties(reader: Reader, tenant: str) -> list[Finding]:
    """What was posted of schedules is what they plan for the days that are recognised, every entry has what its schedules say, and
    what lines put on the account of contract liabilities is what their schedules have."""
    found: list[Finding] = []
    if reader.connection.execute(sa.select(REVENUE_SCHEDULE.c.id).limit(1)).first() is None:
        return found
    for row in reader.rows(_unposted(tenant)):
        what = f"{row.planned:f} is planned for days that are recognised, {row.posted:f} is posted"
        found.append(_finding(DIFFERS, f"schedule/{row.id}", what))
    for row in reader.rows(_entries(tenant)):
        what = f"its postings come to {row.debits:f}, its schedules to {row.amount or 0:f}"
        found.append(_finding(DIFFERS, f"entry/{row.id}", what))
    for row in reader.rows(_lines(tenant)):
        what = f"line {row.line_id} has {row.held:f} on {row.liability}, its schedule {row.left:f}"
        found.append(_finding(DIFFERS, f"schedule/{row.id}", what))
    return found


def _sum(column: Any, name: str) -> Any:
    return sa.func.coalesce(sa.func.sum(column, type_=column.type), sa.literal(0, column.type)).label(name)


def _unposted(tenant: str) -> sa.Select[Any]:
    """Schedules whose postings are not what was planned for the days that a run has recognised, or documents have."""
    item, posted, schedule, mark = REVENUE_ITEM.c, REVENUE_POSTED.c, REVENUE_SCHEDULE.c, REVENUE_MARK.c
    reached = sa.and_(item.on_day <= mark.through, item.id <= mark.items_seen)
    mine = (mark.tenant == item.tenant) & (mark.entity == item.entity)
    planned = (
        sa.select(item.schedule_id, _sum(item.amount, "planned"))
        .join_from(REVENUE_ITEM, REVENUE_MARK, mine, isouter=True)
        .where(item.tenant == tenant, sa.or_(item.billed, reached))
        .group_by(item.schedule_id)
        .subquery()
    )
    done = (
        sa.select(posted.schedule_id, _sum(posted.amount, "posted"))
        .where(posted.tenant == tenant)
        .group_by(posted.schedule_id)
        .subquery()
    )
    zero = sa.literal(0, item.amount.type)
    given, told = sa.func.coalesce(planned.c.planned, zero), sa.func.coalesce(done.c.posted, zero)
    return (
        sa.select(schedule.id, given.label("planned"), told.label("posted"))
        .join_from(REVENUE_SCHEDULE, planned, planned.c.schedule_id == schedule.id, isouter=True)
        .join(done, done.c.schedule_id == schedule.id, isouter=True)
        .where(schedule.tenant == tenant, schedule.source.in_(SOURCES), given != told)
        .order_by(schedule.id)
    )


def _entries(tenant: str) -> sa.Select[Any]:
    """Entries of recognition whose postings are not what their schedules say: half of all that is moved, by its size."""
    entry, posting, posted, schedule = ENTRY.c, POSTING.c, REVENUE_POSTED.c, REVENUE_SCHEDULE.c
    held = (
        sa.select(posting.entry_id, posting.account, _sum(posting.functional_amount, "debits"))
        .join_from(POSTING, ENTRY, entry.id == posting.entry_id)
        .where(entry.tenant == tenant, entry.kind == KIND)
        .group_by(posting.entry_id, posting.account)
        .subquery()
    )
    told = (
        sa.select(posted.entry_id, schedule.liability, _sum(posted.functional_amount, "amount"))
        .join_from(REVENUE_POSTED, REVENUE_SCHEDULE, schedule.id == posted.schedule_id)
        .join(ENTRY, entry.id == posted.entry_id)
        .where(posted.tenant == tenant, entry.kind == KIND, schedule.source.in_(SOURCES))
        .group_by(posted.entry_id, schedule.liability)
        .subquery()
    )
    same = (held.c.entry_id == told.c.entry_id) & (held.c.account == told.c.liability)
    zero = sa.literal(0, posting.functional_amount.type)
    there = sa.func.coalesce(held.c.debits, zero)
    others = sa.exists().where(
        posted.entry_id == told.c.entry_id, schedule.id == posted.schedule_id, schedule.source.not_in(SOURCES)
    )
    return (
        sa.select(told.c.entry_id.label("id"), there.label("debits"), told.c.amount)
        .join_from(told, held, same, isouter=True)
        .where(there != told.c.amount, ~others)
        .order_by(told.c.entry_id)
    )


def _lines(tenant: str) -> sa.Select[Any]:
    """Schedules of lines that are not what documents left on the account of contract liabilities."""
    posting, posted, schedule = POSTING.c, REVENUE_POSTED.c, REVENUE_SCHEDULE.c
    balances = (
        sa.select(posting.line_id, posting.account, _sum(posting.functional_amount, "held"))
        .where(posting.tenant == tenant, posting.line_id != 0)
        .group_by(posting.line_id, posting.account)
        .subquery()
    )
    billed = (
        sa.select(posted.schedule_id, _sum(posted.functional_amount, "billed"))
        .join_from(REVENUE_POSTED, ENTRY, ENTRY.c.id == posted.entry_id)
        .where(posted.tenant == tenant, ENTRY.c.kind != KIND)
        .group_by(posted.schedule_id)
        .subquery()
    )
    zero = sa.literal(0, schedule.functional_amount.type)
    left = schedule.functional_amount - sa.func.coalesce(billed.c.billed, zero)
    there = sa.func.coalesce(balances.c.held, zero)
    same = (balances.c.line_id == schedule.line_id) & (balances.c.account == schedule.liability)
    return (
        sa.select(schedule.id, schedule.line_id, schedule.liability, there.label("held"), left.label("left"))
        .join_from(REVENUE_SCHEDULE, balances, same, isouter=True)
        .join(billed, billed.c.schedule_id == schedule.id, isouter=True)
        .where(schedule.tenant == tenant, schedule.source == "line", there + left != 0)
        .order_by(schedule.id)
    )


def _finding(code: Code, place: str, what: str) -> Finding:
    why = "only schedules credit revenue, and plans are only ever added to"
    return Finding(
        code, Where(place), f"{place}: {what}", why, "find what changed it, and restore the books", subject=place
    )
