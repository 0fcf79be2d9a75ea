"""Whether usage is complete: what sources say they have counted against what arrived, and deliveries that did not come.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.base.period import Period, add_months
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.lateness import UsageSource, UsageTotal

DAY = timedelta(days=1)


class ControlFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of usage_control may look at: a control total that differs, or a delivery that did not come."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    source: Annotated[str, Meta(description="the system that counted")]
    meter: Annotated[str, Meta(description="meter key; empty for a delivery")]
    kind: Annotated[Literal["totals", "delivery"], Meta(description="totals or delivery")]
    overdue: Annotated[int, Meta(description="days for which a delivery is overdue; 0 for totals", extra={"least": 0})]
    expected: Annotated[Decimal | None, Meta(description="quantity that the source says; null for a delivery")]
    arrived: Annotated[Decimal | None, Meta(description="quantity that arrived; null for a delivery")]
    expected_events: Annotated[int | None, Meta(description="events that the source says; null where it does not")]
    arrived_events: Annotated[int | None, Meta(description="events that arrived; null for a delivery")]
    day: Annotated[date, Meta(description="first day of the total or delivery; selects the rule in force")]


def days_of(total: UsageTotal) -> Period:
    """The days that a control total is of."""
    return Period(total.day, total.until or total.day + DAY)


def tolerated(decision: Decision, facts: ControlFacts) -> bool:
    """Whether what arrived is near enough to what the source says: the larger of a fixed tolerance and a share holds, for
    quantity and for events each."""
    terms = decision.terms
    pairs = (
        (facts.expected, facts.arrived, terms["tolerance"]),
        (facts.expected_events, facts.arrived_events, terms["tolerance_events"]),
    )
    for expected, arrived, fixed in pairs:
        if expected is None or arrived is None:
            continue
        allowed = max(Decimal(fixed), abs(Decimal(expected)) * terms["tolerance_percent"])
        if abs(Decimal(expected) - Decimal(arrived)) > allowed:
            return False
    return True


def differs(facts: ControlFacts, days: Period) -> str:
    """In words, what a source says and what arrived."""
    said = [] if facts.expected_events is None else [f"{facts.expected_events} events"]
    came = [] if facts.expected_events is None else [f"{facts.arrived_events} events"]
    if facts.expected is not None and facts.arrived is not None:
        said.append(f"{facts.expected.normalize():f} {facts.meter}")
        came.append(f"{facts.arrived.normalize():f} {facts.meter}")
    return f"{facts.source} says {' with '.join(said)} on {days}, {' with '.join(came)} arrived"


def deliveries(source: UsageSource, since: date, on: date) -> Iterator[tuple[Period, bool]]:
    """The periods of a source from the first one on that begins on or after ``since`` and has ended by ``on``, each with whether
    it has to be there by then; the first that has not is the last."""
    number = _first(source, since)
    while True:
        period = Period(_begin(source, number), _begin(source, number + 1))
        over = source.last_day is not None and period.start > source.last_day
        if over or period.end > on:
            return
        if period.start >= since:
            wanted = period.end + timedelta(days=source.due_days) <= on
            yield period, wanted
            if not wanted:
                return
        number += 1


def _begin(source: UsageSource, number: int) -> date:
    if source.every == "month":
        return add_months(source.first_day, number)
    return source.first_day + timedelta(days=number * (7 if source.every == "week" else 1))


def _first(source: UsageSource, since: date) -> int:
    """A number of a period that is not after the first one from a day on, and near it."""
    if since <= source.first_day:
        return 0
    if source.every == "month":
        first = source.first_day
        return max((since.year - first.year) * 12 + since.month - first.month - 1, 0)
    return (since - source.first_day).days // (7 if source.every == "week" else 1)


def uncovered(source: UsageSource, period: Period, totals: Iterable[tuple[str, date, date | None]]) -> tuple[str, ...]:
    """The meters of a source that its control totals do not cover on every day of a period."""
    covered: dict[str, set[date]] = {}
    for meter, begin, until in totals:
        day, end = max(begin, period.start), min(until or begin + DAY, period.end)
        while day < end:
            covered.setdefault(meter, set()).add(day)
            day += DAY
    wanted = meters_of(source) or tuple(covered) or ("",)
    return tuple(meter for meter in wanted if len(covered.get(meter, ())) < period.days)


def meters_of(source: UsageSource) -> tuple[str, ...]:
    """Keys of the meters that a source counts; none where it counts any."""
    return tuple(filter(None, source.meters.split(";")))
