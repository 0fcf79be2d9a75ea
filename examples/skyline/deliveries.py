"""The folders that Skyline's other systems deliver, in CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

INITIAL = "initial"
MONTHS = (date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1))
"""The months that are delivered; each is billed on the first day of the next one."""
FOLDERS = (INITIAL, *(f"{month:%Y-%m}" for month in MONTHS))
"""The folders in the order in which they are imported."""
CUTOVER, END = MONTHS[0], date(2024, 4, 1)
"""The first day that Tollbook bills, and the day after the last one that is delivered."""

COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(names.split())
    for table, names in {
        "entities": "key name country functional_currency zone address fiscal_year_start registrations bank_accounts"
        " city postcode region legal_id legal_scheme endpoint endpoint_scheme contact_name contact_phone contact_email",
        "accounts": "entity key name country region currency zone parent payer segment language tax_id tax_exempt email"
        " address city postcode legal_id legal_scheme endpoint endpoint_scheme contact_name contact_phone contact_email"
        " reference",
        "meters": "key unit aggregation",
        "plans": "key name",
        "charges": "plan key name kind timing months meter unit product tax_code",
        "contracts": "entity key account signed_on payment_days purchase_order",
        "contract_lines": "entity contract plan charge unit_price currency valid_from valid_to",
        "subscriptions": "entity key account contract anchor_day",
        "subscription_events": "entity subscription key kind on plan quantity",
        "usage": "entity subscription meter key at quantity source",
        "rates": "base quote rate source on",
        "gl_accounts": "code name kind",
        "cutovers": "entity key first_day source",
        "opening_lines": "entity key subscription charge plan service_from service_to currency quantity amount tax_rate"
        " tax_amount tax_category tax_jurisdiction tax_reason rate text document document_date credits cutover",
        "billed_through": "entity subscription charge billed_to cutover",
        "opening_receivables": "entity number account kind document_date due_date currency original amount"
        " functional_amount cutover",
        "opening_cash": "entity key account value_date currency amount functional_amount cutover",
        "opening_wallets": "entity key account granted_on expires_on priority currency granted amount functional_amount"
        " cutover",
        "opening_deferred": "entity key account contract subscription product currency amount functional_amount"
        " service_from service_to cutover",
        "opening_numbers": "entity series last_number last_date cutover",
        "opening_balances": "entity account currency amount functional_amount cutover",
    }.items()
}
"""Columns of each table in the order in which rows hold them."""

Row = tuple[Any, ...]


def folder_of(day: date) -> str:
    """The folder that brings what happens on a day: what is there at the cut-over comes with the first one."""
    return INITIAL if day <= CUTOVER else f"{day:%Y-%m}"


def next_folder(folder: str) -> str | None:
    """The delivery after a folder, None after the last."""
    place = FOLDERS.index(folder) + 1
    return FOLDERS[place] if place < len(FOLDERS) else None


class Deliveries:
    """Rows by folder and file name without ending; the part of the name before the first ``-`` is the table."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.kinds: dict[tuple[str, str], str] = {}
        self.beside: list[tuple[str, tuple[str, ...], Sequence[Row]]] = []
        """Files beside the folders, which are not imported: name, columns, rows."""

    def add(self, folder: str, table: str, rows: Iterable[Row], part: str = "", kind: str = "csv") -> None:
        """Add rows to ``table`` (or the file ``table-part``) of a folder, written as ``kind``."""
        name = (folder, f"{table}-{part}" if part else table)
        self.files[name].extend(rows)
        self.kinds[name] = kind

    def count(self, table: str) -> int:
        """Rows of a table in all folders."""
        return sum(len(rows) for (_, name), rows in self.files.items() if name.split("-")[0] == table)

    def write(self, root: Path, parquet: bool) -> list[Path]:
        """Write every file below ``root``, Parquet ones as CSV unless ``parquet``; older files there are removed."""
        written = []
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
            for old in sorted((root / folder).iterdir()):
                if old.suffix in (".csv", ".jsonl", ".parquet"):
                    old.unlink()
        for (folder, name), rows in sorted(self.files.items()):
            kind = self.kinds[folder, name]
            kind = "csv" if kind == "parquet" and not parquet else kind
            path = root / folder / f"{name}.{kind}"
            _WRITERS[kind](path, COLUMNS[name.split("-")[0]], rows)
            written.append(path)
        for name, columns, rows in self.beside:
            _write_csv(root / name, columns, rows)
            written.append(root / name)
        return written


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _write_json_lines(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(encode({name: value for name, value in zip(columns, row, strict=True) if value != ""}))
            file.write("\n")


def _write_parquet(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Texts, but instants as timestamps in UTC and quantities as decimals."""
    import pyarrow
    import pyarrow.parquet

    types = {"at": pyarrow.timestamp("s", "UTC"), "quantity": pyarrow.decimal128(18, 6)}
    read: dict[str, Callable[[str], Any]] = {"at": datetime.fromisoformat, "quantity": Decimal}
    data = [
        pyarrow.array(
            [read[name](value) if name in read else value for value in values], types.get(name, pyarrow.string())
        )
        for name, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    pyarrow.parquet.write_table(pyarrow.table(data, names=list(columns)), path, compression="zstd")


_WRITERS = {"csv": _write_csv, "jsonl": _write_json_lines, "parquet": _write_parquet}


def parquet_is_there() -> bool:
    """Whether Parquet files can be written here."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return False
    return True
