"""Half-open periods, billing cycles, day counts, local days and instants.  Nothing here reads a clock."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from engine.base.errors import Code, refuse

UNKNOWN_ZONE = Code("period.unknown-zone", "A time zone that is not an IANA name.")
NOT_AHEAD = Code("period.not-ahead", "A period whose end is not after its start.")

FOREVER = date.max
"""The end of a period that has none yet."""
ENDLESS = datetime.max.replace(tzinfo=UTC)
"""The end of a period of instants that has none yet."""
BEGINNING = datetime.min.replace(tzinfo=UTC)
"""An instant before all others."""
MIDNIGHT = time()


class Period(msgspec.Struct, frozen=True, gc=False, order=True):
    """From ``start`` up to, not including, ``end``: days, or instants where both are aware datetimes.

    Days and instants never meet in one computation: comparing them is an error that Python raises itself.
    """

    start: date
    end: date

    @classmethod
    def of(cls, start: date, end: date) -> Period:
        """A period that is known to be longer than nothing.

        Raises:
            TollbookError: ``period.not-ahead``.
        """
        if end <= start:
            raise refuse(
                NOT_AHEAD, f"period from {start} to {end} is empty", mend="the end is the day after the last day"
            )
        return cls(start, end)

    @property
    def days(self) -> int:
        """Calendar days in the period."""
        return (self.end - self.start).days

    @property
    def length(self) -> timedelta:
        """How long the period is, of days or of instants."""
        return self.end - self.start

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __str__(self) -> str:
        return f"{self.start}..{'' if self.end == FOREVER else self.end}"

    def meet(self, other: Period) -> Period | None:
        """The days that both have, or None."""
        start, end = self.start, self.end
        if other.start <= start and end <= other.end:
            return self if start < end else None
        start = start if start >= other.start else other.start
        end = end if end <= other.end else other.end
        return Period(start, end) if start < end else None


def subtract(periods: Iterable[Period], holes: Iterable[Period]) -> list[Period]:
    """What is left of ``periods`` without the days of ``holes``; neither need be sorted or joined."""
    left = list(periods)
    for hole in holes:
        cut: list[Period] = []
        for period in left:
            if hole.start >= period.end or hole.end <= period.start:
                cut.append(period)
                continue
            if period.start < hole.start:
                cut.append(Period(period.start, hole.start))
            if hole.end < period.end:
                cut.append(Period(hole.end, period.end))
        left = cut
    return left


def add_months(anchor: date, months: int, day: int | None = None) -> date:
    """``anchor`` moved by whole months, on day-of-month ``day`` (default: the anchor's own), or on the month's last day
    where it is shorter.  Always count from the anchor: moving step by step would lose the 31st in February."""
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day or anchor.day, last))


def months_between(start: date, end: date) -> int:
    """Calendar months from the month of ``start`` to the month of ``end``."""
    return (end.year - start.year) * 12 + end.month - start.month


def advanced(day: date, count: int, months: int, days: int = 0) -> date:
    """``day`` moved by ``count`` cycles of so many ``days`` each, or of ``months`` where there are none; back where negative."""
    return day + timedelta(days=count * days) if days else add_months(day, count * months)


@lru_cache(maxsize=1 << 16)
def cycle_containing(
    day: date, anchor_day: int, months: int, origin: date, days: int = 0, in_month: bool = False
) -> Period:
    """The billing cycle that holds ``day``.

    Cycles are ``months`` long, begin on day-of-month ``anchor_day`` (on the last day of shorter months) and are counted
    from the first such day on or before ``origin``, so that quarters and years keep their phase; where ``in_month``, from
    the one in the month of ``origin``, even if it comes later.  Cycles of ``days`` have no anchor day: the first begins on
    ``origin``.
    """
    if days:
        start = origin + timedelta(days=(day - origin).days // days * days)
        return Period(start, start + timedelta(days=days))
    first = add_months(origin, 0, anchor_day)
    if first > origin and not in_month:
        first = add_months(origin, -1, anchor_day)
    step = months_between(first, day) // months * months
    if add_months(first, step, anchor_day) > day:
        step -= months
    return Period(add_months(first, step, anchor_day), add_months(first, step + months, anchor_day))


@lru_cache(maxsize=1 << 12)
def slipping_cycle(
    day: date, anchor_day: int, months: int, origin: date, days: int = 0, in_month: bool = False
) -> Period:
    """As :func:`cycle_containing`, of cycles that lose their anchor day in short months: each begins where the one before
    ended, and goes on from that day of the month.  From the 31st of January: 28 February, 28 March, 28 April."""
    begun = cycle_containing(origin, anchor_day, months, origin, days, in_month).start
    if days or begun > day:
        return cycle_containing(day, anchor_day, months, origin, days, in_month)
    while (following := add_months(begun, months)) <= day:
        begun = following
    return Period(begun, following)


CycleOf = Callable[[date, int, int, date, int, bool], Period]
"""The cycle that holds a day: (day, anchor day, months, origin, days, in month) -> cycle."""


def cycles(
    within: Period,
    anchor_day: int,
    months: int,
    origin: date,
    days: int = 0,
    in_month: bool = False,
    containing: CycleOf = cycle_containing,
) -> Iterator[Period]:
    """All cycles that share a day with ``within``, in order; endless if it has no end."""
    cycle = containing(within.start, anchor_day, months, origin, days, in_month)
    while cycle.start < within.end:
        yield cycle
        cycle = containing(cycle.end, anchor_day, months, origin, days, in_month)


def days_30_360(period: Period) -> int:
    """Days by the 30/360 bond basis: a start on the 31st counts as the 30th, an end on the 31st does so only where the
    start is the 30th or 31st.  (ISDA 2006 section 4.16(f), without the February rule.)"""
    start_day = min(period.start.day, 30)
    end_day = 30 if period.end.day == 31 and start_day == 30 else period.end.day
    return months_between(period.start, period.end) * 30 + end_day - start_day


def share_actual(part: Period, whole: Period) -> Fraction:
    """Calendar days of ``part`` over calendar days of ``whole``."""
    return Fraction(part.days, whole.days)


def share_30_360(part: Period, months: int) -> Fraction:
    """Days of ``part`` by :func:`days_30_360` over 30 for each month of the whole, never more than 1."""
    return min(Fraction(days_30_360(part), months * 30), Fraction(1))


def share_fixed(part: Period, months: int, days_a_month: int) -> Fraction:
    """Calendar days of ``part`` over a month of fixed length, never more than 1."""
    return min(Fraction(part.days, months * days_a_month), Fraction(1))


def share_equal_months(part: Period, months: int, days_a_month: int) -> Fraction:
    """Days of ``part`` over those of the whole, where every month counts as ``days_a_month`` days in both.

    Each month that the part runs into takes or gives the difference: from the 23rd of February to the 15th of March are 22
    days where months have 30.
    """
    days = months_between(part.start, part.end) * days_a_month + part.end.day - part.start.day
    return Fraction(days, months * days_a_month)


@cache
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        TollbookError: ``period.unknown-zone``.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refuse(
            UNKNOWN_ZONE, f"{name!r} is not a time zone", mend="use an IANA name such as Europe/Berlin"
        ) from None


def instant_of(day: date, zone_name: str, at: time = MIDNIGHT) -> datetime:
    """The instant, in UTC, at which it is ``at`` on a local day; of an hour that comes twice the first."""
    if day == FOREVER:
        return ENDLESS
    if day == date.min:
        return BEGINNING
    return datetime.combine(day, at, zone(zone_name)).astimezone(UTC)


def local_day(instant: datetime, zone_name: str) -> date:
    """The calendar day of an aware instant at that place; days are 23, 24 or 25 hours long there."""
    return instant.astimezone(zone(zone_name)).date()
