"""Triggers: the rules that come with the product, and what is refused in others, at its place."""

from __future__ import annotations

import pytest

from engine.base.errors import TollbookError
from engine.families import ALL
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import compile_book, read
from tests.stories import ROOT

RULE = """ruleset: triggers/x
effective: {{from: 2020-01-01}}
rules:
  - id: all
    then: {{{then}}}
"""


def test_the_default_rules_hold_their_cases() -> None:
    files = {label: text for label, text in read([ROOT / "rules"]).items() if label.startswith("rules/triggers/")}
    report = run_cases(compile_book(files, ALL))
    assert (len(report.results), report.findings, report.uncovered) == (2, (), ())


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("when: threshold", "when: threshold without an amount"),
        ("when: nightly, threshold: 500 EUR", "has an amount that nothing asks for"),
        ("when: nightly, within: 15 minutes", "promises minutes for what waits for the next run"),
        ("when: at_once, within: 15", "write the unit behind it, such as 15 minutes"),
        ("when: at_once, within: 0 minutes", "'within' is 0"),
        ("when: threshold, threshold: 500", "write the currency behind it, such as 500 EUR"),
        ("when: soon", "'when' is the text 'soon'"),
        ("within: 15 minutes", "has no 'when'"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(then: str, said: str) -> None:
    with pytest.raises(TollbookError) as refused:
        compile_book({"rules/triggers/x.yaml": RULE.format(then=then).encode()}, ALL)
    assert said in str(refused.value)
    assert {(f.where.file, f.where.line) for f in refused.value.findings} == {("rules/triggers/x.yaml", 5)}
