"""What a month costs after years: monthly runs around the 12th, the 60th and the 120th against those around the third.

A month takes a fraction of a second, and the machine is not equally quick for minutes, so the months that are compared are not run
minutes apart: the books are copied a month before each of them, and the copies then take turns, one month at a time.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from statistics import median

from bench.measured import DAY, change, imported, opened
from engine.app import App
from engine.base.period import add_months
from engine.runs.billing.run import run_bill

NAMED = (3, 12, 60, 120)
"""The months that are compared, counted from one; the first of them with the others."""
ROUNDS = 21
"""Months that are run from each copy, in turns, after one that is not counted."""


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    accounts, months = options.accounts_of_months, [month for month in NAMED if month <= options.months]
    with imported(accounts) as app, ExitStack() as stack:
        copies = dict[int, App]()
        for month in range(1, months[-1]):
            if month + 1 in months:
                copies[month + 1] = stack.enter_context(closing(_copied(app, month + 1)))
            _bill(app, month)
        for month, copy in copies.items():
            _bill(copy, month - 1)
        rounds = [{m: _bill(copy, m + n) for m, copy in copies.items()} for n in range(ROUNDS)]
    yield f"## Months, {accounts:,} accounts, SQLite, {ROUNDS} rounds from each month on"
    yield ""
    yield "| from month | seconds of processor | against the first | seconds by the clock | against the first |"
    yield "|---|---|---|---|---|"
    for month in months:
        shares = (_compared([(one[month][kind], one[months[0]][kind]) for one in rounds]) for kind in (0, 1))
        yield f"| {month} | {' | '.join(shares)} |"
    yield ""


def _compared(pairs: list[tuple[float, float]]) -> str:
    """The median of what was measured, and the median of its share of what was measured beside it."""
    return f"{median(one for one, _ in pairs):.3f} | {median(one / first for one, first in pairs):.2f}"


def _copied(app: App, month: int) -> App:
    """The application over a copy of the books as they are now."""
    folder = app.config_path.parent
    name = folder / f"books-{month}.db"
    with closing(sqlite3.connect(folder / "books.db")) as books, closing(sqlite3.connect(name)) as copy:
        books.backup(copy)
    return opened(folder, f"sqlite:///{name}")


def _bill(app: App, month: int) -> tuple[float, float]:
    """Seconds of the processor and of the clock that the run of a month, counted from one, takes."""
    parts = app.parts()
    clock, start = time.perf_counter(), time.process_time()
    report = run_bill(parts, add_months(DAY, month - 1), change())
    spent = time.process_time() - start, time.perf_counter() - clock
    assert report.counts["invoices"], "a month without invoices measures nothing"
    return spent
