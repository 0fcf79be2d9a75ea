"""Writes of leases, of marks of schedules, and of the queue of run requests.

A lease is a promise about liveness, never about safety: a request is put in once because its natural key is unique, and
it is ended by the worker that holds it alone.  Clocks may be wrong; what they can do is to let somebody wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from engine.model.request import DONE, FAILED, QUEUED, TAKEN, WAITING, RunRequest, ScheduleMark
from engine.store.reading.queue import over
from engine.store.tables import LEASE, RUN_REQUEST, SCHEDULE_MARK
from engine.store.writing.base import WriterBase

MOST_ATTEMPTS: Final = 3
"""How often a request is taken whose workers fall silent; then it has failed."""

_QUEUE: Final = "queue"


class QueueWriter(WriterBase):
    """Writes what waits to be run, and who sees to it."""

    def hold_lease(self, tenant: str, name: str, holder: str, length: timedelta) -> bool:
        """Renew a lease, or take it if it is free; whether ``holder`` has it now.

        Its row stays locked until this transaction ends: nobody else can take it before.
        """
        column, at = LEASE.c, self.change.at
        mine = (column.tenant == tenant, column.name == name)
        with self._spoiling():
            renew = sa.update(LEASE).where(*mine, column.holder == holder).values(until=at + length)
            if self.connection.execute(renew).rowcount == 1:
                return True
            row = {"tenant": tenant, "name": name, "holder": holder, "until": at + length}
            taken = self._insert_or_ignore(LEASE, [row]) == 1
            if not taken:
                free = sa.update(LEASE).where(*mine, over(column.until, at, length))
                taken = self.connection.execute(free.values(holder=holder, until=at + length)).rowcount == 1
        if taken:
            self.audit("take lease", f"lease/{name}", None, {"holder": holder}, tenant=tenant)
        return taken

    def drop_lease(self, tenant: str, name: str, holder: str) -> bool:
        """Give a lease back; whether ``holder`` had it."""
        column = LEASE.c
        with self._spoiling():
            mine = (column.tenant == tenant, column.name == name, column.holder == holder)
            dropped = self.connection.execute(sa.delete(LEASE).where(*mine)).rowcount == 1
        if dropped:
            self.audit("drop lease", f"lease/{name}", {"holder": holder}, None, tenant=tenant)
        return dropped

    def settle_schedule(self, mark: ScheduleMark) -> None:
        """Say up to when the firings of a schedule are settled.  Audited where the schedule is new or has new times."""
        column = SCHEDULE_MARK.c
        mine = (column.tenant == mark.tenant, column.schedule == mark.schedule)
        before = self.reader.schedule_marks(mark.tenant).get(mark.schedule)
        values = {"times": mark.times, "settled": mark.settled}
        with self._spoiling():
            if before is None:
                key = {"tenant": mark.tenant, "schedule": mark.schedule}
                self._insert_or_ignore(SCHEDULE_MARK, [{**key, **values}])
            else:
                self.connection.execute(sa.update(SCHEDULE_MARK).where(*mine).values(values))
        if before is None or before.times != mark.times:
            was = None if before is None else {"times": before.times}
            self.audit("set schedule", f"schedule/{mark.schedule}", was, {"times": mark.times}, tenant=mark.tenant)

    def forget_schedules(self, tenant: str, names: Iterable[str]) -> None:
        """Forget schedules that are no more; their requests stay."""
        column = SCHEDULE_MARK.c
        for name in names:
            with self._spoiling():
                mine = (column.tenant == tenant, column.schedule == name)
                self.connection.execute(sa.delete(SCHEDULE_MARK).where(*mine))
            self.audit("remove schedule", f"schedule/{name}", {"schedule": name}, None, tenant=tenant)

    def enqueue(
        self,
        tenant: str,
        schedule: str,
        kind: str,
        due: datetime,
        on: date,
        who: str,
        reason: str,
        scope: str = "",
        deadline: datetime | None = None,
    ) -> bool:
        """Put a run request into the queue; False where that firing was put in before."""
        key = {"tenant": tenant, "schedule": schedule, "due": due}
        with self._spoiling():
            row = {
                **key,
                "id": self.take_ids(RUN_REQUEST.name, 1),
                "kind": kind,
                "on_day": on,
                "who": who,
                "reason": reason,
                "enqueued_at": self.change.at,
                "state": QUEUED,
                "attempts": 0,
                "holder": "",
                "until": None,
                "finished_at": None,
                "run_id": 0,
                "error": "",
                "summary": {},
                "scope": scope,
                "deadline": deadline,
            }
            new = self._insert_or_ignore(RUN_REQUEST, [row]) == 1
        if new:
            after: dict[str, Any] = {"kind": kind, "due": due.isoformat(), "on": on.isoformat(), "who": who}
            after |= {"scope": scope, "deadline": deadline.isoformat() if deadline else None} if scope else {}
            self.audit("enqueue", f"schedule/{schedule}", None, after, tenant=tenant)
        return new

    def take_request(self, tenant: str, holder: str, length: timedelta) -> RunRequest | None:
        """The most urgent request of those that may be run, or whose worker is silent; None where there is none.

        Of each kind one is worked on at a time: a bill run relies on the one before.  They are taken in order of business
        date, for documents are never dated before others that are there; of one date those first that have a deadline, by
        deadline, then the others by their moments.
        Rows that another transaction has locked are passed over.  A request that was taken :data:`MOST_ATTEMPTS` times
        without an end has failed.
        """
        column, at = RUN_REQUEST.c, self.change.at
        rested = sa.and_(
            column.state.in_([QUEUED, WAITING]), sa.or_(column.until.is_(None), over(column.until, at, length))
        )
        silent = sa.and_(column.state == TAKEN, over(column.until, at, length))
        other = RUN_REQUEST.alias("other")
        busy = sa.select(other.c.kind).where(
            other.c.tenant == tenant, other.c.state == TAKEN, sa.not_(over(other.c.until, at, length))
        )
        free = (
            sa.select(RUN_REQUEST)
            .where(column.tenant == tenant, sa.or_(rested, silent), column.kind.not_in(busy))
            .order_by(column.on_day, column.deadline.is_(None), column.deadline, column.due, column.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with self._spoiling():
            self._lock_queue(tenant)
            while (row := self.connection.execute(free).one_or_none()) is not None:
                request = RunRequest(*row)
                if request.attempts < MOST_ATTEMPTS:
                    return self._take(request, holder, length)
                self._give_up(request)
        return None

    def renew_request(self, request: RunRequest, length: timedelta) -> bool:
        """Hold a request for longer; False where another worker has taken it meanwhile."""
        with self._spoiling():
            renew = sa.update(RUN_REQUEST).where(*_held(request)).values(until=self.change.at + length)
            return self.connection.execute(renew).rowcount == 1

    def finish_request(
        self, request: RunRequest, *, run_id: int = 0, error: str = "", summary: Mapping[str, Any] | None = None
    ) -> bool:
        """End a request as done, or as failed where there is an error; False where another worker has taken it
        meanwhile."""
        state = FAILED if error else DONE
        values = {"state": state, "until": None, "finished_at": self.change.at, "run_id": run_id, "error": error}
        with self._spoiling():
            update = sa.update(RUN_REQUEST).where(*_held(request)).values({**values, "summary": dict(summary or {})})
            ended = self.connection.execute(update).rowcount == 1
        if ended:
            self._note("finish request", request, {"state": TAKEN}, {"state": state, "run": run_id, "error": error})
        return ended

    def postpone_request(self, request: RunRequest, until: datetime, error: str) -> bool:
        """Let a request wait until a moment, because of what it waits for; False where another worker has taken it
        meanwhile.  It has as many attempts as a new one."""
        values = {"state": WAITING, "holder": "", "until": until, "attempts": 0, "error": error}
        with self._spoiling():
            postponed = self.connection.execute(sa.update(RUN_REQUEST).where(*_held(request)).values(values)).rowcount
        if postponed and error != request.error:
            self._note("postpone request", request, {"state": TAKEN}, {"state": WAITING, "error": error})
        return postponed == 1

    def _lock_queue(self, tenant: str) -> None:
        """Let one worker choose at a time: two that choose at once would take two requests of one kind."""
        key = {"tenant": tenant, "name": _QUEUE}
        self._insert_or_ignore(LEASE, [{**key, "holder": "", "until": self.change.at}])
        mine = (LEASE.c.tenant == tenant, LEASE.c.name == _QUEUE)
        self.connection.execute(sa.select(LEASE.c.holder).where(*mine).with_for_update())

    def _take(self, request: RunRequest, holder: str, length: timedelta) -> RunRequest | None:
        values = {"state": TAKEN, "holder": holder, "until": self.change.at + length, "attempts": request.attempts + 1}
        self.connection.execute(sa.update(RUN_REQUEST).where(RUN_REQUEST.c.id == request.id).values(values))
        before = {"state": request.state, "holder": request.holder}
        self._note("take request", request, before, {"state": TAKEN, "holder": holder})
        return self.reader.run_request(request.id)

    def _give_up(self, request: RunRequest) -> None:
        error = f"{request.attempts} workers took it and fell silent, the last one {request.holder}"
        values = {"state": FAILED, "until": None, "finished_at": self.change.at, "error": error}
        self.connection.execute(sa.update(RUN_REQUEST).where(RUN_REQUEST.c.id == request.id).values(values))
        self._note("give up request", request, {"state": request.state}, {"state": FAILED, "error": error})

    def _note(self, action: str, request: RunRequest, before: Any, after: Mapping[str, Any]) -> None:
        due = {"due": request.due.isoformat()}
        self.audit(action, f"schedule/{request.schedule}", before, {**due, **after}, tenant=request.tenant)


def _held(request: RunRequest) -> tuple[sa.ColumnElement[bool], ...]:
    """The request is still that worker's, and it is still the same attempt."""
    column = RUN_REQUEST.c
    return (
        column.id == request.id,
        column.state == TAKEN,
        column.holder == request.holder,
        column.attempts == request.attempts,
    )
