"""Net owed: what is owed minus what was billed, per day, charge, price and quantity.

Because every run compares the two, no history can stack up: no day is billed twice, a repriced day gives its difference in
money, and running again gives nothing.  A credit is priced from the line that was billed and never exceeds what is left of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to, settled
from engine.base.period import Period, subtract
from engine.billing.billed import Open, billed_twice, service
from engine.billing.job import Owed
from engine.billing.opened import NOTHING, Opened
from engine.billing.pricing import times
from engine.model.invoice import BilledLine, RatedCharge


class Due(msgspec.Struct, frozen=True, gc=False):
    """Something to charge: ``owed`` for ``days`` of its stretch, for the part of quantity, amount and events not yet billed.

    ``share`` is what the days are worth of the cycle, by the decision ``proration``.  ``exact`` is the amount before it was
    rounded.  Where only the difference to the billed line ``upon`` is charged, ``full`` is that of the whole cycle.
    """

    owed: Owed
    days: Period
    share: Fraction
    quantity: Decimal
    amount: Decimal
    proration: int
    events: int
    usage_after: int
    exact: Decimal = ZERO
    upon: int = 0
    full: Decimal | None = None


class Back(msgspec.Struct, frozen=True, gc=False):
    """Something to give back: ``days`` of a billed line, worth a ``share`` of its cycle and ``amount`` (of the other sign than its).

    ``full`` is what the whole cycle was billed at, ``exact`` the amount before it was rounded, and ``upper`` the line that
    bills the difference to this one for these days.
    """

    line: BilledLine
    days: Period
    share: Fraction
    amount: Decimal
    proration: int
    full: Decimal
    exact: Decimal
    upper: Open | None = None


class Worth(msgspec.Struct, frozen=True, gc=False):
    """What some days of a stretch are worth: a ``share`` of the stretch, rounded by the mode ``rounding``.

    ``credit`` says whether they are given back once they were billed and are no longer owed; ``proration`` is the decision.
    ``net`` says whether a change is billed as a difference, ``of_price`` whether a share is taken of the price of the whole cycle,
    less credits on the whole line, and not of the amount that was billed; ``keeps_unused`` whether ``credit`` holds as well for
    lines of which no day is owed.
    """

    share: Fraction
    credit: bool
    rounding: str
    proration: int
    net: bool = False
    of_price: bool = False
    keeps_unused: bool = False


DOUBLE_BILLED = Code("billing.double-billed", "Days that two lines of one charge have billed, and neither gave back.")

Value = Callable[[str, str, Period, Period, Period], Worth]
"""(plan, charge key, cycle, stretch, some of its days) -> what those days are worth of the stretch."""
ShowsZero = Callable[[str, str], bool]
"""(plan, charge key) -> whether an amount of zero is a line."""


def net_recurring(
    owed: Sequence[Owed],
    billed: Iterable[Open],
    window: Period,
    currency: str,
    value: Value,
    opened: Opened = NOTHING,
    ahead: Iterable[Open] = (),
    shows_zero: ShowsZero = lambda plan, key: False,
) -> Sequence[Due | Back]:
    """Credits for days that were billed and are no longer owed on the same terms, then charges for days owed and not billed.

    Terms are the same where plan, charge, cycle, quantity, currency and the price of the whole cycle are; where cycles are
    counted from the terms, whichever cycle it was, and for a quantity that comes to the same price.  Days that the
    proration rule does not give back stay billed as they were: nothing else is charged for them for the same charge.
    Where the rule says so, what is given back and what is charged for the same days is one difference.  ``opened`` is what
    another system billed before.  Days of lines that begin after the run's date, ``ahead``, count as billed; they are given
    back, if they are to be, by a run on or after their first day, or with a stretch that is owed now and has them on other
    terms.  ``shows_zero`` says of a charge of a plan whether amounts of zero make lines.

    Raises:
        TollbookError: ``billing.double-billed``.
    """
    billed, ahead = list(billed), list(ahead)
    if not billed and not ahead and opened is NOTHING:
        whole = [(item, days) for item in owed if (days := item.days.meet(window))]
        return [due for item, days in whole if (due := _charge(item, days, currency, value))]
    _refuse_twice([*billed, *ahead] if ahead else billed)
    owed_days: dict[Any, list[Period]] = defaultdict(list)
    billed_days: dict[Any, list[Period]] = defaultdict(list)
    kept: dict[str, list[Period]] = defaultdict(list)
    free = {(item.plan, item.charge.key) for item in owed if item.charge.cycles_from == "terms"}
    backs: list[Back] = []
    dues: list[Due] = []
    credits = _Credits(value, kept, shows_zero)
    for one, gone in opened.lines:
        backs.extend(credits.on(one, _within(gone, window)))
    for item in owed:
        owed_days[_owed_terms(item, currency)].append(item.days)
    for one in billed:
        terms = _billed_terms(one.now, (one.now.plan, one.now.charge) in free)
        billed_days[terms].extend(one.days)
        backs.extend(credits.on(one, _within(subtract(one.days, owed_days[terms]), window)))
    for one in ahead:
        terms = _billed_terms(one.now, (one.now.plan, one.now.charge) in free)
        billed_days[terms].extend(one.days)
        for item in owed:
            if item.charge.key == one.now.charge:
                again = (piece for days in one.days if (piece := days.meet(item.days)))
                other = (piece for days in again for piece in subtract([days], owed_days[terms]))
                backs.extend(credits.on(one, _within(other, window)))
    for item in owed:
        key = item.charge.key
        there = [*billed_days.get(_owed_terms(item, currency), ()), *kept.get(key, ()), *opened.taken.get(key, ())]
        for days in _within(subtract([item.days], there) if there else (item.days,), window):
            due = _charge(item, days, currency, value)
            if due:
                dues.append(due)
    return differences(backs, dues, currency, value) if backs and dues else [*backs, *dues]


def _refuse_twice(billed: Sequence[Open]) -> None:
    twice = billed_twice(billed)
    if twice:
        one, other = (open_.line.charge for open_ in twice)
        raise refuse(
            DOUBLE_BILLED,
            f"{one.plan}/{one.charge} is billed for {one.service_from}..{one.service_to} and, as {other.plan}/{other.charge}, "
            f"for {other.service_from}..{other.service_to}",
            why="a run never bills a day twice, so that a line of these came from elsewhere",
            mend="run `tollbook verify`; nothing of the subscription is billed until its lines are right",
            subject=f"subscription/{one.subscription}",
        )


class _Credits:
    """Gives back pieces of billed lines, never more than is left of each."""

    def __init__(self, value: Value, kept: dict[str, list[Period]], shows_zero: ShowsZero) -> None:
        """``kept`` collects, by charge, the days that a rule does not give back."""
        self.value, self.kept, self.shows_zero = value, kept, shows_zero
        self.left: dict[int, tuple[Decimal, timedelta]] = {}

    def on(self, one: Open, pieces: Iterable[Period]) -> Iterator[Back]:
        """Pieces of a line; with them those of the lines that it is the difference to."""
        for days in pieces:
            worth = self._worth(one.line, days)
            if not worth.credit:
                self.kept[one.line.charge.charge].append(days)
                continue
            yield from self._back(one, days, worth, None)
            upper = one
            for below in one.under:
                yield from self._back(below, days, self._worth(below.line, days), upper)
                upper = below

    def _worth(self, line: BilledLine, days: Period) -> Worth:
        """What days of a billed line are worth of it.  A line of which no day is owed goes back whole, unless the rule keeps that,
        too."""
        charge = line.charge
        worth = self.value(charge.plan, charge.charge, Period(charge.cycle_from, charge.cycle_to), service(line), days)
        if days == service(line) and not worth.keeps_unused:
            return Worth(Fraction(1), True, "half_up", 0)
        return worth

    def _back(self, one: Open, days: Period, worth: Worth, upper: Open | None) -> Iterator[Back]:
        charge = one.line.charge
        left, still = self.left.get(one.line.id) or (one.left, one.still())
        still -= days.length
        full, share = charge.full, Fraction(charge.share) * worth.share
        if one.adjusted and (worth.of_price or days == service(one.line)):
            full = times(full, Fraction(charge.amount + one.adjusted) / Fraction(charge.amount))
        exact = times(full, share) if worth.of_price else times(charge.amount, worth.share)
        if still:
            part = round_to(exact, charge.currency, worth.rounding)
            amount = part if abs(part) < abs(left) else left
        else:
            amount = left
        exact = exact if abs(exact) < abs(left) else left
        self.left[one.line.id] = left - amount, still
        if amount or (charge.amount and self.shows_zero(charge.plan, charge.charge)):
            yield Back(one.line, days, share, -amount, worth.proration, full, exact, upper)


def _charge(item: Owed, days: Period, currency: str, value: Value) -> Due | None:
    """The whole of an owed stretch, or the part of it that was not billed, valued as a credit on those days would be; None where
    it is worth nothing and makes no line."""
    amount, share, proration, exact = item.amount, item.share, item.proration, item.exact
    if days is not item.days and days != item.days:
        worth = value(item.plan, item.charge.key, item.cycle, item.days, days)
        exact, share, proration = times(exact, worth.share), share * worth.share, worth.proration
        amount = round_to(exact if worth.of_price else times(amount, worth.share), currency, worth.rounding)
    if amount or item.charge.zero_lines:
        return Due(item, days, share, item.quantity, amount, proration, 0, 0, exact)
    return None


def differences(backs: Sequence[Back], dues: Sequence[Due], currency: str, value: Value) -> Sequence[Due | Back]:
    """What is given back and what is charged, with both as one where they are for the same charge, cycle and days and the
    proration rule says ``netting: net``.  A difference is rounded once; where it is nothing, both lines stay."""
    given: dict[Any, list[Back]] = defaultdict(list)
    for back in backs:
        charge = back.line.charge
        given[charge.charge, charge.currency, charge.cycle_from, charge.cycle_to, back.days].append(back)
    made: list[Due | Back] = []
    gone: set[int] = set()
    for due in dues:
        cycle = due.owed.cycle
        pair = given.get((due.owed.charge.key, currency, cycle.start, cycle.end, due.days))
        net = _difference(due, pair, currency, value) if pair and id(pair[0]) not in gone else None
        if net is None or pair is None:
            made.append(due)
            continue
        gone.update(map(id, pair))
        made.append(net)
    return [*(back for back in backs if id(back) not in gone), *made]


def _difference(due: Due, pair: Sequence[Back], currency: str, value: Value) -> Due | None:
    """One line for what is added to, or taken off, the topmost of the lines that are given back; None where there is none."""
    tops = [back for back in pair if back.upper is None]
    if len(tops) != 1:
        return None  # the same days were billed by several lines, each of which goes back
    line = tops[0].line
    charge = line.charge
    worth = value(charge.plan, charge.charge, due.owed.cycle, service(line), due.days)
    given = (times(back.full, back.share) if worth.of_price else back.exact for back in pair)
    exact = settled(due.exact - sum(given, ZERO))
    amount = round_to(exact, currency, worth.rounding)
    if not worth.net or not amount or charge.tax_included != due.owed.charge.tax_included:
        return None
    old = sum((back.line.charge.quantity for back in _of_plan(pair, due.owed.plan)), ZERO)
    full = due.owed.full - sum((back.line.charge.full for back in pair), ZERO)
    return msgspec.structs.replace(due, quantity=due.quantity - old, amount=amount, upon=line.id, full=full)


def _of_plan(pair: Sequence[Back], plan: str) -> Iterator[Back]:
    """The lines, from the topmost down, whose quantities add up to that of the plan that was in force last, if it is ``plan``."""
    for back in pair:
        if back.line.charge.plan != plan:
            return
        yield back


def net_usage(
    owed: Sequence[Owed], billed: Iterable[Open], currency: str, stays: Callable[[RatedCharge], bool] = lambda _: False
) -> Iterator[Due | Back]:
    """The difference between what a stretch of usage owes and what was billed for exactly that stretch.

    Usage that became known late raises the quantity of its own stretch, so it is priced in the tier that it would have
    reached then.  Lines of a stretch that is no longer owed (its plan was changed back in time) are given back whole, unless
    they ``stays``; what was given back with its days counts as never billed, money that was given back alone does not.  Groups of usage are compared each by itself; one that has
    no usage left is given back while its stretch is owed.
    """
    lines: dict[Any, list[Open]] = defaultdict(list)
    for one in billed:
        charge = one.line.charge
        if one.stands or not charge.amount:
            days = charge.service_from, charge.service_to
            key = charge.plan, charge.charge, charge.currency, *days, charge.tax_included, charge.grouped
            lines[key].append(one)
    for item in owed:
        days, gross = (item.days.start, item.days.end), item.charge.tax_included
        before = lines.pop((item.plan, item.charge.key, currency, *days, gross, item.grouped), [])
        amount = item.amount - sum((one.left - one.adjusted for one in before), ZERO)
        quantity = item.quantity - sum((one.line.charge.quantity for one in before), ZERO)
        events = item.events - sum(one.line.charge.events for one in before)
        if amount or (item.zero_line and not before):
            after = max((one.line.charge.usage_to for one in before), default=0)
            yield Due(item, item.days, item.share, quantity, amount, item.proration, events, after)
    still = {(item.plan, item.charge.key, item.days) for item in owed} if any(key[-1] for key in lines) else set()
    for orphans in lines.values():
        for one in orphans:
            charge = one.line.charge
            emptied = charge.grouped and (charge.plan, charge.charge, service(one.line)) in still
            if one.left and (emptied or not stays(charge)):
                yield Back(one.line, service(one.line), Fraction(charge.share), -one.left, 0, charge.full, one.left)


def net_one_time(owed: Sequence[Owed], billed: Iterable[Open]) -> Iterator[Due]:
    """One-time charges are billed once per plan and day, and never given back by themselves; what was given back whole, because
    its invoice was voided, counts as never billed."""
    left = [one.line.charge for one in billed if one.stands or not one.line.charge.amount]
    known = {(charge.plan, charge.charge, charge.service_from) for charge in left}
    for item in owed:
        if (item.amount or item.charge.zero_lines) and (item.plan, item.charge.key, item.days.start) not in known:
            yield Due(item, item.days, item.share, item.quantity, item.amount, item.proration, 0, 0)


def _owed_terms(item: Owed, currency: str) -> tuple[Any, ...]:
    if item.charge.cycles_from == "terms":
        return item.plan, item.charge.key, currency, item.full, item.charge.tax_included
    cycle = item.cycle.start, item.cycle.end
    return item.plan, item.charge.key, currency, *cycle, item.quantity, item.full, item.charge.tax_included


def _billed_terms(charge: RatedCharge, free: bool) -> tuple[Any, ...]:
    """The terms of a line; of a charge that is ``free`` of cycles, as where they are counted from the terms, without its cycle."""
    if free:
        return charge.plan, charge.charge, charge.currency, charge.full, charge.tax_included
    cycle = charge.cycle_from, charge.cycle_to
    return charge.plan, charge.charge, charge.currency, *cycle, charge.quantity, charge.full, charge.tax_included


def _within(pieces: Iterable[Period], window: Period) -> list[Period]:
    return [piece for one in pieces if (piece := one.meet(window))]
