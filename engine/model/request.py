"""What the scheduler asks for and workers do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

QUEUED: Final = "queued"
WAITING: Final = "waiting"
TAKEN: Final = "taken"
DONE: Final = "done"
FAILED: Final = "failed"

State = Literal["queued", "waiting", "taken", "done", "failed"]
"""A request is ``waiting`` where its run was early; it is looked at again by itself."""


class RunRequest(msgspec.Struct, frozen=True):
    """A run that a schedule, or something that happened, asks for.  Natural key: (tenant, schedule, due).

    Attributes:
        kind: what is run: bill, deliver or verify.
        due: the moment at which it was due, whenever it was put into the queue.
        on: the local day of ``due``: the business date.
        who: in whose name it is run, and ``reason`` why.
        holder: the worker that has taken it; ``attempts`` counts how often it was taken.
        until: when its worker is thought silent, or, of one that is waiting, when it is looked at again.
        run_id: the run that did it; 0 where there is none.
        error: why it failed, or what it waits for.
        summary: counts of what was done.
        scope: of a bill run for something that happened, what it is limited to; empty for the whole tenant.
        deadline: when what it brings has to be out, where that was promised; such requests are taken first.
    """

    id: int
    tenant: str
    schedule: str
    kind: str
    due: datetime
    on: date
    who: str
    reason: str
    enqueued_at: datetime
    state: State = "queued"
    attempts: int = 0
    holder: str = ""
    until: datetime | None = None
    finished_at: datetime | None = None
    run_id: int = 0
    error: str = ""
    summary: Mapping[str, Any] = {}
    scope: str = ""
    deadline: datetime | None = None

    def late(self, now: datetime) -> timedelta | None:
        """How late it is, where its deadline has passed before it was done; None where it was or is in time."""
        at = self.finished_at or now
        return at - self.deadline if self.deadline is not None and at > self.deadline else None


class ScheduleMark(msgspec.Struct, frozen=True):
    """Up to when the firings of a schedule are settled, and the ``times`` (expression and zone) that this is said of."""

    tenant: str
    schedule: str
    times: str
    settled: datetime


class Lease(msgspec.Struct, frozen=True):
    """A role that one process has at a time: ``holder`` has it until ``until``, unless it renews it."""

    tenant: str
    name: str
    holder: str
    until: datetime
