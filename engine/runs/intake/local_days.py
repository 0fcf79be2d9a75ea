"""The local days of many moments: one calculation of a time zone for each zone and day, not for each moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

REMEMBERED: Final = 50_000
"""Days of zones that are remembered; beyond that all are forgotten."""

Turn = tuple[datetime, date, date]
"""When the local day changes within a day of UTC: the moment, the local day before it, the one from it on."""


class LocalDays:
    """Remembers when the local day changes."""

    def __init__(self) -> None:
        self._turns: dict[tuple[ZoneInfo, date], Turn | tuple[()]] = {}

    def of(self, zones: Iterable[ZoneInfo], moments: Iterable[datetime]) -> list[date]:
        """The local day of each moment, which is in UTC, in its zone."""
        if len(self._turns) > REMEMBERED:
            self._turns.clear()
        turns, days = self._turns, []
        for zone, at in zip(zones, moments, strict=True):
            key = (zone, at.date())
            turn = turns.get(key)
            if turn is None:
                turn = turns[key] = turn_of(*key) or ()
            if not turn:
                days.append(at.astimezone(zone).date())
            else:
                days.append(turn[1] if at < turn[0] else turn[2])
        return days


def turn_of(zone: ZoneInfo, day: date) -> Turn | None:
    """When the local day changes within a day of UTC; None where the zone changes its offset near that day, so that each
    moment has to be looked at."""
    begins = datetime.combine(day, time(), UTC)
    ends = begins + timedelta(days=1)
    offsets = {(begins + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-24, 49, 24)}
    if len(offsets) > 1:
        return None
    local = begins.astimezone(zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone).astimezone(UTC)
    return min(midnight, ends), local.date(), local.date() + timedelta(days=1)
