"""Broken import files, each folder with the exact messages that it gives.

Each folder below ``tests/errors/import`` is imported over the books of ``company``, which has no mistake;
``expected.txt`` holds what became of its files, and the findings.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from engine.base.errors import Code, TollbookError
from engine.families import ALL
from engine.model.journal import Change
from engine.rulebook.rulebook import RuleBook, compile_book, read
from engine.runs import import_run
from engine.runs.import_run import ImportReport, run_import
from engine.runs.intake import (
    acceptances,
    balances,
    control_totals,
    cutting,
    events,
    hierarchy,
    mandate_rows,
    masters,
    opening_numbers,
    openings,
    payment_formats,
    reading,
    references,
    rows,
    session,
    trigger_rows,
    usage,
)
from engine.store.books import Books, open_books

GALLERY = Path(__file__).parents[2] / "errors" / "import"
CASES = sorted(path.name for path in GALLERY.iterdir() if path.is_dir() and path.name != "company")
CHANGE = Change("ada", datetime(2026, 3, 31, 12, tzinfo=UTC), "test")
ELSEWHERE = {"intake.inexact-column", "intake.more-findings", "intake.no-folder", "intake.no-parquet"} | {
    "cutover.already-billed",
    "cutover.no-rules",
    "cutover.series-begun",
}
"""Codes that no folder of text files can show; other tests do."""


@cache
def rules() -> RuleBook:
    """The rules that come with the engine, which post opening balances."""
    return compile_book(read([Path(__file__).parents[3] / "rules"]), ALL)


def imported(books: Books, folder: Path) -> ImportReport:
    return run_import(books, "t", folder, CHANGE, date(2026, 3, 31), rules=rules)


def outcome(books: Books, folder: Path) -> str:
    """What an import of a folder says, as ``expected.txt`` has it."""
    try:
        report = imported(books, folder)
    except TollbookError as error:
        return "".join(f"{finding}\n" for finding in error.findings).replace(str(folder), folder.name)
    lines = [
        f"{file.name}: {file.rows} rows, {file.new} new, {file.changed} changed, {file.same} same, "
        f"{file.quarantined} quarantined" + (", refused" if file.refused else "")
        for file in report.files
    ]
    return "".join(f"{line}\n" for line in [*lines, "", *map(str, report.findings)])


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gallery") / "books.db"
    books = open_books(f"sqlite:///{path}")
    books.migrate()
    report = run_import(books, "t", GALLERY / "company", CHANGE, date(2026, 3, 31))
    books.close()
    assert report.findings == ()
    return path


@pytest.fixture
def books(company: Path, tmp_path: Path) -> Iterator[Books]:
    copy = tmp_path / "books.db"
    shutil.copy(company, copy)
    opened = open_books(f"sqlite:///{copy}")
    yield opened
    opened.close()


@pytest.mark.parametrize("case", CASES)
def test_messages(books: Books, case: str) -> None:
    expected = (GALLERY / case / "expected.txt").read_text(encoding="utf-8")
    assert outcome(books, GALLERY / case) == expected


@pytest.mark.parametrize("case", [case for case in CASES if case != "nothing-to-read"])
def test_again_changes_nothing(books: Books, case: str) -> None:
    imported(books, GALLERY / case)
    again = imported(books, GALLERY / case)
    assert (again.state, again.counts["new"], again.counts["changed"]) == ("unchanged", 0, 0)


def test_every_code_is_shown() -> None:
    modules = (events, hierarchy, import_run, masters, reading, references, rows, session, usage)
    modules += (acceptances, mandate_rows, trigger_rows, balances, control_totals, cutting, opening_numbers, openings)
    modules += (payment_formats,)
    codes = {str(value) for module in modules for value in vars(module).values() if isinstance(value, Code)}
    texts = "".join(path.read_text(encoding="utf-8") for path in GALLERY.glob("*/expected.txt"))
    missing = {
        code for code in codes if code.startswith(("intake.", "cutover.", "mandate.")) and f"[{code}]" not in texts
    }
    assert missing == ELSEWHERE
