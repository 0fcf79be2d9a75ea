"""Writes docs/reference from the code: ``python -m docs.tools.reference``; ``--check`` fails where pages differ.

A page is a function without arguments that returns its text; :data:`PAGES` is the list of them.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.tools import cli, errors, exchange, families, hooks, licences, openapi, settings, worked
from engine.runs.intake import formats_page

FOLDER = Path(__file__).parents[1] / "reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli.text,
    "errors.md": errors.text,
    "families.md": families.text,
    "hooks.md": hooks.text,
    "import-files.md": formats_page.reference,
    "licences.md": licences.text,
    "openapi.json": openapi.text,
    "settings.md": settings.text,
    "worked-numbers.md": worked.text,
    **exchange.pages(),
}


def differences() -> list[str]:
    """A unified diff of every page that is not what the code says."""
    lines: list[str] = []
    for name, text in PAGES.items():
        path = FOLDER / name
        kept = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines += difflib.unified_diff(
            kept.splitlines(), text().splitlines(), f"docs/reference/{name}", f"{name} by the code", n=1, lineterm=""
        )
    return lines


def main() -> int:
    """Write the pages, or compare them; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a page is out of date")
    if parser.parse_args().check:
        lines = differences()
        if lines:
            print("\n".join(lines))
            print("docs/reference is not what the code says: run `make docs`", file=sys.stderr)
        return bool(lines)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in PAGES.items():
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
