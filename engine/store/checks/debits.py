"""Checks of direct debits: how each collection stands, and what of it is in the ledger."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.reader import Reader
from engine.store.tables import DEBIT_STEP, DIRECT_DEBIT, ENTRY, POSTING, SETTLEMENT

NOT_TIED = Code(
    "direct-debit.not-tied", "A collection that its steps, the acts that settle or the ledger do not agree with."
)


def direct_debits_tie(reader: Reader, tenant: str) -> list[Finding]:
    """Every collection stands as its last step says; what was settled and taken back was settled and taken back by acts; what
    banks asked for it was posted."""
    return [*_steps(reader, tenant), *_acts(reader, tenant), *_fees(reader, tenant)]


def _steps(reader: Reader, tenant: str) -> list[Finding]:
    debit, step = DIRECT_DEBIT.c, DEBIT_STEP.c
    last = (step.debit == debit.id) & (step.step == debit.step)
    count: Any = sa.select(sa.func.count()).where(step.debit == debit.id).correlate(DIRECT_DEBIT).scalar_subquery()
    statement = (
        sa.select(debit.key, debit.state)
        .join_from(DIRECT_DEBIT, DEBIT_STEP, last, isouter=True)
        .where(debit.tenant == tenant)
        .where((sa.func.coalesce(step.state, "planned") != debit.state) | (count != debit.step))
        .order_by(debit.id)
    )
    return [
        _not_tied(f"collection {row.key} is {row.state}, and its steps say otherwise", row.key)
        for row in reader.rows(statement)
    ]


def _acts(reader: Reader, tenant: str) -> list[Finding]:
    """Steps of money without the act that booked it."""
    debit, step, act = DIRECT_DEBIT.c, DEBIT_STEP.c, SETTLEMENT.c
    other = DEBIT_STEP.alias("other").c
    before = (other.debit == step.debit, other.state == "returned", other.step < step.step)
    earlier = sa.exists().where(*before).correlate(DEBIT_STEP)
    part = sa.case((earlier, sa.literal("/") + sa.cast(step.step, sa.String)), else_="")
    key = sa.case((step.state == "settled", debit.key), else_=debit.key + "/returned" + part)
    mine = (act.tenant == tenant, act.entity == debit.entity, act.key == key)
    total: Any = (
        sa.select(sa.func.coalesce(sa.func.sum(act.amount, type_=act.amount.type), 0))
        .where(*mine)
        .correlate(DIRECT_DEBIT, DEBIT_STEP)
        .scalar_subquery()
    )
    sign = sa.case((step.state == "settled", -1), else_=1)
    statement = (
        sa.select(debit.key, step.state, step.amount)
        .join_from(DEBIT_STEP, DIRECT_DEBIT, debit.id == step.debit)
        .where(debit.tenant == tenant, step.state.in_(("settled", "returned")))
        .where(sa.type_coerce(total, act.amount.type) != step.amount * sign)
        .order_by(step.id)
    )
    return [
        _not_tied(f"collection {row.key} was {row.state} with {row.amount:f}, and no act says so", row.key)
        for row in reader.rows(statement)
    ]


def _fees(reader: Reader, tenant: str) -> list[Finding]:
    step, head, posting = DEBIT_STEP.c, ENTRY.c, POSTING.c
    asked = sa.select(sa.func.sum(step.fee, type_=step.fee.type)).where(step.tenant == tenant)
    booked = (
        sa.select(sa.func.sum(posting.amount, type_=posting.amount.type))
        .join_from(POSTING, ENTRY, head.id == posting.entry_id)
        .where(head.tenant == tenant, head.kind == "direct_debit_fee", posting.amount > 0)
    )
    ((wanted,),), ((there,),) = reader.rows(asked), reader.rows(booked)
    if (wanted or 0) == (there or 0):
        return []
    what = f"banks asked {wanted or 0:f} for collections that came back, {there or 0:f} is posted"
    return [_not_tied(what, "fees")]


def _not_tied(what: str, key: str) -> Finding:
    mend = "a row was changed or removed past the books; restore it"
    return Finding(NOT_TIED, Where(f"direct-debit/{key}"), what, mend=mend, subject=f"direct-debit/{key}")
