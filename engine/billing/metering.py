"""From daily sums of usage to the quantity of a stretch of service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.money import ZERO
from engine.base.period import Period
from engine.model.catalog import Charge, Meter
from engine.model.due import SubscriptionDue
from engine.model.measure import Found
from engine.model.usage import UsageDay

NOT_MEASURED = Code("usage.not-measured", "Usage that daily sums do not tell, and that was not measured otherwise.")
UNKNOWN_METER = Code("usage.unknown-meter", "A usage charge whose meter the catalogue does not have.")

Group = tuple[str | None, ...]
"""Values of the dimensions that a charge groups by, None where events lack them."""


class Metered(msgspec.Struct, frozen=True, gc=False):
    """What a meter counted in a stretch: the quantity to be priced, how many events are behind it, the highest event id."""

    quantity: Decimal
    events: int
    last_id: int


def metered(days: Iterable[UsageDay], meter: Meter, stretch: Period) -> Metered:
    """The events of ``meter`` on the days of ``stretch``, aggregated as the meter says (sum, count or max)."""
    total, count, last, peak = ZERO, 0, 0, ZERO
    key, start, end = meter.key, stretch.start, stretch.end
    for day in days:
        if day.meter == key and start <= day.day < end:
            total += day.quantity
            count += day.events
            if day.last_id > last:
                last = day.last_id
            if day.peak > peak:
                peak = day.peak
    quantity = {"sum": total, "count": Decimal(count), "max": peak}[meter.aggregation]
    return Metered(quantity, count, last)


def told_by_days(charge: Charge, meter: Meter) -> bool:
    """Whether daily sums tell what a charge counts by a meter."""
    return meter.by_day and charge.filter is None and charge.group_by is None


def counted(
    due: SubscriptionDue, plan: str, charge: Charge, meter: Meter, days: Period, group: Group | None = None
) -> Metered:
    """What a charge counts by a meter on some days, of one group where one is named.

    Raises:
        TollbookError: ``usage.not-measured``, and why the meter or the charge cannot be measured.
    """
    if told_by_days(charge, meter):
        return metered(due.usage, meter, days)
    for found in _measured(due, plan, charge, meter.key, days):
        if group is None or found.group == group:
            return Metered(found.quantity, found.events, found.last_id)
    return Metered(ZERO, 0, 0)


def groups_of(due: SubscriptionDue, plan: str, charge: Charge, days: Period) -> list[Group]:
    """The groups that a charge has usage of on some days.

    Raises:
        TollbookError: as :func:`counted`.
    """
    return [found.group for found in _measured(due, plan, charge, charge.counted[0], days)]


def _measured(due: SubscriptionDue, plan: str, charge: Charge, meter: str, days: Period) -> tuple[Found, ...]:
    found = due.measured.get((plan, charge.key, meter, days.start, days.end))
    if isinstance(found, TollbookError):
        raise found
    if found is None:
        raise refuse(NOT_MEASURED, f"usage of {plan}/{charge.key} on {days} was not measured")
    return found


def meters_of(plan: str, charge: Charge, meters: Mapping[str, Meter]) -> list[Meter]:
    """The meters that a charge of usage is counted by.

    Raises:
        TollbookError: ``usage.unknown-meter``.
    """
    absent = [key for key in charge.counted if key not in meters]
    if absent or not charge.counted:
        raise refuse(
            UNKNOWN_METER,
            f"charge {plan}/{charge.key} bills meter {', '.join(absent)!r}, which is unknown",
            mend="import the meter",
        )
    return [meters[key] for key in charge.counted]


def together(counts: Iterable[Metered]) -> Metered:
    """What several meters counted, added up."""
    found = list(counts)
    if len(found) == 1:
        return found[0]
    quantity = sum((one.quantity for one in found), ZERO)
    return Metered(quantity, sum(one.events for one in found), max(one.last_id for one in found))


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
