"""One account with very many subscriptions: seconds, and whether they grow faster than the subscriptions do."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from bench.measured import DAY, change, imported
from engine.runs.billing.run import run_bill

COMPANIES = ((3_000, "one"), (30_000, "one"), (3_000, "p"), (30_000, "p"))
"""Subscriptions of the account, and the plan that they are to."""


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    yield "## One account with many subscriptions, SQLite"
    yield ""
    yield "| subscriptions | lines | seconds | us a line |"
    yield "|---|---|---|---|"
    for size, plan in COMPANIES:
        with imported(1, size, plan) as app:
            parts = app.parts()
            start = time.perf_counter()
            report = run_bill(parts, DAY, change())
            seconds = time.perf_counter() - start
        lines = report.counts["lines"]
        yield f"| {size:,} | {lines:,} | {seconds:.2f} | {seconds / lines * 1e6:.0f} |"
    yield ""
