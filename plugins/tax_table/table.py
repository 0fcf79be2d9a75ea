"""The table of rates: reading it with every mistake at its line, and finding the row that answers.

A row answers for what its columns name; ``*`` stands for anything.  Where several rows answer, the most specific one
wins: columns are compared in the order of :data:`SPECIFICITY`, and the first in which one row names a value and another
says ``*`` decides.  Two rows that name the same and share a day are refused, so there is always one winner.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.units import Unfit, read_date, read_percent
from engine.ports.hookspecs.tax import CATEGORIES, REASONED

NO_FILE = Code("tax-table.no-file", "A table of rates that cannot be read.")
WRONG_COLUMNS = Code("tax-table.wrong-columns", "A table of rates with missing or unknown columns.")
BAD_ROW = Code("tax-table.bad-row", "A row of a table of rates that does not make sense.")
OVERLAP = Code("tax-table.overlap", "Two rows of a table of rates that answer for the same on the same day.")

SPECIFICITY: Final = ("supply", "country", "region", "tax_code", "buyer")
"""What a row answers for, the most telling column first."""

COLUMNS: Final = (
    "country",
    "region",
    "tax_code",
    "buyer",
    "supply",
    "from",
    "to",
    "rate",
    "category",
    "reason",
    "source",
)
PARTS: Final = "parts"
"""A column that a table may have beside :data:`COLUMNS`: the taxes that the rate is made of."""

LEVELS: Final = ("country", "state", "county", "city", "special")

BUYERS: Final = ("business", "consumer", "exempt")
"""``business``: has a tax id.  ``exempt``: has a certificate; only rows that name ``exempt`` answer for it."""

SUPPLIES: Final = ("same_region", "local", "intra_eu", "registered", "export")
"""How the place of supply lies to the seller; see :func:`plugins.tax_table.plugin.supply_of`."""

Supplies = tuple[str, ...]
"""Some of :data:`SUPPLIES`: rows of the first are asked before those of the next."""

Key = tuple[str, str, str, str, str]
"""The values of a row, or ``*``, in the order of :data:`SPECIFICITY`."""


class Part(msgspec.Struct, frozen=True):
    """A tax that a rate is made of: who levies it, what it is called, and its rate."""

    level: str
    name: str
    rate: Decimal


class Row(msgspec.Struct, frozen=True):
    """A row: for ``key`` in [``valid_from``, ``valid_to``) the rate is ``rate``."""

    key: Key
    valid_from: date
    valid_to: date
    rate: Decimal
    category: str
    reason: str
    source: str
    line: int
    parts: tuple[Part, ...] = ()


class Table:
    """Rows by what they answer for."""

    def __init__(self, rows: Mapping[Key, tuple[Row, ...]]) -> None:
        self.rows = rows

    def find(self, supplies: Supplies, country: str, region: str, tax_code: str, buyer: str, on: date) -> Row | None:
        """The most specific row in force on a day, or None."""
        buyers = (buyer,) if buyer == "exempt" else (buyer, "*")
        for key in itertools.product((*supplies, "*"), (country, "*"), (region, "*"), (tax_code, "*"), buyers):
            for row in self.rows.get(key, ()):
                if row.valid_from <= on < row.valid_to:
                    return row
        return None


def read_table(path: Path) -> Table:
    """A table of rates from a CSV file.

    Raises:
        TollbookError: ``tax-table.*``, one finding for each mistake at its line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        mend = "look at the setting 'table' of the adapter"
        raise refuse(
            NO_FILE, f"the table of rates cannot be read: {reason}", mend=mend, where=Where(str(path))
        ) from None
    reader = csv.DictReader(text.splitlines())
    header = [name.strip() for name in reader.fieldnames or ()]
    findings = _columns(header, str(path))
    if findings:
        raise TollbookError(findings)
    reader.fieldnames = header
    rows: dict[Key, list[Row]] = {}
    for values in reader:
        where = Where(str(path), reader.line_num)
        row = _row(values, where, findings)
        if row is not None:
            findings += [_overlap(row, other, where) for other in rows.get(row.key, ()) if _both(row, other)]
            rows.setdefault(row.key, []).append(row)
    if findings:
        raise TollbookError(findings)
    return Table({key: tuple(sorted(named, key=lambda row: row.valid_from)) for key, named in rows.items()})


def _columns(header: list[str], file: str) -> list[Finding]:
    where = Where(file, 1)
    unknown = [name for name in header if name not in (*COLUMNS, PARTS)]
    return [
        Finding(WRONG_COLUMNS, where, f"unknown column {name!r}", mend=did_you_mean(name, (*COLUMNS, PARTS)))
        for name in unknown
    ] + [
        Finding(WRONG_COLUMNS, where, f"the column {name!r} is missing", mend="columns: " + ", ".join(COLUMNS))
        for name in COLUMNS
        if name not in header
    ]


def _row(values: Mapping[str, Any], where: Where, findings: list[Finding]) -> Row | None:
    """A row of plain texts made ready to use; what is wrong with it goes to ``findings``."""
    flaws: list[Finding] = []

    def flaw(what: str, mend: str = "") -> None:
        flaws.append(Finding(BAD_ROW, where, what, mend=mend))

    def read(column: str, reader: Any, absent: Any) -> Any:
        text = cells[column]
        if not text:
            return absent
        try:
            return reader(text)
        except Unfit as error:
            flaw(f"{column} {error.what}", error.mend)
            return absent

    if None in values or None in values.values():
        flaw(f"the row has not {len(values) - (None in values)} cells", "quote a cell that holds a comma")
        findings += flaws
        return None
    cells = {name: str(value).strip() for name, value in values.items()}
    for column, allowed in (("buyer", BUYERS), ("supply", SUPPLIES), ("category", CATEGORIES)):
        known = allowed if column == "category" else (*allowed, "*")
        if cells[column] not in known:
            flaw(f"{column} is {cells[column]!r}", did_you_mean(cells[column], known))
    for column in ("country", "region", "tax_code", "rate", "source"):
        if not cells[column]:
            flaw(f"{column} is empty", "write * for any" if column in SPECIFICITY else "")
    start = read("from", read_date, date.min)
    end = read("to", read_date, date.max)
    rate = read("rate", read_percent, Decimal(0))
    parts = read(PARTS, _parts, ()) if PARTS in cells else ()
    if parts and sum((part.rate for part in parts), Decimal(0)) != rate:
        flaw(f"parts are not {cells['rate']} together", "the rates of the parts add up to the rate of the row")
    if start >= end:
        flaw(f"the row ends on {end}, before it begins on {start}", "to is the day after the last day")
    if cells["category"] != "S" and rate:
        flaw(f"category {cells['category']} means no tax, and rate is {cells['rate']}", "write 0 %")
    if cells["category"] in REASONED and not cells["reason"]:
        flaw(f"category {cells['category']} needs the reason that is printed on invoices")
    findings += flaws
    if flaws:
        return None
    supply, country, region, tax_code, buyer = (cells[column] for column in SPECIFICITY)
    key = (supply, country, region, tax_code, buyer)
    return Row(key, start, end, rate, cells["category"], cells["reason"], cells["source"], where.line, parts)


def _parts(text: str) -> tuple[Part, ...]:
    """The parts of a rate as they are written, such as ``country CGST 9 %; state SGST 9 %``."""
    found = []
    for part in text.split(";"):
        level, _, rest = part.strip().partition(" ")
        name, _, rate = rest.strip().partition(" ")
        if level not in LEVELS or not rate:
            mend = f"write level, name and rate, such as country CGST 9 %; levels are {', '.join(LEVELS)}"
            raise Unfit(f"has {part.strip()!r}", mend)
        found.append(Part(level, name, read_percent(rate)))
    return tuple(found)


def _both(row: Row, other: Row) -> bool:
    return row.valid_from < other.valid_to and other.valid_from < row.valid_to


def _overlap(row: Row, other: Row, where: Where) -> Finding:
    what = f"the row answers for the same as line {other.line}, and they share days"
    return Finding(OVERLAP, where, what, mend="end one on the day on which the other begins")
