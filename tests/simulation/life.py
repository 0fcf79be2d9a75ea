"""The auditor's own calendar: a subscription day by day, billing cycles, shares of them.  Nothing of the engine's is used."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from tests.simulation.facts import Charge, Event

DAY = timedelta(days=1)

FROM = {
    "start": ("none", "over"),
    "change": ("on", "off"),
    "pause": ("on",),
    "resume": ("off",),
    "cancel": ("on", "off"),
}
"""The states in which an event makes sense."""
TO = {"start": "on", "pause": "off", "resume": "on", "cancel": "over"}


class Life:
    """A subscription as its known events tell it, from its first day to ``until`` (not included)."""

    def __init__(self, events: Iterable[Event], until: date) -> None:
        """``events`` in the order in which they became known; of one day they count in that order."""
        told = sorted(events, key=lambda e: e.on)  # stable
        self.first = told[0].on
        self.started: set[date] = {e.on for e in told if e.kind == "start"}
        self.states: list[tuple[str, Decimal] | None] = []
        self.over: list[bool] = []
        status, plan, quantity, place, day = "none", "", Decimal(1), 0, self.first
        while day < until:
            while place < len(told) and told[place].on <= day:
                event = told[place]
                status = TO.get(event.kind, status)
                plan = event.plan or plan
                before = Decimal(1) if event.kind == "start" else quantity
                quantity = before if event.quantity is None else event.quantity
                place += 1
            self.states.append((plan, quantity) if status == "on" else None)
            self.over.append(status == "over")
            day += DAY

    def at(self, day: date) -> tuple[str, Decimal] | None:
        """Plan and quantity on a day; None where nothing is in service."""
        place = (day - self.first).days
        return self.states[place] if 0 <= place < len(self.states) else None

    def ends(self, day: date) -> bool:
        """Whether the service before a day ended on it for good: cancelled, or started anew."""
        place = (day - self.first).days
        return place < len(self.over) and (self.over[place] or day in self.started)

    def begins(self) -> Iterator[tuple[date, str, Decimal]]:
        """Days on which a plan begins: of a start, or with another plan than was in service last."""
        before = ""
        for place, state in enumerate(self.states):
            if state is None:
                continue
            day = self.first + place * DAY
            if day in self.started or state[0] != before:
                yield day, state[0], state[1]
            before = state[0]


def legal(events: Iterable[Event]) -> bool:
    """Whether each event makes sense after those before it."""
    status = "none"
    for event in sorted(events, key=lambda e: e.on):
        if status not in FROM[event.kind]:
            return False
        status = TO.get(event.kind, status)
    return True


def last_of_month(day: date) -> int:
    """The last day of a month."""
    return calendar.monthrange(day.year, day.month)[1]


@lru_cache(maxsize=4096)
def cycle_days(anchor: int, months: int, origin: date, until: date) -> tuple[tuple[date, date], ...]:
    """All cycles (first day, day after the last) from the one that holds ``origin`` to those that begin by ``until``.

    A cycle begins on day ``anchor`` of a month, on its last day where it is shorter; the first such day on or before the
    origin counts, and every ``months``-th after it.
    """
    day = origin
    while day.day != min(anchor, last_of_month(day)):
        day -= DAY
    begins, count = [day], 0
    while begins[-1] <= until:
        day += DAY
        if day.day == min(anchor, last_of_month(day)):
            count += 1
            if count % months == 0:
                begins.append(day)
    return tuple(pairwise(begins))


@dataclass(frozen=True)
class Stretch:
    """Days of one cycle on which a charge is in service on one plan and quantity; the bill of usage waits for so many days."""

    charge: Charge
    cycle: tuple[date, date]
    start: date
    end: date
    quantity: Decimal
    ended: bool
    wait: int = 0

    @property
    def days(self) -> int:
        """How many."""
        return (self.end - self.start).days

    def due(self, on: date) -> bool:
        """In advance from its first day; in arrears when its cycle is over, or its service for good."""
        if self.charge.timing == "advance":
            return self.start <= on
        return self.cycle[1] + self.wait * DAY <= on or (self.ended and self.end + self.wait * DAY <= on)


def stretches(life: Life, charge: Charge, anchor: int, on: date) -> Iterator[Stretch]:
    """The stretches of a charge that begin by ``on``; those of usage are not cut where only the quantity changes."""
    for first, after in cycle_days(anchor, charge.months, life.first, on):
        start, held = None, None
        for place in range(max((first - life.first).days, 0), (after - life.first).days + 1):
            day = life.first + place * DAY
            state = life.states[place] if day < after else None
            if state and state[0] != charge.plan:
                state = None
            now = (state[0] if charge.kind == "usage" else state) if state else None
            if start is not None and (now != held or day in life.started):
                quantity = life.states[(start - life.first).days][1]  # type: ignore[index]
                yield Stretch(charge, (first, after), start, day, quantity, life.ends(day))
                start = None
            if now and start is None and day <= on:
                start, held = day, now


def turns(ramp: Sequence[tuple[str, int, Decimal]], since: date) -> list[date]:
    """The days on which phases of a ramp end, counted one after the other from a first day; months end on the last day of shorter ones."""
    found, day = [], since
    for unit, length, _ in ramp:
        if unit == "days":
            day += length * DAY
        else:
            first = (day.replace(day=1) + timedelta(days=32 * length)).replace(day=1)
            while (first.year - day.year) * 12 + first.month - day.month > length:
                first = (first - DAY).replace(day=1)
            day = first.replace(day=min(day.day, last_of_month(first)))
        found.append(day)
    return found


def pieces(one: Stretch, cuts: Iterable[date]) -> Iterator[Stretch]:
    """A stretch cut on some days; only the last piece ends where its service does."""
    start = one.start
    for day in sorted(cuts):
        if start < day < one.end:
            yield replace(one, start=start, end=day, ended=False)
            start = day
    yield replace(one, start=start)


def share(method: str, start: date, end: date, cycle: tuple[date, date], months: int) -> Fraction:
    """What some days are worth of a cycle."""
    if method == "actual_days":
        return Fraction((end - start).days, (cycle[1] - cycle[0]).days)
    if method == "fixed_days":
        return min(Fraction((end - start).days, 30 * months), Fraction(1))
    assert method == "d30_360"
    from_day = min(start.day, 30)
    to_day = 30 if end.day == 31 and from_day == 30 else end.day
    days = ((end.year - start.year) * 12 + end.month - start.month) * 30 + to_day - from_day
    return min(Fraction(days, 30 * months), Fraction(1))
