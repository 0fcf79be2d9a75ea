"""From daily sums of usage to the quantity of a stretch of service."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from engine.base.money import ZERO
from engine.base.period import Period
from engine.model.catalog import Meter
from engine.model.usage import UsageDay


class Metered(msgspec.Struct, frozen=True, gc=False):
    """What a meter counted in a stretch: the quantity to be priced, how many events are behind it, the highest event id."""

    quantity: Decimal
    events: int
    last_id: int


def metered(days: Iterable[UsageDay], meter: Meter, stretch: Period) -> Metered:
    """The events of ``meter`` on the days of ``stretch``, aggregated as the meter says (sum, count or max)."""
    total, count, last, peak = ZERO, 0, 0, ZERO
    for day in days:
        if day.meter == meter.key and stretch.start <= day.day < stretch.end:
            total += day.quantity
            count += day.events
            last = max(last, day.last_id)
            peak = max(peak, day.peak)
    quantity = {"sum": total, "count": Decimal(count), "max": peak}[meter.aggregation]
    return Metered(quantity, count, last)


def windows(days: Iterable[UsageDay], meter: Meter, stretch: Period, per: str) -> tuple[Decimal, ...]:
    """The quantities of the windows of a stretch in order, of those too without usage: of each day, of each week from Monday,
    or of each calendar month; the first and the last one may be cut by the stretch."""
    inside: dict[date, list[UsageDay]] = {}
    day = stretch.start
    while day < stretch.end:
        inside[_window(day, per)] = []
        day += timedelta(days=1)
    for one in days:
        if one.meter == meter.key and stretch.start <= one.day < stretch.end:
            inside[_window(one.day, per)].append(one)
    return tuple(metered(some, meter, stretch).quantity for some in inside.values())


def _window(day: date, per: str) -> date:
    """The first day of the window that a day is in."""
    if per == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if per == "week" else day
