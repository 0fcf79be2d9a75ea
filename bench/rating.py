"""Charges a second that one core rates: subscriptions as the books give them, through ``statement`` and real rules, decisions on the lines."""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from engine import families
from engine.base.money import exact_arithmetic
from engine.billing.alike import Alike
from engine.billing.job import Job
from engine.billing.statement import statement
from engine.model.account import Account
from engine.model.catalog import Charge, Meter, Plan
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.entity import LegalEntity
from engine.model.subscription import BillingMark, Subscription, SubscriptionEvent
from engine.model.usage import UsageDay
from engine.rulebook import rulebook

RULES = {
    "rules/pricing/bench.yaml": b"""
ruleset: pricing/bench
effective: {from: 2020-01-01}
rules:
  - {id: seats, when: charge.key == "seats", then: {method: per_unit, unit: 10 EUR}}
  - {id: calls, when: charge.key == "calls", then: {method: graduated, tiers: [{up_to: 100, unit: 0.10 EUR}, {unit: 0.05 EUR}]}}
  - {id: fee, when: charge.kind == "recurring", then: {method: flat, price: 31 EUR}}
""",
    "rules/proration/bench.yaml": b"""
ruleset: proration/bench
rules:
  - {id: days, then: {method: actual_days}}
""",
    "rules/metering/bench.yaml": b"""
ruleset: metering/bench
rules:
  - {id: plain, then: {}}
""",
}
ENTITY = LegalEntity("t", "E1", "Seller", "NL", "EUR", "Europe/Amsterdam")
METERS = {"calls": Meter("t", "calls", "call")}
ON = date(2026, 7, 1)
START = date(2025, 1, 1)


def charges(recurring: int, usage: int) -> tuple[Charge, ...]:
    """The charges of a plan: a fee each, the first one by seats; usage in arrears."""
    keys = ["seats", *(f"fee{n}" for n in range(1, recurring))][:recurring]
    fees = [Charge(n, "t", "p", key, key, "recurring", "advance") for n, key in enumerate(keys, 1)]
    used = [Charge(90 + n, "t", "p", "calls", "Calls", "usage", "arrears", meter="calls") for n in range(usage)]
    return (*fees, *used)


def dues(accounts: int, usage: int) -> list[AccountDue]:
    """Accounts with one subscription each that is billed up to the month of the run, and owes that."""
    made = []
    days = [ON - timedelta(days=n) for n in range(30, 0, -1)][:: 30 // usage] if usage else []
    for n in range(accounts):
        account = Account(n, "t", "E1", f"A{n}", f"A {n}", "NL", "EUR", "Europe/Amsterdam", f"A{n}")
        event = SubscriptionEvent(n, "1", "start", START, "p", Decimal(n % 9 + 1))
        subscription = Subscription(n, "t", "E1", account.key, f"S{n}")
        used = tuple(UsageDay(n, "calls", day, Decimal(7), 3, n * 40 + k, Decimal(3)) for k, day in enumerate(days))
        mark = BillingMark(n, ON - timedelta(days=30) if usage else ON, n, 0)
        due = SubscriptionDue(subscription, (event,), mark.billed_to, mark, (), used)
        made.append(AccountDue(account, {}, (due,)))
    return made


def rated(sold: Sequence[Charge], owners: Sequence[AccountDue], *, alone: bool) -> tuple[int, float]:
    """Lines that a run makes of them, and the CPU seconds of the best of five rounds; ``alone``: each is rated by itself."""
    book = rulebook.compile_book(RULES, families.ALL)
    plans, best, lines = {"p": Plan("t", "p", "P", tuple(sold))}, float("inf"), 0
    for _ in range(5):
        job = Job(ENTITY, plans, METERS, book.decide, ON, 10**9, 10**9, alike=None if alone else Alike())
        gc.collect()
        gc.disable()
        begun, lines = time.process_time(), 0
        for owner in owners:
            lines += len(statement(job, owner, owner.subscriptions[0]).charges)
        best = min(best, time.process_time() - begun)
        gc.enable()
    return lines, best


SHAPES = (("one fee", 1, 0), ("five fees", 5, 0), ("twenty fees", 20, 0), ("a fee and 30 days of usage", 1, 30))


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    exact_arithmetic()
    yield "## Rating"
    yield ""
    yield "Lines a second of CPU of one core, decisions on them, best of five (goal: 100,000)."
    yield ""
    yield "Nine quantities: of 2,000 subscriptions 18 are rated, and the others are like one of them; or each is rated by itself."
    yield ""
    yield "| a subscription has | lines/s | us a subscription | lines/s, each by itself | us a subscription |"
    yield "|---|---|---|---|---|"
    for name, recurring, usage in SHAPES:
        owners, figures = dues(2_000, usage), list[str]()
        for alone in (False, True):
            lines, seconds = rated(charges(recurring, 1 if usage else 0), owners, alone=alone)
            figures += [f"{lines / seconds:,.0f}", f"{seconds / len(owners) * 1e6:.1f}"]
        yield f"| {name} | {' | '.join(figures)} |"
    yield ""
