"""Cron expressions: the moments at which something is due, in the local time of a zone.  Nothing here reads a clock.

Five fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday).  Each is ``*``, a number, a name such
as ``jan`` or ``mon``, a range ``1-5``, a step ``*/15`` or ``8-18/2``, or a list of these with commas; the day of month
may be ``L``, the last one.  Where both days are restricted, either is enough, as in every cron.

Days on which clocks are changed: a local time that does not exist is due as much later as the clocks jump; one that
exists twice is due once, the first time, and both times only where the hour is ``*``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from engine.base.errors import NOWHERE, Code, Finding, TollbookError, Where
from engine.base.period import local_day, zone

BAD_CRON = Code("cron.not-readable", "A cron expression with a field that cannot be read.")
NEVER = Code("cron.never-due", "A cron expression that names no day of any year.")

HORIZON_YEARS: Final = 41
"""Years within which every expression that is ever due is due: 29 February is a Sunday every 28 years, around 2100 after
40."""

_DAY: Final = timedelta(days=1)
_MONTHS: Final = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS: Final = {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())}
_LONGEST: Final = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART: Final = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?")


class _Field(msgspec.Struct, frozen=True):
    """A field of the expression: its name, its bounds, and names for its numbers."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = {}


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)


class Cron(msgspec.Struct, frozen=True):
    """A cron expression as it is written, its IANA zone, and what its fields come to (Sunday is 0)."""

    text: str
    zone: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    last_day: bool
    any_day: bool
    any_weekday: bool
    every_hour: bool

    def next_after(self, moment: datetime) -> datetime:
        """The first moment after ``moment`` at which it is due, in UTC."""
        day = local_day(moment, self.zone) - _DAY
        for _ in range(HORIZON_YEARS * 366):
            found = [due for due in self._dues(day) if due > moment]
            if found:
                return found[0]
            day += _DAY
        raise AssertionError(f"{self.text} was read as if it were due some day")

    def newest_first(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The moments after ``after`` up to and with ``until`` at which it is due, the last one first, in UTC."""
        day, first, latest = local_day(until, self.zone) + _DAY, local_day(after, self.zone) - _DAY, until
        while day >= first:
            for due in reversed(self._dues(day)):
                if after < due <= latest:
                    yield due
                    latest = due - timedelta.resolution
            day -= _DAY

    def local_day(self, moment: datetime) -> date:
        """The calendar day of a moment in its zone."""
        return local_day(moment, self.zone)

    def _names(self, day: date) -> bool:
        by_day = day.day in self.days or (self.last_day and (day + _DAY).day == 1)
        by_weekday = day.isoweekday() % 7 in self.weekdays
        either = not self.any_day and not self.any_weekday
        return day.month in self.months and (by_day or by_weekday if either else by_day and by_weekday)

    def _dues(self, day: date) -> list[datetime]:
        """The moments of a local day, in order, each once."""
        if not self._names(day):
            return []
        place, found = zone(self.zone), set()
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=place)
                found.add(local.astimezone(UTC))
                if self.every_hour:
                    again = local.replace(fold=1).astimezone(UTC)
                    if again.astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None):
                        found.add(again)
        return sorted(found)


def read_cron(text: str, zone_name: str, where: Where = NOWHERE) -> Cron:
    """The cron expression of a text, in a zone.

    Raises:
        TollbookError: ``cron.not-readable``, ``cron.never-due``, ``period.unknown-zone``; all that is wrong in one go.
    """
    findings: list[Finding] = []
    try:
        zone(zone_name)
    except TollbookError as error:
        findings.extend(finding.at(where) for finding in error.findings)
    parts = text.split()
    if len(parts) != len(_FIELDS):
        what = f"{text!r} has {len(parts)} field{'' if len(parts) == 1 else 's'}"
        why = "a cron expression has five: " + ", ".join(field.name for field in _FIELDS)
        raise TollbookError([*findings, Finding(BAD_CRON, where, what, why, "write one such as 30 6 1 * *")])
    values: list[frozenset[int]] = []
    for field, part in zip(_FIELDS, parts, strict=True):
        last = field.name == "day of month"
        try:
            values.append(_numbers(field, [word for word in part.split(",") if not (last and word.upper() == "L")]))
        except ValueError as error:
            findings.append(Finding(BAD_CRON, where, f"the {field.name} of {text!r}: {error.args[0]}", *error.args[1:]))
    if findings:
        raise TollbookError(findings)
    minutes, hours, days, months, weekdays = values
    cron = Cron(
        text=" ".join(parts),
        zone=zone_name,
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(number % 7 for number in weekdays),
        last_day="L" in parts[2].upper().split(","),
        any_day=parts[2].startswith("*"),
        any_weekday=parts[4].startswith("*"),
        every_hour=parts[1] == "*",
    )
    by_day = cron.last_day or any(day <= _LONGEST[month] for month in months for day in days)
    if not by_day and cron.any_weekday:
        what, mend = f"{text!r} names no day of any year", "write L for the last day of a month"
        raise TollbookError(Finding(NEVER, where, what, mend=mend))
    return cron


def _numbers(field: _Field, words: list[str]) -> frozenset[int]:
    """The numbers that a field names.

    Raises:
        ValueError: what is wrong, why, how to mend it.
    """
    found: set[int] = set()
    for word in words:
        match = _PART.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} cannot be read", "", "write *, 5, 1-5, */15, or a list of these with commas")
        every, first, last, step = match.groups()
        low = field.low if every else _number(field, first)
        high = _number(field, last) if last else field.high if every or step else low
        if low > high:
            raise ValueError(f"{word!r} goes backwards", "", f"write it as two: {low}-{field.high},{field.low}-{high}")
        if step == "0" or (step and not step.strip("0")):
            raise ValueError(f"{word!r} has a step of 0", "", "write a step of 1 or more")
        found.update(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def _number(field: _Field, word: str) -> int:
    number = field.names.get(word.lower(), int(word) if word.isdecimal() and word.isascii() else -1)
    if not field.low <= number <= field.high:
        names = f", or {', '.join(field.names)}" if field.names else ""
        raise ValueError(f"{word!r} is out of bounds", f"it is a number from {field.low} to {field.high}{names}", "")
    return number
