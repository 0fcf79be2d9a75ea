"""Checks of payments: each stands as its last step says, what came is an act of the account, payouts are their lines and posted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.session import Session
from engine.store.tables import ENTRY, PAYMENT, PAYMENT_STEP, PAYOUT, PAYOUT_LINE, POSTING, SETTLEMENT

NOT_TIED = Code(
    "payment.not-tied",
    "A payment or payout that its steps, its lines, the settlements or the ledger do not agree with.",
)


def payments_tie(session: Session, tenant: str) -> list[Finding]:
    """Every payment stands as its last step says, what came or went back is an act of its account of the same amount, and every
    payout is the sum of its lines and was posted as that."""
    return [*_steps_tie(session, tenant), *_acts_tie(session, tenant), *_payouts_tie(session, tenant)]


def _steps_tie(session: Session, tenant: str) -> list[Finding]:
    head, step = PAYMENT.c, PAYMENT_STEP.c
    last = (
        sa.select(step.payment, sa.func.max(step.step).label("step"), sa.func.count().label("count"))
        .where(step.tenant == tenant)
        .group_by(step.payment)
        .subquery()
    )
    same = (step.payment == head.id) & (step.step == head.step)
    wrong = (
        step.id.is_(None)
        | (last.c.step != head.step)
        | (last.c.count != head.step)
        | (step.state != head.state)
        | (step.attempt != head.attempt)
        | (step.taken != head.taken)
    )
    statement = (
        sa.select(head.entity, head.key, head.state)
        .join_from(PAYMENT, PAYMENT_STEP, same, isouter=True)
        .join(last, last.c.payment == head.id, isouter=True)
        .where(head.tenant == tenant, wrong)
        .order_by(head.id)
    )
    return [
        _not_tied(f"payment {row.key} is {row.state}, and its steps say otherwise", f"payment/{row.entity}/{row.key}")
        for row in session.rows(statement)
    ]


def _acts_tie(session: Session, tenant: str) -> list[Finding]:
    """What came is the sum of its act; a payment that was tried again has an act for the attempt that came."""
    head, act, kind = PAYMENT.c, SETTLEMENT.c, SETTLEMENT.c.amount.type
    again = sa.type_coerce(head.key, sa.String()) + "~" + sa.cast(head.attempt, sa.String())
    key = sa.case((head.attempt == 1, sa.type_coerce(head.key, sa.String())), else_=again)
    named = sa.type_coerce(act.key, sa.String()) == key
    sign = sa.case((head.kind == "charge", "payment"), else_="refund")
    settled = (
        sa.select(sa.func.sum(act.amount, type_=kind))
        .where(act.tenant == tenant, act.entity == head.entity, named, sa.type_coerce(act.kind, sa.String()) == sign)
        .correlate(PAYMENT)
        .scalar_subquery()
    )
    zero = sa.literal(Decimal(0), kind)
    booked = sa.func.coalesce(settled, zero, type_=kind)
    off = sa.case((head.kind == "charge", booked + head.taken), else_=booked - head.taken)
    statement = (
        sa.select(head.entity, head.key, head.taken, head.currency, booked.label("booked"))
        .where(head.tenant == tenant, head.state == "succeeded", off != zero)
        .order_by(head.id)
    )
    return [
        _not_tied(
            f"{row.taken:f} {row.currency} of payment {row.key} came or went, and {abs(row.booked):f} is settled by it",
            f"payment/{row.entity}/{row.key}",
        )
        for row in session.rows(statement)
    ]


def _payouts_tie(session: Session, tenant: str) -> list[Finding]:
    head, line, entry, posting = PAYOUT.c, PAYOUT_LINE.c, ENTRY.c, POSTING.c
    kind = head.amount.type
    sums = (
        sa.select(line.payout, sa.func.sum(line.net, type_=kind).label("net"))
        .where(line.tenant == tenant)
        .group_by(line.payout)
        .subquery()
    )
    posted = (
        sa.select(
            entry.document, sa.func.count().label("sides"), sa.func.sum(posting.amount, type_=kind).label("debits")
        )
        .join_from(ENTRY, POSTING, posting.entry_id == entry.id)
        .where(entry.tenant == tenant, entry.kind == "payout", posting.amount > 0)
        .group_by(entry.document)
        .subquery()
    )
    zero = sa.literal(Decimal(0), kind)
    moved = sa.func.coalesce(posted.c.debits, zero, type_=kind)
    fees = sa.case((head.fees > zero, head.fees), else_=zero)
    asked = sa.case((head.amount > zero, head.amount), else_=zero) + fees
    back = sa.case((head.gross < zero, -head.gross), else_=zero)
    statement = (
        sa.select(head.key, head.provider, head.amount, head.gross, head.fees)
        .join_from(PAYOUT, sums, sums.c.payout == head.id, isouter=True)
        .join(posted, posted.c.document == head.id, isouter=True)
        .where(head.tenant == tenant)
        .where(
            (sa.func.coalesce(sums.c.net, zero, type_=kind) != head.amount)
            | (head.gross - head.fees != head.amount)
            | (moved != asked + back)
        )
        .order_by(head.id)
    )
    there: Any = sa.exists().where(head.id == entry.document)
    alone = sa.select(entry.id).where(entry.tenant == tenant, entry.kind == "payout", ~there).order_by(entry.id)
    return [
        _not_tied(
            f"payout {row.key} of {row.provider} is {row.amount:f}, and its lines or its entry say otherwise",
            f"payout/{row.provider}/{row.key}",
        )
        for row in session.rows(statement)
    ] + [_not_tied(f"entry {row[0]} has no payout behind it", f"entry/{row[0]}") for row in session.rows(alone)]


def _not_tied(what: str, subject: str) -> Finding:
    return Finding(
        NOT_TIED,
        Where(subject),
        what,
        "payments take steps and are booked with them in one transaction",
        "find what changed it, and restore the books",
        subject=subject,
    )
