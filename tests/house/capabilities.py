"""Prints capability rows with the tests that show them: ``python -m tests.house.capabilities [--missing]``.

Tests say which rows they show with ``@pytest.mark.capability("A2.3")``.  Where the table of capabilities lies beside
the checkout, rows are printed with their words, and rows without a test can be listed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT.parent / "shared" / "spec" / "capabilities.md"
ROW = re.compile(r"^\| ([A-Z]\d+\.\d+) \| (.+?) \|", re.MULTILINE)


class Collector:
    """A pytest plug-in that keeps the rows of collected tests, parametrised ones once."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, None]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Read the marks of all tests that were found."""
        for item in session.items:
            for mark in item.iter_markers("capability"):
                for row in mark.args:
                    self.rows.setdefault(str(row), {})[item.nodeid.partition("[")[0]] = None


def order(row: str) -> tuple[str, int]:
    """Rows in the order of the table: A2.10 after A2.9."""
    group, _, number = row.partition(".")
    return group, int(number) if number.isdigit() else 0


def shown(arguments: list[str]) -> dict[str, list[str]]:
    """Rows with the tests that show them.

    Raises:
        SystemExit: with pytest's output, where tests cannot be collected.
    """
    collector, output = Collector(), io.StringIO()
    with contextlib.redirect_stdout(output):
        code = pytest.main(["--collect-only", "-qq", "-p", "no:xdist", *arguments], plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        sys.exit(output.getvalue())
    return {row: list(collector.rows[row]) for row in sorted(collector.rows, key=order)}


def known() -> dict[str, str]:
    """Rows of the table with their first sentence; empty where the table is not at hand."""
    if not TABLE.is_file():
        return {}
    return {row: re.split(r"[:;] ", words)[0] for row, words in ROW.findall(TABLE.read_text(encoding="utf-8"))}


def main() -> int:
    """Print the rows; returns 1 where a test names a row that the table does not have."""
    parser = argparse.ArgumentParser(description="Capability rows with the tests that show them.")
    parser.add_argument("--missing", action="store_true", help="list the rows that no test shows")
    parser.add_argument("tests", nargs="*", help="tests to look at, all of them where none is named")
    options = parser.parse_args()
    rows, words = shown([str(ROOT / name) for name in options.tests]), known()
    for row, tests in rows.items():
        print(f"{row}  {words.get(row, '')}".rstrip())
        for test in tests:
            print(f"      {test}")
    if words:
        print(f"{len(rows.keys() & words.keys())} of {len(words)} rows are shown by tests")
    if options.missing:
        for row in sorted(words.keys() - rows.keys(), key=order):
            print(f"{row}  {words[row]}")
    strange = sorted(rows.keys() - words.keys()) if words else []
    for row in strange:
        print(f"{row} is not a row of the table: {', '.join(rows[row])}", file=sys.stderr)
    return bool(strange)


if __name__ == "__main__":
    sys.exit(main())
