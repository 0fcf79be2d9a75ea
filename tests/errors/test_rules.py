"""Broken rule folders, one an error code, with exactly what is said of them.

``rules/NAME/`` is a folder of rules, ``overrides.json`` in it sets parameters, and
``expected.txt`` holds the text.
``UPDATE_EXPECTED=1 pytest tests/errors/test_rules.py`` writes the texts anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.base import complaints, nodes
from engine.base.document import Document
from engine.base.errors import Code, TollbookError
from engine.rulebook import attributes, cases, crosscheck, gaps, given, lint, outcomes, parameters, rulebook, ruleset
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import compile_book, read
from tests.unit.rulebook.example import FAMILIES

FOLDER = Path(__file__).parent / "rules"
ELSEWHERE = {"document.conflict", "rule.missing-fact", "rule.no-folder"}
"""Codes that a folder of rules cannot show: tests/unit/base/test_document.py, tests/unit/rulebook."""


def said(folder: Path) -> str:
    """What is said of a folder of rules: of its files, else of its cases."""
    overrides = folder / "overrides.json"
    files = read([folder])
    documents: dict[str, Document] = {}
    values = json.loads(overrides.read_text()) if overrides.exists() else {}
    try:
        book = compile_book(files, FAMILIES, values, documents=documents)
    except TollbookError as error:
        return "".join(f"{finding}\n" for finding in error.findings)
    notes = lint.Linter(FAMILIES, book.rulesets.values()).notes() if folder.name == "rule.not-analysed" else ()
    words = {"word": ["cheap", "dear"]} if folder.name == "rule.unknown-name" else {}
    names = crosscheck.unknown_names(book, documents, words)
    said = (*book.warnings, *run_cases(book, documents).findings, *notes, *names)
    return "".join(f"{finding}\n" for finding in said)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))
def test_what_is_said(name: str) -> None:
    text, expected = said(FOLDER / name), FOLDER / name / "expected.txt"
    if os.environ.get("UPDATE_EXPECTED"):
        expected.write_text(text)
    assert text == expected.read_text()
    assert f"[{name}]" in text or "." not in name


def test_every_code_has_its_folder() -> None:
    modules = (
        complaints,
        nodes,
        attributes,
        cases,
        crosscheck,
        gaps,
        given,
        lint,
        outcomes,
        parameters,
        rulebook,
        ruleset,
    )
    codes = {str(value) for module in modules for value in vars(module).values() if isinstance(value, Code)}
    assert codes - {path.name for path in FOLDER.iterdir()} == ELSEWHERE


def test_five_mistakes_of_one_file_are_five_messages_with_places() -> None:
    lines = [line for line in said(FOLDER / "five-mistakes").splitlines() if not line.startswith(" ")]
    assert [line.split(": ")[0] for line in lines] == [
        "rules/pricing/api-calls.yaml:2:15",
        "rules/pricing/api-calls.yaml:3:35",
        "rules/pricing/api-calls.yaml:4:6",
        "rules/pricing/api-calls.yaml:6:44",
        "rules/pricing/api-calls.yaml:12:36",
    ]
