"""What a month costs after years: the 12th and the 120th monthly run against the first ones."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from statistics import median

from bench.measured import DAY, change, imported
from engine.app import App
from engine.base.period import add_months
from engine.runs.billing.run import run_bill

AROUND = 2
"""Runs before and after the one that is named; the median of them all is compared, since one run may be disturbed."""


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    accounts, last = options.accounts_of_months, options.months
    with imported(accounts) as app:
        seconds = [_bill(app, month) for month in range(last + AROUND)]
    first = _around(seconds, 1 + AROUND)
    yield f"## Months, {accounts:,} accounts, SQLite"
    yield ""
    yield "| run | seconds | against the first |"
    yield "|---|---|---|"
    for month in (1 + AROUND, *(m for m in (12, 60, 120) if m <= last)):
        yield f"| {month} | {_around(seconds, month):.3f} | {_around(seconds, month) / first:.2f} |"
    yield ""


def _bill(app: App, month: int) -> float:
    parts = app.parts()
    start = time.process_time()
    report = run_bill(parts, add_months(DAY, month), change())
    assert report.counts["invoices"], "a month without invoices measures nothing"
    return time.process_time() - start


def _around(seconds: list[float], month: int) -> float:
    return median(seconds[month - 1 - AROUND : month + AROUND])
