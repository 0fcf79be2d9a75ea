"""Reads of leases, of marks of schedules, and of the queue of run requests."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from engine.model.request import QUEUED, TAKEN, WAITING, Lease, RunRequest, ScheduleMark
from engine.store.session import Session
from engine.store.tables import LEASE, RUN_REQUEST, SCHEDULE_MARK


def over(until: sa.Column[datetime], at: datetime, length: timedelta) -> ColumnElement[bool]:
    """Whether what was held ``until`` then is free at a moment: its time is over, or lies so far ahead that a clock
    must have been wrong when it was taken."""
    return sa.or_(until <= at, until > at + 2 * length)


class QueueReader(Session):
    """Reads what waits to be run, and who sees to it."""

    def lease(self, tenant: str, name: str) -> Lease | None:
        """A lease by name; None where nobody has ever held it, or where it was given back."""
        column = LEASE.c
        row = self.connection.execute(sa.select(LEASE).where(column.tenant == tenant, column.name == name))
        found = row.one_or_none()
        return None if found is None else Lease(*found)

    def schedule_marks(self, tenant: str) -> dict[str, ScheduleMark]:
        """Marks of schedules by name."""
        rows = self.connection.execute(sa.select(SCHEDULE_MARK).where(SCHEDULE_MARK.c.tenant == tenant))
        return {mark.schedule: mark for mark in (ScheduleMark(*row) for row in rows)}

    def run_request(self, number: int) -> RunRequest | None:
        """A request by number."""
        row = self.connection.execute(sa.select(RUN_REQUEST).where(RUN_REQUEST.c.id == number)).one_or_none()
        return None if row is None else RunRequest(*row)

    def run_requests(self, tenant: str, schedule: str = "", limit: int = 100) -> list[RunRequest]:
        """The requests that were due last, latest first: those of one schedule, or all."""
        column = RUN_REQUEST.c
        statement = sa.select(RUN_REQUEST).where(column.tenant == tenant)
        if schedule:
            statement = statement.where(column.schedule == schedule)
        rows = self.connection.execute(statement.order_by(column.due.desc(), column.id.desc()).limit(limit))
        return [RunRequest(*row) for row in rows]

    def waiting_requests(self, tenant: str) -> int:
        """How many requests are queued, waiting or being worked on."""
        column = RUN_REQUEST.c
        counted = sa.select(sa.func.count()).where(column.tenant == tenant, column.state.in_([QUEUED, WAITING, TAKEN]))
        count: int = self.connection.execute(counted).scalar_one()
        return count

    def urgent_requests(self, tenant: str, limit: int) -> list[RunRequest]:
        """Requests with a deadline: those that are not done yet, then the last ones that are."""
        column = RUN_REQUEST.c
        statement = sa.select(RUN_REQUEST).where(column.tenant == tenant, column.deadline.is_not(None))
        order = (column.state.not_in([QUEUED, WAITING, TAKEN]), column.deadline.desc(), column.id.desc())
        return [RunRequest(*row) for row in self.connection.execute(statement.order_by(*order).limit(limit))]
