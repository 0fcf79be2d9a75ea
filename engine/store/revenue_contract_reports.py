"""Reports of revenue contracts: what was billed for them, and what entries took from their balances or put there."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.revenue_contract import OF_CONTRACTS
from engine.store import tables as t
from engine.store.session import Session

Moves = list[tuple[str, str, str, str, Any, Any]]
"""(legal entity, GL account, currency, what, amount, amount in functional currency)."""

LIABILITY = "contract_liability"


def billed(session: Session, tenant: str, last: date, first: date | None = None) -> Moves:
    """What lines put on the balances of contracts up to and with a day (from ``first`` on): what was ``invoiced`` or ``credited``."""
    mark, line, posting, entry = t.REVENUE_BILLED.c, t.INVOICE_LINE.c, t.POSTING.c, t.ENTRY.c
    liabilities = sa.select(t.REVENUE_SCHEDULE.c.liability).where(
        t.REVENUE_SCHEDULE.c.tenant == tenant, t.REVENUE_SCHEDULE.c.source == "contract"
    )
    what = sa.case((line.credits != 0, "credited"), else_="invoiced").label("what")
    keys = (posting.entity, posting.account, posting.currency)
    sums = (sa.func.sum(-one, type_=one.type) for one in (posting.amount, posting.functional_amount))
    days = [entry.posting_date <= last, *([entry.posting_date >= first] if first else [])]
    statement = (
        sa.select(*keys, what, *sums)
        .join_from(t.REVENUE_BILLED, t.INVOICE_LINE, line.id == mark.id)
        .join(t.POSTING, posting.line_id == mark.id)
        .join(t.ENTRY, entry.id == posting.entry_id)
        .where(mark.tenant == tenant, entry.kind == "invoice", posting.account.in_(liabilities), *days)
        .group_by(*keys, sa.text("what"))
    )
    return [tuple(row) for row in session.rows(statement)]


def taken(session: Session, tenant: str, last: date, first: date | None = None) -> Moves:
    """What entries ``recognised`` of the balances of contracts, or moved out of them, up to and with a posting date; what was moved
    into them counts against that."""
    head, posted, entry = t.REVENUE_SCHEDULE.c, t.REVENUE_POSTED.c, t.ENTRY.c
    sign = sa.case((head.role == LIABILITY, -1), else_=1)
    keys = (head.entity, head.liability, head.currency)
    sums = (sa.func.sum(sign * one, type_=one.type) for one in (posted.amount, posted.functional_amount))
    days = [entry.posting_date <= last, *([entry.posting_date >= first] if first else [])]
    statement = (
        sa.select(*keys, sa.literal("recognised").label("what"), *sums)
        .join_from(t.REVENUE_POSTED, t.ENTRY, entry.id == posted.entry_id)
        .join(t.REVENUE_SCHEDULE, head.id == posted.schedule_id)
        .where(posted.tenant == tenant, head.source.in_(OF_CONTRACTS), head.source != "cost", *days)
        .group_by(*keys)
    )
    return [tuple(row) for row in session.rows(statement)]
