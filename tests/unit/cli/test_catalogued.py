"""Rules beside the catalogue: which pools and carried allowances ``check`` refuses before a run does."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from engine import families
from engine.app.catalogued import UNREAD, Catalogued
from engine.base.errors import Code, Finding, refuse
from engine.billing.unsummed import POOL, ROLLOVER
from engine.model.catalog import Charge, Meter, Plan
from engine.rulebook.rulebook import compile_book

RULES = """\
ruleset: pricing/ways
scope: {scope}
priority: {priority}
rules:
{rules}
  - {{id: rest, then: {{method: per_unit, unit: 1 EUR, included: 5{keeps}}}}}
"""
KEEPS = ", rollover: {cycles: 2}"
PEAKS = Charge(1, "acme", "basic", "peaks", "Peaks", "usage", "arrears", meter="users")
CALLS = Charge(2, "acme", "basic", "calls", "Calls", "usage", "arrears", meter="calls")
SOME = Charge(3, "acme", "basic", "some", "Some", "usage", "arrears", meter="calls", filter="quantity > 1")
METERS = {"users": Meter("acme", "users", "user", "unique", dimension="user"), "calls": Meter("acme", "calls", "call")}


def found(
    rules: str = "",
    *,
    keeps: str = KEEPS,
    scope: str = "charge.kind == 'usage'",
    before: str = "",
    sold: Any = (PEAKS, CALLS),
) -> list[Finding]:
    reader = SimpleNamespace(
        catalogue=lambda tenant: {"basic": Plan(tenant, "basic", "Basic", tuple(sold))}, meters=lambda tenant: METERS
    )
    text = RULES.format(scope=scope, priority=0, rules=rules, keeps=keeps)
    files = {"rules/pricing/ways.yaml": text.encode()}
    if before:
        files["rules/pricing/first.yaml"] = before.encode()
    documents: dict[str, Any] = {}
    book = compile_book(files, families.ALL, documents=documents, lint=False)
    books: Any = SimpleNamespace(reader=lambda: nullcontext(reader))
    return list(Catalogued(lambda: books, "acme")(book, documents))


def test_a_rule_that_carries_over_what_was_measured_is_refused_at_its_line() -> None:
    (finding,) = found()
    assert (finding.code, str(finding.where)) == (ROLLOVER, "rules/pricing/ways.yaml:6:77")
    assert finding.what == "rule 'rest' carries allowance of basic/peaks over"
    (finding,) = found(keeps=", pool: {key: all}", sold=(CALLS, SOME))
    assert (finding.code, finding.what) == (POOL, "rule 'rest' puts basic/some into pool all")
    assert not found(keeps="")


HIGHER = "ruleset: pricing/first\nscope: charge.meter == 'users'{more}\npriority: 5\nrules: [{{id: x, then: {{method: flat, price: 1 EUR}}}}]\n"


@pytest.mark.parametrize(
    ("why", "given"),
    [
        ("daily sums tell all", {"sold": (CALLS,)}),
        ("another charge", {"scope": "charge.key == 'calls'"}),
        ("another plan", {"scope": "plan in ['gold', 'silver']"}),
        (
            "a rule before it",
            {"rules": "  - {id: one, when: charge.key != 'calls', then: {method: flat, price: 1 EUR}}"},
        ),
        (
            "perhaps a rule before it",
            {"rules": "  - {id: one, when: quantity * 2 > 9, then: {method: flat, price: 1 EUR}}"},
        ),
        ("a rule set before it", {"before": HIGHER.format(more="")}),
        ("nobody knows", {"scope": "quantity * 2 > quantity"}),
    ],
)
def test_what_such_a_rule_does_not_certainly_answer_for_is_left_to_the_run(why: str, given: Any) -> None:
    assert not found(**given), why


def test_what_rules_before_it_leave_is_refused() -> None:
    some = "  - {id: one, when: account.segment == 'gold', then: {method: flat, price: 1 EUR}}"
    assert [one.code for one in found(some)] == [ROLLOVER]
    assert [one.code for one in found(before=HIGHER.format(more=" and quantity > 5"))] == [ROLLOVER]
    assert [one.code for one in found(scope="charge.meter == 'users' and charge.months < 12")] == [ROLLOVER]


def test_a_catalogue_that_cannot_be_read_is_said() -> None:
    def broken() -> Any:
        raise refuse(Code("store.cannot-open", ""), "the server is away")

    text = RULES.format(scope="charge.kind == 'usage'", priority=0, rules="", keeps=KEEPS)
    documents: dict[str, Any] = {}
    book = compile_book({"rules/pricing/ways.yaml": text.encode()}, families.ALL, documents=documents)
    (finding,) = Catalogued(broken, "acme")(book, documents)
    assert (finding.code, finding.level, finding.why) == (UNREAD, "warning", "the server is away")
    assert not list(Catalogued(lambda: None, "acme")(book, documents))
