"""Two sets of books compared by natural key: without ids, numbers, and the times at which something was written.

Every table is compared, those that come later too.  What stands for an id is replaced by the natural key of the row that
it names; what is left out is named here, with the reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.books import open_books

Row = dict[str, Any]
Snapshot = dict[str, Counter[str]]

NOT_COMPARED: Final = {
    "id_block": "says which ids are taken",
    "chain": "its seals have salts, and its links are as many as there were transactions; `verify` walks it",
    "request": "a call that is made again is logged again",
    "release": "its row is that of the first start, with the time of it",
}

LEFT_OUT: Final[Mapping[str, frozenset[str]]] = {
    "run": frozenset({"started_at", "finished_at"}),
    "partition": frozenset({"finished_at"}),
    "finding": frozenset({"at"}),
    "audit": frozenset({"at"}),
    "intake_file": frozenset({"at"}),
    "invoice": frozenset({"sequence", "number"}),
    "effect": frozenset({"attempts", "next_at"}),
    "work_item": frozenset({"opened_at", "resolved_at"}),
    "settlement": frozenset({"at"}),
    "receipt": frozenset({"heard_at"}),
    "clearance_step": frozenset({"at"}),
    "message": frozenset({"at"}),
}
"""Numbers, and times at which something was written; how often an effect was tried is no part of what it came to."""

AGAIN: Final = frozenset({"resume run", "claim effects"})
"""Actions of the audit that are there once more for each time that somebody begins again."""

_VOLATILE: Final = frozenset({"from", "to", "next", "seconds", "id"})
"""What audit rows and summaries say of ids, numbers and times."""

_OF_IMPORTS: Final = frozenset({"new", "same"})
"""What an import that was stopped has loaded is the same to the one that goes on."""


class _Names:
    """Natural keys of rows by table and id."""

    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self.by_id: dict[str, dict[int, str]] = defaultdict(dict)
        versions: Counter[str] = Counter()
        for row in rows["settlement"]:  # an act is a document of its own, which its entry names
            self.by_id["invoice"][row["document"]] = f"settlement {row['entity']}/{row['key']}"
        for table, fields in _KEYS.items():
            for row in sorted(rows[table], key=lambda r: r["id"]):
                key = "/".join(str(self.of(*field, row)) for field in fields)
                versions[f"{table} {key}"] += 1
                count = versions[f"{table} {key}"]
                self.by_id[table][row["id"]] = f"{table} {key}" + (f" version {count}" if count > 1 else "")

    def of(self, column: str, target: str, row: Row) -> Any:
        """The value of a column, or the natural key of the row of ``target`` that it names."""
        value = row[column]
        return self.by_id[target].get(value, value) if target else value


_KEYS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    table: tuple((name, target) for name, _, target in (field.partition(">") for field in fields.split()))
    for table, fields in {
        "entity": "key",
        "account": "entity key",
        "charge": "plan key",
        "contract_line": "entity contract plan charge valid_from",
        "subscription": "entity key",
        "subscription_event": "subscription_id>subscription key",
        "usage_event": "entity source key",
        "usage_total": "entity source meter day",
        "run": "kind period scope",
        "invoice": "entity payer period kind group_key",
        "invoice_line": "invoice_id>invoice number",
        "entry": "document>invoice kind",
    }.items()
}
"""Table -> columns of the natural key of rows that others name by id, in an order in which what is named comes first."""

_LINKS: Final[Mapping[str, str]] = {
    "account_id": "account",
    "payer_id": "account",
    "seller_id": "entity",
    "charge_id": "charge",
    "contract_line_id": "contract_line",
    "subscription_id": "subscription",
    "run_id": "run",
    "invoice_id": "invoice",
    "document": "invoice",
    "item": "invoice",
    "line_id": "invoice_line",
    "credits": "invoice_line",
    "entry_id": "entry",
    "events": "subscription_event",
    "events_seen": "subscription_event",
    "usage_after": "usage_event",
    "usage_to": "usage_event",
    "usage_seen": "usage_event",
    "last_id": "usage_event",
    "event_id": "usage_event",
    "usage_id": "usage_event",
    "total_id": "usage_total",
    "opened_run": "run",
    "resolved_run": "run",
}
"""Columns that hold ids -> the table whose rows they name."""


def snapshot(url: str) -> Snapshot:
    """All rows of the books at an address by table, each as text, with how often it is there."""
    books = open_books(url)
    try:
        with books.reader() as reader:
            rows = {
                name: [dict(row) for row in reader.connection.execute(sa.select(table)).mappings()]
                for name, table in t.METADATA.tables.items()
                if name not in NOT_COMPARED
            }
    finally:
        books.close()
    names = _Names(rows)
    return {
        name: Counter(_text(name, row, names) for row in found if row.get("action") not in AGAIN)
        for name, found in rows.items()
    }


def _text(table: str, row: Row, names: _Names) -> str:
    special: Callable[[Row, _Names], Row] = _SPECIAL.get(table, lambda values, _: values)
    row = special(dict(row), names)
    left_out = LEFT_OUT.get(table, frozenset())
    shown = {
        name: names.of(name, _LINKS.get(name, ""), row) for name, value in row.items() if name not in {*left_out, "id"}
    }
    return ", ".join(
        f"{name}={_steady(value, frozenset())}" for name, value in shown.items() if value not in (None, "")
    )


def _steady(value: Any, left_out: frozenset[str] = _VOLATILE) -> Any:
    """A JSON value without ids, numbers and times."""
    if isinstance(value, Mapping):
        return {key: _steady(value[key], left_out) for key in sorted(value) if key not in left_out}
    return [_steady(one, left_out) for one in value] if isinstance(value, list) else value


def _audit(row: Row, names: _Names) -> Row:
    left_out = _VOLATILE
    head, _, rest = row["subject"].partition("/")
    number, _, more = rest.partition("/")
    if head in ("invoice", "run") and number.isdigit():
        row["subject"] = f"{names.by_id[head].get(int(number), number)}/{more}"
        if row["subject"].startswith("run import/"):
            left_out |= _OF_IMPORTS
    return row | {"before": _steady(row["before"]), "after": _steady(row["after"], left_out)}


def _run(row: Row, names: _Names) -> Row:
    summary = _steady(row["summary"], _VOLATILE | (_OF_IMPORTS if row["kind"] == "import" else frozenset()))
    parameters = dict(row["parameters"])
    for name, target in (("usage", "usage_event"), ("events", "subscription_event")):
        if name in parameters:
            parameters[name] = names.by_id[target].get(parameters[name], parameters[name])
    return row | {"summary": summary, "parameters": parameters}


def _effect(row: Row, names: _Names) -> Row:
    invoice = row["payload"].get("invoice_id")
    payload = row["payload"] | {"invoice_id": names.by_id["invoice"].get(invoice, invoice)}
    return row | {"payload": payload, "answer": _steady(row["answer"], frozenset({"path", "json_path"}))}


def _watermark(row: Row, names: _Names) -> Row:
    return row | {"value": names.by_id["usage_event"].get(row["value"], row["value"])}


_SPECIAL: Final[Mapping[str, Callable[[Row, _Names], Row]]] = {
    "audit": _audit,
    "run": _run,
    "partition": lambda row, _: row | {"summary": _steady(row["summary"])},
    "effect": _effect,
    "watermark": _watermark,
}


def differences(expected: Snapshot, found: Snapshot) -> list[str]:
    """What is missing in one set of books, and what is there too often, a line each."""
    lines = []
    for table in sorted({*expected, *found}):
        wanted, there = expected.get(table, Counter()), found.get(table, Counter())
        lines += [f"{table}: missing {count} x {row}" for row, count in (wanted - there).items()]
        lines += [f"{table}: too many {count} x {row}" for row, count in (there - wanted).items()]
    return lines


def gaps(url: str) -> list[str]:
    """Series whose legal numbers are not 1, 2, 3 and so on."""
    column = t.INVOICE.c
    numbers = (sa.func.min(column.sequence), sa.func.max(column.sequence), sa.func.count())
    books = open_books(url)
    try:
        with books.reader() as reader:
            rows = reader.rows(sa.select(column.entity, column.series, *numbers).group_by(column.entity, column.series))
            following = {(r.entity, r.series): r.next for r in reader.rows(sa.select(t.SERIES))}
    finally:
        books.close()
    return [
        f"{entity} {series}: {count} numbers from {low} to {high}, the next is {following.get((entity, series))}"
        for entity, series, low, high, count in rows
        if (low, high, following.get((entity, series))) != (1, count, count + 1)
    ]
