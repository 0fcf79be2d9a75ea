"""A check of revenue contracts: what bills for one earns nothing by itself, and no more was posted than was planned."""

from __future__ import annotations

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.reader import Reader
from engine.store.tables import (
    ENTRY,
    INVOICE_LINE,
    POSTING,
    REVENUE_BILLED,
    REVENUE_CONTRACT,
    REVENUE_COVER,
    REVENUE_ITEM,
    REVENUE_OCCURRENCE,
    REVENUE_POSTED,
    REVENUE_SCHEDULE,
)

DIFFERS = Code("revenue.contract-off", "A revenue contract that its lines, its plan or its postings do not agree with.")


def revenue_contracts_tie(reader: Reader, tenant: str) -> list[Finding]:
    """Every line, cover and occurrence is of a contract that is there, no line of one has earned by itself, and what was posted of
    an obligation is a part of what is planned of it."""
    return [*_unknown(reader, tenant), *_earning(reader, tenant), *_beyond(reader, tenant)]


def _unknown(reader: Reader, tenant: str) -> list[Finding]:
    """What names a contract that is not there."""
    found = []
    head = REVENUE_CONTRACT.c
    for table, word in ((REVENUE_BILLED, "line"), (REVENUE_COVER, "cover")):
        column = table.c
        there = sa.exists().where(
            head.tenant == column.tenant, head.entity == column.entity, head.key == column.contract
        )
        statement = sa.select(column.id, column.contract).where(column.tenant == tenant, ~there).order_by(column.id)
        found += [
            _finding(row.contract, f"{word} {row.id} is of it, and it is not there") for row in reader.rows(statement)
        ]
    occurrence, line, mark = REVENUE_OCCURRENCE.c, INVOICE_LINE.c, REVENUE_BILLED.c
    of_none = sa.select(occurrence.id).where(
        occurrence.tenant == tenant, ~sa.exists().where(head.id == occurrence.contract_id)
    )
    found += [
        _finding("-", f"occurrence {row.id} is of no contract") for row in reader.rows(of_none.order_by(occurrence.id))
    ]
    lone = sa.select(mark.id, mark.contract).where(mark.tenant == tenant, ~sa.exists().where(line.id == mark.id))
    found += [_finding(row.contract, f"there is no line {row.id}") for row in reader.rows(lone.order_by(mark.id))]
    return found


def _earning(reader: Reader, tenant: str) -> list[Finding]:
    """Lines of contracts whose documents have recognised revenue of them."""
    mark, posting, entry = REVENUE_BILLED.c, POSTING.c, ENTRY.c
    statement = (
        sa.select(mark.id, mark.contract)
        .distinct()
        .join_from(REVENUE_BILLED, POSTING, posting.line_id == mark.id)
        .join(ENTRY, entry.id == posting.entry_id)
        .where(mark.tenant == tenant, entry.kind == "revenue")
        .order_by(mark.id)
    )
    return [_finding(row.contract, f"line {row.id} has earned by itself") for row in reader.rows(statement)]


def _beyond(reader: Reader, tenant: str) -> list[Finding]:
    """Obligations of which more was posted than is planned."""
    head, item, posted = REVENUE_SCHEDULE.c, REVENUE_ITEM.c, REVENUE_POSTED.c
    sums = [
        sa.select(one.schedule_id, sa.func.sum(one.amount, type_=one.amount.type).label("total"))
        .where(one.tenant == tenant)
        .group_by(one.schedule_id)
        .subquery()
        for one in (item, posted)
    ]
    planned, done = sums
    given = sa.func.coalesce(planned.c.total, sa.literal(0, item.amount.type))
    statement = (
        sa.select(head.id, head.contract, head.obligation, head.currency, given.label("planned"), done.c.total)
        .join_from(REVENUE_SCHEDULE, done, done.c.schedule_id == head.id)
        .join(planned, planned.c.schedule_id == head.id, isouter=True)
        .where(head.tenant == tenant, head.source == "contract")
        .where(sa.or_(sa.func.abs(done.c.total) > sa.func.abs(given), done.c.total * given < 0))
        .order_by(head.id)
    )
    return [
        _finding(
            row.contract,
            f"{row.total:f} {row.currency} of {row.obligation} is recognised, {row.planned:f} is planned",
        )
        for row in reader.rows(statement)
    ]


def _finding(contract: str, what: str) -> Finding:
    return Finding(
        DIFFERS,
        Where(f"revenue-contract/{contract}"),
        f"{contract}: {what}",
        why="a contract is accounted for from its documents, and only its schedules credit revenue",
        mend="find what changed it, and restore the books",
        subject=f"revenue-contract/{contract}",
    )
