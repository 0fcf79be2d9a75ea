"""Rule cases: partial facts, expectations as they are written, coverage."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import msgspec
import pytest

from engine.base.document import parse
from engine.rulebook.cases import Report, run_cases, same, show
from engine.rulebook.facttypes import describe
from engine.rulebook.given import Given, Giver, MissingFact
from tests.unit.rulebook.example import PRICING, Facts, book

PRICES = """\
ruleset: pricing/calls
scope: charge.meter == "calls"
effective: {from: 2026-01-01, to: 2027-01-01}
rules:
  - id: many
    when: account.segment == "enterprise" and quantity >= 1000
    then: {method: per_unit, unit: 0.08 USD, discount: 5 %}
  - id: few
    when: quantity > 0
    then: {method: per_unit, unit: 0.10 USD}
  - id: nothing
    then: {method: flat, price: 0 USD}
cases:
"""


def run(*cases: str, rules: str = PRICES) -> Report:
    return run_cases(book(rules + "".join(f"  - {case}\n" for case in cases)))


ENTERPRISE = "account: {segment: enterprise}, charge: {meter: calls}, quantity: 1200"


@pytest.mark.parametrize(
    "case",
    [
        f"{{given: {{{ENTERPRISE}}}, expect: {{rule: many}}}}",
        f"{{given: {{{ENTERPRISE}}}, expect: {{rule: many, discount: 5 %, method: per_unit, unit: 0.080 USD}}}}",
        "{given: {account: {segment: private, currency: USD}, charge: {meter: calls}, quantity: 3}, "
        "expect: {amount: 0.30 USD, rule: few}}",
        "{given: {charge: {meter: mails}}, expect: {rule: none}}",
        f"{{on: 2027-01-01, given: {{{ENTERPRISE}}}, expect: {{rule: none}}}}",
        f"{{on: 2026-12-31, given: {{{ENTERPRISE}}}, expect: {{rule: many}}}}",
    ],
)
def test_cases_that_come_out(case: str) -> None:
    report = run(case)
    assert report.findings == ()
    assert report.results[0].passed


def test_a_result_says_what_came_out() -> None:
    report = run(
        f"{{name: big one, given: {{{ENTERPRISE}}}, expect: {{rule: many}}}}",
        f"{{given: {{{ENTERPRISE}}}, expect: {{rule: few}}}}",
    )
    good, bad = report.results
    assert (good.ruleset, good.name, good.passed, good.rules) == ("pricing/calls", "big one", True, ("many",))
    assert (bad.name, bad.passed, bad.rules) == ("case 2", False, ("many",))
    assert str(bad.where) == "rules/pricing/s0.yaml:15:5"
    assert [finding.what for finding in report.findings] == ["expected rule few, found many"]


def test_coverage_counts_the_cases_of_each_rule() -> None:
    report = run(
        f"{{given: {{{ENTERPRISE}}}, expect: {{rule: many}}}}", f"{{given: {{{ENTERPRISE}}}, expect: {{rule: few}}}}"
    )
    assert [(each.rule, each.cases) for each in report.coverage] == [("many", 2), ("few", 0), ("nothing", 0)]
    assert [each.rule for each in report.uncovered] == ["few", "nothing"]


def test_a_case_is_asked_of_its_own_rule_set_alone() -> None:
    case = f"  - {{given: {{{ENTERPRISE}}}, expect: {{rule: many}}}}\n"
    over = "ruleset: pricing/over\npriority: 9\nrules:\n  - {id: all, then: {method: flat, price: 1 USD}}\n"
    report = run_cases(book(PRICES + case, over))
    assert report.findings == ()


def test_a_fact_that_a_result_needs_is_named() -> None:
    (finding,) = run(
        "{given: {account: {segment: private}, charge: {meter: calls}, quantity: 3}, expect: {note: x, amount: 1}}"
    ).findings[:1]
    assert finding.code == "case.failed"
    rules = "ruleset: pricing/x\nrules:\n  - {id: a, then: {method: per_unit, unit: 1 USD}}\ncases:\n"
    (finding,) = run("{given: {account: {}}, expect: {amount: 1 USD}}", rules=rules).findings
    assert (finding.code, finding.what) == ("case.missing-fact", "fact quantity is not given")


def test_cases_of_a_collecting_and_a_unique_set() -> None:
    rules = """\
ruleset: labels/x
hit: collect
rules:
  - {id: a, when: quantity > 1, then: {label: a}}
  - {id: b, when: quantity > 5, then: {label: b}}
cases:
  - {given: {quantity: 9}, expect: {rule: [a, b], label: a}}
  - {given: {quantity: 3}, expect: {rule: a}}
  - {given: {quantity: 0}, expect: {rule: none}}
"""
    assert run_cases(book(rules)).findings == ()
    report = run_cases(book(rules.replace("collect", "unique"), lint=False))
    assert [finding.code for finding in report.findings] == ["case.broken"]
    assert report.findings[0].what == "the rules 'a' and 'b' of labels/x both apply"


def test_a_case_may_expect_an_error() -> None:
    rules = """\
ruleset: labels/x
rules:
  - {id: a, when: 5 / quantity > 1, then: {label: a}}
cases:
  - {given: {quantity: 0}, expect: {error: rule.arithmetic}}
  - {given: {quantity: 0}, expect: {error: rule.other}}
  - {given: {quantity: 1}, expect: {error: rule.arithmetic}}
"""
    first, second, third = run_cases(book(rules)).results
    assert first.passed
    assert second.findings[0].what == "expected the error rule.other, found rule.arithmetic"
    assert third.findings[0].what == "expected the error rule.arithmetic, found a"


@pytest.mark.parametrize(
    ("expected", "actual", "outcome"),
    [
        ("96.00 USD", {"USD": Decimal(96)}, True),
        ("96.00 USD", {"EUR": Decimal(96)}, False),
        ("96.00 USD", {"USD": Decimal("96.01")}, False),
        (["1 USD", "2 EUR"], {"EUR": Decimal(2), "USD": Decimal(1)}, True),
        ("1 USD", {"EUR": Decimal(2), "USD": Decimal(1)}, False),
        (96, Decimal("96.00"), True),
        (Decimal("0.5"), Decimal("0.50"), True),
        ("5 %", Decimal("0.05"), True),
        ("3 days", 3, True),
        (3, 3, True),
        ("3", 3, True),
        (4, 3, False),
        (True, True, True),
        (1, True, False),
        (None, None, True),
        ("x", None, False),
        ("x", "x", True),
        ("y", "x", False),
        ("17/31", Fraction(17, 31), True),
        (date(2026, 1, 1), date(2026, 1, 1), True),
        ("2026-01-01", date(2026, 1, 1), True),
        ([1, "5 %"], (Decimal(1), Decimal("0.05")), True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": Decimal(1), "b": 2}, True),
        ({"c": 1}, {"a": Decimal(1)}, False),
    ],
)
def test_values_are_compared_as_they_are_meant(expected: Any, actual: Any, outcome: bool) -> None:
    assert same(expected, actual) is outcome


@pytest.mark.parametrize(
    ("value", "like", "text"),
    [
        ({"USD": Decimal("1.50"), "EUR": Decimal(2)}, None, "1.50 USD, 2 EUR"),
        ({"a": [1, True, None]}, None, "{a: [1, true, null]}"),
        (Decimal("0.05"), "6 %", "5 %"),
        (Decimal("0.1950"), "6 %", "19.5 %"),
        (3, "4 days", "3 days"),
        (3, 4, "3"),
    ],
)
def test_values_are_shown_as_they_are_written(value: Any, like: Any, text: str) -> None:
    assert show(value, like) == text


class Inner(msgspec.Struct, frozen=True):
    """A part of the facts."""

    whole: int
    kind: Literal["a", "b"] = "a"

    @property
    def double(self) -> int:
        """Twice as much."""
        return self.whole * 2

    def plus(self, n: int) -> int:
        """So much more."""
        return self.whole + n


class Outer(msgspec.Struct, frozen=True):
    """Facts of every type."""

    inner: Inner
    amount: Decimal
    at: datetime
    flag: bool
    texts: tuple[str, ...] = ()
    inners: tuple[Inner, ...] = ()
    shares: dict[str, Decimal] = msgspec.field(default_factory=dict)
    maybe: date | None = None


def made(text: str) -> tuple[Any, list[str]]:
    document = parse(text, "f.yaml")
    giver = Giver(document)
    return giver.facts(Outer, describe(Outer), document.data, ()), [f"{f.where.line}: {f.what}" for f in giver.findings]


def test_whole_facts_are_the_struct_itself() -> None:
    text = (
        "inner: {whole: 3}\namount: 5\nat: 2026-01-31T10:00:00Z\nflag: true\ntexts: [a, b]\n"
        "inners: [{whole: 1, kind: b}]\nshares: {x: 0.5}\nmaybe: 2026-01-31"
    )
    facts, findings = made(text)
    assert findings == []
    assert facts == Outer(
        Inner(3),
        Decimal(5),
        datetime(2026, 1, 31, 10, tzinfo=UTC),
        True,
        ("a", "b"),
        (Inner(1, "b"),),
        {"x": Decimal("0.5")},
        date(2026, 1, 31),
    )
    assert type(facts.inner.whole) is int


def test_partial_facts_name_what_is_missing() -> None:
    facts, findings = made("inner: {kind: b}\namount: 5")
    assert findings == []
    assert isinstance(facts, Given)
    assert (facts.amount, facts.inner.kind, facts.texts, facts.maybe) == (Decimal(5), "b", (), None)
    for path, ask in {
        "flag": lambda: facts.flag,
        "inner.whole": lambda: facts.inner.whole,
    }.items():
        with pytest.raises(MissingFact) as raised:
            ask()
        assert raised.value.fact == path
    with pytest.raises(MissingFact, match=r"inner\.whole"):
        _ = facts.inner.double
    with pytest.raises(MissingFact, match=r"inner\.whole"):
        facts.inner.plus(1)
    with pytest.raises(AttributeError):
        _ = facts.other


def test_wrong_facts_are_told_all_at_once() -> None:
    text = (
        "inner: {whole: 1.5, kind: c, sort: d}\namount: x\nat: 2026-01-31T10:00:00\nflag: 1\ntexts: a\n"
        "inners: [{whole: x}]\nshares: {x: y}\nmaybe: 5"
    )
    assert made(text)[1] == [
        "1: 'inner.whole' is the number 1.5",
        "1: 'inner.kind' is the text 'c'",
        "1: inner has no fact 'sort'",
        "2: 'amount' is the text 'x'",
        "3: 'at' is the text '2026-01-31T10:00:00'",
        "4: 'flag' is the number 1",
        "5: 'texts' is the text 'a'",
        "6: 'inners[0].whole' is the text 'x'",
        "7: 'shares.x' is the text 'y'",
        "8: 'maybe' is the number 5",
    ]


def test_the_example_facts_can_be_given_whole() -> None:
    document = parse("account: {key: A, segment: private, country: DE}\ncharge: {meter: calls}\nquantity: 1", "f")
    assert isinstance(Giver(document).facts(PRICING.facts, describe(Facts), document.data, ()), Facts)
