"""Tables beside rule files, and formulas: what they become, and every mistake at its place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine import families
from engine.base.errors import TollbookError
from engine.billing import pricing
from engine.billing.pricing import PricingFacts, priced
from engine.model.decision import Formula
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import RuleBook, compile_book, read
from tests.unit.billing.simulator import ENTITY, account, charge

DAY = date(2026, 1, 1)
TABLED = """
ruleset: pricing/desks
rules:
  - {id: desks, then: {method: matrix, table: desks.csv, after: [{minimum: 3 EUR}]}}
cases:
  - {given: {account: {country: DE, currency: EUR}, plan: gold, quantity: 3}, expect: {amount: 37.50 EUR}}
  - {given: {account: {country: FR, currency: EUR}, plan: gold, quantity: 3}, expect: {amount: 33 EUR}}
  - {given: {account: {country: FR, currency: EUR}, plan: base, quantity: 0}, expect: {amount: 3 EUR}}
"""
CSV = 'account.country,plan,unit,flat\nDE,gold,12.50 EUR;14 USD,\n,gold,"10 EUR; 11 USD",3 EUR;3 USD\n\n*,*,1 EUR;1 USD,\n'


def book(rules: str, table: str | None = None) -> RuleBook:
    files = {"rules/pricing/desks.yaml": rules.encode()}
    return compile_book(
        files | ({"rules/pricing/desks.csv": table.encode()} if table is not None else {}), families.ALL
    )


def refused(rules: str, table: str | None = None) -> list[str]:
    with pytest.raises(TollbookError) as caught:
        book(rules, table)
    return [f"{finding.where} {finding.what} [{finding.code}]" for finding in caught.value.findings]


def facts(quantity: str = "10", **more: Any) -> PricingFacts:
    return PricingFacts(ENTITY, account(), charge(), "p", Decimal(quantity), None, None, DAY, DAY, **more)


@pytest.mark.capability("A2.1")
def test_a_table_beside_the_file_is_the_price_list() -> None:
    made = book(TABLED, CSV)
    assert run_cases(made).findings == ()
    (decision,) = made.decisions()
    assert decision.terms["dimensions"] == ["account.country", "plan"]
    assert decision.terms["rows"][1] == {
        "at": ["*", "gold"],
        "unit": {"EUR": Decimal(10), "USD": Decimal(11)},
        "flat": {"EUR": Decimal(3), "USD": Decimal(3)},
    }


def test_another_table_is_another_release() -> None:
    assert book(TABLED, CSV).release != book(TABLED, CSV.replace("12.50", "12.60")).release


def test_tables_are_read_with_the_rules(tmp_path: Any) -> None:
    folder = tmp_path / "rules" / "pricing"
    folder.mkdir(parents=True)
    (folder / "desks.yaml").write_text(TABLED)
    (folder / "desks.csv").write_text(CSV)
    (folder / "notes.txt").write_text("no rule")
    assert sorted(read([tmp_path / "rules"])) == ["rules/pricing/desks.csv", "rules/pricing/desks.yaml"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, ["rules/pricing/desks.yaml:4:47 there is no file rules/pricing/desks.csv [rule.no-table]"]),
        ("", ["rules/pricing/desks.csv:1:1 the table is empty [document.bad-table]"]),
        ("plan,plan,unit\n", ["rules/pricing/desks.csv:1:6 a second column is called 'plan' [document.bad-table]"]),
        (
            "plan,,unit\ngold,1 EUR\n",
            [
                "rules/pricing/desks.csv:1:6 a column has no name [document.bad-table]",
                "rules/pricing/desks.csv:2:1 the row has 2 cells, the header 3 [document.bad-table]",
            ],
        ),
        ('plan,unit\n"gold,1 EUR\n', ["rules/pricing/desks.csv:2:1 a quote is not closed [document.bad-table]"]),
        (
            "plan,unit\ngold,1 EUR\nbase, 1 ERU\n,12\n",
            [
                "rules/pricing/desks.csv:3:7 'unit' names 'ERU', which is not a currency [document.wrong-type]",
                "rules/pricing/desks.csv:4:2 'unit' is the text '12' [document.wrong-type]",
            ],
        ),
        (
            "pln,unit\ngold,1 EUR\ngold,2 EUR\nbase,\n",
            [
                "rules/pricing/desks.csv:1:1 'pln' is no fact with one value [rule.bad-terms]",
                "rules/pricing/desks.csv:3:1 row 2 is for the same as row 1 [rule.bad-terms]",
                "rules/pricing/desks.csv:4:1 row 3 has no price [rule.bad-terms]",
            ],
        ),
    ],
)
def test_mistakes_of_a_table(table: str | None, expected: list[str]) -> None:
    assert refused(TABLED, table) == expected


def test_a_matrix_needs_a_table() -> None:
    assert refused("ruleset: pricing/desks\nrules:\n  - {id: a, then: {method: matrix}}\n") == [
        "rules/pricing/desks.yaml:3:19 the method has no table [rule.bad-terms]"
    ]


FORMULA = """
ruleset: pricing/desks
parameters:
  step: {type: decimal, value: 2.5}
rules:
  - id: formula
    then:
      method: formula
      value: %s
"""


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(
    ("amount", "quantity", "expected"),
    [
        ("quantity * step", "10", "25.0"),
        ("12", "10", "12"),
        ("charge.months", "10", "1"),
        ('"quantity > 5 ? quantity * 2 : quantity"', "4", "4"),
        ('"quantity / 3 + (agreed_price ?? 1)"', "9", "4"),
        ("\"account.segment == 'business' ? 1 : 100 / quantity\"", "4", "1"),
    ],
)
def test_a_formula_is_computed_of_facts_and_parameters(amount: str, quantity: str, expected: str) -> None:
    made = book(FORMULA % amount)
    asked = facts(quantity)
    decision = made.decide("pricing", asked, DAY)
    assert isinstance(decision.terms["value"], Formula)
    assert priced(decision, asked).amount == Decimal(expected)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("quantity > 1", "9:14 quantity > 1 is a boolean [rule.not-number]"),
        ("agreed_price", "9:14 agreed_price may be null [rule.unguarded-null]"),
        ("quantity * stp", "9:25 there is no fact 'stp' [rule.unknown-fact]"),
        ("quantity *", "9:24 the condition ends too early [rule.syntax]"),
        ("true", "9:14 'value' is true [document.wrong-type]"),
    ],
)
def test_mistakes_of_a_formula(amount: str, expected: str) -> None:
    found = [text for text in refused(FORMULA % amount) if "rule.unused-parameter" not in text]
    assert found == [f"rules/pricing/desks.yaml:{expected}"]


def test_a_formula_without_a_value_is_refused() -> None:
    decision = book(FORMULA % "step / quantity").decide("pricing", facts(), DAY)
    with pytest.raises(TollbookError) as caught:
        priced(decision, facts("0"))
    assert caught.value.findings[0].code == pricing.NO_NUMBER
