"""A small company as import files, and what its import leaves in the books."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from engine.model.journal import Change
from engine.runs.import_run import ImportReport, run_import
from engine.runs.intake.formats import FORMATS
from engine.store import lookups
from engine.store.books import Books

TODAY = date(2026, 3, 31)
CHANGE = Change("ada", datetime(2026, 3, 31, 12, tzinfo=UTC), "test")
Files = Mapping[str, Sequence[Mapping[str, str]]]

COMPANY: dict[str, list[dict[str, str]]] = {
    "entities": [
        {"key": "E1", "name": "One", "country": "DE", "functional_currency": "EUR", "zone": "Europe/Berlin"},
        {"key": "E2", "name": "Two", "country": "US", "functional_currency": "USD", "zone": "America/New_York"},
    ],
    "accounts": [
        {"entity": "E1", "key": "A1", "name": "A", "country": "DE", "currency": "EUR", "zone": "Europe/Berlin"},
        {
            "entity": "E1",
            "key": "A2",
            "name": "B",
            "country": "JP",
            "currency": "JPY",
            "zone": "Asia/Tokyo",
            "parent": "A1",
        },
        {"entity": "E2", "key": "B1", "name": "C", "country": "US", "currency": "USD", "zone": "America/New_York"},
    ],
    "meters": [{"key": "gb", "unit": "GB"}],
    "plans": [{"key": "p", "name": "Plan"}, {"key": "q", "name": "Other plan"}],
    "charges": [
        {"plan": "p", "key": "fee", "name": "Fee", "kind": "recurring"},
        {"plan": "p", "key": "use", "name": "Use", "kind": "usage", "meter": "gb"},
    ],
    "contracts": [{"entity": "E1", "key": "C1", "account": "A1", "signed_on": "2025-12-01"}],
    "contract_lines": [
        {"entity": "E1", "contract": "C1", "plan": "p", "charge": "use", "unit_price": "0.125", "currency": "EUR"}
    ],
    "subscriptions": [
        {"entity": "E1", "key": "S1", "account": "A1", "contract": "C1", "anchor_day": "31"},
        {"entity": "E1", "key": "S2", "account": "A2"},
        {"entity": "E2", "key": "S1", "account": "B1"},
    ],
    "subscription_events": [
        {"entity": "E1", "subscription": "S1", "key": "1", "kind": "start", "on": "2026-01-31", "plan": "p"},
        {"entity": "E1", "subscription": "S1", "key": "2", "kind": "change", "on": "2026-02-15", "quantity": "2.5"},
        {"entity": "E1", "subscription": "S2", "key": "1", "kind": "start", "on": "2026-01-01", "plan": "p"},
        {"entity": "E2", "subscription": "S1", "key": "1", "kind": "start", "on": "2026-01-01", "plan": "p"},
    ],
    "usage": [
        {
            "entity": "E1",
            "subscription": "S1",
            "meter": "gb",
            "key": "u1",
            "at": "2026-03-01T10:00:00Z",
            "quantity": "1.5",
        },
        {
            "entity": "E1",
            "subscription": "S2",
            "meter": "gb",
            "key": "u2",
            "at": "2026-03-01T15:00:00Z",
            "quantity": "2",
        },
        {
            "entity": "E2",
            "subscription": "S1",
            "meter": "gb",
            "key": "u1",
            "at": "2026-03-01T03:00:00Z",
            "quantity": "3",
        },
    ],
    "rates": [{"base": "EUR", "quote": "USD", "rate": "1.0842", "source": "ecb", "on": "2026-03-30"}],
    "gl_accounts": [{"code": "1200", "name": "Receivables", "kind": "asset"}],
}


def write(folder: Path, files: Files) -> Path:
    """Files as CSV, each under the name that its rows are listed by."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    return folder


def load(books: Books, folder: Path, files: Files | None = None, change: Change = CHANGE) -> ImportReport:
    return run_import(books, "t", write(folder, files) if files is not None else folder, change, TODAY)


def found(report: ImportReport) -> list[tuple[str, str]]:
    return [(str(finding.where), str(finding.code)) for finding in report.findings]


def contents(books: Books) -> dict[str, Any]:
    """Masters and events by natural key."""
    names: dict[str, list[tuple[Any, ...]]] = {}
    for kind, rows in COMPANY.items():
        if kind in ("subscription_events", "contract_lines", "gl_accounts"):
            continue
        form = FORMATS[kind]
        names[kind] = [tuple(row.get(name, "import" if name == "source" else "") for name in form.key) for row in rows]
    names["rates"] = [("ecb", "EUR", "USD", date(2026, 3, 30))]
    with books.reader() as reader:
        state: dict[str, Any] = {kind: lookups.find(reader, kind, "t", keys) for kind, keys in names.items()}
        ids = [record["id"] for record in state["subscriptions"].values()]
        state["events"] = lookups.events_of(reader, ids)
        state["contracts"] = reader.contracts("t", "E1")
        state["gl"] = reader.gl_accounts("t")
    return state


def plain(state: Any) -> Any:
    """The same without ids."""
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items() if not str(key).endswith("id")}
    return state


def everything(books: Books) -> list[Any]:
    """Everything that an import could have changed, runs and audit included."""
    with books.reader() as reader:
        return [
            contents(books),
            reader.runs("t"),
            reader.audit_rows("t"),
            reader.intake_files("t"),
            reader.high_marks(),
        ]


def runs_of(books: Books) -> list[Any]:
    with books.reader() as reader:
        return reader.runs("t")
