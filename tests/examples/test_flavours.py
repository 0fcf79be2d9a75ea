"""Rule sets after published systems: what they say of themselves holds, and each folder is sound beside our own rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.families import ALL
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import compile_book, read
from tests.stories import ROOT

FLAVOURS = ROOT / "examples" / "flavours"
FOLDERS = sorted(path.parent.parent for path in FLAVOURS.glob("*/*/*/*.yaml"))


@pytest.mark.parametrize("folder", sorted(set(FOLDERS)), ids=lambda path: str(path.relative_to(FLAVOURS)))
def test_cases_of_a_flavour(folder: Path) -> None:
    book = compile_book(read([ROOT / "rules", folder]), ALL)
    report = run_cases(book)
    assert [str(finding) for finding in report.findings] == []
    mine = {path.stem for path in folder.rglob("*.yaml")}
    assert [one for one in report.uncovered if one.ruleset.rpartition("/")[2] in mine] == []
