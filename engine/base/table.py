"""Tables as CSV with the place of every cell, for tables that belong to rule files."""

from __future__ import annotations

from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where

BAD_TABLE: Final = Code("document.bad-table", "A table that is no CSV, or whose rows are not as its header says.")


class Cell(msgspec.Struct, frozen=True):
    """The text of a cell without white space around it, and where it begins."""

    text: str
    where: Where


class Table(msgspec.Struct, frozen=True):
    """A header of names that differ, and rows with a cell for each."""

    file: str
    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


def parse_table(content: bytes, file: str) -> Table:
    """A table of UTF-8 text: commas between cells, the first line names the columns, empty lines do not count.

    A cell with a comma in it stands in double quotes, a double quote in such a cell is written twice; a cell does not span lines.

    Raises:
        TollbookError: ``document.bad-table``; all that is wrong in one go.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        where = Where(file, content[: error.start].count(b"\n") + 1)
        raise TollbookError(Finding(BAD_TABLE, where, "the file is not UTF-8", mend="save it as UTF-8")) from None
    findings: list[Finding] = []
    rows = [_cells(line, file, number, findings) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        findings.append(
            Finding(BAD_TABLE, Where(file, 1, 1), "the table is empty", mend="name the columns on the first line")
        )
    elif not findings:
        findings.extend(_mistakes(rows))
    if findings:
        raise TollbookError(findings)
    return Table(file, rows[0], tuple(rows[1:]))


def _mistakes(rows: list[tuple[Cell, ...]]) -> list[Finding]:
    header, found, seen = rows[0], list[Finding](), set[str]()
    for cell in header:
        if not cell.text:
            found.append(Finding(BAD_TABLE, cell.where, "a column has no name", mend="name it, or remove it"))
        elif cell.text in seen:
            found.append(
                Finding(BAD_TABLE, cell.where, f"a second column is called {cell.text!r}", mend="keep one of them")
            )
        seen.add(cell.text)
    for row in rows[1:]:
        if len(row) != len(header):
            what = f"the row has {len(row)} cells, the header {len(header)}"
            found.append(Finding(BAD_TABLE, row[0].where, what, mend="write a cell for each column; it may be empty"))
    return found


def _cells(line: str, file: str, number: int, findings: list[Finding]) -> tuple[Cell, ...]:
    cells, at = list[Cell](), 0
    while True:
        start = at + len(line[at:]) - len(line[at:].lstrip())
        where = Where(file, number, start + 1)
        if line[start : start + 1] == '"':
            text, at = _quoted(line, start)
            if at < 0:
                findings.append(Finding(BAD_TABLE, where, "a quote is not closed", mend="close it on the same line"))
                return (*cells, Cell(text, where))
        else:
            at = line.find(",", start)
            at = len(line) if at < 0 else at
            text = line[start:at]
        cells.append(Cell(text.strip(), where))
        at = line.find(",", at)
        if at < 0:
            return tuple(cells)
        at += 1


def _quoted(line: str, start: int) -> tuple[str, int]:
    """The text of a quoted cell, and the place behind it; -1 where it is not closed."""
    at = line.find('"', start + 1)
    while at >= 0 and line[at + 1 : at + 2] == '"':
        at = line.find('"', at + 2)
    text = line[start + 1 : at] if at >= 0 else line[start + 1 :]
    return text.replace('""', '"'), at + 1 if at >= 0 else -1
