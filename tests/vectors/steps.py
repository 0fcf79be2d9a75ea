"""Runs the steps of ``invoicing_timelines``: terms become events of subscriptions, runs bill them, account by account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from engine.base.money import ZERO
from engine.billing.adjusting import adjust
from engine.billing.billed import open_lines
from engine.billing.on_account import moved
from engine.model.catalog import Charge, Plan
from engine.model.invoice import RatedCharge
from tests.vectors.killbill import Books, book, one_time, price_rule, recurring
from tests.vectors.reading import number

Item = tuple[Any, ...]
"""(kind, subscription, first day, day after the last, amount), None where a kind has no such thing."""
Terms = Mapping[str, Any]
STOP = ("stop", "cancel")


class Sub:
    """One subscription: what a vector says of it in turn, told to the engine as events.

    Entries are kept as the vector's words mean them: a later word takes its place among them by day.  Whenever entries after
    its day are dropped or stand on another footing, a ``withdraw`` takes them back and they are told again.
    """

    def __init__(self, key: str, terms: Iterable[Terms]) -> None:
        """``terms`` are all that the case has for the subscription, in its catalogue from the beginning."""
        self.key = key
        self.variants: list[tuple[Any, ...]] = []
        charges: dict[str, list[Charge]] = {}
        prices: dict[str, str] = {}
        for one in terms:
            plan = self.plan(one)
            known = charges.setdefault(plan, [])
            for charge, price in ((recurring(plan, one), one.get("price")), (one_time(plan), one.get("fixed"))):
                if price is not None and charge.key not in [other.key for other in known]:
                    known.append(charge)
                    prices[f"{plan}/{charge.key}"] = price_rule(plan, charge.key, price)
        self.books = Books([], book("".join(prices.values())), 1)
        self.books.plans = {plan: Plan("t", plan, plan, tuple(mine)) for plan, mine in charges.items()}
        self.entries: list[tuple[date, Terms | None]] = []
        self.adjusted = ZERO

    def plan(self, terms: Terms) -> str:
        """The plan of the catalogue: a price, period or timing of its own makes another one."""
        price = None if terms.get("price") is None else number(terms["price"])
        variant = (price, *(terms.get(key) for key in ("plan", "period", "timing")))
        if variant not in self.variants:
            self.variants.append(variant)
        return f"{self.key}-{self.variants.index(variant)}"

    def tell(self, on: date, terms: Terms | None, forgets: bool) -> None:
        """From a day on these terms hold, or nothing is owed; entries after it are forgotten or kept."""
        later = [entry for entry in self.entries if entry[0] > on]
        self.entries = [entry for entry in self.entries if entry[0] <= on]
        if later:
            self.books.tell("withdraw", on)
        for day, one in [(on, terms), *([] if forgets else later)]:
            self._tell(day, one)
            self.entries.append((day, one))

    def _tell(self, on: date, terms: Terms | None) -> None:
        told, served = bool(self.entries), bool(self.entries) and self.entries[-1][1] is not None
        if terms is None:
            if served:
                self.books.tell("pause", on)
            return
        what = {
            "plan": self.plan(terms),
            "quantity": number(terms.get("quantity", 1)),
            "anchor_day": terms["bcd"],
        }
        begun = any(entry[1] is not None for entry in self.entries)
        if begun and terms.get("fixed") is not None:
            self.books.tell("cancel", on)
            begun = False
        kind = "change" if begun and served else "resume" if begun and told else "start"
        self.books.tell(kind, on, **what)

    def adjust(self, day: date, charge: str, amount: Decimal) -> Decimal:
        """An adjustment becomes known; what it gives back of the line, as the engine finds it."""
        self.books.tell("adjust", day, charge=charge, amount=amount)
        due = self.books.due()
        made = sum((one.amount for one in adjust(due, open_lines(due.billed)).made), ZERO)
        before, self.adjusted = self.adjusted, made
        return before - made

    def run(self, on: date) -> Iterator[Item]:
        """What a run on a day charges and gives back; adjustments are documents of their own."""
        if self.books.events:
            for line in self.books.run(on):
                if not (line.credits and line.service_from == line.service_to):
                    yield self._item(line)
        self.adjusted = ZERO

    def _item(self, line: RatedCharge) -> Item:
        if line.credits:
            return ("REPAIR_CREDIT", self.key, line.service_from, line.service_to, line.amount)
        if line.kind == "one_time":
            return ("FIXED", self.key, line.service_from, None, line.amount)
        return ("RECURRING", self.key, line.service_from, line.service_to, line.amount)


class Account:
    """The subscriptions of one customer, and the credit on its account."""

    def __init__(self, steps: Iterable[Mapping[str, Any]]) -> None:
        """``steps`` are all of the case: their terms are in the catalogue from the beginning."""
        known: dict[str, list[Terms]] = {}
        for step in steps:
            for word in ("terms", "event"):
                if word in step and not step[word].get("stop"):
                    known.setdefault(step[word]["sub"], []).append(step[word])
        self.subs = {key: Sub(key, terms) for key, terms in known.items()}
        self.credit = ZERO
        self.repeat = 1

    def say(self, word: str, what: Any) -> Any:
        """One step that is no bill run; what an adjustment gives back."""
        if word == "repeat_next_terms":
            self.repeat = what
            return None
        sub = self.subs.get(what["sub"])
        if sub is None:
            return None
        if word == "adjust":
            back = sub.adjust(what["from"], "setup" if what["to"] is None else "fee", -number(what["amount"]))
            self.credit += back
            return back
        stops = word in STOP or what.get("stop")
        for _ in range(self.repeat):
            sub.tell(what["from"], None if stops else what, word != "event")
        self.repeat = 1
        return None

    def run(self, on: date) -> list[Item]:
        """The items of the invoice of a day; none where there is nothing to say."""
        items = [item for sub in self.subs.values() for item in sub.run(on)]
        if not items:
            return []
        change = moved(sum((item[-1] for item in items), ZERO), self.credit)
        self.credit += change
        return [*items, ("ACCOUNT_CREDIT", None, None, None, change)] if change else items
