"""What deferred revenue will be released month by month, with and without renewals, and how wrong such a forecast was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from engine.base.money import CONTEXT, ONE, ZERO, round_to


class Following(msgspec.Struct, frozen=True):
    """What follows a service: from ``start`` to ``until`` (the day after its last) at ``uplift`` over the price before, which is
    expected with the ``chance``, from 0 to 1."""

    start: date
    until: date
    uplift: Decimal = ZERO
    chance: Decimal = ONE


class Ending(msgspec.Struct, frozen=True):
    """A service that is scheduled up to ``service_to``, and what follows it, one after the other."""

    currency: str
    amount: Decimal
    service_from: date
    service_to: date
    following: tuple[Following, ...]


def months_from(first: date, count: int) -> list[date]:
    """The first days of so many months."""
    made, day = [], first.replace(day=1)
    for _ in range(count):
        made.append(day)
        day = next_month(day)
    return made


def next_month(day: date) -> date:
    """The first day of the month after that of a day."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def released(planned: Iterable[tuple[date, Decimal]], late: Decimal, months: Sequence[date]) -> list[Decimal]:
    """What is planned by day as sums of months; ``late`` is what days before were to have released, which the first month does."""
    places = {month: place for place, month in enumerate(months)}
    sums = [ZERO] * len(months)
    if sums:
        sums[0] = late
    for on, amount in planned:
        place = places.get(on.replace(day=1))
        if place is not None:
            sums[place] += amount
    return sums


def renewed(ending: Ending, months: Sequence[date]) -> list[Decimal]:
    """What is expected of the services that follow, by month: the price of a day goes on, lifted and weighted as each says.

    A chance is that of one renewal: what follows a renewal needs both.
    """
    days = max((ending.service_to - ending.service_from).days, 1)
    daily, chance = CONTEXT.divide(ending.amount, Decimal(days)), ONE
    sums = [ZERO] * len(months)
    for one in ending.following:
        chance *= one.chance
        daily = daily * (ONE + one.uplift)
        for place, month in enumerate(months):
            first, last = max(one.start, month), min(one.until, next_month(month))
            if first < last:
                sums[place] += daily * chance * (last - first).days
    return [round_to(amount, ending.currency) for amount in sums]


def repeated(start: date, length: timedelta, until: date, chance: Decimal) -> Iterator[Following]:
    """The same service over and over, from a day until another one."""
    while start < until and length > timedelta():
        end = min(start + length, until)
        yield Following(start, end, ZERO, chance)
        start = end


class Missed(msgspec.Struct, frozen=True):
    """What was forecast for a month on its first day, what was recognised, and by how much of that the forecast was wrong."""

    month: date
    currency: str
    forecast: Decimal
    actual: Decimal

    @property
    def error(self) -> Decimal | None:
        """The share that the forecast was off, without sign; None where nothing was recognised."""
        return CONTEXT.divide(abs(self.forecast - self.actual), abs(self.actual)) if self.actual else None


def mape(missed: Iterable[Missed]) -> dict[str, Decimal]:
    """The mean of the shares by which forecasts were off, by currency; months in which nothing was recognised do not count."""
    errors: dict[str, list[Decimal]] = {}
    for one in missed:
        if one.error is not None:
            errors.setdefault(one.currency, []).append(one.error)
    return {currency: CONTEXT.divide(sum(some, ZERO), Decimal(len(some))) for currency, some in sorted(errors.items())}


def merged(sums: Iterable[tuple[str, Sequence[Decimal]]]) -> Mapping[str, list[Decimal]]:
    """Sums of months by key, added up."""
    made: dict[str, list[Decimal]] = {}
    for key, amounts in sums:
        there = made.setdefault(key, [ZERO] * len(amounts))
        made[key] = [a + b for a, b in zip(there, amounts, strict=True)]
    return made
