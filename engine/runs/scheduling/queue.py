"""The queue of scheduled runs: firings become requests, each once, however many schedulers there are and what their
clocks say.

Up to when the firings of a schedule are settled stands in the books.  What was due since then, while nobody ran or a
clock was wrong, is caught up: of a bill run, or of what books at its date, every firing in its order, each with its own
business date; of a delivery or a check the last one only, for it does all that the others would have done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, Protocol

import msgspec

from engine.base.cron import Cron
from engine.base.errors import Code, Finding, Where
from engine.model.journal import Change
from engine.model.request import Lease, RunRequest, ScheduleMark
from engine.store.books import Books
from engine.store.writer import Writer

TOO_MANY_MISSED = Code("schedule.too-many-missed", "More missed firings of a schedule than are caught up.")

MOST_MISSED: Final = 400
"""Missed firings of a schedule that are caught up; older ones are a finding."""

CATCH_UP: Final[Mapping[str, int]] = {
    "bill": MOST_MISSED,
    "deliver": 1,
    "verify": 1,
    "triggers": 1,
    "renewals": 1,
    "wallet-expire": MOST_MISSED,
    "cash-match": 1,
    "rates": MOST_MISSED,
    "dunning": 1,
    "collect": 1,
    "revenue": 1,
    "accrual": 1,
    "direct-debits": 1,
    "cash-send": 1,
    "disputes": 1,
    "erp": 1,
    "close": 1,
}
"""How many missed firings of each kind of run are caught up, the newest ones."""

SCHEDULER: Final = "scheduler"
"""The lease of the one that enqueues."""


class Planned(Protocol):
    """A schedule of the configuration."""

    @property
    def name(self) -> str: ...
    @property
    def run(self) -> str: ...
    @property
    def cron(self) -> Cron: ...
    @property
    def person(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Enqueued(msgspec.Struct, frozen=True):
    """What a look at the clock has brought: whether this process is the one that enqueues (else ``lease`` says who is),
    and the requests that are new, as (schedule, due)."""

    held: bool
    lease: Lease | None = None
    requests: tuple[tuple[str, datetime], ...] = ()
    findings: tuple[Finding, ...] = ()


def enqueue_due(
    books: Books, tenant: str, schedules: Iterable[Planned], change: Change, holder: str, length: timedelta
) -> Enqueued:
    """Put into the queue what is due at the moment of the change, if ``holder`` has the lease of the scheduler or can
    take it.

    The lease is renewed in the transaction that enqueues: who has lost it enqueues nothing.
    """
    with books.writer(change, tenant=tenant) as writer:
        if not writer.hold_lease(tenant, SCHEDULER, holder, length):
            return Enqueued(False, writer.reader.lease(tenant, SCHEDULER))
        marks, new, findings = writer.reader.schedule_marks(tenant), [], []
        names = set()
        for schedule in schedules:
            names.add(schedule.name)
            dues, finding = _missed(schedule, marks.get(schedule.name), change.at)
            new += [(schedule.name, due) for due in dues if _put(writer, tenant, schedule, due)]
            findings += [finding] if finding else []
            writer.settle_schedule(ScheduleMark(tenant, schedule.name, _times(schedule), change.at))
        writer.forget_schedules(tenant, sorted(marks.keys() - names))
        writer.add_findings(tenant, findings)
        return Enqueued(True, writer.reader.lease(tenant, SCHEDULER), tuple(new), tuple(findings))


def _put(writer: Writer, tenant: str, schedule: Planned, due: datetime) -> bool:
    on = schedule.cron.local_day(due)
    return writer.enqueue(tenant, schedule.name, schedule.run, due, on, schedule.person, schedule.reason)


def _times(schedule: Planned) -> str:
    """What a mark is said of: a schedule with another expression begins anew."""
    return f"{schedule.run} {schedule.cron.text} {schedule.cron.zone}"


def _missed(schedule: Planned, mark: ScheduleMark | None, now: datetime) -> tuple[list[datetime], Finding | None]:
    """Firings that are not settled, oldest first; a schedule that was never seen, or has changed, begins now."""
    if mark is None or mark.times != _times(schedule):
        return [], None
    most = CATCH_UP[schedule.run]
    dues = list(islice(schedule.cron.newest_first(mark.settled, now), most + 1))
    kept = dues[:most]
    if len(dues) <= MOST_MISSED:
        return kept[::-1], None
    finding = Finding(
        TOO_MANY_MISSED,
        Where(f"schedule/{schedule.name}"),
        f"schedule {schedule.name} was due more than {most} times since {mark.settled:%Y-%m-%d %H:%M} UTC",
        f"the newest {most} are caught up, none before {kept[-1]:%Y-%m-%d %H:%M} UTC",
        "run by hand what is missing, with the date that it is missing for",
        level="warning",
        subject=f"schedule/{schedule.name}",
    )
    return kept[::-1], finding


class Overview(msgspec.Struct, frozen=True):
    """A schedule with its next firing and its last requests, the latest first."""

    name: str
    run: str
    cron: str
    zone: str
    who: str
    next: datetime
    requests: tuple[RunRequest, ...]


def overview(
    books: Books, tenant: str, schedules: Iterable[Planned], now: datetime, limit: int
) -> tuple[list[Overview], dict[str, Any]]:
    """Every schedule with its last requests, and how the queue stands: who enqueues until when, how many wait."""
    with books.reader() as reader:
        lease = reader.lease(tenant, SCHEDULER)
        found = [
            Overview(
                schedule.name,
                schedule.run,
                schedule.cron.text,
                schedule.cron.zone,
                schedule.person,
                schedule.cron.next_after(now),
                tuple(reader.run_requests(tenant, schedule.name, limit)),
            )
            for schedule in schedules
        ]
        waiting = reader.waiting_requests(tenant)
        urgent = [_urgent(request, now) for request in reader.urgent_requests(tenant, limit)]
    alive = lease is not None and lease.until > now
    return found, {"waiting": waiting, "scheduler": lease.holder if lease and alive else "", "urgent": urgent}


def _urgent(request: RunRequest, now: datetime) -> dict[str, Any]:
    """How a request with a deadline stands: how late it is, or was done; None where it is or was in time."""
    shown = ("schedule", "due", "deadline", "state", "run_id", "finished_at", "reason", "error")
    return {name: getattr(request, name) for name in shown} | {"late": request.late(now)}
