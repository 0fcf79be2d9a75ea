"""Recognised revenue of closed months by other rules of revenue: every line planned again by both sides, compared month by month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import ZERO
from engine.base.period import add_months
from engine.billing.advances import is_advance
from engine.model.revenue import KIND, RevenueEvent
from engine.runs.revenue.planning import NOT_EARNED
from engine.runs.run import Progress
from engine.runs.simulate.compare import gl_rows, label, same
from engine.runs.simulate.difference import Decided, Movers, Row, Tally, Tie, movers, terms_apart, ties
from engine.runs.simulate.earning import Earned, Earner, Months
from engine.runs.simulate.sides import Side
from engine.runs.simulate.why import told
from engine.store.asof import AsOf
from engine.store.asof_revenue import EarningLine, Happened, earning_lines, happened, of_no_line, planned_in
from engine.store.records import Run

FAMILIES: Final = frozenset({"revrec"})
"""Families that decide when revenue is recognised."""
STEP: Final = 1000
"""Lines between two signs of life."""


class Recognised(msgspec.Struct, frozen=True):
    """A line whose revenue of a month comes out otherwise, by the revenue rules of both sides."""

    month: str
    line: int
    run: int
    entity: str
    customer: str
    subscription: str
    product: str
    currency: str
    before: Decimal
    after: Decimal
    rule: str
    other_rule: str

    @property
    def difference(self) -> Decimal:
        """What would be recognised more."""
        return self.after - self.before


class RevenueReplayed(msgspec.Struct, frozen=True):
    """Recognised revenue of some months by both rules, before tax: by month, customer, product, rule and GL account.

    ``lines`` were planned again; ``drift`` are those whose months are not in the books as their own rules have them; ``beside`` counts
    what is no line of a document, or has no rules in the books, and is no part of it.
    """

    lines: int
    months: tuple[Row, ...]
    customers: tuple[Row, ...]
    products: tuple[Row, ...]
    rules: tuple[Row, ...]
    accounts: tuple[Row, ...]
    movers: tuple[Movers, ...]
    decided: tuple[Decided, ...]
    changed: tuple[Recognised, ...]
    drift: tuple[int, ...]
    ties: tuple[Tie, ...]
    beside: Mapping[str, int]

    def cuts(self) -> Mapping[str, Sequence[Row]]:
        """The sums by what they are of."""
        return {
            "month": self.months,
            "customer": self.customers,
            "product": self.products,
            "revenue rule": self.rules,
            "GL account": self.accounts,
        }


def recognition_runs(known: Sequence[Run], first: date, end: date) -> list[Run]:
    """The recognition runs that are through with a day of some months."""
    mine = (run for run in known if run.kind == KIND and run.state == "done")
    return [run for run in mine if first <= date.fromisoformat(run.period) < end]


def replay_revenue(
    books: AsOf, sides_of: Callable[[str], tuple[Side, Side]], known: Sequence[Run], months: tuple[date, date, int],
    progress: Progress,
) -> RevenueReplayed:  # fmt: skip
    """Plan every line dated before the end of the months again, and compare what is recognised in them.

    ``months`` are the first day, the day after the last one, and how many winners and losers are named.
    """
    first, end, top = months
    tenant = known[0].tenant
    releases = {run.id: run.release for run in known if run.release}
    found = _Compared(first, end, happened(books, tenant, end), planned_in(books, tenant, first, end))
    for line in earning_lines(books, tenant, end):
        found.take(line, sides_of(releases[line.run]) if line.run in releases else None)
        if not found.lines % STEP:
            progress("revenue", found.lines, found.lines)
    found.finish()
    return found.result(of_no_line(books, tenant, first, end), top)


class _Compared:
    """Both sides of every line, added up as they come."""

    def __init__(self, first: date, end: date, seen: Happened, booked: Mapping[int, Mapping[date, Decimal]]) -> None:
        self._first, self._end, self._seen, self._booked = first, end, seen, booked
        self._earners = (Earner(seen.credited), Earner(seen.credited))
        self._waiting: list[tuple[EarningLine, tuple[Side, Side], tuple[Earned, Earned], list[RevenueEvent]]] = []
        self._tallies = {name: Tally() for name in ("month", "customer", "product", "rule", "account")}
        self._ways: dict[tuple[str, str, tuple[str, ...]], Decided] = {}
        self._changed: list[Recognised] = []
        self._drift: list[int] = []
        self._beside: Counter[str] = Counter()
        self.lines = 0

    def take(self, line: EarningLine, sides: tuple[Side, Side] | None) -> None:
        """Take a line; ``sides`` are None where the books have no rules for it."""
        charge = line.charge
        if charge.kind in NOT_EARNED or is_advance(charge):
            return
        if line.id in self._seen.covered:
            self._beside["lines of revenue contracts"] += 1
            return
        if sides is None:
            self._beside["lines without a release"] += 1
            return
        self.lines += 1
        events = self._seen.of(line)
        one, other = (earner.take(side, line, events) for earner, side in zip(self._earners, sides, strict=True))
        if events:  # credits come first
            self._waiting.append((line, sides, (one, other), events))
        else:
            self._compare(line, sides, (one, other))

    def finish(self) -> None:
        """Take what events change, once all credits are known."""
        for line, sides, both, events in self._waiting:
            for earner, side, one in zip(self._earners, sides, both, strict=True):
                items = dict(one.items)
                for on, amount in earner.later(side, line, events).items():
                    items[on] = items.get(on, ZERO) + amount
                one.items = items
            self._compare(line, sides, both)

    def _within(self, months: Months) -> Months:
        return {month: amount for month, amount in months.items() if self._first <= month < self._end and amount}

    def _compare(self, line: EarningLine, sides: tuple[Side, Side], both: tuple[Earned, Earned]) -> None:
        before, after = (self._within(one.months(line)) for one in both)
        booked = {month: amount for month, amount in self._booked.get(line.id, {}).items() if amount}
        if (line.id in self._booked and booked != before) or (
            line.id not in self._booked and not _at_once(line, both[0])
        ):
            self._drift.append(line.id)
        names = (label(both[0].decision), label(both[1].decision))
        for month in sorted({*before, *after}):
            self._add(line, sides, month, (before.get(month, ZERO), after.get(month, ZERO)), names)
        if not same(both[0].decision, both[1].decision):
            self._switched(line, sides, both, (before, after))

    def _add(
        self, line: EarningLine, sides: tuple[Side, Side], month: date, sums: tuple[Decimal, Decimal],
        names: tuple[str, str],
    ) -> None:  # fmt: skip
        charge, currency, shown = line.charge, line.currency, f"{month:%Y-%m}"
        for name, key in (("month", shown), ("customer", charge.account), ("product", charge.product)):
            self._tallies[name].add(key, currency, *sums)
        if names[0] == names[1]:
            self._tallies["rule"].add(names[0], currency, *sums)
        else:
            self._tallies["rule"].add(names[0], currency, sums[0], ZERO)
            self._tallies["rule"].add(names[1], currency, ZERO, sums[1])
        day = max(line.invoice_date, month) if line.invoice_date >= month else add_months(month, 1) - timedelta(days=1)
        for place, (earner, side) in enumerate(zip(self._earners, sides, strict=True)):
            revenue, liability = earner.accounts(side, line, day)
            for account, amount in ((revenue, -sums[place]), (liability, sums[place])):
                self._tallies["account"].add(account, currency, *((ZERO, amount) if place else (amount, ZERO)))
        if sums[0] != sums[1]:
            head = (shown, line.id, line.run, line.entity, charge.account, charge.subscription, charge.product)
            self._changed.append(Recognised(*head, currency, *sums, *names))

    def _switched(
        self, line: EarningLine, sides: tuple[Side, Side], both: tuple[Earned, Earned], months: tuple[Months, Months]
    ) -> None:
        one, other = (each.decision for each in both)
        names = (label(one), label(other))
        why = tuple(terms_apart(one.terms, other.terms)) if names[0] == names[1] else ()
        if not why and one.method is not other.method:
            why = (f"method: {one.terms.get('method', '')} -> {other.terms.get('method', '')}",)
        key = (*names, why)
        money = sum(months[1].values(), ZERO) - sum(months[0].values(), ZERO)
        known = self._ways.get(key)
        if known is None:
            reason = why if names[0] == names[1] else self._why(line, sides, names)
            example = f"{line.charge.subscription} {line.charge.charge} {line.charge.service_from}"
            known = Decided("revrec", *names, 0, {}, reason, example)
        sums = {**known.money, line.currency: known.money.get(line.currency, ZERO) + money}
        moved = known.moved + (months[0] != months[1])
        self._ways[key] = msgspec.structs.replace(known, count=known.count + 1, money=sums, moved=moved)

    def _why(self, line: EarningLine, sides: tuple[Side, Side], names: tuple[str, str]) -> tuple[str, ...]:
        facts, on = self._earners[0].facts(line), line.charge.service_from
        before, after = (side.rules.trace("revrec", facts, on) for side in sides)
        return told(names, [{label(d) for d in side.rules.decisions()} for side in sides], before, after)

    def result(self, others: Mapping[str, int], top: int) -> RevenueReplayed:
        """What all lines come to."""
        rows = {name: tally.rows() for name, tally in self._tallies.items()}
        net = self._tallies["month"].difference()
        parts = {f"revenue by {name}": self._tallies[name].difference() for name in ("customer", "product", "rule")}
        nothing = ties({}, {"revenue by GL account, all together": self._tallies["account"].difference()})
        beside = {**self._beside, **{f"schedules of {name}": count for name, count in others.items()}}
        return RevenueReplayed(
            self.lines,
            gl_rows(rows["month"]),
            rows["customer"],
            rows["product"],
            rows["rule"],
            gl_rows(rows["account"]),
            movers(rows["customer"], top),
            tuple(self._told()),
            tuple(sorted(self._changed, key=lambda one: (one.month, one.line))),
            tuple(sorted(self._drift)),
            (*ties(net, parts), *nothing),
            dict(sorted(beside.items())),
        )

    def _told(self) -> Iterator[Decided]:
        for one in sorted(self._ways.values(), key=lambda d: (-d.count, d.rule, d.other_rule, d.why)):
            yield msgspec.structs.replace(one, money={name: sum_ for name, sum_ in sorted(one.money.items()) if sum_})


def _at_once(line: EarningLine, one: Earned) -> bool:
    """Whether a line earns all it has on the day of its document, so that the books have no schedule of it."""
    return sum((amount for on, amount in one.items.items() if on <= line.invoice_date), ZERO) == line.charge.amount
