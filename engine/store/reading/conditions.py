"""Reads of what bill runs wait for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from engine.model.approval import PENDING, Approval
from engine.model.condition import Waiver
from engine.store.session import Session
from engine.store.tables import (
    ACCOUNT,
    ACCOUNTING_PERIOD,
    APPROVAL,
    CONDITION_WAIVER,
    INTAKE_FILE,
    LEDGER_TOTAL,
    RUN_CONDITION,
)


class ConditionsReader(Session):
    """Reads conditions of bill runs, and what they are about."""

    def unmet_since(self, tenant: str, period: date, scope: str) -> dict[tuple[str, str], datetime]:
        """Since when the conditions of a run are seen to be unmet, by legal entity and rule."""
        column = RUN_CONDITION.c
        mine = (column.tenant == tenant, column.period == period, column.scope == scope, column.met_at.is_(None))
        rows = self.connection.execute(sa.select(column.entity, column.rule, column.since).where(*mine))
        return {(row.entity, row.rule): row.since for row in rows}

    def waivers(self, tenant: str, period: date) -> dict[tuple[str, str, str], Waiver]:
        """What was let go for the runs of a day, by legal entity, rule and words."""
        column = CONDITION_WAIVER.c
        rows = self.connection.execute(
            sa.select(CONDITION_WAIVER).where(column.tenant == tenant, column.period == period)
        )
        return {(one.entity, one.rule, one.what): one for one in (Waiver(*row) for row in rows)}

    def pending_approvals(self, tenant: str, but: Sequence[str]) -> list[Approval]:
        """What waits for a second person, the oldest first, but for some acts."""
        column = APPROVAL.c
        mine = (column.tenant == tenant, column.state == PENDING, column.act.not_in(list(but)))
        rows = self.connection.execute(sa.select(APPROVAL).where(*mine).order_by(column.made_at, column.id))
        return [Approval(*row) for row in rows]

    def last_intake(self, tenant: str, name: str) -> datetime | None:
        """When a file of a name, without its folder and ending, was imported last."""
        column = INTAKE_FILE.c
        named = sa.or_(column.name.like(f"{name}.%"), column.name.like(f"%/{name}.%"))
        newest = sa.select(column.at).where(column.tenant == tenant, named).order_by(column.id.desc()).limit(1)
        at: datetime | None = self.connection.execute(newest).scalar()
        return at

    def open_months(self, tenant: str, entity: str, before: date) -> list[date]:
        """First days of the months before a day that have postings and are not closed, the oldest first."""
        total, period = LEDGER_TOTAL.c, ACCOUNTING_PERIOD.c
        mine = (total.tenant == tenant, total.entity == entity, total.posting_date < before)
        days = self.connection.execute(sa.select(total.posting_date).distinct().where(*mine)).scalars()
        months = sorted({day.replace(day=1) for day in days})
        closed = sa.select(period.month).where(
            period.tenant == tenant, period.entity == entity, period.state == "closed"
        )
        shut = set(self.connection.execute(closed).scalars())
        return [month for month in months if month not in shut]

    def markets(self, tenant: str, entity: str) -> list[tuple[str, str]]:
        """(country, currency) of the customers of a legal entity, each once, in order."""
        column = ACCOUNT.c
        mine = (column.tenant == tenant, column.entity == entity, column.current)
        rows = self.connection.execute(sa.select(column.country, column.currency).distinct().where(*mine))
        return sorted((row.country, row.currency) for row in rows)
