"""What a credit takes back of what was planned to be earned: nothing stays behind of what is given back whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from engine.base.money import ZERO, minor_digits
from engine.model.revenue import Plan
from engine.revenue.schedule import ScheduleItem
from engine.revenue.spread import cents

Items = dict[date, Decimal]


def taken_back(
    plan: Plan, amount: Decimal, day: date, by_days: Sequence[ScheduleItem] | None, currency: str
) -> list[ScheduleItem]:
    """The items of a credit of ``amount`` (negative; positive where an earlier one is undone) on a plan, as of ``day``.

    What is planned up to the day is taken back on the day.  ``by_days`` is what the days that are given back come to by their
    own rule, None where the credit is on the whole line: then every part gives in proportion.  What takes back all that is
    left leaves no part behind, and neither does what undoes all that was taken.
    """
    past, later = _split(plan.items, day)
    if amount == -plan.amount:
        made = {day: -past, **{on: -some for on, some in later.items()}}
    elif plan.amount + amount == plan.whole:
        at_first, first_later = _split(plan.first, day)
        days = {*later, *first_later}
        made = {day: at_first - past, **{on: first_later.get(on, ZERO) - later.get(on, ZERO) for on in days}}
    elif by_days is None or plan.waits:
        made = _in_proportion(plan, amount, past, later, day, currency)
    else:
        made = _of_days(amount, later, day, by_days, currency)
    return [ScheduleItem(on, some) for on, some in sorted(made.items()) if some]


def instead(plan: Plan, wanted: Sequence[ScheduleItem], day: date) -> list[ScheduleItem]:
    """The items that make ``wanted`` of a plan, as of ``day``: what is planned up to the day is moved on the day."""
    past, later = _split(plan.items, day)
    now, then = _split(_by_day(wanted), day)
    made = {day: now - past, **{on: then.get(on, ZERO) - later.get(on, ZERO) for on in {*later, *then}}}
    return [ScheduleItem(on, some) for on, some in sorted(made.items()) if some]


def _by_day(items: Sequence[ScheduleItem]) -> Items:
    made: Items = {}
    for item in items:
        made[item.on] = made.get(item.on, ZERO) + item.amount
    return made


def after(plan: Plan, amount: Decimal, items: Sequence[ScheduleItem]) -> Plan:
    """The plan with a credit on it."""
    left = dict(plan.items)
    for item in items:
        left[item.on] = left.get(item.on, ZERO) + item.amount
    return Plan(plan.schedule, plan.amount + amount, plan.whole, plan.waits, left, plan.first)


def corrected(plan: Plan, amount: Decimal, items: Sequence[ScheduleItem]) -> Plan:
    """The plan with ``amount`` more in it, as if it had been so from the beginning."""
    made, first = after(plan, amount, items), dict(plan.first)
    for item in items:
        first[item.on] = first.get(item.on, ZERO) + item.amount
    return Plan(made.schedule, made.amount, plan.whole + amount, made.waits, made.items, first)


def _split(items: Mapping[date, Decimal], day: date) -> tuple[Decimal, Items]:
    past = sum((some for on, some in items.items() if on <= day), ZERO)
    return past, {on: some for on, some in sorted(items.items()) if on > day and some}


def _in_proportion(plan: Plan, amount: Decimal, past: Decimal, later: Items, day: date, currency: str) -> Items:
    if not plan.amount:
        return {day: amount}
    made, done, given = Items(), ZERO, ZERO
    for on, some in [(day, past), *later.items()]:
        done += some
        due = cents(Fraction(amount) * Fraction(done) / Fraction(plan.amount), currency)
        made[on] = due - given
        given = due
    return made


def _of_days(amount: Decimal, later: Items, day: date, by_days: Sequence[ScheduleItem], currency: str) -> Items:
    """Parts whose days are all given back give all they have; the first has the rest of the cents."""
    wanted: Items = {}
    for item in by_days:
        on = day if item.on <= day else next((one for one in later if one >= item.on), max(later, default=day))
        wanted[on] = wanted.get(on, ZERO) + item.amount
    unit, places = Decimal(1).scaleb(-minor_digits(currency)), sorted(wanted)
    for on in places[1:]:
        there = later.get(on, ZERO)
        left = there + wanted[on]
        if abs(left) <= unit or (left < 0) is (there > 0):
            wanted[on] = -there
    if places:
        wanted[places[0]] = amount - sum((wanted[on] for on in places[1:]), ZERO)
    return wanted or {day: amount}
