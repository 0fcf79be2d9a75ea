"""Books in memory: what a bill run reads of one subscription, and what it leaves behind.

The window, the billed lines and the daily sums of usage are put together as :mod:`engine.model.due` says.  Rules are plain
decisions made here from the methods of the families; nothing is read from rule files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engine import families
from engine.base.errors import Where
from engine.base.money import ZERO
from engine.base.period import add_months
from engine.billing.job import Job, Statement
from engine.billing.looking_back import sums_wanted
from engine.billing.proration import ProrationFacts
from engine.billing.rating import subscribed_on
from engine.billing.rollover import carried_from
from engine.billing.statement import statement
from engine.billing.turning import turning_of
from engine.billing.windows import holding
from engine.model.account import Account
from engine.model.catalog import Charge, Meter, Plan
from engine.model.contract import Contract
from engine.model.decision import Decision
from engine.model.due import AccountDue, SubscriptionDue, looked_at_from, window_of
from engine.model.entity import LegalEntity
from engine.model.invoice import BilledLine, RatedCharge
from engine.model.subscription import BillingMark, EventKind, Subscription, SubscriptionEvent
from engine.model.turning import Turning
from engine.model.usage import UsageDay

ENTITY = LegalEntity("t", "DE01", "Seller GmbH", "DE", "EUR", "Europe/Berlin")
METERS = {
    "calls": Meter("t", "calls", "call"),
    "logins": Meter("t", "logins", "login", "count"),
    "peak": Meter("t", "peak", "seat", "max"),
}


def account(currency: str = "EUR", key: str = "A-1", **fields: Any) -> Account:
    """A customer."""
    return Account(7, "t", "DE01", key, "Buyer AG", "DE", currency, "Europe/Berlin", key, **fields)


def charge(
    key: str = "fee", kind: str = "recurring", timing: str = "advance", plan: str = "p", **fields: Any
) -> Charge:
    """A charge of plan ``p``, monthly and in advance unless said otherwise."""
    return Charge(11, "t", plan, key, key.title(), kind, timing, **fields)  # type: ignore[arg-type]


def decision(family: str, method: str = "", number: int = 1, **terms: Any) -> Decision:
    """A decision with these terms and the defaults of the family's schema for all others."""
    home = families.ALL[family]
    known = home.methods.get(method)
    schema = {**home.outcome, **(known.schema if known else {})}
    filled = {name: rule["default"] for name, rule in schema.items() if "default" in rule} | terms
    if method:
        filled["method"] = method
    function, needs = (known.of(filled), known.needs) if known else (None, "")
    return Decision(
        number, family, f"{family}/test", method or "only", Where("test.yaml", 1), "r-1", {}, filled, function, needs
    )


def per_unit(price: str, currency: str = "EUR", **terms: Any) -> Decision:
    """Pricing: so much for each unit."""
    return decision("pricing", "per_unit", 21, unit={currency: Decimal(price)}, **terms)


def flat(price: str, currency: str = "EUR", **terms: Any) -> Decision:
    """Pricing: so much a cycle."""
    return decision("pricing", "flat", 22, price={currency: Decimal(price)}, **terms)


ACTUAL_DAYS = decision("proration", "actual_days", 31)
METERING = decision("metering", number=41)
NOTHING_NOW = decision("proration", "none", 32, credit=False)


class Shop:
    """One subscription of one customer, its catalogue and rules, and the books of it."""

    def __init__(
        self,
        charges: Sequence[Charge],
        prices: Mapping[str, Decision],
        *,
        proration: Decision | Callable[[ProrationFacts], Decision] = ACTUAL_DAYS,
        anchor_day: int = 1,
        currency: str = "EUR",
        contract: Contract | None = None,
        metering: Decision = METERING,
        zone: str = "Europe/Berlin",
        **taken: Any,
    ) -> None:
        """``prices`` by ``plan/charge``; ``charges`` name their plans; ``taken`` are more fields of the subscription."""
        keys = sorted({one.plan for one in charges})
        self.plans = {key: Plan("t", key, key, tuple(c for c in charges if c.plan == key)) for key in keys}
        self.prices, self.proration, self.contract = dict(prices), proration, contract
        self.metering = metering
        self.price_turns: tuple[date, ...] = ()
        self.looked_at: tuple[str, ...] = ()
        self.account = msgspec.structs.replace(account(currency), zone=zone)
        key = contract.key if contract else None
        self.subscription = Subscription(5, "t", "DE01", "A-1", "S-1", key, anchor_day, **taken)
        self.events: list[SubscriptionEvent] = []
        self.usage: list[tuple[int, str, date, Decimal]] = []
        self.lines: list[BilledLine] = []
        self.mark: BillingMark | None = None
        self.asked: list[tuple[str, Any, date]] = []

    def know(
        self,
        kind: EventKind,
        on: date,
        plan: str | None = None,
        quantity: int | Decimal | None = None,
        at: datetime | None = None,
        anchor_day: int | None = None,
    ) -> None:
        """A subscription event becomes known."""
        ident = len(self.events) + 1
        number = None if quantity is None else Decimal(quantity)
        self.events.append(SubscriptionEvent(ident, f"e{ident}", kind, on, plan, number, anchor_day=anchor_day, at=at))

    def use(self, on: date, quantity: int | str, meter: str = "calls") -> None:
        """A usage event becomes known."""
        self.usage.append((len(self.usage) + 1, meter, on, Decimal(quantity)))

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        """The rules of the shop."""
        self.asked.append((family, facts, on))
        if family == "pricing":
            return self.prices[f"{facts.plan}/{facts.charge.key}"]
        if family == "metering":
            return self.metering
        assert family == "proration"
        return self.proration if isinstance(self.proration, Decision) else self.proration(facts)

    def due(self) -> SubscriptionDue:
        """What the books give a run."""
        window = self._window()
        billed = [line for line in self.lines if line.charge.service_to > window]
        there = {line.id for line in billed}
        billed += [line for line in self.lines if line.charge.credits in there and line.id not in there]
        months = max((c.months for plan in self.plans.values() for c in plan.charges if c.kind == "usage"), default=1)
        floor = window if window == date.min else add_months(window, -months)
        return SubscriptionDue(
            self.subscription, tuple(self.events), window, self.mark, tuple(billed), tuple(self._usage_days(floor)),
            usage_from=floor, earlier=tuple(self._earlier(floor)),
        )  # fmt: skip

    def _earlier(self, floor: date) -> list[UsageDay]:
        """Sums of the windows that begin before the first day that is read."""
        found: list[UsageDay] = []
        if floor > date.min and self.turning is not None:
            since = subscribed_on(SubscriptionDue(self.subscription, tuple(self.events), floor))
            firsts = {max(holding(window, since, floor).start, since) for window in self.turning.windows}
            for first in sorted(firsts):
                found += self._sums(first, floor)
        return found

    @property
    def turning(self) -> Turning | None:
        """What makes prices turn here."""
        return turning_of(self.prices.values(), self.looked_at)

    def _window(self) -> date:
        if self.mark is None:
            return date.min
        mark = self.mark
        late = (day for ident, _, day, _ in self.usage if ident > mark.usage_seen)
        new_usage = (looked_at_from(day, self.events) for day in late)
        return min([window_of(mark, self.events), *new_usage])

    def _usage_days(self, floor: date) -> list[UsageDay]:
        days: dict[tuple[date, str], UsageDay] = {}
        for ident, meter, day, quantity in self.usage:
            if day >= floor:
                old = days.get((day, meter)) or UsageDay(5, meter, day, ZERO, 0, 0, quantity)
                days[day, meter] = UsageDay(
                    5, meter, day, old.quantity + quantity, old.events + 1, ident, max(old.peak, quantity)
                )
        return [days[key] for key in sorted(days)]

    def preview(self, on: date) -> Statement:
        """What a run on that day would make of the subscription."""
        job = Job(
            ENTITY, self.plans, METERS, self.decide, on, len(self.events), len(self.usage), self.price_turns,
            turning=self.turning,
        )  # fmt: skip
        contracts = {self.contract.key: self.contract} if self.contract else {}
        due = self.due()
        owner = AccountDue(self.account, contracts, (due,))
        if self.turning is not None and self.turning.rollovers:
            spans = sums_wanted(job, owner, due, carried_from(job, owner, due) or due.usage_from)
            due = msgspec.structs.replace(due, sums=tuple(one for span in spans for one in self._sums(*span)))
        return statement(job, owner, due)

    def _sums(self, first: date, after: date) -> list[UsageDay]:
        """What each meter counted on some days."""
        found = []
        for meter in METERS:
            days = [one for one in self._usage_days(first) if one.meter == meter and one.day < after]
            if days:
                peak, last = max(one.peak for one in days), max(one.last_id for one in days)
                total = sum((one.quantity for one in days), ZERO)
                found.append(UsageDay(5, meter, first, total, sum(one.events for one in days), last, peak))
        return found

    def run(self, on: date) -> tuple[RatedCharge, ...]:
        """A bill run; its lines are in the books afterwards."""
        made = self.preview(on)
        for one in made.charges:
            self.lines.append(BilledLine(len(self.lines) + 1, one))
        self.mark = made.mark
        return made.charges

    @property
    def net(self) -> Decimal:
        """Everything that was billed and given back so far."""
        return sum((line.charge.amount for line in self.lines), ZERO)

    def left(self) -> dict[int, Decimal]:
        """What is left of each line that charged something, by id."""
        rest = {line.id: line.charge.amount for line in self.lines if not line.charge.credits}
        for line in self.lines:
            if line.charge.credits:
                rest[line.charge.credits] += line.charge.amount
        return rest

    def days_billed(self) -> dict[tuple[str, date], int]:
        """How often each day of each recurring charge is billed and not given back."""
        count: dict[tuple[str, date], int] = {}
        for line in self.lines:
            one = line.charge
            if one.kind == "recurring":
                for offset in range((one.service_to - one.service_from).days):
                    key = (one.charge, one.service_from + timedelta(days=offset))
                    count[key] = count.get(key, 0) + (-1 if one.credits else 1)
        return count


def amounts(charges: Sequence[RatedCharge]) -> list[tuple[str, str, str]]:
    """Lines as (first day, day after the last, amount), in order of days and amounts."""
    return [
        (str(c.service_from), str(c.service_to), str(c.amount))
        for c in sorted(charges, key=lambda c: (c.service_from, c.service_to, c.amount))
    ]
