"""A second model of the schedule: it lives through the days one after the other and keeps what it has seen.

It shares nothing with :mod:`engine.receivables.dunning` but the nouns.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engine.model.dunning import Case, Terms

ONE = timedelta(days=1)


def left(debt: Any, day: date) -> Decimal:
    amount = Decimal(debt.amount)
    for on, change in debt.moves:
        if on <= day:
            amount += change
    return amount


class Life:
    """One subject, a document or the account, day by day."""

    def __init__(self, case: Case, terms: Terms, item: int) -> None:
        self.case, self.terms, self.item = case, terms, item
        self.debts = [d for d in case.debts if item in (0, d.item)]
        self.was_late = False
        self.opened: date | None = None
        self.seen: set[int] = set()
        self.cycle, self.done, self.last, self.about = 0, [], None, set()  # type: ignore[var-annotated]
        self.closed_since = False
        self.not_before = date.min
        self.promises: dict[str, str] = {}
        self.plans: dict[str, str] = {}

    def live(self, day: date) -> tuple[date, int, str, frozenset[int]] | None:
        """What happens on a day."""
        late = {d.item for d in self.debts if d.due < day and left(d, day) > 0}
        if not late:
            self.was_late, self.closed_since = False, True
            self.watch(day)
            return None
        if not self.was_late:
            self.was_late, self.opened, self.seen = True, day, set()
        self.seen |= late
        self.watch(day)
        cycle, done, anchor, floor = self.place(day)
        names = [step.name for step in self.terms.steps]
        at = 1 + max([names.index(name) for name in done], default=-1)
        if at >= len(names):
            return None
        step = self.terms.steps[at]
        planned = anchor
        if step.business:
            for _ in range(step.after):
                planned += ONE
                while not self.terms.calendar.is_business(planned):
                    planned += ONE
        else:
            planned += ONE * step.after
        if day < max(planned, floor) or not self.terms.calendar.is_business(day):
            return None
        wanted = {i: a for i, a in self.wanted(day).items() if i in {d.item for d in self.debts} and a > 0}
        if not wanted or sum(wanted.values()) < self.terms.minimum:
            return None
        self.take(day, cycle, step.name, set(wanted))
        return day, cycle, step.name, frozenset(wanted)

    def place(self, day: date) -> tuple[int, list[str], date, date]:
        """Cycle, steps done in it, from when is counted, and before when nothing falls."""
        assert self.opened is not None
        first = min(d.due for d in self.debts if d.item in self.seen)
        if self.last is None:
            return 1, [], first, max(self.opened, self.not_before)
        if self.last >= self.opened:
            return self.cycle, self.done, self.last, max(self.opened, self.not_before)
        again = bool(self.about & self.seen)
        if again and self.terms.reopened == "continue":
            wait = self.opened + ONE * self.terms.reopened_after
            return self.cycle, self.done, self.last, max(wait, self.not_before)
        return self.cycle + 1, [], self.opened if again else first, max(self.opened, self.not_before)

    def take(self, day: date, cycle: int, name: str, items: set[int]) -> None:
        if cycle != self.cycle:
            self.done, self.about = [], set()
        self.cycle, self.last, self.not_before = cycle, day, date.min
        self.done = [*self.done, name]
        self.about = self.about | items

    def watch(self, day: date) -> None:
        """Promises and plans that break today."""
        for one in self.case.promises:
            if day == one.due + ONE * (self.terms.promise_grace + 1) and self.broken_promise(one, day):
                self.break_(day, one.items)
        for one in self.case.plans:
            if self.plan_breaks(one) == day:
                self.break_(day, one.items)

    def break_(self, day: date, items: tuple[int, ...]) -> None:
        self.pending = getattr(self, "pending", [])
        self.pending.append((day, set(items)))

    def broken_promise(self, one: Any, day: date) -> bool:
        still = sum(max(left(d, day - ONE), Decimal(0)) for d in self.case.debts if d.item in one.items)
        return one.ended >= day and still > one.left

    def plan_breaks(self, one: Any) -> date | None:
        day = one.made
        while day <= one.parts[-1][0] + ONE * (self.terms.plan_grace + 1):
            before = day - ONE
            owed, behind = Decimal(0), 0
            paid = one.claim - sum(max(left(d, before), Decimal(0)) for d in self.case.debts if d.item in one.items)
            for on, amount in one.parts:
                owed += amount
                behind += on + ONE * self.terms.plan_grace <= before and owed > paid
            asked = any(on + ONE * self.terms.plan_grace == before for on, _ in one.parts)
            if asked and behind > self.terms.plan_misses:
                return day if one.ended >= day else None
            day += ONE
        return None

    def wanted(self, day: date) -> dict[int, Decimal]:
        credit = sum((-min(left(c, day), Decimal(0)) for c in self.case.credits if c.issued <= day), Decimal(0))
        found: dict[int, Decimal] = {}
        for debt in sorted(self.case.debts, key=lambda d: (d.due, d.item)):
            rest = left(debt, day)
            if debt.due >= day or rest <= 0:
                continue
            rest -= sum(
                (f.amount for f in self.case.freezes if f.item == debt.item and f.start <= day < f.until), Decimal(0)
            )
            rest = Decimal(0) if self.shut(debt.item, day) else max(rest, Decimal(0))
            used = min(rest, credit)
            credit -= used
            found[debt.item] = rest - used
        return found

    def shut(self, item: int, day: date) -> bool:
        if any(h.item in (0, item) and h.start <= day < h.until for h in self.case.holds):
            return True
        for one in self.case.promises:
            if item in one.items and one.made <= day <= one.due + ONE * self.terms.promise_grace and day < one.ended:
                return True
        for plan in self.case.plans:
            broken = self.plan_breaks(plan)
            over = plan.parts[-1][0] + ONE * self.terms.plan_grace
            if item in plan.items and plan.made <= day <= over and day < plan.ended and (not broken or day < broken):
                return True
        return False


class Watched(Life):
    """A life in which what was broken counts for the documents that are late in the stretch."""

    def place(self, day: date) -> tuple[int, list[str], date, date]:
        cycle, done, anchor, floor = super().place(day)
        last = self.last or date.min
        for on, items in getattr(self, "pending", []):
            if last < on and items & self.seen:
                floor = max(floor, on + ONE * self.terms.broken_after)
        return cycle, done, anchor, floor


def lived(case: Case, terms: Terms, start: date, until: date) -> list[tuple[date, int, int, str, frozenset[int]]]:
    """The steps from ``start`` to before ``until``: day, subject, cycle, name, documents."""
    found = []
    items = [0] if terms.level == "account" else [debt.item for debt in case.debts]
    for item in items:
        life, day = Watched(case, terms, item), min([start, *(debt.due for debt in case.debts)])
        while day < until:
            made = life.live(day)
            if made is not None:
                on, cycle, name, about = made
                found.append((on, item, cycle, name, about))
            day += ONE
    return sorted(found, key=lambda one: one[:2])
