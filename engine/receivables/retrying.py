"""When a payment that was declined is tried again.  Pure: the rule's terms and the days of the attempts in, a day out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

FURTHEST: Final = 92
"""Days after which a best day is not looked for any more."""


class Retry(msgspec.Struct, frozen=True):
    """The day of the next attempt, or None; and why, in words."""

    on: date | None
    why: str


def next_attempt(terms: Mapping[str, Any], attempt: int, declined: date, attempts: Sequence[date]) -> Retry:
    """When the next attempt is.

    Args:
        terms: of the rule: ``retry``, ``after`` (days after the first, second, ... attempt; the last holds on), ``attempts`` (in all,
            the first one too), ``weekdays`` and ``days_of_month`` (the best days; none: any), ``scheme_attempts`` within
            ``scheme_days`` (what networks allow with one method; 0: any number).
        attempt: which attempt was declined, from 1.
        declined: the day of that.
        attempts: the days of all attempts with the method so far, that one among them.
    """
    if not terms["retry"]:
        return Retry(None, "the rule says never")
    if attempt >= terms["attempts"]:
        return Retry(None, f"there were {attempt} attempts, and the rule says at most {terms['attempts']}")
    waits = terms["after"]
    first = declined + timedelta(waits[min(attempt, len(waits)) - 1])
    most, within = terms["scheme_attempts"], terms["scheme_days"]
    for more in range(FURTHEST):
        day = first + timedelta(more)
        if not _good(terms, day):
            continue
        if most and sum(day - timedelta(within) < one <= day for one in attempts) >= most:
            continue
        return Retry(day, f"attempt {attempt + 1} of {terms['attempts']}" + (", on the next best day" if more else ""))
    return Retry(None, f"no day within {FURTHEST} days fits the best days and what networks allow")


def _good(terms: Mapping[str, Any], day: date) -> bool:
    """Whether a day is one of the best days.  The last day of a short month stands for those that it lacks."""
    if terms["weekdays"] and WEEKDAYS[day.weekday()] not in terms["weekdays"]:
        return False
    days = terms["days_of_month"]
    last = (day + timedelta(1)).month != day.month
    return not days or day.day in days or (last and any(one > day.day for one in days))
