"""Checks of dunning: no step is left out or taken before the one before it, and what a debit note charges was claimed."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.session import Session
from engine.store.tables import DUNNING_CLAIM, DUNNING_NOTE, DUNNING_STEP, EFFECT, INVOICE

NOT_TIED = Code("dunning.not-tied", "A step, claim or note of dunning that the rest of the books does not agree with.")


def dunning_ties(session: Session, tenant: str) -> list[Finding]:
    """Steps of a cycle are numbered without a gap on days that do not fall, letters are in the outbox, debit notes come to what
    was claimed, and what is ended was there."""
    return [
        *_steps_follow(session, tenant),
        *_letters(session, tenant),
        *_claims(session, tenant),
        *_ends(session, tenant),
    ]


def _steps_follow(session: Session, tenant: str) -> list[Finding]:
    step = DUNNING_STEP.c
    key = (step.entity, step.account, step.currency, step.item, step.cycle)
    statement = sa.select(*key, step.number, step.day).where(step.tenant == tenant)
    found: list[Finding] = []
    rows = session.rows(statement.order_by(*key, step.id))
    for mine, taken in groupby(rows, key=lambda row: tuple(row[:5])):
        last: Any = None
        for count, row in enumerate(taken, 1):
            about = f"{mine[1]} in {mine[2]}, cycle {mine[4]}"
            if mine[3] == 0 and row.number != count:
                found.append(_wrong(f"step {row.number} of {about} is the {count}. that was taken", mine))
            if last is not None and row.day < last:
                found.append(_wrong(f"a step of {about} is of {row.day}, before the one before it of {last}", mine))
            last = row.day
    return found


def _letters(session: Session, tenant: str) -> list[Finding]:
    step, effect = DUNNING_STEP.c, EFFECT.c
    there = sa.exists().where(effect.tenant == tenant, effect.port == "delivery", effect.key == step.effect)
    statement = sa.select(step.entity, step.account, step.effect).where(
        step.tenant == tenant, sa.literal_column("effect <> ''"), ~there
    )
    return [
        _wrong(f"the letter {row.effect} is not in the outbox", (row.entity, row.account))
        for row in session.rows(statement.order_by(step.id))
    ]


def _claims(session: Session, tenant: str) -> list[Finding]:
    claim, head, step = DUNNING_CLAIM.c, INVOICE.c, DUNNING_STEP.c
    claimed = sa.func.sum(claim.amount, type_=claim.amount.type)
    sums = (
        sa.select(claim.document, claim.account, claim.entity, claimed.label("claimed"))
        .where(claim.tenant == tenant, claim.document != 0)
        .group_by(claim.document, claim.account, claim.entity)
        .subquery()
    )
    statement = (
        sa.select(sums.c.entity, sums.c.account, sums.c.document, sums.c.claimed, head.total, head.number)
        .join_from(sums, INVOICE, head.id == sums.c.document, isouter=True)
        .where(head.id.is_(None) | (head.total != sums.c.claimed))
    )
    found = [
        _wrong(f"debit note {row.number or row.document} comes to {row.total}, and {row.claimed} was claimed", row)
        for row in session.rows(statement.order_by(sums.c.document))
    ]
    there = sa.exists().where(step.id == claim.step_id, step.tenant == tenant)
    alone = sa.select(claim.entity, claim.account, claim.id).where(claim.tenant == tenant, ~there)
    return found + [_wrong(f"claim {row.id} is of no step", row) for row in session.rows(alone.order_by(claim.id))]


def _ends(session: Session, tenant: str) -> list[Finding]:
    note, before = DUNNING_NOTE.c, DUNNING_NOTE.alias("before")
    there = sa.exists().where(before.c.id == note.ends, before.c.account == note.account)
    statement = sa.select(note.entity, note.account, note.key).where(note.tenant == tenant, note.ends != 0, ~there)
    return [
        _wrong(f"note {row.key} ends something that is not there", row)
        for row in session.rows(statement.order_by(note.id))
    ]


def _wrong(what: str, about: Any) -> Finding:
    subject = f"account/{about[0]}/{about[1]}"
    why = "steps, claims and notes are only ever added, each with what it rests on"
    return Finding(NOT_TIED, Where(subject), what, why, "find what changed it, and restore the books", subject=subject)
