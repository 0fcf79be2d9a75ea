"""Schedules and what was recognised of them as files: CSV and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.files import whole
from engine.store.revenue_reports import FIELDS

NO_FORMAT = Code("revenue.no-format", "An export of revenue in a format that does not exist, or is not installed.")

PAGE: Final = 10_000
NUMBERS: Final = frozenset({"amount", "functional_amount", "recognised", "functional_recognised"})
WHOLE: Final = frozenset({"schedule", "line", "takes", "entry"})
DAYS: Final = frozenset({"service_from", "service_to", "month", "posting_date"})

Row = Sequence[Any]


def write(rows: Iterable[Row], file: Path, form: str) -> int:
    """Write rows of :data:`engine.store.revenue_reports.FIELDS`; how many.

    Raises:
        TollbookError: ``revenue.no-format``, ``file.not-writable``.
    """
    if form not in FORMATS:
        raise refuse(NO_FORMAT, f"there is no format {form!r}", mend=did_you_mean(form, FORMATS) or "csv or parquet")
    with whole(file) as part:
        return FORMATS[form](rows, part)


def _csv(rows: Iterable[Row], file: Path) -> int:
    count = 0
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(FIELDS)
        for row in rows:
            writer.writerow([_text(value) for value in row])
            count += 1
    return count


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _parquet(rows: Iterable[Row], file: Path) -> int:
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError:
        mend = "install tollbook[parquet], or export CSV"
        raise refuse(NO_FORMAT, "the library that writes Parquet is not installed", mend=mend) from None
    schema = pyarrow.schema([(name, _kind(pyarrow, name)) for name in FIELDS])
    count, stream = 0, iter(rows)
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        while page := list(islice(stream, PAGE)):
            count += len(page)
            columns = [
                pyarrow.array(values, type=field.type)
                for field, values in zip(schema, zip(*page, strict=True), strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
    return count


def _kind(pyarrow: Any, name: str) -> Any:
    if name in NUMBERS:
        return pyarrow.decimal128(19, 4)
    return pyarrow.int64() if name in WHOLE else pyarrow.date32() if name in DAYS else pyarrow.string()


FORMATS: Final[Mapping[str, Callable[[Iterable[Row], Path], int]]] = {"csv": _csv, "parquet": _parquet}
