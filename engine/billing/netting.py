"""Net owed: what is owed minus what was billed, per day, charge, price and quantity.

Because every run compares the two, no history can stack up: no day is billed twice, a repriced day gives its difference in
money, and running again gives nothing.  A credit is priced from the line that was billed and never exceeds what is left of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from engine.base.money import ZERO, round_to
from engine.base.period import Period, subtract
from engine.billing.billed import Open, service
from engine.billing.opened import NOTHING, Opened
from engine.billing.pricing import times
from engine.billing.rating import Owed
from engine.model.invoice import BilledLine, RatedCharge


class Due(msgspec.Struct, frozen=True, gc=False):
    """Something to charge: ``owed`` for ``days`` of its stretch, for the part of quantity, amount and events not yet billed.

    ``share`` is what the days are worth of the cycle, by the decision ``proration``.
    """

    owed: Owed
    days: Period
    share: Fraction
    quantity: Decimal
    amount: Decimal
    proration: int
    events: int
    usage_after: int


class Back(msgspec.Struct, frozen=True, gc=False):
    """Something to give back: ``days`` of a billed line, worth a ``share`` of its cycle and ``amount`` (of the other sign than its)."""

    line: BilledLine
    days: Period
    share: Fraction
    amount: Decimal
    proration: int


class Worth(msgspec.Struct, frozen=True, gc=False):
    """What some days of a stretch are worth: a ``share`` of the stretch, rounded by the mode ``rounding``.

    ``credit`` says whether they are given back once they were billed and are no longer owed; ``proration`` is the decision.
    """

    share: Fraction
    credit: bool
    rounding: str
    proration: int


Value = Callable[[str, str, Period, Period, Period], Worth]
"""(plan, charge key, cycle, stretch, some of its days) -> what those days are worth of the stretch."""


def net_recurring(
    owed: Sequence[Owed],
    billed: Iterable[Open],
    window: Period,
    currency: str,
    value: Value,
    opened: Opened = NOTHING,
) -> Iterator[Due | Back]:
    """Credits for days that were billed and are no longer owed on the same terms, then charges for days owed and not billed.

    Terms are the same where plan, charge, cycle, quantity, currency and the price of the whole cycle are.  Days that the
    proration rule does not give back stay billed as they were: nothing else is charged for them for the same charge.
    ``opened`` is what another system billed before.
    """
    owed_days: dict[Any, list[Period]] = defaultdict(list)
    billed_days: dict[Any, list[Period]] = defaultdict(list)
    kept: dict[str, list[Period]] = defaultdict(list)
    for one, gone in opened.lines:
        yield from _credits(one, _within(gone, window), value, kept)
    for item in owed:
        owed_days[_owed_terms(item, currency)].append(item.days)
    for one in billed:
        charge = one.line.charge
        terms = _billed_terms(charge)
        billed_days[terms].extend(one.days)
        yield from _credits(one, _within(subtract(one.days, owed_days[terms]), window), value, kept)
    for item in owed:
        key = item.charge.key
        there = [*billed_days.get(_owed_terms(item, currency), ()), *kept.get(key, ()), *opened.taken.get(key, ())]
        for days in _within(subtract([item.days], there) if there else (item.days,), window):
            yield from _charge(item, days, currency, value)


def _credits(one: Open, pieces: Iterable[Period], value: Value, kept: dict[str, list[Period]]) -> Iterator[Back]:
    """Pieces of a billed line given back, never more than is left of it; those that a rule does not give back are ``kept``."""
    charge, left, remaining = one.line.charge, one.left, sum(days.days for days in one.days)
    for days in pieces:
        worth = _worth_of_line(one.line, days, value)
        if not worth.credit:
            kept[charge.charge].append(days)
            continue
        remaining -= days.days
        amount = left if not remaining else _at_most(left, charge.amount, worth, charge.currency)
        left -= amount
        if amount:
            yield Back(one.line, days, Fraction(charge.share) * worth.share, -amount, worth.proration)


def _charge(item: Owed, days: Period, currency: str, value: Value) -> Iterator[Due]:
    """The whole of an owed stretch, or the part of it that was not billed, valued as a credit on those days would be."""
    amount, share, proration = item.amount, item.share, item.proration
    if days != item.days:
        worth = value(item.plan, item.charge.key, item.cycle, item.days, days)
        amount, share, proration = _rounded(item.amount, worth, currency), item.share * worth.share, worth.proration
    if amount:
        yield Due(item, days, share, item.quantity, amount, proration, 0, 0)


def _worth_of_line(line: BilledLine, days: Period, value: Value) -> Worth:
    """What days of a billed line are worth of it.  A line of which no day is owed goes back whole, whatever the rule says."""
    if days == service(line):
        return Worth(Fraction(1), True, "half_up", 0)
    charge = line.charge
    return value(charge.plan, charge.charge, Period(charge.cycle_from, charge.cycle_to), service(line), days)


def _at_most(left: Decimal, amount: Decimal, worth: Worth, currency: str) -> Decimal:
    part = _rounded(amount, worth, currency)
    return part if abs(part) < abs(left) else left


def _rounded(amount: Decimal, worth: Worth, currency: str) -> Decimal:
    return round_to(times(amount, worth.share), currency, worth.rounding)


def net_usage(owed: Sequence[Owed], billed: Iterable[Open], currency: str) -> Iterator[Due | Back]:
    """The difference between what a stretch of usage owes and what was billed for exactly that stretch.

    Usage that became known late raises the quantity of its own stretch, so it is priced in the tier that it would have
    reached then.  Lines of a stretch that is no longer owed (its plan was changed back in time) are given back whole; what
    was given back counts as never billed.
    """
    lines: dict[Any, list[Open]] = defaultdict(list)
    for one in billed:
        charge = one.line.charge
        if one.left:
            lines[charge.plan, charge.charge, charge.currency, charge.service_from, charge.service_to].append(one)
    for item in owed:
        before = lines.pop((item.plan, item.charge.key, currency, item.days.start, item.days.end), [])
        amount = item.amount - sum((one.left for one in before), ZERO)
        quantity = item.quantity - sum((one.line.charge.quantity for one in before), ZERO)
        events = item.events - sum(one.line.charge.events for one in before)
        if amount:
            after = max((one.line.charge.usage_to for one in before), default=0)
            yield Due(item, item.days, item.share, quantity, amount, item.proration, events, after)
    for orphans in lines.values():
        for one in orphans:
            yield Back(one.line, service(one.line), Fraction(one.line.charge.share), -one.left, 0)


def net_one_time(owed: Sequence[Owed], billed: Iterable[Open]) -> Iterator[Due]:
    """One-time charges are billed once per plan and day, and never given back by themselves."""
    known = {(one.line.charge.plan, one.line.charge.charge, one.line.charge.service_from) for one in billed}
    for item in owed:
        if item.amount and (item.plan, item.charge.key, item.days.start) not in known:
            yield Due(item, item.days, item.share, item.quantity, item.amount, item.proration, 0, 0)


def _owed_terms(item: Owed, currency: str) -> tuple[Any, ...]:
    return item.plan, item.charge.key, currency, item.cycle.start, item.cycle.end, item.quantity, item.full


def _billed_terms(charge: RatedCharge) -> tuple[Any, ...]:
    return charge.plan, charge.charge, charge.currency, charge.cycle_from, charge.cycle_to, charge.quantity, charge.full


def _within(pieces: Iterable[Period], window: Period) -> list[Period]:
    return [piece for one in pieces if (piece := one.meet(window))]
