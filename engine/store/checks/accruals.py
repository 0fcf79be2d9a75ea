"""Checks of what no document of a customer is behind: accruals, allowances and shares have their entries, of their amounts."""

from __future__ import annotations

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.model.accrual import IMPAIRMENT as IMPAIRS
from engine.model.accrual import INTERCOMPANY as SHARES
from engine.model.accrual import KIND
from engine.store.session import Session
from engine.store.tables import ENTRY, IMPAIRMENT, INTERCOMPANY, POSTING, REVENUE_ACCRUAL

NOT_TIED = Code(
    "accrual.not-tied",
    "An accrual, allowance or share of a legal entity that the ledger does not agree with.",
)


def accruals_tie(session: Session, tenant: str) -> list[Finding]:
    """Every accrual was posted with its amounts, and nothing else was as an accrual; what is released of a key is what it has."""
    column, entry, posting = REVENUE_ACCRUAL.c, ENTRY.c, POSTING.c
    kind = column.amount.type
    posted = (
        sa.select(
            entry.document,
            sa.func.sum(sa.case((posting.number == 1, posting.amount), else_=0), type_=kind).label("amount"),
            sa.func.sum(sa.case((posting.number == 1, posting.functional_amount), else_=0), type_=kind).label("worth"),
        )
        .join_from(ENTRY, POSTING, posting.entry_id == entry.id)
        .where(entry.tenant == tenant, entry.kind == KIND)
        .group_by(entry.document)
        .subquery()
    )
    both = sa.select(column.id, column.key, posted.c.document, posted.c.amount).join_from(
        REVENUE_ACCRUAL, posted, posted.c.document == column.id, isouter=True
    )
    off = (
        posted.c.document.is_(None) | (posted.c.amount != column.amount) | (posted.c.worth != column.functional_amount)
    )
    wrong = session.rows(both.where(column.tenant == tenant, off).order_by(column.id))
    there = sa.exists().where(column.id == entry.document)
    alone = session.rows(
        sa.select(entry.id).where(entry.tenant == tenant, entry.kind == KIND, ~there).order_by(entry.id)
    )
    amount, kept = (sa.func.sum(one, type_=kind) for one in (column.amount, column.functional_amount))
    stays = session.rows(
        sa.select(column.entity, column.key, kept)
        .where(column.tenant == tenant)
        .group_by(column.entity, column.key)
        .having((amount == 0) & (kept != 0))
        .order_by(column.entity, column.key)
    )
    return [
        *(_not_tied(f"accrual {row.id} of {row.key} is not what was posted", f"accrual/{row.id}") for row in wrong),
        *(_not_tied(f"entry {row[0]} accrues nothing", f"entry/{row[0]}") for row in alone),
        *(
            _not_tied(f"{key} is released, and {left:f} of its value stays", f"accrual/{entity}/{key}")
            for entity, key, left in stays
        ),
    ]


def allowances_tie(session: Session, tenant: str) -> list[Finding]:
    """What allowances were changed by is what was posted to their account, legal entity by legal entity and day by day."""
    row, entry, posting = IMPAIRMENT.c, ENTRY.c, POSTING.c
    kind = row.amount.type
    zero = sa.literal(0, kind)
    changed = (
        sa.select(row.document, row.entity, row.on_day, sa.func.sum(row.amount, type_=kind).label("amount"))
        .where(row.tenant == tenant)
        .group_by(row.document, row.entity, row.on_day)
        .subquery()
    )
    expense = sa.case((posting.number % 2 == 1, posting.functional_amount), else_=zero)
    posted = (
        sa.select(entry.document, entry.posting_date, sa.func.sum(expense, type_=kind).label("amount"))
        .join_from(ENTRY, POSTING, posting.entry_id == entry.id)
        .where(entry.tenant == tenant, entry.kind == IMPAIRS)
        .group_by(entry.document, entry.posting_date)
        .subquery()
    )
    same = (posted.c.document == changed.c.document) & (posted.c.posting_date == changed.c.on_day)
    both = sa.select(changed.c.entity, changed.c.on_day).join_from(changed, posted, same, isouter=True)
    wrong = session.rows(both.where(sa.func.coalesce(posted.c.amount, zero, type_=kind) != changed.c.amount))
    there = sa.exists().where(row.document == entry.document)
    alone = session.rows(sa.select(entry.id).where(entry.tenant == tenant, entry.kind == IMPAIRS, ~there))
    return [
        *(
            _not_tied(f"the allowance of {row[0]} on {row[1]} is not what was posted", f"impairment/{row[0]}/{row[1]}")
            for row in wrong
        ),
        *(_not_tied(f"entry {row[0]} changes the allowance of nobody", f"entry/{row[0]}") for row in alone),
    ]


def shares_tie(session: Session, tenant: str) -> list[Finding]:
    """Every share stands in the books of both legal entities with the same amount, so that the group has neither."""
    row, entry, posting = INTERCOMPANY.c, ENTRY.c, POSTING.c
    kind = row.amount.type
    zero = sa.literal(0, kind)
    ours = sa.case(((entry.entity == row.entity) & (posting.number == 2), posting.amount), else_=zero)
    theirs = sa.case(((entry.entity == row.partner) & (posting.number == 1), posting.amount), else_=zero)
    sums = (
        sa.select(
            *(row.id, row.entity, row.partner, row.line_id, row.amount),
            sa.func.coalesce(sa.func.sum(ours, type_=kind), zero, type_=kind).label("payable"),
            sa.func.coalesce(sa.func.sum(theirs, type_=kind), zero, type_=kind).label("receivable"),
        )
        .join_from(INTERCOMPANY, ENTRY, (entry.document == row.id) & (entry.kind == SHARES), isouter=True)
        .join(POSTING, posting.entry_id == entry.id, isouter=True)
        .where(row.tenant == tenant)
        .group_by(row.id, row.entity, row.partner, row.line_id, row.amount)
        .subquery()
    )
    one = sums.c
    wrong = session.rows(
        sa.select(one.entity, one.partner, one.line_id).where(
            (one.payable + one.amount != zero) | (one.receivable != one.amount)
        )
    )
    there = sa.exists().where(row.id == entry.document)
    alone = session.rows(sa.select(entry.id).where(entry.tenant == tenant, entry.kind == SHARES, ~there))
    return [
        *(
            _not_tied(f"the share of {b} in line {line} of {a} is not the same in both books", f"intercompany/{a}/{b}")
            for a, b, line in wrong
        ),
        *(_not_tied(f"entry {row[0]} shares nothing", f"entry/{row[0]}") for row in alone),
    ]


def _not_tied(what: str, subject: str) -> Finding:
    why = "what is accrued, set aside or shared is posted with it"
    mend = "nothing may change a posting or what is behind it; find what did, and restore the books"
    return Finding(NOT_TIED, Where(subject), what, why, mend, subject=subject)
