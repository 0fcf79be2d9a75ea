"""One rule file: parameters, outcomes, positions, names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.base.errors import TollbookError, Where
from engine.rulebook.parameters import words_of
from engine.rulebook.ruleset import Reader, RuleSet
from tests.unit.rulebook.example import FAMILIES, book, flat, per_unit

FULL = """\
ruleset: pricing/calls
scope: charge.meter == "calls"
effective: {from: 2026-01-01, to: 2027-01-01}
owner: finance
hit: priority
priority: 5
parameters:
  floor: {type: decimal, value: 1000, min: 100, max: 100000, unit: calls, tuned_by: admin, why: the contract}
  cheap: {type: price, value: [0.08 USD, 0.07 EUR]}
  less: {type: percent, value: 5 %, min: 0 %, max: 50 %}
  start: {type: date, value: 2026-01-01}
  odd: {type: string, value: 'scope "x" is no word'}
rules:
  - id: many
    when: quantity >= floor and since > start
    then: {method: per_unit, unit: $cheap, discount: $less}
    priority: 2
    note: volume
  - id: all
    then: {method: flat, price: 1 USD, note: $odd}
cases:
  - {name: one, on: 2026-02-01, given: {quantity: 1}, expect: {rule: all}}
"""


def read(text: str, label: str = "rules/pricing/calls.yaml", **overrides: object) -> RuleSet:
    reader = Reader(FAMILIES, {"pricing/calls": overrides} if overrides else {})
    ruleset = reader.read(label, text.encode())
    if any(finding.level == "error" for finding in reader.findings):
        raise TollbookError(reader.findings)
    assert ruleset is not None
    return ruleset


def test_everything_of_a_file() -> None:
    ruleset = read(FULL)
    assert (ruleset.name, ruleset.family, ruleset.owner, ruleset.hit, ruleset.priority) == (
        "pricing/calls",
        "pricing",
        "finance",
        "priority",
        5,
    )
    assert (ruleset.start, ruleset.end) == (date(2026, 1, 1), date(2027, 1, 1))
    assert ruleset.scope is not None
    assert ruleset.scope.text == 'charge.meter == "calls"'
    many, everyone = ruleset.rules
    assert many.when is not None
    assert (many.id, many.priority, many.note, many.method.function) == ("many", 2, "volume", per_unit)
    assert many.where == Where("rules/pricing/calls.yaml", 14, 5)
    assert many.terms == {
        "method": "per_unit",
        "unit": {"USD": Decimal("0.08"), "EUR": Decimal("0.07")},
        "discount": Decimal("0.05"),
        "note": "",
    }
    assert many.parameters == {
        "cheap": ["0.08 USD", "0.07 EUR"],
        "floor": "1000",
        "less": "5 %",
        "start": "2026-01-01",
    }
    assert everyone.method is not None and everyone.method.function is flat
    assert (everyone.when, everyone.terms["note"]) == (None, 'scope "x" is no word')
    floor = ruleset.parameters["floor"]
    assert (floor.value, floor.low, floor.high, floor.unit, floor.tuned_by, floor.why, floor.overridden) == (
        Decimal(1000),
        Decimal(100),
        Decimal(100000),
        "calls",
        "admin",
        "the contract",
        False,
    )
    (case,) = ruleset.cases
    assert (case.name, case.on, case.given, case.expect) == (
        "one",
        date(2026, 2, 1),
        {"quantity": 1},
        {"rule": "all"},
    )


def test_defaults() -> None:
    ruleset = read("ruleset: pricing/calls\nrules:\n  - {id: a, then: {method: flat, price: 1 USD}}\n")
    assert (ruleset.start, ruleset.end, ruleset.hit, ruleset.priority) == (date.min, date.max, "first", 0)
    assert (ruleset.scope, ruleset.cases, ruleset.parameters, ruleset.owner) == (None, (), {}, "")


@pytest.mark.parametrize("value", [2000, "2000", Decimal("2000.5")])
def test_an_override_replaces_a_value_within_its_bounds(value: object) -> None:
    ruleset = read(FULL, floor=value, less="7 %")
    assert ruleset.parameters["floor"].value == Decimal(str(value))
    assert ruleset.parameters["floor"].overridden
    assert ruleset.rules[0].parameters["floor"] == str(value)
    assert ruleset.rules[0].terms["discount"] == Decimal("0.07")


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ({"floor": 99}, "'floor' is set to 99"),
        ({"less": "51 %"}, "'less' is set to 51 %"),
        ({"less": 7}, "'the value set for it' of 'less' is the number 7"),
        ({"flor": 500}, "no parameter is called 'flor'"),
    ],
)
def test_a_bad_override_is_refused(override: dict[str, object], what: str) -> None:
    with pytest.raises(TollbookError) as raised:
        read(FULL, **override)
    assert [finding.what for finding in raised.value.findings] == [what]


def test_a_wrong_parameter_hides_no_other_mistake_and_makes_none() -> None:
    text = FULL.replace("value: 1000", "value: 99").replace("0.08 USD", "0.08").replace("since > start", "sinc > start")
    text = text.replace("price: 1 USD", "price: 1")
    with pytest.raises(TollbookError) as raised:
        read(text)
    assert [(f.where.line, f.code) for f in raised.value.findings] == [
        (8, "rule.out-of-bounds"),
        (9, "rule.bad-parameter"),
        (20, "document.wrong-type"),
    ]


def test_price_bounds_hold_for_each_amount() -> None:
    text = "ruleset: pricing/calls\nparameters:\n  p: {type: price, value: [1 USD, 20 EUR], max: 10}\nrules:\n"
    with pytest.raises(TollbookError, match=r"'p' is \['1 USD', '20 EUR'\]"):
        read(text + "  - {id: a, then: {method: flat, price: $p}}\n")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ('a.b == "c d" and e > f', {"a", "and", "e", "f"}),
        (r'"say \"hi\" floor" == x.floor', {"x"}),
        ("'it' == $max([y, 1])", {"y"}),
    ],
)
def test_words_that_may_be_parameters(condition: str, words: set[str]) -> None:
    assert words_of(condition) == words


def test_a_folded_condition_has_its_places() -> None:
    text = (
        "ruleset: pricing/calls\nrules:\n  - id: a\n    when: >\n      quantity > 5\n      and acount.key == 'x'\n"
        "    then: {method: flat, price: 1 USD}\n"
    )
    with pytest.raises(TollbookError) as raised:
        read(text)
    assert [str(finding.where) for finding in raised.value.findings] == ["rules/pricing/calls.yaml:6:11"]


def test_a_family_without_methods_takes_no_method() -> None:
    with pytest.raises(TollbookError, match="unknown key 'method'"):
        book("rules:\n  - {id: a, then: {method: flat, label: x}}\n")


def test_cases_beside_the_file_join_those_inside() -> None:
    from engine.rulebook.rulebook import compile_book

    files = {
        "rules/labels/x.yaml": b"ruleset: labels/x\nrules:\n  - {id: a, then: {label: x}}\n"
        b"cases:\n  - {given: {}, expect: {rule: a}}\n",
        "rules/labels/x.cases.yaml": b"cases:\n  - {given: {}, expect: {label: x}}\n",
    }
    ruleset = compile_book(files, FAMILIES).rulesets["labels/x"]
    assert [str(case.where) for case in ruleset.cases] == [
        "rules/labels/x.yaml:5:5",
        "rules/labels/x.cases.yaml:2:5",
    ]
