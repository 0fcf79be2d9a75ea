"""What is left of the schedules of billed lines, for credits on them and for what happens later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.revenue import LINE, Plan
from engine.model.tax_correction import TAX
from engine.store import query
from engine.store import tables as t
from engine.store.session import Session


def plans_of_lines(session: Session, lines: Sequence[int]) -> dict[int, Plan]:
    """Plans by the id of their line; lines that were earned at once have none."""
    column = t.REVENUE_SCHEDULE.c
    statement = sa.select(column.id, column.line_id).where(
        query.among(session.dialect, column.line_id, "ids"), column.source == LINE, column.takes == 0
    )
    found = {row.id: row.line_id for row in session.connection.execute(statement, {"ids": sorted(set(lines))})}
    return {found[ident]: plan for ident, plan in plans(session, list(found)).items()} if found else {}


def plans(session: Session, ids: Sequence[int]) -> dict[int, Plan]:
    """Plans of schedules by their id, with what credits have taken back of them; what a correction of tax has made of a line whose
    price includes it is as if it had been from the beginning."""
    schedule, item, line = t.REVENUE_SCHEDULE.c, t.REVENUE_ITEM.c, t.INVOICE_LINE.c
    given = {"ids": sorted(set(ids))}
    mine = sa.or_(
        query.among(session.dialect, schedule.id, "ids"),
        sa.and_(schedule.takes != 0, query.among(session.dialect, schedule.takes, "ids")),
    )
    heads = session.connection.execute(
        sa.select(schedule.id, schedule.takes, schedule.amount, schedule.waits, line.kind)
        .join_from(
            t.REVENUE_SCHEDULE,
            t.INVOICE_LINE,
            (line.id == schedule.line_id) & (schedule.source == LINE) & (schedule.takes != 0),
            isouter=True,
        )
        .where(mine),
        given,
    ).all()
    owner = {row.id: row.takes or row.id for row in heads}
    whole = {row.id: row.amount for row in heads if not row.takes}
    waits = {row.id: row.waits for row in heads if not row.takes}
    corrects = {row.id for row in heads if row.takes and row.kind == TAX}
    left: dict[int, Decimal] = {}
    for row in heads:
        if row.id in corrects:
            whole[row.takes] += row.amount
        left[owner[row.id]] = left.get(owner[row.id], ZERO) + row.amount
    items: dict[int, dict[date, Decimal]] = {ident: {} for ident in whole}
    first: dict[int, dict[date, Decimal]] = {ident: {} for ident in whole}
    rows = session.connection.execute(
        sa.select(item.schedule_id, item.on_day, item.amount).where(
            query.among(session.dialect, item.schedule_id, "owned")
        ),
        {"owned": sorted(owner)},
    )
    for ident, on, amount in rows:
        for told in (items, first) if ident in whole or ident in corrects else (items,):
            of = told[owner[ident]]
            of[on] = of.get(on, ZERO) + amount
    return {ident: Plan(ident, left[ident], whole[ident], waits[ident], items[ident], first[ident]) for ident in whole}
