"""A contract over its life: obligations, what changes them, and what each has earned.

:func:`account` is a fold over changes in the order of their days.  At every moment what is recognised and what remains add
up to the transaction price, because each change moves amounts between the two and names what it adds to the price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.base.money import ZERO
from engine.revenue.satisfied import Satisfaction, in_order
from engine.revenue.schedule import RevenueFacts, ScheduleItem


class Obligation(msgspec.Struct, frozen=True):
    """What a contract owes.

    Attributes:
        key: its name in the contract.
        facts: its service and what was done of it; ``amount`` is the share of the price that was allocated to it.
        terms: of the rule that was decided for it.
        method: when it is earned.
        ssp: its standalone selling price, for changes that are shared.
        variable: its part of the price follows what happens (royalties, units of unknown number): the price is what is earned.
    """

    key: str
    facts: RevenueFacts
    terms: Mapping[str, Any]
    method: Satisfaction
    ssp: Decimal = ZERO
    variable: bool = False


class Change(msgspec.Struct, frozen=True):
    """Something that changes a contract from the beginning of a day.

    Attributes:
        on: the day from which it holds; of ``terminate`` the last day of service, of ``credit`` the day it belongs to.
        kind: modify, estimate, credit, pause or terminate.
        key: tells changes of a day apart.
        price: what it adds to the price (a credit takes away, and is written positive).
        adds: obligations that come with it; the amounts of their facts are the prices stated for them.
        at_ssp: the price of what is added is its standalone selling price.
        rest: what the service that was still owed costs from now on, instead of what was left of its price.
        ends: the day after the last day of service from now on; of ``pause`` the day after its last.
        quantity: units that are added to what was promised.
        cost: what is added to the expected cost.
        past: a credit for what was delivered before, granted with a modification.
        refund: of ``terminate``: what the customer need not pay, or has back.
        extend: of ``pause``: service ends as much later.
        recorded: when it became known; None is at once.
        to: of ``estimate``, the obligation whose price alone is expected to be another; empty where it is that of all.
    """

    on: date
    kind: str
    key: str = ""
    price: Decimal = ZERO
    adds: tuple[Obligation, ...] = ()
    at_ssp: bool = False
    rest: Decimal | None = None
    ends: date | None = None
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    past: Decimal = ZERO
    refund: Decimal = ZERO
    extend: bool = False
    recorded: date | None = None
    to: str = ""


class Contract(msgspec.Struct, frozen=True):
    """A contract as it was signed, and its changes.

    ``exists`` is the day on which it meets the criteria of a contract (signed, collectible): nothing is revenue before, and
    what was served before is caught up on it.
    """

    currency: str
    obligations: tuple[Obligation, ...]
    changes: tuple[Change, ...] = ()
    exists: date = date.min


class Earned(msgspec.Struct, frozen=True):
    """Revenue of an obligation on a day."""

    on: date
    key: str
    amount: Decimal


class Treated(msgspec.Struct, frozen=True):
    """How a modification was accounted for; ``shares`` are the amounts still to be earned after it."""

    on: date
    key: str
    how: str
    shares: Mapping[str, Decimal]


class Account(msgspec.Struct, frozen=True):
    """What came of a contract: all revenue by day, its price, and what of it no event has earned yet."""

    items: tuple[Earned, ...]
    price: Decimal
    unearned: Mapping[str, Decimal]
    treated: tuple[Treated, ...] = ()

    def recognised(self, through: date) -> Decimal:
        """Revenue up to the end of a day."""
        return sum((one.amount for one in self.items if one.on <= through), ZERO)

    def remaining(self, through: date) -> Decimal:
        """What is left of the price after a day: the remaining performance obligation."""
        return self.price - self.recognised(through)

    def by_year(self, after: date) -> dict[int, Decimal]:
        """What is to become revenue after a day, by calendar year: the note on remaining performance obligations."""
        sums: dict[int, Decimal] = {}
        for one in sorted(self.items, key=lambda one: one.on):
            if one.on > after:
                sums[one.on.year] = sums.get(one.on.year, ZERO) + one.amount
        return sums

    def by_month(self) -> dict[str, Decimal]:
        """Revenue of each month that has any."""
        sums: dict[str, Decimal] = {}
        for one in sorted(self.items, key=lambda one: one.on):
            month = f"{one.on:%Y-%m}"
            sums[month] = sums.get(month, ZERO) + one.amount
        return sums


class Running:
    """An obligation on its way: what it has earned so far, and the facts of what is left."""

    def __init__(self, obligation: Obligation, *, original: bool = True) -> None:
        self.obligation, self.facts, self.original = obligation, obligation.facts, original
        self.items: list[ScheduleItem] = []
        self.earned = ZERO  # of the amount of the facts; what came before them is not in it
        self.since: date | None = None
        self.closed = False
        self.pool: tuple[str, ...] = ()

    @property
    def open(self) -> Decimal:
        """What is left to be earned."""
        return ZERO if self.obligation.variable else self.facts.amount - self.earned

    def owed(self, day: date) -> bool:
        """Whether something is still to be done for it at the beginning of a day, if only for nothing."""
        free = not self.facts.amount and not self.obligation.variable and self.facts.service_to > day
        return not self.closed and (bool(self.open) or free)

    def ask(self, since: date | None, through: date | None) -> tuple[ScheduleItem, ...]:
        """Items by the rule's method."""
        return self.obligation.method(self.obligation.terms, replace(self.facts, since=since, through=through))

    def settle(self, day: date | None) -> None:
        """Take what is earned before a day, or all.

        Parts that are rounded by themselves come to a cent more or less where a day cuts one in two: the next has that.
        """
        if self.closed:
            return
        items = [*self.ask(self.since, day)]
        if items and self.since is not None:
            off = sum((item.amount for item in self.ask(None, self.since)), ZERO) - self.earned
            items[0] = replace(items[0], amount=items[0].amount + off)
        self.items += items
        self.earned += sum((item.amount for item in items), ZERO)
        self.since = day

    def add(self, on: date, amount: Decimal) -> None:
        """Revenue, or less of it, beside the schedule."""
        if amount:
            self.items.append(ScheduleItem(on, amount))

    def restart(self, day: date, amount: Decimal, **changed: Any) -> None:
        """What is left is earned anew from a day: what came before stays as it is."""
        facts = self.facts
        done = tuple(one for one in facts.happenings if one.on < day)
        units = sum((one.quantity for one in done if one.kind in ("deliver", "use")), ZERO)
        costs = [one for one in done if one.kind == "cost"]
        expected = next((one.expected for one in reversed(in_order(done)) if one.expected is not None), facts.cost)
        spent, used = sum((one.quantity for one in costs), ZERO), sum((one.material for one in costs), ZERO)
        begins = max(day, facts.service_from, *(one.ends for one in facts.pauses))
        ahead = tuple(one for one in facts.happenings if one.on >= day)
        left = {"quantity": facts.quantity - units, "cost": max(expected - spent, ZERO) if facts.cost else ZERO}
        left["material"] = max(facts.material - used, ZERO)
        starts = facts.begins_at if begins == facts.service_from > day else None
        fresh = {"service_from": begins, "begins_at": starts, "happenings": ahead, **left, **changed, "pauses": ()}
        self.facts, self.earned, self.since = replace(facts, amount=amount, exact=None, **fresh), ZERO, None

    def catch_up(self, day: date, **changed: Any) -> None:
        """Measure what was done by new facts: the difference is revenue of the day."""
        before, self.facts = self.facts.amount, replace(self.facts, exact=None, **changed)
        if self.closed:
            self.add(day, self.facts.amount - before)
            self.earned = self.facts.amount
            return
        due = sum((item.amount for item in self.ask(None, day)), ZERO)
        self.add(day, due - self.earned)
        self.earned, self.since = due, day


Books = dict[str, Running]
Act = Callable[[Books, Change, list[Treated]], None]


def account(contract: Contract, acts: Mapping[str, Act], known: date | None = None) -> Account:
    """A contract through all of its changes, or through those recorded up to the day ``known``.

    The order in which changes and happenings are listed makes no difference.
    """
    books = {one.key: Running(one) for one in contract.obligations}
    treated: list[Treated] = []
    for change in _ordered(contract.changes, known):
        acts[change.kind](books, change, treated)
    for running in books.values():
        running.settle(None)
    items = [
        Earned(max(item.on, contract.exists), key, item.amount)
        for key, running in books.items()
        for item in running.items
    ]
    unearned = {key: running.open for key, running in books.items()}
    price = sum((one.amount for one in items), ZERO) + sum(unearned.values(), ZERO)
    items.sort(key=lambda one: one.on)
    return Account(tuple(items), price, unearned, tuple(treated))


_RANK = {"credit": 0, "estimate": 1, "modify": 2, "pause": 3, "terminate": 4}


def _ordered(changes: Iterable[Change], known: date | None) -> list[Change]:
    seen = [one for one in changes if known is None or (one.recorded or one.on) <= known]
    return sorted(seen, key=lambda one: (one.on, _RANK[one.kind], one.key, repr(one)))
