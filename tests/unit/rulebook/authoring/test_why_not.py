"""Why a rule did not answer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.rulebook.authoring.why_not import Listener
from engine.rulebook.rulebook import compile_book
from tests.unit.rulebook.example import FAMILIES, Account, Charge, Facts

FILES = {
    "rules/pricing/high.yaml": b"""ruleset: pricing/high
priority: 5
scope: account.country == "DE"
effective: {to: 2027-01-01}
rules:
  - {id: many, when: quantity >= 100 and charge.months == 1, then: {method: flat, price: 1 USD}}
  - {id: some, when: quantity >= 10, then: {method: flat, price: 2 USD}}
  - {id: few, when: quantity >= 5, then: {method: flat, price: 2 USD}}
""",
    "rules/pricing/low.yaml": b"""ruleset: pricing/low
rules:
  - {id: all, then: {method: flat, price: 9 USD}}
  - {id: agreed, when: agreed != null and agreed > 5, then: {method: flat, price: 9 USD}}
""",
}


def facts(quantity: int, country: str = "DE") -> Facts:
    return Facts(Account("A", "business", country), Charge("m"), Decimal(quantity))


@pytest.mark.parametrize(
    ("rule", "quantity", "country", "on", "reason", "text"),
    [
        ("some", 12, "DE", date(2026, 1, 1), "answered", "it did answer"),
        ("many", 98, "DE", date(2026, 1, 1), "not met", "1 of 3 parts of its condition is not met: needs quantity >= 100: quantity 98 is 2 under 100"),
        ("few", 12, "DE", date(2026, 1, 1), "taken", "its condition is met, but the rule some at rules/pricing/high.yaml:7:5 is asked before it"),
        ("some", 12, "FR", date(2026, 1, 1), "out of scope", 'its rule set is not for these facts: needs account.country == "DE": account.country is "FR", not "DE"'),
        ("some", 12, "DE", date(2027, 1, 1), "not in force", "its rule set is in force up to 2026-12-31, the question is of 2027-01-01"),
        ("pricing/low#all", 12, "DE", date(2026, 1, 1), "not asked", "its condition is met, but pricing/high is asked first: rule some at rules/pricing/high.yaml:7:5"),
        ("pricing/low#agreed", 2, "FR", date(2026, 1, 1), "not met", "2 of 2 parts of its condition are not met: needs agreed != null: agreed is null; needs agreed > 5: agreed is null, not 5"),
    ],
)  # fmt: skip
def test_reasons(rule: str, quantity: int, country: str, on: date, reason: str, text: str) -> None:
    listener = Listener(compile_book(FILES, FAMILIES, lint=False))
    listener.trace("pricing", facts(quantity, country), on)
    (answer,) = listener.why_not(rule)
    assert (answer.reason, answer.text) == (reason, text)
    assert answer.on == on


def test_all_parts_are_told_and_each_question_is_answered() -> None:
    listener = Listener(compile_book(FILES, FAMILIES, lint=False))
    for quantity in (12, 99):
        listener.trace("pricing", facts(quantity), date(2026, 1, 1))
    first, second = listener.why_not("many")
    assert [(part.text, part.met) for part in first.parts] == [
        ('account.country == "DE"', True),
        ("quantity >= 100", False),
        ("charge.months == 1", True),
    ]
    assert second.parts[1].near == "quantity 99 is 1 under 100"
    assert second.by == "pricing/high#some (rules/pricing/high.yaml:7:5)"
    assert listener.why_not("nothing") == ()
