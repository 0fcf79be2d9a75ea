"""Large tables as CSV, read row by row, with the place of every cell that is wrong."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, pairwise, repeat
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse

UNREADABLE = Code(
    "match.unreadable-file", "A file of payments or open documents that cannot be read, or is no CSV in UTF-8."
)
MISSING_COLUMN = Code("match.missing-column", "A file without a column that is needed, or with one of them twice.")
UNKNOWN_COLUMN = Code("match.unknown-column", "A column that is not read, because nobody knows its name.")
BAD_ROW = Code("match.bad-row", "A row whose cells are more or fewer than the columns.")
BAD_VALUE = Code("match.bad-value", "A cell that does not hold what its column says.")
DOUBLE_ID = Code("match.double-id", "Two rows of a file with one id.")

MOST_FINDINGS: Final = 100
"""Mistakes of a file after which no more are looked for."""
LONGEST_CELL: Final = 1 << 20
BLOCK: Final = 1_000
"""Rows that are read at a time where nothing is wrong with them."""

Record = TypeVar("Record")


class Wrong(ValueError):
    """A cell that is not what its column says: ``what`` follows its name, ``mend`` says what to write."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


class Column(msgspec.Struct, frozen=True):
    """A column: how to read its cells, whether the file must have it, and its value where it has not."""

    read: Callable[[str], Any]
    needed: bool = True
    absent: Any = ""


class Layout(msgspec.Struct, frozen=True):
    """A kind of file: its columns by name, the one that no two rows share, and what a whole row may be wrong in."""

    columns: Mapping[str, Column]
    id: str = ""
    check: Callable[[Sequence[Any]], tuple[str, Wrong] | None] | None = None


def blocks(path: Path, layout: Layout) -> Iterator[list[tuple[Any, ...]]]:
    """The rows that :func:`rows` finds, many at a time and in fewer steps.

    Raises:
        ValueError: something about the file is odd; :func:`rows` says what.
        OSError: it cannot be read.
        csv.Error: it is no CSV.
    """
    seen, count = array("q"), 0
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        reader = csv.reader(file, strict=True)
        names = [name.strip() for name in next(reader, ())]
        needed = {name for name, column in layout.columns.items() if column.needed}
        if len(set(names)) != len(names) or not needed <= set(names) <= set(layout.columns):
            raise ValueError(names)
        ways = [(column, names.index(name) if name in names else -1) for name, column in layout.columns.items()]
        key = names.index(layout.id) if layout.id else -1
        while cells := list(islice(reader, BLOCK)):
            full = [row for row in cells if row]
            if any(len(row) != len(names) for row in full):
                raise ValueError(count)
            columns = list(zip(*full, strict=True))
            if not columns:
                continue
            found = list(
                zip(
                    *(map(way.read, columns[at]) if at >= 0 else repeat(way.absent, len(full)) for way, at in ways),
                    strict=True,
                )
            )
            if layout.check is not None and any(map(layout.check, found)):
                raise ValueError(count)
            count += len(full)
            if key >= 0:
                seen.extend(map(hash, columns[key]))
            yield found
    if any(one == following for one, following in pairwise(sorted(seen))):  # two of one id, or by chance of one hash
        raise ValueError(count)


def rows(path: Path, layout: Layout, findings: list[Finding]) -> Iterator[list[Any]]:
    """The rows of a file as values in the order of its layout; what is wrong goes to ``findings``, with no row for it.

    Raises:
        TollbookError: ``match.unreadable-file``, ``match.missing-column``: nothing of the file can be read.
    """
    label, seen, wrong = str(path), set[str](), 0
    with _opened(path) as file:
        raw = _Lines(file)
        reader = csv.reader(raw, strict=True)
        names = [name.strip() for name in _next(reader, raw, label) or ()]
        places = _places(names, layout, label, findings)
        reads = [(column.read, places[name]) for name, column in layout.columns.items() if name in places]
        absent = [(at, column.absent) for at, (name, column) in enumerate(layout.columns.items()) if name not in places]
        width, key, check, kept = len(names), places.get(layout.id, -1), layout.check, raw.kept
        kept.clear()
        while (cells := _next(reader, raw, label)) is not None:
            if not cells:
                kept.clear()
                continue
            try:
                row = [read(cells[at]) for read, at in reads] if len(cells) == width else None
            except Wrong:
                row = None
            if row is not None and absent:
                for at, value in absent:
                    row.insert(at, value)
            if row is None or (check is not None and check(row) is not None):
                findings.extend(_mistakes(cells, layout, places, names, raw, label))
                wrong += 1
            elif key >= 0 and cells[key] in seen:
                what = f"{layout.id} {cells[key]!r} is there twice"
                findings.append(Finding(DOUBLE_ID, _where(label, raw, key), what, mend="keep one of the rows"))
                wrong += 1
            else:
                if key >= 0:
                    seen.add(cells[key])
                yield row
            kept.clear()
            if wrong >= MOST_FINDINGS:
                return


class _Lines:
    """The lines of a file; those of the row that is being read are kept, so that a cell can be pointed at."""

    def __init__(self, file: Iterator[bytes]) -> None:
        self.file, self.number, self.kept = file, 0, list[str]()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self.file)
        self.number += 1
        line = raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        self.kept.append(line)
        return line


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise refuse(UNREADABLE, f"the file cannot be read: {error.strerror}", where=Where(str(path))) from None


def _next(reader: Iterator[list[str]], raw: _Lines, label: str) -> list[str] | None:
    try:
        return next(reader, None)
    except UnicodeDecodeError:
        what, where = "the line is not UTF-8", Where(label, raw.number)
        raise refuse(UNREADABLE, what, mend="save it as UTF-8", where=where) from None
    except csv.Error as error:
        raise refuse(UNREADABLE, f"the line is no CSV: {error}", where=Where(label, raw.number)) from None


def _places(names: Sequence[str], layout: Layout, label: str, findings: list[Finding]) -> dict[str, int]:
    wrong = []
    for name, column in layout.columns.items():
        if column.needed and name not in names:
            what = f"there is no column {name!r}"
            near = did_you_mean(name, [each for each in names if each and each not in layout.columns])
            wrong.append(
                Finding(MISSING_COLUMN, Where(label, 1), what, mend=near if near.startswith("did") else "add it")
            )
        if names.count(name) > 1:
            wrong.append(Finding(MISSING_COLUMN, Where(label, 1), f"two columns are called {name!r}", mend="keep one"))
    if wrong:
        raise TollbookError(wrong)
    for name in names:
        if name not in layout.columns:
            what, mend = f"the column {name!r} is not read", did_you_mean(name, layout.columns)
            findings.append(Finding(UNKNOWN_COLUMN, Where(label, 1), what, mend=mend, level="warning"))
    return {name: names.index(name) for name in layout.columns if name in names}


def _mistakes(
    cells: Sequence[str], layout: Layout, places: Mapping[str, int], names: Sequence[str], raw: _Lines, label: str
) -> Iterator[Finding]:
    if len(cells) != len(names):
        what = f"the row has {len(cells)} cells, the header {len(names)}"
        yield Finding(BAD_ROW, Where(label, raw.number), what, mend="write a cell for each column; it may be empty")
        return
    row, good = list[Any](), True
    for name, column in layout.columns.items():
        try:
            row.append(column.read(cells[places[name]]) if name in places else column.absent)
        except Wrong as error:
            good = False
            yield Finding(BAD_VALUE, _where(label, raw, places[name]), f"{name} {error.what}", mend=error.mend)
    found = layout.check(row) if good and layout.check is not None else None
    if found is not None:
        name, wrong = found
        yield Finding(BAD_VALUE, _where(label, raw, places[name]), f"{name} {wrong.what}", mend=wrong.mend)


def _where(label: str, raw: _Lines, cell: int) -> Where:
    """Where a cell of the row that was read last begins."""
    line, column, quoted, number = raw.number - len(raw.kept) + 1, 1, False, 0
    for letter in "".join(raw.kept):
        if number == cell:
            break
        quoted = quoted != (letter == '"')
        number += letter == "," and not quoted
        line, column = (line + 1, 1) if letter == "\n" else (line, column + 1)
    return Where(label, line, column)
