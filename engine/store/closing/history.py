"""How the close of a month went: its steps, what was let go, and when the month was closed and opened."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.close import FindingWaiver, StepRow
from engine.store import tables as t
from engine.store.session import Session


def steps(session: Session, tenant: str, entity: str, month: date) -> list[StepRow]:
    """What steps of a month's close came to, in order."""
    one = t.CLOSE_STEP.c
    mine = (one.tenant == tenant, one.entity == entity, one.month == month)
    fields = (one[name] for name in StepRow.__struct_fields__)
    return [StepRow(*row) for row in session.rows(sa.select(*fields).where(*mine).order_by(one.number))]


def waivers(session: Session, tenant: str, entity: str, month: date) -> list[FindingWaiver]:
    """What was let go in a month's close, in order."""
    one = t.CLOSE_WAIVER.c
    mine = (one.tenant == tenant, one.entity == entity, one.month == month)
    fields = (one[name] for name in FindingWaiver.__struct_fields__)
    return [FindingWaiver(*row) for row in session.rows(sa.select(*fields).where(*mine).order_by(one.id))]


def period_changes(session: Session, tenant: str, entity: str, month: date) -> list[Any]:
    """What the audit has of a month: (at, who, reason, action, before, after), in order."""
    one = t.AUDIT.c
    mine = (one.tenant == tenant, one.subject == f"period/{entity}/{month:%Y-%m}")
    fields = (one.at, one.who, one.reason, one.action, one.before, one.after)
    return session.rows(sa.select(*fields).where(*mine).order_by(one.id))


def closed_months(session: Session, tenant: str, entity: str) -> dict[date, str]:
    """The state of every month that has one."""
    one = t.ACCOUNTING_PERIOD.c
    rows = session.rows(sa.select(one.month, one.state).where(one.tenant == tenant, one.entity == entity))
    return dict(map(tuple, rows))


def posted_runs(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """The runs that posted on some days, with their release: (id, kind, period, scope, release, who, reason, entries)."""
    run, entry = t.RUN.c, t.ENTRY.c
    fields = (run.id, run.kind, run.period, run.scope, run.release, run.who, run.reason)
    statement = (
        sa.select(*fields, sa.func.count().label("entries"))
        .join_from(t.ENTRY, t.RUN, run.id == entry.run_id)
        .where(entry.tenant == tenant, entry.entity == entity, entry.posting_date.between(first, last))
        .group_by(*fields)
    )
    return session.rows(statement.order_by(run.id))
