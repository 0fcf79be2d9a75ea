"""Limits: the rules that come with the product, and what is refused in others."""

from __future__ import annotations

import pytest

from engine.base.errors import TollbookError
from engine.families import ALL
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import compile_book, read
from tests.stories import ROOT

RULE = """
ruleset: limits/x
effective: {{from: 2020-01-01}}
rules: [{{id: all, when: true, then: {{{then}}}}}]
"""


def test_the_default_rules_hold_their_cases() -> None:
    files = {label: text for label, text in read([ROOT / "rules"]).items() if label.startswith("rules/limits/")}
    report = run_cases(compile_book(files, ALL))
    assert (len(report.results), report.findings, report.uncovered) == (3, (), ())


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (
            "events_per_second: 10, burst: 20, largest_batch: 21",
            "a batch of 21 events could never be taken: burst is 20",
        ),
        ("events_per_second: 10, burst: 20", "a batch of 10000 events could never be taken: burst is 20"),
        ("events_per_second: 0, burst: 20, largest_batch: 1", "'events_per_second' is 0"),
        ("burst: 20, largest_batch: 1", "has no 'events_per_second'"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused(then: str, said: str) -> None:
    with pytest.raises(TollbookError) as refused:
        compile_book({"rules/limits/x.yaml": RULE.format(then=then).encode()}, ALL)
    assert said in str(refused.value)
