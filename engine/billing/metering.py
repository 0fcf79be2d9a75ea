"""From daily sums of usage to the quantity of a stretch of service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.money import ZERO
from engine.base.period import Period, add_months
from engine.model.catalog import Charge, Meter
from engine.model.due import MeasuredKey, SubscriptionDue
from engine.model.measure import OVER_TIME, Found
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
    due: SubscriptionDue, plan: str, charge: Charge, meter: Meter, days: Period, group: Group | None = None,
    over: Period | None = None,
) -> Metered:  # fmt: skip
    """What a charge counts by a meter on some days, of one group where one is named; levels are averaged ``over`` other days than
    their cycle where some are named.

    Raises:
        TollbookError: ``usage.not-measured``, and why the meter or the charge cannot be measured.
    """
    if told_by_days(charge, meter):
        return metered(due.usage, meter, days)
    for found in _measured(due, measured_key(plan, charge, meter, days, over)):
        if group is None or found.group == group:
            return Metered(found.quantity, found.events, found.last_id)
    return Metered(ZERO, 0, 0)


def groups_of(due: SubscriptionDue, plan: str, charge: Charge, days: Period) -> list[Group]:
    """The groups that a charge has usage of on some days.

    Raises:
        TollbookError: as :func:`counted`.
    """
    key = plan, charge.key, charge.counted[0], days.start, days.end, None
    return [found.group for found in _measured(due, key)]


def measured_key(plan: str, charge: Charge, meter: Meter, days: Period, over: Period | None = None) -> MeasuredKey:
    """By what the usage of a charge on some days is known; ``over`` matters to levels alone."""
    return plan, charge.key, meter.key, days.start, days.end, over if meter.aggregation in OVER_TIME else None


def _measured(due: SubscriptionDue, key: MeasuredKey) -> tuple[Found, ...]:
    found = due.measured.get(key)
    if isinstance(found, TollbookError):
        raise found
    if found is None:
        raise refuse(NOT_MEASURED, f"usage of {key[0]}/{key[1]} on {Period(key[3], key[4])} was not measured")
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


def bucketed(
    due: SubscriptionDue, plan: str, charge: Charge, meters: Iterable[Meter], days: Period, per: str,
    group: Group | None = None,
) -> tuple[Decimal, ...]:  # fmt: skip
    """What a charge counts in each day, week or month of some days, in order; of all of its meters together.

    Raises:
        TollbookError: as :func:`counted`.
    """
    some = buckets(days, per)
    of_each: list[Iterable[Decimal]] = []
    for meter in meters:
        if told_by_days(charge, meter):
            of_each.append(windows(due.usage, meter, days, per))
        else:
            of_each.append([counted(due, plan, charge, meter, part, group, over).quantity for part, over in some])
    return tuple(sum(quantities, ZERO) for quantities in zip(*of_each, strict=True))


def buckets(days: Period, per: str) -> list[tuple[Period, Period]]:
    """The days, weeks from Monday or calendar months of some days in order: the part of each that is among them, and the whole
    of it."""
    found: list[tuple[Period, Period]] = []
    start = _window(days.start, per)
    while start < days.end:
        end = add_months(start, 1) if per == "month" else start + timedelta(days=7 if per == "week" else 1)
        found.append((Period(max(start, days.start), min(end, days.end)), Period(start, end)))
        start = end
    return found


def _window(day: date, per: str) -> date:
    """The first day of the window that a day is in."""
    if per == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if per == "week" else day
