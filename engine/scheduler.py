"""The scheduler: sees to it that what is due is put into the queue, and runs nothing itself.

One scheduler of a tenant enqueues at a time: the one that has the lease.  The others wait and take its place when it is
silent.  APScheduler wakes this process at the moments of its schedules, from a job store in memory; what was due since the
last time is worked out from the books, so that a moment that was slept through is not lost and none is enqueued twice.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from engine.app import App, Enqueued
from engine.base.cron import Cron
from engine.base.errors import Code, Finding, TollbookError, Where

WAKE_FAILED = Code("scheduler.wake-failed", "A wake-up of the scheduler that ended in a fault; the next one goes on.")
WAKE_SKIPPED = Code("scheduler.wake-skipped", "A wake-up of the scheduler that was late or met one that was at work.")
WAITING = Code("scheduler.waiting", "A scheduler that waits because another one enqueues.")
ENQUEUING = Code("scheduler.enqueuing", "A scheduler that has begun to enqueue.")

Say = Callable[[Finding], None]
Clock = Callable[[], datetime]

_EVENTS: Final = {
    EVENT_JOB_ERROR: (WAKE_FAILED, "error"),
    EVENT_JOB_MISSED: (WAKE_SKIPPED, "info"),
    EVENT_JOB_MAX_INSTANCES: (WAKE_SKIPPED, "info"),
}


def process_name() -> str:
    """A name for this process that no other one has, now or later."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


class Due(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Wakes at the moments of a cron expression; those that have gone by are the business of the books."""

    def __init__(self, cron: Cron) -> None:
        self.cron = cron

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The first moment that is still to come."""
        return self.cron.next_after(max(previous_fire_time or now, now))


class Scheduler:
    """One scheduler, waiting or enqueuing."""

    def __init__(
        self, app: App, person: str, reason: str, say: Say, *, clock: Clock = utc_now, holder: str = ""
    ) -> None:
        """``say`` is told what happens, ``holder`` is the name that the lease is taken in.

        Raises:
            TollbookError: ``config.not-allowed``, ``change.no-reason``.
        """
        self._app, self._say, self._clock = app, say, clock
        self._change = app.change(person, "schedule", reason)
        self._busy = threading.Lock()
        self._held: bool | None = None
        self.holder = holder or process_name()

    def enqueue(self) -> Enqueued:
        """Put into the queue what is due now, if this scheduler has the lease or can take it."""
        with self._busy:
            done = self._app.enqueue(msgspec.structs.replace(self._change, at=self._clock()), self.holder)
            if done.held is not self._held:
                self._held = done.held
                self._say(self._turn(done))
            for finding in done.findings:
                self._say(finding)
            return done

    def once(self) -> Enqueued:
        """As :meth:`enqueue`, and give the lease back."""
        try:
            return self.enqueue()
        finally:
            self._leave()

    def run(self, stop: threading.Event) -> None:
        """Enqueue what becomes due until ``stop`` is set.  A database that is away for a while is waited for."""
        waker = self._waker()
        self._plan(waker)
        waker.start()
        before = self._clock()
        try:
            while True:
                self._beat()
                if stop.wait(self._app.config.scheduler.lease / 3):
                    return
                now = self._clock()
                if now < before:  # a clock that was put back would let the waker sleep for as long
                    self._plan(waker)
                before = now
        finally:
            waker.shutdown()
            self._leave()

    def _beat(self) -> None:
        try:
            self.enqueue()
        except TollbookError as error:
            self._held = None
            for finding in error.findings:
                self._say(finding)

    def _leave(self) -> None:
        with self._busy:
            self._held = None
            try:
                self._app.leave_scheduler(msgspec.structs.replace(self._change, at=self._clock()), self.holder)
            except TollbookError as error:  # the lease ends by itself
                for finding in error.findings:
                    self._say(finding)

    def _waker(self) -> Any:
        logging.getLogger("apscheduler").addHandler(logging.NullHandler())  # what it says is said as findings
        waker = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        for event in _EVENTS:
            waker.add_listener(self._heard, event)
        return waker

    def _plan(self, waker: Any) -> None:
        waker.remove_all_jobs()
        for schedule in self._app.config.schedule:
            waker.add_job(self._beat, Due(schedule.cron), id=schedule.name)

    def _heard(self, event: Any) -> None:
        """Say what APScheduler tells."""
        code, level = _EVENTS[event.code]
        error = getattr(event, "exception", None)
        what = f"waking for schedule {event.job_id}: " + (
            f"{type(error).__name__}: {error}" if error else "it was late, or the last wake-up is still at work"
        )
        mend = "report it with this message" if error else "nothing: what is due is enqueued by the next one"
        self._say(Finding(code, Where(f"schedule/{event.job_id}"), what, mend=mend, level=level))

    def _turn(self, done: Enqueued) -> Finding:
        """What it means that this scheduler has got the lease, or has not."""
        if done.held:
            return Finding(ENQUEUING, Where("scheduler"), f"{self.holder} enqueues what is due", level="info")
        other = f"{done.lease.holder} enqueues until {done.lease.until:%H:%M:%S} UTC" if done.lease else "nobody does"
        return Finding(WAITING, Where("scheduler"), f"{self.holder} waits: {other}", level="info")
