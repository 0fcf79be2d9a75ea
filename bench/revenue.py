"""Recognition: schedules of a month posted by one run, against the COPY of the rows that it writes."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from bench import company
from bench.measured import DAY, change, opened
from bench.postgres import database, server_seconds
from engine.app import App
from engine.model.journal import FxRate
from engine.model.revenue import Planned, PlannedItem
from engine.runs.import_run import run_import
from engine.store import bulk
from engine.store import tables as t
from engine.store.writing.revenue import Kept

MONTHS = (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31))
RATE = FxRate("EUR", "EUR", Decimal(1), "same", DAY)
BATCH = 20_000


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    count: int = options.schedules
    with tempfile.TemporaryDirectory() as name, database() as url:
        folder = Path(name)
        company.write(folder, 1, 1, "p")
        app = opened(folder, url)
        try:
            run_import(app.books, app.tenant, folder / "data", change(), DAY)
            entity = _planned(app, count)
            for month in MONTHS[:2]:  # the first reads the rules, too
                spent, start = _Spent(app), time.perf_counter()
                report = app.revenue.recognise(month, change())
                took, used = time.perf_counter() - start, spent.sides()
                assert report.counts["schedules"] == count, report.counts
            limit = _copied(app, entity, report.run_id)
        finally:
            app.close()
    yield "### Revenue"
    yield ""
    yield "| what | result |"
    yield "|---|---|"
    yield f"| schedules of a month recognised and posted, PostgreSQL | {count:,} in {took:.1f} s, {count / took:,.0f}/s |"
    yield f"| processor time of it | {used[0]:.2f} s here, {used[1]:.2f} s in the server |"
    yield f"| processor time of COPY of the same rows without keys | {limit:.2f} s: {limit / sum(used):.2f} of it |"
    yield f"| 1,000,000 schedules at that speed | {1_000_000 * took / count:.0f} s; the goal is 180 s |"
    yield ""


def _planned(app: App, count: int) -> str:
    """Schedules of three months; the legal entity that has them."""
    with app.books.reader() as reader:
        entity = sorted(reader.entities(app.tenant))[0]
    items = tuple(PlannedItem(on, Decimal("10.00")) for on in MONTHS)
    plan = Planned(
        *(
            1,
            "A",
            "product",
            "DE",
            "revenue",
            "2300",
            Decimal(30),
            RATE,
            Decimal(30),
            DAY,
            date(2026, 4, 1),
            0,
            "",
            0,
            items,
        )
    )
    lines = iter(range(1, count + 1))
    while some := list(islice(lines, BATCH)):
        with app.books.writer(change(), tenant=app.tenant) as writer:
            writer.add_schedules(app.tenant, entity, [Kept(plan, line) for line in some], 0)
    app.books.refresh_statistics()
    return entity


class _Spent:
    """Processor time from its making on, of this process and of the server."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._start = self._now()

    def _now(self) -> tuple[float, float]:
        with self._app.books.reader() as reader:
            return time.process_time(), server_seconds(reader.connection)

    def sides(self) -> tuple[float, float]:
        """Seconds here and in the server."""
        return tuple(after - before for before, after in zip(self._start, self._now(), strict=True))  # type: ignore[return-value]


def _copied(app: App, entity: str, run: int) -> float:
    """Seconds of processor time for the rows that a run has written, copied into a table without keys."""
    column = t.REVENUE_POSTED.c
    with app.books.reader() as reader:
        asked = sa.select(t.REVENUE_POSTED).where(column.entity == entity, column.run_id == run)
        rows = [tuple(row) for row in reader.rows(asked)]
    spent = _Spent(app)
    with (
        app.books.writer(change(), tenant=app.tenant) as writer,
        bulk.staged(writer.connection, t.REVENUE_POSTED, rows),
    ):
        return sum(spent.sides())
