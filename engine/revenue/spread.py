"""Over time, evenly: an amount over a stretch of service, by days, months, parts of months or seconds.

Moments are day numbers (``date.toordinal``) with a fraction of a day.  Each way of spreading gives parts: the last day of a
part, and its weight.  Weights are exact and additive, so a stretch can be cut anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from engine.base.money import CONTEXT, ZERO, round_to
from engine.base.period import add_months
from engine.revenue.schedule import RevenueFacts, ScheduleItem, exactly

Moment = Fraction
Part = tuple[date, Fraction]
Spread = Callable[[Moment, Moment], list[Part]]


def moment(day: date, at: datetime | None) -> Moment:
    """The day number of a day, or of a moment in it."""
    if at is None:
        return Fraction(day.toordinal())
    seconds = at.hour * 3600 + at.minute * 60 + at.second
    return at.date().toordinal() + Fraction(seconds * 10**6 + at.microsecond, 86400 * 10**6)


def cents(amount: Fraction, currency: str) -> Decimal:
    """An exact amount in whole minor units, half up."""
    return round_to(CONTEXT.divide(Decimal(amount.numerator), Decimal(amount.denominator)), currency)


def _months(begin: Moment, end: Moment) -> list[tuple[date, date]]:
    """Calendar months that a stretch touches, each with the first day of the next."""
    month, found = date.fromordinal(floor(begin)).replace(day=1), []
    while month.toordinal() < end:
        following = add_months(month, 1)
        found.append((month, following))
        month = following
    return found


def _by_length(begin: Moment, end: Moment, of_month: bool) -> list[Part]:
    parts = []
    for month, following in _months(begin, end):
        upper = min(end, Fraction(following.toordinal()))
        length = upper - max(begin, Fraction(month.toordinal()))
        weight = length / (following - month).days if of_month else length
        parts.append((date.fromordinal(ceil(upper) - 1), weight))
    return parts


def seconds(begin: Moment, end: Moment) -> list[Part]:
    """Every second weighs the same."""
    return _by_length(begin, end, False)


def days(begin: Moment, end: Moment) -> list[Part]:
    """Every day weighs the same: the day of the beginning counts whole, that of the end not."""
    return _by_length(Fraction(floor(begin)), Fraction(floor(end)), False)


def prorated(begin: Moment, end: Moment) -> list[Part]:
    """Every month weighs the same; the first and the last as many of their days as are served."""
    return _by_length(Fraction(floor(begin)), Fraction(floor(end)), True)


def months(begin: Moment, end: Moment) -> list[Part]:
    """Every month weighs the same, from that of the beginning to the one before that in which the stretch has ended."""
    last = date.fromordinal(floor(end)).replace(day=1)
    touched = _months(begin, Fraction(last.toordinal())) if begin < last.toordinal() else []
    return [(date.fromordinal(following.toordinal() - 1), Fraction(1)) for _, following in touched]


def weeks(begin: Moment, end: Moment) -> list[Part]:
    """Every day weighs the same, and each week from the beginning is a part of its own."""
    first, last, parts = floor(begin), floor(end), []
    while first < last:
        upper = min(first + 7, last)
        parts.append((date.fromordinal(upper - 1), Fraction(upper - first)))
        first = upper
    return parts


def shared(facts: RevenueFacts, parts: Sequence[Part], total: Fraction, last: bool) -> list[ScheduleItem]:
    """The amount of facts over parts that lose no cent.

    The running total is rounded, so that every part is within a minor unit of its exact share; where ``last``, each part is
    rounded by itself and the part that completes ``total`` has the rest.
    """
    items, done, given, whole = [], Fraction(0), ZERO, exactly(facts)
    for on, weight in parts:
        done += weight
        if done == total:
            due = facts.amount
        elif last:
            due = given + cents(whole * weight / total, facts.currency)
        else:
            due = cents(whole * done / total, facts.currency)
        items.append(ScheduleItem(on, due - given))
        given = due
    return items


def _stretches(facts: RevenueFacts) -> Iterator[tuple[Moment, Moment, Moment]]:
    """Service between pauses: where it begins, where it would have ended, and where it does."""
    begin = moment(facts.service_from, facts.begins_at)
    for pause in facts.pauses:
        yield begin, moment(pause.until, pause.until_at), moment(pause.on, None)
        begin = moment(pause.ends, None)
    end = moment(facts.service_to, facts.ends_at)
    yield begin, end, end


def _total(parts: Iterable[Part]) -> Fraction:
    return sum((weight for _, weight in parts), Fraction(0))


def _parts(spread: Spread, facts: RevenueFacts) -> tuple[list[Part], list[Part], Fraction]:
    """Parts before ``since``, those from then on and before ``through``, and what all of the service weighs.

    What a stretch has not served when a pause cuts it is left for the next, which shares it anew: so weights stay exact.
    """
    before, parts, whole, left = list[Part](), list[Part](), Fraction(0), Fraction(0)
    for begin, planned, cut in _stretches(facts):
        total = _total(spread(begin, planned))
        if not whole:
            whole = left = total or Fraction(1)
        if not total:  # nothing to share by: all at the end, if no pause comes before it
            on = date.fromordinal(max(floor(begin), ceil(planned) - 1))
            if left and (planned == cut or on.toordinal() < cut) and (facts.through is None or on < facts.through):
                (before if facts.since is not None and on < facts.since else parts).append((on, left))
                left = Fraction(0)
            continue
        upper = cut if facts.through is None else max(begin, min(cut, moment(facts.through, None)))
        lower = begin if facts.since is None else max(begin, min(upper, moment(facts.since, None)))
        earlier = spread(begin, lower) if lower > begin else []
        later = spread(lower, upper) if upper > lower else []
        if facts.pauses:
            each = left / total
            earlier, later = ([(on, weight * each) for on, weight in some] for some in (earlier, later))
            left -= _total(earlier) + _total(later)
        before += earlier
        parts += later
    return before, parts, whole


def over(spread: Spread, terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """The amount of facts over their service period, between ``since`` and ``through``."""
    before, parts, total = _parts(spread, facts)
    last = terms.get("remainder", "cumulative") == "last"
    return tuple(shared(facts, before + parts, total, last)[len(before) :])


def by_day(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """Straight line over the service period, every day alike; what a month earns is revenue on its last day of service."""
    return over(days, terms, facts)


def by_month(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """Straight line, every month alike: from the month in which service begins to the one before that in which it has ended."""
    return over(months, terms, facts)


def by_prorated_month(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """Straight line, every whole month alike, the first and last by their days."""
    return over(prorated, terms, facts)


def by_second(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """Straight line between two moments, every second alike."""
    return over(seconds, terms, facts)


def by_week(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """Straight line, revenue at the end of each week of service."""
    return over(weeks, terms, facts)


def right_to_access(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """A licence of something that its owner keeps changing: over its term, every month alike (IFRS 15.B58)."""
    return over(months, terms, facts)
