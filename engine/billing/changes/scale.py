"""How the time of one subscription is counted where its days do not suffice.

Rating and netting compute with periods of *counted time*.  Usually that is the calendar: days, and nothing here is used.
Two things make it more:

- **Instants.**  Where an event says at what instant it happened, or cycles begin at a time of day, counted time is instants
  in UTC.  A day-based method still counts the local days that they fall on.
- **Moved days.**  Where a pause extends its cycle, counted time stands still while the pause lasts.

A line is written with the calendar days that it serves, and with what was counted (``RatedCharge.exact``) where that is
something else: a later run must compare what was counted then, whatever became known since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import msgspec

from engine.base.period import BEGINNING, ENDLESS, FOREVER, MIDNIGHT, Period, instant_of, local_day, zone
from engine.model.invoice import BilledLine, RatedCharge
from engine.model.subscription import SubscriptionEvent

DAY = timedelta(days=1)


class Scale:
    """Counted time of one subscription: of days, or of instants in the zone of its account (``zone_name`` not empty).

    ``moved`` are the pauses that time stands still for, in order, in calendar time; the last may have no end.
    """

    def __init__(self, zone_name: str, anchor_time: time = MIDNIGHT, moved: Sequence[Period] = ()) -> None:
        self.zone, self.anchor_time, self.moved = zone_name, anchor_time, tuple(moved)
        self.forever: date = ENDLESS if zone_name else FOREVER
        self.least = timedelta.resolution if zone_name else DAY

    def point(self, day: date, at: time = MIDNIGHT) -> date:
        """The point of calendar time at which a day, or a time of it, begins; an instant remains what it is."""
        if isinstance(day, datetime) or not self.zone:
            return day
        return instant_of(day, self.zone, at)

    def happened(self, event: SubscriptionEvent) -> date:
        """The point of calendar time at which an event takes effect."""
        return event.at if event.at is not None and self.zone else self.point(event.on)

    def counted(self, point: date) -> date:
        """Counted time at a point of calendar time."""
        gone = timedelta()
        for hole in self.moved:
            if point <= hole.start:
                break
            if point < hole.end:
                return hole.start - gone
            gone += hole.length
        return point - gone if gone else point

    def at(self, event: SubscriptionEvent) -> date:
        """Counted time at which an event takes effect."""
        return self.counted(self.happened(event))

    def calendar(self, counted: date, *, ends: bool = False) -> date:
        """The point of calendar time at which counted time is that; of a pause its end, or its start for what ``ends`` then."""
        gone = timedelta()
        for hole in self.moved:
            start = hole.start - gone
            if hole.end == self.forever or counted < start or (ends and counted == start):
                break
            gone += hole.length
        return counted + gone if gone else counted

    def day(self, point: date) -> date:
        """The local day of a point of time."""
        if isinstance(point, datetime):
            return FOREVER if point == ENDLESS else date.min if point == BEGINNING else local_day(point, self.zone)
        return point

    def days(self, period: Period) -> Period:
        """The local days that a period of counted time goes from and to: what methods that know days count."""
        return Period(self.day(period.start), self.day(period.end))

    def shown(self, period: Period) -> Period:
        """The calendar days that a period of counted time serves, at least one."""
        start = self.day(self.calendar(period.start))
        end = self.day(self.calendar(period.end, ends=True))
        return Period(start, max(end, start + DAY))

    def seconds(self, period: Period) -> Decimal | None:
        """The length of a period in seconds, None where only days are counted."""
        if not self.zone:
            return None
        length = period.length
        return Decimal(length.days * 86_400 + length.seconds) + Decimal(length.microseconds).scaleb(-6)

    def last(self, on: date) -> date:
        """The last point of counted time by the end of a business day."""
        return self.counted(self.point(on + DAY)) - self.least

    def window(self, day: date) -> date:
        """The first point of counted time to compare, where ``day`` is the first day whose lines were read.

        Lines that end within a day were read only if they end after it, so instants are compared from its end on.
        """
        return self.point(day if not self.zone or day == date.min else day + DAY)

    def mark(self, point: date) -> date:
        """The day from which the next run has to read, so that its window begins at a point of counted time or before."""
        return self.day(point) - DAY if self.zone else point

    def cycle(self, point: date, of: Callable[[date], Period], anchored: date | None = None) -> Period:
        """The cycle of counted time that holds a point, where ``of`` gives the cycle of days that holds a day.

        Cycles begin at the subscription's anchor time; where they began anew, at the time of day of ``anchored``.
        """
        at = self.anchor_time
        if anchored is not None:
            at = anchored.astimezone(zone(self.zone)).time() if isinstance(anchored, datetime) else MIDNIGHT
        days = of(self.day(point))
        if self.point(days.start, at) > point:
            days = of(days.start - DAY)
        return Period(self.point(days.start, at), self.point(days.end, at))

    def read(self, line: BilledLine) -> BilledLine:
        """A line of the books with what was counted in the place of its days."""
        charge = line.charge
        if charge.exact:
            service, cycle = (self._period(text) for text in charge.exact.split(" "))
        else:
            service = Period(self.point(charge.service_from), self.point(charge.service_to))
            cycle = Period(self.point(charge.cycle_from), self.point(charge.cycle_to))
        return BilledLine(line.id, _with(charge, service, cycle, ""))

    def write(self, charge: RatedCharge) -> RatedCharge:
        """A charge whose days are counted time, as it is written: with the days that it serves, and what was counted."""
        service = Period(charge.service_from, charge.service_to)
        cycle = Period(charge.cycle_from, charge.cycle_to)
        days, around = self.shown(service), self.shown(cycle)
        plain = all(
            self.point(shown) == counted
            for shown, counted in (
                (days.start, service.start),
                (days.end, service.end),
                (around.start, cycle.start),
                (around.end, cycle.end),
            )
        )
        return _with(charge, days, around, "" if plain else f"{_text(service)} {_text(cycle)}")

    def _period(self, text: str) -> Period:
        start, end = (self.point(_point(part)) for part in text.split("/"))
        return Period(start, end)


def _with(charge: RatedCharge, service: Period, cycle: Period, exact: str) -> RatedCharge:
    return msgspec.structs.replace(
        charge,
        service_from=service.start,
        service_to=service.end,
        cycle_from=cycle.start,
        cycle_to=cycle.end,
        exact=exact,
    )


def _text(period: Period) -> str:
    return "/".join(point.isoformat().replace("+00:00", "Z") for point in (period.start, period.end))


def _point(text: str) -> date:
    if "T" in text:
        return datetime.fromisoformat(text).astimezone(UTC)
    return date.fromisoformat(text)
