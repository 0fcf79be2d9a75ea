"""The auditor's own counting: from the events of a stretch to the quantity that is priced.  Written from ``docs/guides/meters.md``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.simulation.facts import Charge, Meter, Usage

DIGITS = 10**6
"""Measured quantities have six digits after the point."""


@dataclass(frozen=True)
class Used:
    """A usage event as it counts: since when it is known, until when (None: it was never taken back), and on which day."""

    known: int
    gone: int | None
    day: date
    event: Usage

    def counts(self, seen: int) -> bool:
        """Whether it counts, as far as is known."""
        return self.known <= seen and (self.gone is None or self.gone > seen)


def fits(charge: Charge, meter: Meter, event: Usage) -> bool:
    """Whether a charge counts an event at all."""
    return event.meter == meter.key and all(
        not wanted or event.region == wanted for wanted in (meter.only, charge.only)
    )


def quantity(
    charge: Charge, meter: Meter, used: Sequence[Used], days: tuple[date, date], cycle: tuple[date, date], zone: str
) -> tuple[Fraction, int]:
    """What a charge counts on some days of a cycle, and how many events are behind it."""
    fitting = sorted((one for one in used if fits(charge, meter, one.event)), key=lambda one: (one.event.at, one.known))
    inside = [one for one in fitting if days[0] <= one.day < days[1]]
    if meter.aggregation == "time_weighted":
        return _average(fitting, days, cycle, zone), len(inside)
    return _MANNERS[meter.aggregation]([one.event for one in inside]) if inside else Fraction(0), len(inside)


def _average(used: Sequence[Used], days: tuple[date, date], cycle: tuple[date, date], zone: str) -> Fraction:
    start, end = (_second(day, zone) for day in days)
    level, since, area = Fraction(0), start, Fraction(0)
    for one in used:
        at = int(one.event.at.timestamp())
        if at >= end:
            break
        now = max(at, start)
        area += level * (now - since)
        level, since = Fraction(one.event.quantity), now
    area += level * (end - since)
    whole = _second(cycle[1], zone) - _second(cycle[0], zone)
    return Fraction(math.floor(area / whole * DIGITS + Fraction(1, 2)), DIGITS)


def _second(day: date, zone: str) -> int:
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())


def _rank(events: Sequence[Usage]) -> Fraction:
    values = sorted(Fraction(one.quantity) for one in events)
    return values[math.ceil(Fraction(95, 100) * len(values)) - 1]


_MANNERS: dict[str, Callable[[Sequence[Usage]], Fraction]] = {
    "sum": lambda events: sum((Fraction(one.quantity) for one in events), Fraction(0)),
    "count": lambda events: Fraction(len(events)),
    "max": lambda events: Fraction(max(one.quantity for one in events)),
    "min": lambda events: Fraction(min(one.quantity for one in events)),
    "latest": lambda events: Fraction(events[-1].quantity),
    "unique": lambda events: Fraction(len({one.user for one in events if one.user})),
    "percentile": _rank,
}
