"""From a file to rows: CSV, JSON lines and Parquet, each in bounded memory.

A row is ``(number, {column: text})``: whatever the file, cells are texts, so that the same facts give the same values
from every kind of file.  The number is the line in the file (the first one, where a quoted text spans several), or the
row of a Parquet file, from 1.  A row that cannot be read at all is a :class:`Broken` in its place; reading goes on.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

import msgspec

from engine.base.errors import Code, TollbookError, Where, refuse
from engine.runs.intake.dimensions import COLUMN
from engine.runs.intake.formats import PACKED, suffix_of
from engine.runs.intake.rows import NOT_UTF8, shown
from engine.runs.intake.values import undecoded

UNREADABLE = Code("intake.unreadable-file", "A file that is not what the ending of its name says.")
NO_HEADER = Code("intake.no-header", "A CSV file without a first line that names its columns.")
DOUBLE_COLUMN = Code("intake.double-column", "A file with two columns of one name; nothing of it is loaded.")
INEXACT_COLUMN = Code("intake.inexact-column", "A Parquet column of binary floating point numbers.")
NO_PARQUET = Code("intake.no-parquet", "A Parquet file where the library that reads it is not installed.")
BROKEN_ROW = Code("intake.broken-row", "A line that is not a row of its file.")

LINE_LIMIT: Final = 1 << 20
"""Most characters of a line; a longer one is refused."""
_CELLS: Final = ("string", "large_string", "integer", "decimal", "boolean", "date", "timestamp", "null")
BATCH: Final = 20_000
"""Rows of a Parquet file held at a time."""


class Broken(msgspec.Struct, frozen=True):
    """Why a row cannot be read."""

    code: Code
    what: str
    why: str = ""
    mend: str = ""


Row = tuple[int, dict[str, str] | Broken]


class Table(msgspec.Struct, frozen=True):
    """An open file.

    ``columns`` are those that its head names, None where every row names its own (JSON lines).  ``total`` makes of the
    number of rows read so far how many there are in all, as far as can be told.
    """

    columns: tuple[str, ...] | None
    rows: Iterator[Row]
    total: Callable[[int], int]


@contextmanager
def open_table(path: Path, label: str, known: Collection[str]) -> Iterator[Table]:
    """Open a file by the ending of its name; ``label`` names it in messages, ``known`` are the columns that are wanted.

    Raises:
        TollbookError: the file is refused whole.
    """
    kind = suffix_of(path)
    if kind == "parquet":
        with _open_parquet(path, label, known) as table:
            yield table
        return
    with _open_bytes(path, label) as raw, _unpacked(raw, path) as file:
        _not_utf16(file, label)
        bytes_in_all = path.stat().st_size

        def total(rows: int) -> int:
            return max(rows, rows * bytes_in_all // max(raw.tell(), 1))

        if kind == "jsonl":
            yield Table(None, _json_rows(file, label), total)
        else:
            names, rows = _csv(file, label)
            yield Table(names, rows, total)


def _open_bytes(path: Path, label: str) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise refuse(UNREADABLE, f"the file cannot be read: {error.strerror}", where=Where(label)) from None


def _unpacked(raw: BinaryIO, path: Path) -> io.TextIOWrapper:
    """The text of a file.  Bytes that are not UTF-8 become lone surrogates, which no value may hold."""
    packed = path.name.lower().endswith(PACKED)
    plain: Any = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw
    return io.TextIOWrapper(plain, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _not_utf16(file: io.TextIOWrapper, label: str) -> None:
    buffer: Any = file.buffer
    try:
        start = buffer.peek(2)[:2]
    except _UNREADABLE as error:
        raise _broken_off(error, label) from None
    if start in (b"\xff\xfe", b"\xfe\xff"):
        why, mend = "text files are read as UTF-8", "save it as UTF-8"
        raise refuse(NOT_UTF8, "the file is UTF-16", why=why, mend=mend, where=Where(label))


def _lines(file: TextIO, label: str) -> Iterator[str]:
    """Lines with their ends, none longer than :data:`LINE_LIMIT`."""
    try:
        while line := file.readline(LINE_LIMIT):
            yield line
    except _UNREADABLE as error:
        raise _broken_off(error, label) from None


_UNREADABLE: Final = (OSError, EOFError, zlib.error)


def _broken_off(error: Exception, label: str) -> TollbookError:
    why = getattr(error, "strerror", None) or str(error)
    return refuse(UNREADABLE, f"the file cannot be read on: {why}", mend="deliver it again", where=Where(label))


def _csv(file: TextIO, label: str) -> tuple[tuple[str, ...], Iterator[Row]]:
    reader = csv.reader(_lines(file, label), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise refuse(NO_HEADER, f"the first line is not one of CSV: {error}", where=Where(label, 1)) from None
    if not any(names):
        raise refuse(
            NO_HEADER,
            "the file has no first line that names its columns",
            mend="write the names of the columns",
            where=Where(label, 1),
        )
    _only_once(names, Where(label, 1))
    return tuple(names), _csv_rows(reader, names)


def _only_once(names: list[str], where: Where) -> None:
    for name in names:
        if undecoded(name):
            raise refuse(NOT_UTF8, f"column {shown(name)} is not UTF-8", mend="save the file as UTF-8", where=where)
        if name and names.count(name) > 1:
            why = "nobody knows which one counts"
            raise refuse(
                DOUBLE_COLUMN,
                f"column {name!r} is there {names.count(name)} times",
                why=why,
                mend="keep one",
                where=where,
            )


def _csv_rows(reader: Any, names: list[str]) -> Iterator[Row]:
    width, line = len(names), reader.line_num
    while True:
        number = line + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            line = reader.line_num
            yield number, _broken_csv(str(error), number, line)
            continue
        line = reader.line_num
        if cells is None:
            return
        if len(cells) == width:
            yield number, dict(zip(names, cells, strict=True))
        elif cells:
            less = len(cells) < width
            yield (
                number,
                Broken(
                    BROKEN_ROW,
                    f"the row has {len(cells)} values and the file {width} columns",
                    "" if less else "a text with a comma stands in double quotes",
                    "add the values that lack, empty ones too" if less else "quote it, or take out what is too much",
                ),
            )


def _broken_csv(error: str, first: int, last: int) -> Broken:
    if "unexpected end" in error or "field larger" in error:
        what = f"a double quote is opened and not closed; lines {first} to {last} are lost"
        return Broken(BROKEN_ROW, what, mend="close it, or double it where it is part of the text")
    return Broken(
        BROKEN_ROW, f"the line is not one of CSV: {error}", mend="put the text in double quotes and double those inside"
    )


class _DoubleName(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        names = [name for name, _ in pairs]
        raise _DoubleName(next(name for name in names if names.count(name) > 1))
    return row


def _constant(name: str) -> str:
    return name


def _json_rows(file: TextIO, label: str) -> Iterator[Row]:
    number, cut = 0, False
    for line in _lines(file, label):
        whole = line.endswith(("\n", "\r")) or len(line) < LINE_LIMIT
        if cut:
            cut = not whole
            continue
        number, cut = number + 1, not whole
        if cut:
            yield (
                number,
                Broken(BROKEN_ROW, f"the line has more than {LINE_LIMIT} characters", mend="write one object a line"),
            )
        elif text := line.strip():
            yield number, json_row(text)


# Numbers stay the texts that they were written as: nothing is rounded on the way.
_DECODE: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=str, parse_int=str, parse_constant=_constant
).decode


def json_row(text: str) -> dict[str, str] | Broken:
    """The row of a line of JSON."""
    value = json_value(text)
    return value if isinstance(value, Broken) else json_cells(value, text)


def json_value(text: str, noun: str = "line") -> Any:
    """What a text of JSON says, numbers as the texts that they were written as; a :class:`Broken` if it is not JSON.

    ``noun`` is what messages call the text.
    """
    if undecoded(text):
        return Broken(
            NOT_UTF8,
            f"the {noun} {shown(text)} is not UTF-8",
            "it was written in another encoding",
            "write it as UTF-8",
        )
    try:
        return _DECODE(text)
    except _DoubleName as error:
        return Broken(BROKEN_ROW, f"{shown(str(error))} is there twice", "nobody knows which one counts", "keep one")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, character {error.colno}" if error.lineno > 1 else f"character {error.colno}"
        return Broken(BROKEN_ROW, f"the {noun} is not JSON: {error.msg} at {place}", mend="write one object a line")
    except RecursionError:
        return Broken(BROKEN_ROW, f"the {noun} is nested too deep", mend="write one flat object a line")


def json_cells(row: Any, text: str, noun: str = "line") -> dict[str, str] | Broken:
    """A value of JSON, written ``text``, as a row, whose cells are texts; ``noun`` is what messages call it."""
    if not isinstance(row, dict):
        return Broken(BROKEN_ROW, f"the {noun} {shown(text)} is not an object", mend='write {"column": "value", …}')
    for name, value in row.items():
        if value.__class__ is not str:
            if name == COLUMN and isinstance(value, dict):
                row[name] = json.dumps(value, ensure_ascii=False)
                continue
            if isinstance(value, (list, dict)):
                return Broken(
                    BROKEN_ROW, f"{name} is a list or an object", "a cell has one value", "write it as one text"
                )
            row[name] = "" if value is None else "true" if value else "false"
    return row


@contextmanager
def _open_parquet(path: Path, label: str, known: Collection[str]) -> Iterator[Table]:
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError:
        mend = "install tollbook[parquet], or deliver the file as CSV or JSON lines"
        raise refuse(NO_PARQUET, "Parquet files need the library pyarrow", mend=mend, where=Where(label)) from None
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        mend = "write the file again"
        raise refuse(UNREADABLE, "the file is not Parquet, or is cut off", mend=mend, where=Where(label)) from error
    with file:
        names = list(file.schema_arrow.names)
        _only_once(names, Where(label))
        wanted = [name for name in names if name in known]
        for name in wanted:
            _exact(name, file.schema_arrow.field(name).type, pyarrow.types, label)
        number = file.metadata.num_rows
        yield Table(tuple(names), _parquet_rows(file, wanted, pyarrow.ArrowException), lambda rows: number)


def _exact(name: str, kind: Any, types: Any, label: str) -> None:
    """Refuse a column whose values are not exact, or no single values."""
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if types.is_floating(kind):
        why = "what is read back is not what was meant: 0.1 is not a binary number"
        mend = "write it as DECIMAL or as text"
        raise refuse(INEXACT_COLUMN, f"column {name!r} is of type {kind}", why=why, mend=mend, where=Where(label))
    if not any(getattr(types, f"is_{good}")(kind) for good in _CELLS):
        mend = "write it as text"
        raise refuse(
            UNREADABLE, f"column {name!r} is of type {kind}", why="a cell has one value", mend=mend, where=Where(label)
        )


def _parquet_rows(file: Any, wanted: list[str], failure: type[Exception]) -> Iterator[Row]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
            columns = [_texts(batch.column(name)) for name in wanted]
            for cells in zip(*columns, strict=True) if columns else ():
                number += 1
                yield number, dict(zip(wanted, cells, strict=True))
    except (failure, OSError) as error:
        what = f"the file cannot be read from row {number + 1} on"
        yield number + 1, Broken(UNREADABLE, what, _first_line(error), "write the file again")


def _texts(column: Any) -> list[str]:
    """A column's cells as texts; a moment finer than a microsecond is cut, as it is in a text."""
    unit = getattr(column.type, "unit", "")
    if unit == "ns":
        import pyarrow

        column = column.cast(pyarrow.timestamp("us", column.type.tz), safe=False)
    return [value if value.__class__ is str else _text(value) for value in column.to_pylist()]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
