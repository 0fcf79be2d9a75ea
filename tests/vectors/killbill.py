"""The Kill Bill flavour at work: its proration rules, a price list written from a vector, and books in memory.

What a vector calls terms becomes a plan of the catalogue with a recurring and perhaps a one-time charge, pricing rules
in a rule file, and events of a subscription.  The rule book and everything that is computed are the engine's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from engine import families
from engine.base.money import exact_arithmetic
from engine.billing.job import Job
from engine.model.catalog import Charge
from engine.model.decision import Decision
from engine.model.subscription import SubscriptionEvent
from engine.rulebook.rulebook import RuleBook, compile_book, read
from tests.house.sources import ROOT
from tests.unit.billing.simulator import ENTITY, METERS, Shop

exact_arithmetic()

FLAVOUR = ROOT / "examples" / "flavours" / "killbill"
CYCLES: Mapping[str, tuple[int, int]] = {  # (months, days)
    "DAILY": (1, 1),
    "WEEKLY": (1, 7),
    "BIWEEKLY": (1, 14),
    "THIRTY_DAYS": (1, 30),
    "THIRTY_ONE_DAYS": (1, 31),
    "SIXTY_DAYS": (1, 60),
    "NINETY_DAYS": (1, 90),
    "MONTHLY": (1, 0),
    "BIMESTRIAL": (2, 0),
    "QUARTERLY": (3, 0),
    "TRIANNUAL": (4, 0),
    "BIANNUAL": (6, 0),
    "ANNUAL": (12, 0),
    "SESQUIENNIAL": (18, 0),
    "BIENNIAL": (24, 0),
    "TRIENNIAL": (36, 0),
}
TIMING = {"IN_ADVANCE": "advance", "IN_ARREAR": "arrears", "IN_ARREAR_EARLY": "arrears_early"}

Terms = Mapping[str, Any]


def recurring(plan: str, terms: Terms) -> Charge:
    """The charge of the catalogue that a vector's ``period`` and ``timing`` describe."""
    months, days = CYCLES[terms.get("period", "MONTHLY")]
    timing: Any = TIMING[terms.get("timing", "IN_ADVANCE")]
    return Charge(
        11, "t", plan, "fee", "Fee", "recurring", timing, months, days=days, cycles_from="terms", zero_lines=True
    )


def one_time(plan: str) -> Charge:
    """The charge for what a vector calls ``fixed``."""
    return Charge(12, "t", plan, "setup", "Set-up", "one_time", "advance", zero_lines=True)


def price_rule(plan: str, key: str, price: Any) -> str:
    """One rule of a price list: so much in US dollars for each unit."""
    return f'  - {{id: {key}-{plan}, when: plan == "{plan}" and charge.key == "{key}", then: {{method: per_unit, unit: {price} USD}}}}\n'


@lru_cache(maxsize=512)
def book(prices: str = "", fixed_month_days: int | None = None) -> RuleBook:
    """The rule book of the flavour with a price list; with months of a fixed length where that is wanted."""
    files = read([FLAVOUR / "rules", *([FLAVOUR / "equal_months"] if fixed_month_days else [])])
    if prices:
        head = "ruleset: pricing/vector\neffective: {from: 1900-01-01}\nhit: first\nrules:\n"
        files["rules/pricing/vector.yaml"] = (head + prices).encode()
    tuned = {"proration/killbill": {"days_of_a_month": fixed_month_days}} if fixed_month_days else {}
    return compile_book(files, families.ALL, tuned, lint=False)


class Books(Shop):
    """One subscription, billed by the rules of the flavour."""

    def __init__(self, charges: list[Charge], rules: RuleBook, anchor_day: int) -> None:
        """``rules`` hold the prices of the charges."""
        super().__init__(charges, {}, anchor_day=anchor_day, currency="USD")
        self.rules = rules

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        """The rules of the flavour."""
        return self.rules.decide(family, facts, on)

    def tell(self, kind: Any, on: date, **fields: Any) -> None:
        """A subscription event becomes known."""
        number = len(self.events) + 1
        self.events.append(SubscriptionEvent(number, f"e{number}", kind, on, **fields))

    def job(self, on: date) -> Job:
        """What a run on that day brings."""
        return Job(ENTITY, self.plans, METERS, self.decide, on, len(self.events), len(self.usage))


def single(vector: Mapping[str, Any], price: Any = "1000000") -> Books:
    """A service with a ``start`` and perhaps an ``end``, all of it known."""
    shop = Books([recurring("p", vector)], book(price_rule("p", "fee", price)), vector["bcd"])
    shop.tell("start", vector["start"], plan="p", quantity=Decimal(1))
    if vector["end"] is not None:
        shop.tell("cancel", vector["end"])
    return shop
