"""A month by other prices, against the bill run itself: both as seconds of one machine, and as their ratio."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from bench.measured import DAY, change, imported
from engine.runs.billing.run import run_bill

GOAL = 1.5
PRICES = {"one price": ("49 EUR", "51 EUR"), "nothing": ("", "")}
"""What is changed in the price list, and how: of everybody's first charge, or nothing."""


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    accounts = options.accounts
    yield f"## Simulation of a month of {accounts:,} accounts, SQLite, 5 lines an invoice"
    yield ""
    yield f"| other rules | bill run s | of that writing s | simulation s | ratio (goal {GOAL}) | without writing |"
    yield "|---|---|---|---|---|---|"
    with imported(accounts) as app:
        start = time.perf_counter()
        report = run_bill(app.parts(), DAY, change())
        billed = time.perf_counter() - start
        written = report.seconds.get("write", 0.0)
        for name, (one, other) in PRICES.items():
            folder = app.config.folder / name.replace(" ", "-") / "pricing"
            folder.mkdir(parents=True)
            prices = (app.config.folder / "rules" / "pricing" / "bench.yaml").read_text()
            (folder / "bench.yaml").write_text(prices.replace(one, other) if one else prices)
            start = time.perf_counter()
            found = app.simulation([folder.parent]).simulate(DAY.replace(day=1), DAY.replace(day=1))
            took = time.perf_counter() - start
            assert len(found.lines) == (accounts if one else 0)
            ratios = f"{took / billed:.2f} | {took / (billed - written):.2f}"
            yield f"| {name} differs | {billed:.2f} | {written:.2f} | {took:.2f} | {ratios} |"
    yield ""
