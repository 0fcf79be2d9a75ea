"""Documents made by hand and settlements that give something up, with what they have posted to income and expense."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.session import Session

ACTS = ("credit-memo", "debit-memo", "account-credit", "write-off", "give-up", "apply-cash", "grant-credit", "rerate")
"""Acts about money that may be approved, and that change what is earned or lost."""


def given_up(session: Session, tenant: str, first: date, last: date, aside: Collection[str] = ()) -> list[Any]:
    """(kind, legal entity, key, account, reason, day, person, currency, income, expense) of documents by hand and of settlements of
    some days that posted to income or expense, in order of day; amounts are debits, in functional currency.  GL accounts ``aside`` do
    not count."""
    memo, run, entry, posting, chart = t.MEMO.c, t.RUN.c, t.ENTRY.c, t.POSTING.c, t.GL_ACCOUNT.c
    act, kind = t.SETTLEMENT.c, posting.functional_amount.type
    acts = (
        sa.select(
            act.document,
            sa.literal("settlement").label("what"),
            act.entity,
            act.key,
            act.account,
            sa.func.min(act.kind).label("reason"),
            act.day,
            act.run_id,
        )
        .where(act.tenant == tenant, act.day.between(first, last))
        .group_by(act.document, act.entity, act.key, act.account, act.day, act.run_id)
    )
    memos = sa.select(
        *(memo.id, memo.kind, memo.entity, memo.key, memo.account, memo.reason, memo.day, memo.run_id)
    ).where(memo.tenant == tenant, memo.day.between(first, last))
    one = sa.union_all(acts, memos).subquery().c
    sums = (
        sa.func.sum(sa.case((chart.kind == word, posting.functional_amount), else_=0), type_=kind).label(word)
        for word in ("income", "expense")
    )
    keys = (one.what, one.entity, one.key, one.account, one.reason, one.day)
    statement = (
        sa.select(*keys, sa.func.coalesce(run.who, "").label("who"), posting.functional_currency, *sums)
        .join_from(t.ENTRY, one.document.table, one.document == entry.document)
        .join(t.POSTING, posting.entry_id == entry.id)
        .join(t.GL_ACCOUNT, (chart.tenant == tenant) & (chart.code == posting.account) & chart.current)
        .join(t.RUN, run.id == one.run_id, isouter=True)
        .where(entry.tenant == tenant, entry.entity == one.entity, chart.kind.in_(("income", "expense")))
        .where(posting.account.not_in(sorted(aside)))
        .group_by(*keys, run.who, posting.functional_currency)
        .order_by(one.day, one.what, one.entity, one.key)
    )
    return session.rows(statement)


def decided(session: Session, tenant: str) -> list[Any]:
    """(act, content, maker, checker, state, reason) of all approvals of :data:`ACTS`."""
    column = t.APPROVAL.c
    fields = (column.act, column.content, column.maker, column.checker, column.state, column.reason)
    mine = (column.tenant == tenant, column.act.in_(ACTS))
    return session.rows(sa.select(*fields).where(*mine).order_by(column.id))
