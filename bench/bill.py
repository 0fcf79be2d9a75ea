"""The bill run, end to end, against the limit: the same rows, ready in memory, into tables with keys only, on one connection."""

from __future__ import annotations

import argparse
import io
import math
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from bench import company
from bench.measured import DAY, change, opened
from bench.postgres import database
from engine.runs.billing.run import run_bill
from engine.runs.import_run import run_import
from engine.runs.run import Report

TABLES = ("invoice", "invoice_line", "entry", "posting", "effect", "audit")


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    size = _partition(options.accounts, options.workers)
    yield f"## Bill run, {options.accounts:,} accounts, 5 lines an invoice, partitions of {size:,} with workers"
    yield ""
    yield "| database | invoices/s | run s | limit s | share of the limit |"
    yield "|---|---|---|---|---|"
    spent: dict[str, Mapping[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        company.write(folder, options.accounts)
        with database() as url:
            yield _row(
                f"PostgreSQL, {options.workers} workers",
                *_postgresql(folder, url, options.workers, options.accounts, spent),
            )
        yield _row("SQLite, one process", *_sqlite(folder, options.accounts, spent))
    yield ""
    for label, seconds in spent.items():
        steps = ", ".join(f"{step} {value:.2f}" for step, value in seconds.items())
        yield f"Seconds by step, added up over processes, {label}: {steps}."
        yield ""


def _row(label: str, report: Report, seconds: float, limit: float) -> str:
    invoices = report.counts["invoices"]
    return f"| {label} | {invoices / seconds:,.0f} | {seconds:.2f} | {limit:.2f} | {limit / seconds:.2f} |"


def _bill(folder: Path, url: str, workers: int, accounts: int) -> tuple[Report, float]:
    app = opened(folder, url, workers, _partition(accounts, max(workers, 1)))
    try:
        run_import(app.books, app.tenant, folder / "data", change(), DAY)
        start = time.perf_counter()
        report = run_bill(app.parts(), DAY, change())
        return report, time.perf_counter() - start
    finally:
        app.close()


def _partition(accounts: int, workers: int) -> int:
    """Payers a partition, at most 2,000, of which each worker has as many: all of them end at the same time."""
    rounds = math.ceil(accounts / (workers * 2000))
    return math.ceil(accounts / (workers * rounds))


def _postgresql(
    folder: Path, url: str, workers: int, accounts: int, spent: dict[str, Any]
) -> tuple[Report, float, float]:
    report, seconds = _bill(folder, url, workers, accounts)
    spent["PostgreSQL"] = report.seconds
    with psycopg.connect(url) as connection:
        buffers = {}
        for table in TABLES:
            buffer = io.BytesIO()
            with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
                for block in copy:
                    buffer.write(block)
            buffers[table] = buffer.getvalue()
            connection.execute(f"CREATE TABLE limit_{table} (LIKE {table})")
            connection.execute(f"ALTER TABLE limit_{table} ADD PRIMARY KEY ({_key(connection, table)})")
        connection.commit()
        start = time.perf_counter()
        for table, data in buffers.items():
            with connection.cursor().copy(f"COPY limit_{table} FROM STDIN (FORMAT binary)") as copy:
                for at in range(0, len(data), 1 << 20):
                    copy.write(data[at : at + (1 << 20)])
        connection.commit()
        return report, seconds, time.perf_counter() - start


def _key(connection: psycopg.Connection[Any], table: str) -> str:
    rows = connection.execute(
        "SELECT a.attname FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(n, o)"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n"
        " WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY k.o",
        (table,),
    ).fetchall()
    return ", ".join(row[0] for row in rows)


def _sqlite(folder: Path, accounts: int, spent: dict[str, Any]) -> tuple[Report, float, float]:
    books = folder / "books.db"
    report, seconds = _bill(folder, f"sqlite:///{books}", 0, accounts)
    spent["SQLite"] = report.seconds
    with sqlite3.connect(books) as connection:
        rows = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
        schemas = [
            connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()[
                0
            ]
            for table in TABLES
        ]
    with sqlite3.connect(folder / "limit.db", isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        for schema in schemas:
            connection.execute(schema)
        start = time.perf_counter()
        connection.execute("BEGIN")
        for table, values in rows.items():
            if values:
                marks = ", ".join("?" * len(values[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
        connection.execute("COMMIT")
        return report, seconds, time.perf_counter() - start
