"""``python -m tests.vectors DIR [FILE ...]``: one line a file on stdout, failures on stderr, exit 0 only if all passed."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from tests.vectors.outcome import Case, Document, Outcome, Runner, unsupported
from tests.vectors.sheets import sheet_of


class _Loader(yaml.SafeLoader):
    """Numbers with a point are decimals, digit by digit as the file writes them."""


_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: Decimal(str(node.value).replace("_", "")))
STATUSES = ("passed", "failed", "not supported")


def outcomes(path: Path) -> Iterator[Outcome]:
    """Every case of a file, run."""
    document: dict[str, Any] = yaml.load(path.read_text("utf-8"), _Loader)
    sheet = sheet_of(path.stem, document)
    for section, cases in document.items():
        if not isinstance(cases, list):
            continue
        runner = sheet.sections.get(section) if sheet else None
        for case in cases:
            yield _run(runner, case, document, section)


def _run(runner: Runner | None, case: Case, document: Document, section: str) -> Outcome:
    if runner is None:
        return unsupported(case, f"nothing runs section {section} of this kind of file")
    try:
        return runner(case, document)
    except Exception as error:  # one broken case must not hide the others
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome(
            str(case["id"]),
            "failed",
            str(case.get("expect", case.get("expected"))),
            f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})",
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the files and say what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.vectors", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of vector files")
    parser.add_argument("files", nargs="*", help="names of files in it; all .yaml files where none is given")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        print(f"{options.folder} is not a folder; say make vectors DIR=folder", file=sys.stderr)
        return 2
    paths = [options.folder / name for name in options.files] or sorted(options.folder.glob("*.yaml"))
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        print(f"no such file: {', '.join(map(str, missing)) or options.folder / '*.yaml'}", file=sys.stderr)
        return 2
    good = True
    for path in paths:
        count: Counter[str] = Counter()
        for outcome in outcomes(path):
            count[outcome.status] += 1
            if outcome.status == "failed":
                told = f"expected {outcome.expected}\n    actual   {outcome.actual}"
                print(f"{path.name}: {outcome.id}: failed\n    {told}", file=sys.stderr)
            elif outcome.status == "not supported":
                print(f"{path.name}: {outcome.id}: not supported: {outcome.actual}", file=sys.stderr)
        print(f"{path.name}: " + ", ".join(f"{count[status]} {status}" for status in STATUSES), flush=True)
        good = good and count.keys() <= {"passed"}
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
