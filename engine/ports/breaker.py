"""A circuit breaker: after failures in a row, calls are refused at once, until one that tries again succeeds."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import msgspec

from engine.ports.clock import Clock


class Resting(msgspec.Struct, frozen=True):
    """That calls are refused: since when, and until when nobody tries again."""

    since: datetime
    until: datetime


class Breaker:
    """The breaker of one adapter, in one process.  Threads may share it; it is not locked while a call is under way.

    Closed, it counts failures in a row; ``failures`` of them open it.  Open, it admits nothing for ``seconds``, then one
    call, the trial: a success closes it, a failure opens it for as long again.
    """

    def __init__(self, failures: int, seconds: float, clock: Clock) -> None:
        self._most, self._seconds, self._clock = failures, seconds, clock
        self._lock = threading.Lock()
        self._failed = 0
        self._opened: tuple[float, datetime] | None = None
        self._since: datetime | None = None
        self._trying = False

    def resting(self) -> Resting | None:
        """Whether a call would be refused now."""
        with self._lock:
            return self._resting()

    def admit(self) -> bool | Resting:
        """Ask to call: refused by :class:`Resting`; True for the trial, False for any other call.

        Whoever is admitted says with :meth:`done` what came of it.
        """
        with self._lock:
            resting = self._resting()
            if resting is not None:
                return resting
            self._trying = self._opened is not None
            return self._trying

    def done(self, good: bool, trial: bool) -> None:
        """What came of a call.  While it is open, the trial's alone counts."""
        with self._lock:
            if trial:
                self._trying = False
            elif self._opened is not None:
                return
            if good:
                self._failed, self._opened, self._since = 0, None, None
                return
            self._failed += 1
            if trial or self._failed >= self._most:
                now = self._clock.now()
                self._opened = (self._clock.elapsed(), now)
                self._since = self._since or now

    def _resting(self) -> Resting | None:
        if self._opened is None or self._since is None:
            return None
        began, at = self._opened
        if not self._trying and self._clock.elapsed() - began >= self._seconds:
            return None
        return Resting(self._since, at + timedelta(seconds=self._seconds))
