"""Grids of text as CSV files and as sheets of ``.xlsx`` workbooks, with the address of every cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Where, refuse
from engine.base.files import whole

NO_LIBRARY = Code("table.no-library", "A workbook is to be read or written, and the library for it is not installed.")
UNREADABLE = Code("table.unreadable", "A file of a decision table that is no CSV and no workbook, or cannot be read.")
FORMULA = Code("table.formula", "A cell of a decision table holds a formula instead of a value.")

WORKBOOK: Final = ".xlsx"
MOST_ROWS: Final = 20_000


class Grid(msgspec.Struct, frozen=True):
    """Rows of texts; ``file`` as a person would write it."""

    file: str
    rows: tuple[tuple[str, ...], ...]

    def cell(self, row: int, column: int) -> str:
        """The text of a cell, counted from 0; empty beyond the edges."""
        line = self.rows[row] if row < len(self.rows) else ()
        return line[column].strip() if column < len(line) else ""

    def where(self, row: int, column: int) -> Where:
        """The place of a cell."""
        return Where(self.file, row + 1, column + 1)


def address(row: int, column: int) -> str:
    """What spreadsheets call a cell: ``B7``."""
    letters, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row + 1}"


def read_grid(path: Path) -> Grid:
    """The grid of a CSV file, or of the first sheet of a workbook.

    Raises:
        TollbookError: ``table.unreadable``, ``table.no-library``, ``table.formula``.
    """
    _known(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refuse(UNREADABLE, "the file cannot be read", why=error.strerror or "", where=Where(str(path))) from None
    rows = _read_workbook(content, path) if path.suffix.lower() == WORKBOOK else _read_csv(content, path)
    if len(rows) > MOST_ROWS:
        raise refuse(UNREADABLE, f"the table has more than {MOST_ROWS:,} rows", where=Where(str(path)))
    return Grid(str(path), tuple(tuple(row) for row in rows))


def _known(path: Path) -> None:
    if path.suffix.lower() not in (WORKBOOK, ".csv"):
        what = f"{path.name} is neither .csv nor {WORKBOOK}"
        raise refuse(UNREADABLE, what, mend="save it as one of these", where=Where(str(path)))


def _read_csv(content: bytes, path: Path) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        head = text.split("\n", 1)[0]
        between = ";" if head.count(";") > head.count(",") else ","
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise refuse(
            UNREADABLE, "the file is not UTF-8", mend="save it as CSV UTF-8", where=Where(str(path), line)
        ) from None
    except csv.Error as error:
        raise refuse(UNREADABLE, f"the file is no CSV: {error}", mend="save it anew", where=Where(str(path))) from None


def _library() -> Any:
    try:
        import openpyxl
    except ImportError:
        mend = "install tollbook[sheets], or use CSV"
        raise refuse(NO_LIBRARY, "workbooks need the library openpyxl", mend=mend) from None
    return openpyxl


def _read_workbook(content: bytes, path: Path) -> list[list[str]]:
    library = _library()
    try:
        book = library.load_workbook(io.BytesIO(content))
        sheet = book.worksheets[0]
        cells = list(sheet.iter_rows())
    except Exception as error:
        why = f"{type(error).__name__}: {error}"[:200]
        raise refuse(
            UNREADABLE, "the file is no workbook", why=why, mend="save it as .xlsx", where=Where(str(path))
        ) from None
    rows = []
    for row in cells:
        line = []
        for cell in row:
            if cell.data_type == "f":
                what = f"cell {cell.coordinate} holds the formula {str(cell.value)[:60]}"
                where = Where(str(path), cell.row, cell.column)
                raise refuse(FORMULA, what, why="only values are read", mend="paste it as a value", where=where)
            line.append(_text(cell.value))
        rows.append(line)
    return rows


def _text(value: Any) -> str:
    """A value of a workbook as a rule file writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def write_grid(path: Path, rows: Sequence[Sequence[str]], title: str) -> None:
    """Writes rows of texts; in a workbook every cell is text, so that nothing is taken for a formula or a day.

    Raises:
        TollbookError: ``table.unreadable`` for another kind of file, or a folder that does not exist; ``table.no-library``.
    """
    _known(path)
    if not path.parent.is_dir():
        raise refuse(UNREADABLE, "there is no such folder", mend="create it first", where=Where(str(path.parent)))
    with whole(path) as part:
        if path.suffix.lower() == WORKBOOK:
            _write_workbook(part, rows, title)
            return
        with part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _write_workbook(path: Path, rows: Sequence[Sequence[str]], title: str) -> None:
    library = _library()
    book = library.Workbook()
    sheet = book.active
    sheet.title = "".join(sign if sign.isalnum() or sign in " -_" else "-" for sign in title)[:31] or "rules"
    bold = library.styles.Font(bold=True)
    head = next((number for number, row in enumerate(rows, 1) if row and row[0] == "id"), 0)
    for number, row in enumerate(rows, 1):
        for column, text in enumerate(row, 1):
            if not text:
                continue
            cell = sheet.cell(number, column)
            cell.value, cell.data_type, cell.number_format = text, "s", "@"
            if number == head or number == head - 1 or (number < head and column == 1):
                cell.font = bold
    if head:
        sheet.freeze_panes = sheet.cell(head + 1, 2)
    for column in range(1, max(map(len, rows), default=0) + 1):
        longest = max((len(row[column - 1]) for row in rows if len(row) >= column), default=0)
        sheet.column_dimensions[library.utils.get_column_letter(column)].width = min(60, max(10, longest + 2))
    book.save(path)
