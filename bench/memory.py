"""Peak memory of a bill run as accounts grow: one process that does it all, on PostgreSQL."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import company
from bench.measured import DAY, change, opened
from bench.postgres import database
from engine.runs.billing.run import run_bill
from engine.runs.import_run import run_import


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    yield "## Peak memory, PostgreSQL, one process"
    yield ""
    yield "| accounts | MiB | invoices/s |"
    yield "|---|---|---|"
    for accounts in options.sizes:
        with tempfile.TemporaryDirectory() as name, database() as url:
            company.write(Path(name), accounts)
            for step in ("import", "bill"):
                command = [sys.executable, "-m", "bench.memory", step, name, url]
                last = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            peak, speed = last.split()
            yield f"| {accounts:,} | {peak} | {speed} |"
    yield ""


def _step(step: str, name: str, url: str) -> None:
    """One step in a process of its own, whose memory is its own; prints its MiB and invoices/s."""
    folder = Path(name)
    app = opened(folder, url)
    try:
        if step == "import":
            run_import(app.books, app.tenant, folder / "data", change(), DAY)
            return
        start = time.perf_counter()
        report = run_bill(app.parts(), DAY, change())
        speed = report.counts["invoices"] / (time.perf_counter() - start)
    finally:
        app.close()
    print(_peak(), f"{speed:,.0f}")


def _peak() -> int:
    """MiB of resident memory that this program has needed at most.

    Not ``ru_maxrss``: on Linux that begins with what the process had before it became this program, which is the whole of
    the one that started it.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


if __name__ == "__main__":
    _step(*sys.argv[1:])
