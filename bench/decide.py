"""Decisions a second on one core, on a rule set with two conditions a rule."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import msgspec

from engine.base.money import exact_arithmetic
from engine.model.decision import Family
from engine.rulebook import rulebook

RULES = b"""
ruleset: speed/two-conditions
effective: {from: 2020-01-01}
rules:
  - id: large
    when: segment == "enterprise" and quantity >= 1000
    then: {answer: large}
  - id: other
    then: {answer: other}
"""


class SpeedFacts(msgspec.Struct, frozen=True, gc=False):
    """Two facts."""

    segment: str
    quantity: Decimal


FAMILY = Family(
    name="speed",
    doc="A family to measure decisions with.",
    facts=SpeedFacts,
    selected_by="any day",
    outcome={"answer": {"type": "string"}},
)


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    exact_arithmetic()
    book = rulebook.compile_book({"rules/speed/two-conditions.yaml": RULES}, {"speed": FAMILY})
    facts = [SpeedFacts("enterprise", Decimal(n)) for n in range(500, 1500)]
    day, decide, best = date(2026, 1, 1), book.decide, 0.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(200):
            for fact in facts:
                decide("speed", fact, day)
        best = max(best, 200 * len(facts) / (time.perf_counter() - start))
    yield "## Decisions"
    yield ""
    yield f"{best:,.0f} decisions a second on one core, two conditions (goal: 1,000,000)."
    yield ""
