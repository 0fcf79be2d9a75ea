"""Earned by what was done: delivery, acceptance, units, usage with breakage, cost to cost, royalties.

Nothing is earned without its happening: that is the criterion of these methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.base.money import ZERO
from engine.revenue.schedule import Happening, RevenueFacts, ScheduleItem, exactly
from engine.revenue.spread import cents


def in_order(happenings: Iterable[Happening]) -> list[Happening]:
    """Happenings by day; those of a day in an order of their own, whatever order they came in."""
    return sorted(
        happenings, key=lambda one: (one.on, one.kind, one.key, one.quantity, one.material, one.expected or ZERO)
    )


def _daily(facts: RevenueFacts, kinds: tuple[str, ...]) -> list[tuple[date, list[Happening]]]:
    found: dict[date, list[Happening]] = {}
    for one in in_order(facts.happenings):
        if one.kind in kinds:
            found.setdefault(one.on, []).append(one)
    return list(found.items())


def _steps(facts: RevenueFacts, running: Iterable[tuple[date, Decimal]]) -> tuple[ScheduleItem, ...]:
    """Items of a running total of revenue, between ``since`` and ``through``."""
    items, given = [], ZERO
    since, through = facts.since or date.min, facts.through or date.max
    for on, due in running:
        if since <= on < through and due != given:
            items.append(ScheduleItem(on, due - given))
        given = due
    return tuple(items)


def point_in_time(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """All of it when control passes: on delivery, on acceptance where that is substantive, or when service begins or ends."""
    if terms["on"] == "begin":
        day: date | None = facts.service_from
    elif terms["on"] == "end":
        day = date.fromordinal(max(facts.service_to.toordinal() - 1, facts.service_from.toordinal()))
    else:
        day = next((one.on for one in in_order(facts.happenings) if one.kind == terms["on"]), None)
    return _steps(facts, [(day, facts.amount)] if day else [])


def _running_units(facts: RevenueFacts, kinds: tuple[str, ...], breakage: Fraction) -> Iterable[tuple[date, Decimal]]:
    promised, done, whole = Fraction(facts.quantity), Fraction(0), exactly(facts)
    for on, some in _daily(facts, (*kinds, "expire")):
        for one in some:
            if one.expected is not None:
                promised, breakage = Fraction(one.expected), Fraction(0)
            done += Fraction(one.quantity) if one.kind != "expire" else 0
        expected = promised * (1 - breakage)
        gone = any(one.kind == "expire" for one in some) or done >= expected
        yield on, facts.amount if gone else cents(whole * done / expected, facts.currency)


def units(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """By output: units delivered or used of those promised, less those that are never expected to be asked for (breakage);
    what is left is earned when the right expires."""
    return _steps(facts, _running_units(facts, ("deliver", "use"), Fraction(terms["breakage"])))


def _running_cost(facts: RevenueFacts) -> Iterable[tuple[date, Decimal]]:
    expected, material, done = Fraction(facts.cost), Fraction(facts.material), Fraction(0)
    installed = Fraction(0)
    for on, some in _daily(facts, ("cost", "expect")):
        for one in some:
            expected = Fraction(one.expected) if one.expected is not None else expected
            done += Fraction(one.quantity - one.material)
            installed += Fraction(one.material)
        share = min(Fraction(1), done / (expected - material)) if expected > material else Fraction(0)
        due = (exactly(facts) - material) * share + installed
        yield on, facts.amount if share == 1 and installed == material else cents(due, facts.currency)


def cost_to_cost(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """By input: cost so far of the cost expected; a new estimate catches up at once.  Uninstalled material earns its cost."""
    return _steps(facts, _running_cost(facts))


def _running_sales(terms: Mapping[str, Any], facts: RevenueFacts) -> Iterable[tuple[date, Decimal]]:
    begins = _delivered(facts) if terms["after"] == "deliver" else facts.service_from
    due = ZERO
    for on, some in _daily(facts, ("sale", "use")) if begins else ():
        due += cents(Fraction(sum((one.quantity for one in some), ZERO)) * Fraction(terms["rate"]), facts.currency)
        yield max(on, begins or on), due


def _delivered(facts: RevenueFacts) -> date | None:
    """The day from which what was handed over may be used: not before service begins, nor in a pause."""
    day = next((one.on for one in in_order(facts.happenings) if one.kind == "deliver"), None)
    if day is None:
        return None
    day = max(day, facts.service_from)
    for pause in facts.pauses:
        day = pause.ends if pause.on <= day < pause.ends else day
    return day


def royalty(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """A share of sales, usage or assets as they occur, or when the promise is kept where that is later (the exception for
    royalties, IFRS 15.B63, ASC 606-10-55-65); the amount of the promise itself is not touched.

    It is kept from the first day of service on, or, by ``after``, once it was delivered and may be used.
    """
    return _steps(facts, _running_sales(terms, facts))


def as_invoiced(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """What may be invoiced is what is earned, on the last day of its service (the right to invoice, IFRS 15.B16)."""
    return point_in_time({"on": "end"}, facts)


Satisfaction = Callable[[Mapping[str, Any], RevenueFacts], tuple[ScheduleItem, ...]]


def _running_price(facts: RevenueFacts) -> Iterable[tuple[date, Decimal]]:
    price, done = Fraction(facts.amount) / Fraction(facts.quantity), Fraction(0)
    for on, some in _daily(facts, ("deliver", "use", "expect")):
        for one in some:
            price = Fraction(one.expected) if one.expected is not None else price
            done += Fraction(one.quantity)
        yield on, cents(price * done, facts.currency)


def per_unit(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """Units delivered or used at the price now expected of all of them; a new expectation (a retrospective rebate that has
    become likely) catches up at once.  How many there will be need not be known."""
    return _steps(facts, _running_price(facts))


def right_to_use(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """A licence of something as it is: all of it when it was handed over and may be used, whichever is later (IFRS 15.B61)."""
    day = _delivered(facts)
    return _steps(facts, [(day, facts.amount)] if day else [])
