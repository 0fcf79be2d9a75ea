"""The dated schedule of dunning: a function of due dates, payments, promises, holds, disputes, calendar and rule.

The steps of a rule follow one another, none is left out, and each is taken once in a cycle.  The first counts from the due
date, each other from the day on which the one before it was taken.  A cycle goes on while something is late; what was paid
and is open again (a returned payment) goes on in the cycle in which it was, unless the rule says ``restart``.

Nothing changes between two *turns*: days on which something becomes late, is paid, opens again, or on which a hold, promise,
plan or freeze begins or ends.  So a day that a step falls on is looked for from turn to turn, never day by day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import ZERO
from engine.model.dunning import (
    ALL_ITEMS,
    Case,
    Debt,
    Due,
    Instalments,
    Promise,
    Standing,
    Step,
    Taken,
    Terms,
)

_DAY: Final = timedelta(days=1)
_LONGEST: Final = 2000
"""Turns that are looked at for one step; a bound, never met by what people do."""


def late(case: Case, day: date) -> dict[int, Decimal]:
    """What is open of each document that was due before a day, disputed parts included."""
    return {debt.item: left for debt in case.debts if debt.due < day and (left := debt.open_on(day)) > ZERO}


def asked(case: Case, terms: Terms, day: date) -> dict[int, Decimal]:
    """What is asked for of each late document: nothing of what is held, promised or paid in instalments, nothing of what is
    frozen, and nothing of what the customer has with us, which is taken off what was due first."""
    credit = -sum((min(one.open_on(day), ZERO) for one in case.credits if one.issued <= day), ZERO)
    whole, dues = late(case, day), {debt.item: debt.due for debt in case.debts}
    found: dict[int, Decimal] = {}
    for item in sorted(whole, key=lambda one: (dues[one], one)):
        rest = ZERO if protected(case, terms, item, day) else max(whole[item] - frozen(case, item, day), ZERO)
        used = min(rest, credit)
        credit -= used
        found[item] = rest - used
    return found


def protected(case: Case, terms: Terms, item: int, day: date) -> str:
    """What stands against asking for a document at all, in words; empty where nothing does."""
    for hold in case.holds:
        if hold.item in (item, ALL_ITEMS) and hold.start <= day < hold.until:
            return f"{hold.kind}: {hold.reason}" if hold.reason else hold.kind
    for promise in case.promises:
        if item in promise.items and promise.made <= day < promise_ends(promise, terms):
            return f"promised for {promise.due}"
    for plan in case.plans:
        if item in plan.items and plan.made <= day < plan_ends(case, terms, plan):
            return f"instalments until {plan.parts[-1][0]}"
    return ""


def promise_ends(promise: Promise, terms: Terms) -> date:
    """The first day on which a promise does not protect any more."""
    return min(promise.due + timedelta(days=terms.promise_grace + 1), promise.ended)


def plan_ends(case: Case, terms: Terms, plan: Instalments) -> date:
    """The first day on which a plan does not protect any more: it is broken, over, or was ended."""
    missed = broken_plan(case, plan, terms.plan_grace, terms.plan_misses)
    last = plan.parts[-1][0] + timedelta(days=terms.plan_grace + 1)
    return min(missed or last, plan.ended)


def frozen(case: Case, item: int, day: date) -> Decimal:
    """What is frozen of a document on a day."""
    return sum((one.amount for one in case.freezes if one.item == item and one.start <= day < one.until), ZERO)


def broken_promise(case: Case, promise: Promise, grace: int) -> date | None:
    """The day from which a promise counts as broken; None where it is kept, or was ended before."""
    last = promise.due + timedelta(days=grace)
    if promise.ended <= last or _open(case, promise.items, last) <= promise.left:
        return None
    return last + _DAY


def broken_plan(case: Case, plan: Instalments, grace: int, misses: int) -> date | None:
    """The day from which a plan counts as broken: more instalments are behind than the rule lets pass."""
    owed: list[Decimal] = []
    for day, amount in plan.parts:
        owed.append((owed[-1] if owed else ZERO) + amount)
        last = day + timedelta(days=grace)
        paid = plan.claim - _open(case, plan.items, last)
        if sum(one > paid for one in owed) > misses:
            return None if plan.ended <= last else last + _DAY
    return None


def standing(case: Case, terms: Terms, day: date, item: int = ALL_ITEMS) -> Standing:
    """How a document (or, of item 0, the account) stands on a day, by what is known."""
    mine = _items(case, item)
    found = _look(case, terms, day, item)
    whole = sum((left for one, left in late(case, day).items() if one in mine), ZERO)
    wanted = sum((left for one, left in asked(case, terms, day).items() if one in mine), ZERO)
    made = Standing(item, "clear", found.cycle, found.last, whole, wanted, found.since)
    if not found.since:
        return made
    if found.next is None or found.planned is None:
        return msgspec.structs.replace(made, state="finished")
    why = _against(case, terms, day, mine)
    early = day < found.planned or not terms.calendar.is_business(day)
    state = "held" if why else "ahead" if early else "due"
    return msgspec.structs.replace(made, state=state, next=found.next.name, planned=found.planned, why=why)


def due_on(case: Case, terms: Terms, day: date) -> list[Due]:
    """The steps that fall on a day, given those that were taken: at most one of the account, or of each document."""
    return [made for item in subjects(case, terms) if (made := _due(case, terms, day, item)) is not None]


def subjects(case: Case, terms: Terms) -> list[int]:
    """What has a level of its own: each document, or the account (0)."""
    return [ALL_ITEMS] if terms.level == "account" else [debt.item for debt in case.debts]


def schedule(case: Case, terms: Terms, start: date, until: date) -> list[Due]:
    """The steps from ``start`` to before ``until``, each taken on the day on which it falls, if nothing else happens."""
    found = [one for item in subjects(case, terms) for one in _ahead(case, terms, start, until, item)]
    return sorted(found, key=lambda one: (one.day, one.item))


def next_business(terms: Terms, day: date, step: Step) -> date:
    """The business day on which a step falls that counts from a day."""
    counted = terms.calendar.after(day, step.after) if step.business else day + timedelta(days=step.after)
    return terms.calendar.following(counted)


class _Found(msgspec.Struct, frozen=True):
    """Where a subject is on a day: the cycle, the step taken last in it, the next one and when it is planned."""

    since: date | None
    cycle: int
    last: str
    number: int
    next: Step | None
    planned: date | None


def _ahead(case: Case, terms: Terms, start: date, until: date, item: int) -> Iterator[Due]:
    day = start
    while day < until:
        made = _first(case, terms, day, until, item)
        if made is None:
            return
        yield made
        taken = Taken(item, made.cycle, made.step, made.day, tuple(one for one, _ in made.items))
        case = msgspec.structs.replace(case, taken=(*case.taken, taken))
        day = made.day + _DAY


def _first(case: Case, terms: Terms, start: date, until: date, item: int) -> Due | None:
    """The first step that falls on a day from ``start`` on: looked for from turn to turn."""
    turns = [start, *(day for day in _turns(case, terms) if start < day < until)]
    for turn, following in zip(turns[:_LONGEST], [*turns[1:], until], strict=False):
        found = _look(case, terms, turn, item)
        if found.planned is None:
            continue
        day = terms.calendar.following(max(turn, found.planned))
        if day < following and (made := _due(case, terms, day, item)) is not None:
            return made
    return None


def _due(case: Case, terms: Terms, day: date, item: int) -> Due | None:
    mine = _items(case, item)
    found = _look(case, terms, day, item)
    if found.next is None or found.planned is None or day < found.planned or not terms.calendar.is_business(day):
        return None
    if _against(case, terms, day, mine):
        return None
    items = tuple((one, left) for one, left in asked(case, terms, day).items() if one in mine and left > ZERO)
    return Due(item, found.cycle, found.number + 1, found.next.name, found.planned, day, items)


def _against(case: Case, terms: Terms, day: date, mine: set[int]) -> str:
    """What stands against asking on a day, in words; empty where nothing does."""
    total = sum((left for one, left in asked(case, terms, day).items() if one in mine), ZERO)
    if total > ZERO:
        return f"{total.normalize():f} is under the minimum" if total < terms.minimum else ""
    reasons = [why for one in late(case, day) if one in mine and (why := protected(case, terms, one, day))]
    return reasons[0] if reasons else "all of it is disputed, on its way, or covered by credit"


def _look(case: Case, terms: Terms, day: date, item: int) -> _Found:
    """Where a subject is on a day, from the steps that were taken up to it."""
    mine = _items(case, item)
    debts = [debt for debt in case.debts if debt.item in mine]
    since = _since(debts, day)
    about = (one for one in case.taken if one.day <= day and (item == ALL_ITEMS or item in one.items))
    taken = sorted(about, key=lambda one: one.day)
    last = taken[-1] if taken else None
    if since is None:
        return _Found(None, last.cycle if last else 0, last.step if last else "", 0, None, None)
    own = _late_between(debts, since, day)
    anchor = min(debt.due for debt in debts if debt.item in own)
    if last is None:
        return _next(terms, since, 1, [], anchor, _broken(case, terms, date.min, day, own))
    same = [one for one in taken if one.cycle == last.cycle]
    broken = _broken(case, terms, last.day, day, own)
    if last.day >= since:
        return _next(terms, since, last.cycle, same, last.day, broken)
    before = {one for step in same for one in step.items}
    if terms.reopened == "continue" and before & own:
        return _next(terms, since, last.cycle, same, last.day, max(since + timedelta(terms.reopened_after), broken))
    return _next(terms, since, last.cycle + 1, [], since if before & own else anchor, broken)


def _next(
    terms: Terms, since: date, cycle: int, taken: Sequence[Taken], anchor: date, earliest: date = date.min
) -> _Found:
    """What follows the steps of a cycle: the first of the rule that comes after all that were taken."""
    names = [step.name for step in terms.steps]
    reached = max((names.index(one.step) for one in taken if one.step in names), default=-1)
    last = taken[-1].step if taken else ""
    if reached + 1 >= len(terms.steps):
        return _Found(since, cycle, last, len(taken), None, None)
    step = terms.steps[reached + 1]
    planned = max(next_business(terms, anchor, step), terms.calendar.following(max(earliest, since)))
    return _Found(since, cycle, last, len(taken), step, planned)


def _broken(case: Case, terms: Terms, after: date, day: date, own: set[int]) -> date:
    """When dunning goes on after what was broken since the last step; the first of days where nothing was."""
    found = [broken_promise(case, one, terms.promise_grace) for one in case.promises if own & {*one.items}]
    plans = (one for one in case.plans if own & {*one.items})
    found += [broken_plan(case, one, terms.plan_grace, terms.plan_misses) for one in plans]
    days = [one + timedelta(days=terms.broken_after) for one in found if one is not None and after < one <= day]
    return max(days, default=date.min)


def _since(debts: Sequence[Debt], day: date) -> date | None:
    """The first day of the stretch of days, up to this one, on each of which something was late; None where nothing is."""
    since: date | None = None
    for turn in sorted({turn for debt in debts for turn in _days(debt)}):
        if turn > day:
            break
        if not any(_is_late(debt, turn) for debt in debts):
            since = None
        elif since is None:
            since = turn
    return since


def _late_between(debts: Sequence[Debt], since: date, day: date) -> set[int]:
    """The documents that were late on some day of a stretch."""
    turns = {since, day, *(turn for debt in debts for turn in _days(debt) if since <= turn <= day)}
    return {debt.item for debt in debts if any(_is_late(debt, turn) for turn in turns)}


def _is_late(debt: Debt, day: date) -> bool:
    return debt.due < day and debt.open_on(day) > ZERO


def _items(case: Case, item: int) -> set[int]:
    """The documents of a subject."""
    return {debt.item for debt in case.debts} if item == ALL_ITEMS else {item}


def _days(debt: Debt) -> list[date]:
    """The days on which a document becomes late, or what is left of it changes after that."""
    first = debt.due + _DAY
    return [first, *(day for day, _ in debt.moves if day > first)]


def _turns(case: Case, terms: Terms) -> list[date]:
    days: set[date] = {day for debt in case.debts for day in _days(debt)}
    for credit in case.credits:
        days |= {credit.issued, *(day for day, _ in credit.moves)}
    days |= {day for one in case.freezes for day in (one.start, one.until)}
    days |= {day for one in case.holds for day in (one.start, one.until)}
    for promise in case.promises:
        days |= {promise.made, promise_ends(promise, terms), promise.due + timedelta(terms.promise_grace + 1)}
    for plan in case.plans:
        days |= {plan.made, plan_ends(case, terms, plan)}
    return sorted(day for day in days if day < date.max)


def _open(case: Case, items: Iterable[int], day: date) -> Decimal:
    wanted = set(items)
    return sum((max(debt.open_on(day), ZERO) for debt in case.debts if debt.item in wanted), ZERO)


def relevant(
    debts: Sequence[Debt], taken: Sequence[Taken], agreed: Iterable[Promise | Instalments], day: date
) -> tuple[Debt, ...]:
    """The documents that matter on a day: what is open, what the last cycle and agreements were about, and what was late
    without a gap before that.  What was paid long ago makes no difference."""
    spans = {debt.item: span for debt in debts if (span := _late_span(debt)) is not None}
    last = max((one.day for one in taken), default=None)
    cycles = {(one.item, one.cycle) for one in taken if one.day == last}
    named = {item for one in taken if (one.item, one.cycle) in cycles for item in one.items}
    named |= {item for one in agreed for item in one.items}
    kept = {debt.item for debt in debts if debt.item in named or debt.open_on(day) > ZERO}
    first = min((spans[item][0] for item in kept if item in spans), default=day)
    for item, (start, until) in sorted(spans.items(), key=lambda one: one[1][1], reverse=True):
        if item not in kept and until >= first - _DAY:
            kept.add(item)
            first = min(first, start)
    return tuple(debt for debt in debts if debt.item in kept)


def _late_span(debt: Debt) -> tuple[date, date] | None:
    """From the first to the last day on which something of a document is late; None where nothing ever is."""
    days = [day for day in _days(debt) if _is_late(debt, day)]
    if not days:
        return None
    paid = [day for day in _days(debt) if day > days[-1]]
    return days[0], paid[0] - _DAY if paid else date.max
