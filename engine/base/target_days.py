"""The days on which euros are settled between banks: the calendar of TARGET."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

_DAY: Final = timedelta(days=1)
_FIXED: Final = ((1, 1), (5, 1), (12, 25), (12, 26))
"""Month and day of the closing days that are the same in every year, since 2002."""
_WEEKEND: Final = 5


def easter(year: int) -> date:
    """Easter Sunday of a year of the Gregorian calendar."""
    golden, century = year % 19, year // 100
    moon = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon -= (moon // 28) * (1 - (moon // 28) * (29 // (moon + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    back = moon - weekday
    month = 3 + (back + 40) // 44
    return date(year, month, back + 28 - 31 * (month // 4))


@lru_cache(maxsize=256)
def closing_days(year: int) -> frozenset[date]:
    """The days of a year on which TARGET is closed, beside Saturdays and Sundays."""
    sunday = easter(year)
    return frozenset({sunday - 2 * _DAY, sunday + _DAY, *(date(year, month, day) for month, day in _FIXED)})


def is_open(day: date) -> bool:
    """Whether banks settle on a day."""
    return day.weekday() < _WEEKEND and day not in closing_days(day.year)


def on_or_after(day: date) -> date:
    """The first day from ``day`` on on which banks settle."""
    while not is_open(day):
        day += _DAY
    return day


def shifted(day: date, days: int) -> date:
    """The day that is ``days`` days of settlement after ``day``, or before it where they are below zero.

    ``day`` itself need not be open: then the first step is to the next open day in that direction.
    """
    step = _DAY if days > 0 else -_DAY
    for _ in range(abs(days)):
        day += step
        while not is_open(day):
            day += step
    return day
