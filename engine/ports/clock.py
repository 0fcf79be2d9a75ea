"""The time that the host goes by; tests give it one of their own."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the host needs of time."""

    def now(self) -> datetime:
        """The moment, aware, for people."""

    def elapsed(self) -> float:
        """Seconds from some moment on, never set back."""

    def pause(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The time of the machine."""

    def now(self) -> datetime:
        """The moment in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Seconds from some moment on."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
