"""The example of every pricing method: its cases hold, every rule has one, and no method is missing."""

from __future__ import annotations

from pathlib import Path

from engine import families
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import compile_book, read

FOLDER = Path(__file__).parents[2] / "examples" / "pricing" / "rules"


def test_every_method_has_a_rule_and_a_case() -> None:
    book = compile_book(read([FOLDER]), families.ALL)
    report = run_cases(book)
    assert [finding.what for finding in report.findings] == []
    assert report.uncovered == ()
    shown = {decision.terms["method"] for decision in book.decisions()}
    assert shown == set(families.ALL["pricing"].methods)
