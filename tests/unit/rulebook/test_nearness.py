"""Why a rule did not answer, in words."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.rulebook.example import DAY, book, facts


@pytest.mark.parametrize(
    ("when", "near"),
    [
        ("quantity >= floor", "quantity 985 is 15 under floor 1000"),
        ("quantity < 900.5", "quantity 985 is 84.5 over 900.5"),
        ("quantity > 985", "quantity 985 is just 985"),
        ("1000 <= quantity", "quantity 985 is 15 under 1000"),
        ("quantity == 986", "quantity 985 is 1 under 986"),
        ("charge.months > quantity", "charge.months 1 is 984 under quantity 985"),
        ('account.segment == "enterprise"', 'account.segment is "business", not "enterprise"'),
        ('account.country in ["FR", "NL"]', 'account.country is "DE", not "FR" or "NL"'),
        ('account.country != "DE"', 'account.country is "DE"'),
        ('since >= d"2021-01-01"', "since 2020-12-31 is 1 day before 2021-01-01"),
        ('since < d"2020-12-01"', "since 2020-12-31 is 30 days after 2020-12-01"),
        ("agreed != null", "agreed is null"),
        ('account.country.starts_with("F")', 'account.country is "DE"'),
        ("quantity * 2 > 5000", "quantity is 985"),
        ('account.segment == "business" and quantity > 1000', "quantity 985 is 15 under 1000"),
        ("false", "it holds for no facts"),
    ],
)
def test_how_near_a_condition_was(when: str, near: str) -> None:
    parameters = "parameters: {floor: {type: decimal, value: 1000}}\n" if "floor" in when else ""
    rules = book(f"{parameters}rules:\n  - {{id: a, when: '{when}', then: {{label: x}}}}\n", lint=False)
    (tried,) = rules.trace("labels", facts("business", 985, since=date(2020, 12, 31)), DAY).tried
    assert tried.near == near
