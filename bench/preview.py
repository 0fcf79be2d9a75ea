"""How long the preview of one account takes, among many: the median and the slowest of a hundred."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from statistics import quantiles

from bench.measured import DAY, change, imported
from engine.runs.billing.run import run_bill

ASKED = 400
WARM = 20


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    accounts = options.accounts
    with imported(accounts) as app:
        parts = app.parts()
        seconds = []
        for n in range(ASKED + WARM):
            key = f"A{n * 7919 % accounts:07d}"
            start = time.perf_counter()
            report = run_bill(parts, DAY, change(), account=key, dry_run=True)
            seconds.append(time.perf_counter() - start)
            assert report.counts["invoices"] == 1
    cuts = quantiles(seconds[WARM:], n=100)
    yield f"## Preview of one account of {accounts:,}, SQLite"
    yield ""
    yield f"median {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms of {ASKED} (goal: p99 under 50 ms)."
    yield ""
