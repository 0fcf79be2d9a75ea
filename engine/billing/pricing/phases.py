"""Prices that depend on how long a customer has been there: ages, and ramps, which are phases counted from the first day.

A phase lasts so many days or months from the end of the one before; the last one has no end.  In each a part of the price
is paid, and a quantity may be committed to.  A trial is a phase of which nothing is paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from engine.base.money import ZERO
from engine.base.period import Period, add_months, months_between
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, change, having, times
from engine.model.catalog import Charge
from engine.model.decision import Flaw


def whole_months(since: date, day: date) -> int:
    """Whole months from a day to another, 0 where it comes before; the last day of a shorter month completes one."""
    months = months_between(since, day)
    if day.day < since.day and add_months(since, months) > day:
        months -= 1
    return max(months, 0)


def cycle_number(since: date, cycle: Period, months: int, days: int) -> int:
    """Which cycle of a charge it is, counted from 1, that of the first day of the subscription or of another cycle."""
    if cycle.start <= since:
        return 1
    if days:
        return -((since - cycle.start).days // days) + 1
    whole = months_between(since, cycle.start) + (add_months(since, 0, _anchor(cycle)) > since)
    return -(-whole // months) + 1


def _anchor(cycle: Period) -> int:
    """The day of the month on which cycles begin, as far as one of them tells: one that begins on the last day of a short month ends on
    it."""
    shortened = (cycle.start + timedelta(days=1)).day == 1
    return max(cycle.start.day, cycle.end.day) if shortened else cycle.start.day


@lru_cache(maxsize=1 << 14)
def ages(since: date, cycle: Period, months: int, days: int, day: date) -> tuple[int, int, int]:
    """How long a customer has been there on the first day of a stretch: whole months, days, and the number of the cycle.

    Charges of a plan and subscriptions that began on one day have the same ages, so they are remembered.
    """
    return whole_months(since, day), (day - since).days, cycle_number(since, cycle, months, days)


def aged(since: date, signed_on: date | None, charge: Charge, cycle: Period, day: date) -> dict[str, Any]:
    """The facts that say how long a customer has been there on the first day of a stretch."""
    whole, days, number = ages(since, cycle, charge.months, charge.days, day)
    return {
        "months_since_start": whole,
        "days_since_start": days,
        "cycle_number": number,
        "contract_months": None if signed_on is None else whole_months(signed_on, day),
    }


def turning_days(ramp: Sequence[Terms], since: date) -> Iterator[date]:
    """The days on which another phase of a ramp begins."""
    day = since
    for phase in ramp[:-1]:
        day = add_months(day, phase["months"]) if "months" in phase else day + timedelta(days=phase["days"])
        yield day


def phase_at(ramp: Sequence[Terms], since: date, day: date) -> int:
    """Which phase of a ramp a day is in, counted from 0."""
    return sum(1 for turn in turning_days(ramp, since) if turn <= day)


def committed(ramp: Sequence[Terms], facts: PricingFacts, share: Fraction) -> tuple[PricingFacts, tuple[Part, ...]]:
    """The facts with the quantity that their phase commits to, where it is more than theirs, and the part that says so.

    Of usage it shrinks to the share, and holds only once the stretch is over; of other charges their price shrinks.
    """
    least = ramp[phase_at(ramp, facts.subscribed_on, facts.day)].get("committed")
    if least is None or not facts.complete:
        return facts, ()
    least = times(least, share if facts.charge.kind == "usage" else WHOLE)
    if least <= facts.quantity:
        return facts, ()
    return having(facts, quantity=least), (Part(0, least, ZERO, ZERO, ZERO, f"committed {least.normalize():f}"),)


def paid(ramp: Sequence[Terms], facts: PricingFacts, amount: Decimal) -> tuple[Decimal, tuple[Part, ...]]:
    """What the phase of the facts pays of a price, and the part that says so."""
    number = phase_at(ramp, facts.subscribed_on, facts.day)
    pays = ramp[number]["pays"]
    if pays == 1:
        return amount, ()
    part = change(amount * pays - amount, f"phase {number + 1} pays {(pays * 100).normalize():f} %")
    return amount * pays, (part,)


def check_ramp(terms: Terms) -> Iterable[Flaw]:
    """Every phase but the last says once how long it lasts."""
    ramp = terms["ramp"]
    for number, phase in enumerate(ramp):
        lengths = [name for name in ("days", "months") if name in phase]
        if number == len(ramp) - 1:
            if lengths:
                what = f"the last phase ends after {phase[lengths[0]]} {lengths[0]}, and nothing follows"
                yield Flaw(("ramp", number, lengths[0]), what, "add a phase without a length for the time after it")
        elif len(lengths) != 1:
            said = "days and months" if lengths else "neither days nor months"
            yield Flaw(("ramp", number), f"phase {number + 1} says {said}", "say how long it lasts, once")
    if any("committed" in phase for phase in ramp) and terms["per"] != "period":
        yield Flaw(("ramp",), "a quantity is committed to, but the price looks at windows", "leave out committed")
