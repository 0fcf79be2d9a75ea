"""The bank's files: what one euro cost on each day, in the digits that were published.

``eurofxref-daily.xml``, ``eurofxref-hist.xml`` and their like have a ``Cube`` a day with a ``Cube`` a currency in it;
``eurofxref.csv`` and ``eurofxref-hist.csv`` have a line a day and a column a currency, and may be zipped.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final
from xml.etree import ElementTree

LARGEST: Final = 64_000_000
"""Bytes of a file, unzipped."""

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
"""Names of months, as the file of one day has them: ``13 March 2026``."""

Published = dict[date, Mapping[str, str]]
"""Day -> currency -> the price of one euro, as it was written."""


def read(data: bytes) -> Published:
    """The rates of a file of any of the forms, by day.

    Raises:
        ValueError: it is none of them; the text says why.
    """
    if data[:2] == b"PK":
        data = _unzipped(data)
    if len(data) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    found = dict(_xml(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" else _csv(data))
    if not found:
        raise ValueError("it has no day with rates")
    return found


def price(text: str) -> Decimal:
    """A rate as it was written.

    Raises:
        ValueError: it is no number above zero.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{text!r} is no rate")
    return value


def _unzipped(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            (member,) = archive.infolist()
            with archive.open(member) as file:
                return file.read(LARGEST + 1)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ValueError(f"the archive cannot be read: {error}") from None


def _xml(data: bytes) -> Iterator[tuple[date, Mapping[str, str]]]:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("it declares entities, which the bank's files do not")
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is no XML: {error}") from None
    for element in root.iter():
        if element.tag.rpartition("}")[2] == "Cube" and "time" in element.attrib:
            prices = {one.attrib["currency"]: one.attrib["rate"] for one in element if "rate" in one.attrib}
            yield date.fromisoformat(element.attrib["time"]), prices


def _csv(data: bytes) -> Iterator[tuple[date, Mapping[str, str]]]:
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    names = [name.strip() for name in next(rows, [])]
    if not names or names[0] != "Date":
        raise ValueError("its first column is not Date")
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(names):
            raise ValueError(f"line {rows.line_num} has {len(cells)} columns instead of {len(names)}")
        prices = {
            name: cell for name, cell in zip(names[1:], cells[1:], strict=True) if name and cell not in ("", "N/A")
        }
        yield _day(cells[0]), prices


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        day, month, year = text.split()
        if month not in MONTHS:
            raise ValueError(f"{text!r} is no day") from None
        return date(int(year), MONTHS.index(month) + 1, int(day))
