"""Certificates of tax exemption as they come each night: a whole file, then the same with a hundredth renewed."""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from bench import company
from bench.measured import DAY, change, opened
from bench.postgres import database
from engine.runs.import_run import run_import

ACCOUNTS, EACH = 1_000, 100
HEADER = "entity,account,certificate,country,region,reason,tax_codes,valid_from,valid_to,source,received_on"


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    yield "### Certificates of exemption"
    yield ""
    yield f"| database | {ACCOUNTS * EACH:,} new | the same file, a hundredth renewed |"
    yield "|---|---|---|"
    with tempfile.TemporaryDirectory() as name, database() as url:
        folder = Path(name)
        company.write(folder, ACCOUNTS, plan="one")
        new, renewed = folder / "new", folder / "renewed"
        _write(new, renew=0)
        _write(renewed, renew=100)
        for label, address in (("PostgreSQL", url), ("SQLite", f"sqlite:///{folder / 'books.db'}")):
            app = opened(folder, address)
            try:
                run_import(app.books, app.tenant, folder / "data", change(), DAY)
                nights = []
                for night, delivered in enumerate((new, renewed)):
                    start = time.perf_counter()
                    run_import(app.books, app.tenant, delivered, change(), date(2026, 1, 2 + night))
                    nights.append(f"{ACCOUNTS * EACH / (time.perf_counter() - start):,.0f}/s")
            finally:
                app.close()
            yield f"| {label} | {' | '.join(nights)} |"
    yield ""


def _write(folder: Path, renew: int) -> None:
    """The file of a night; each ``renew``-th certificate has another end than in the file of the night before."""
    folder.mkdir()
    with (folder / "exemptions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER.split(","))
        for n in range(ACCOUNTS * EACH):
            until = "2028-01-01" if renew and n % renew == 0 else "2027-01-01"
            account, number = f"A{n % ACCOUNTS:07d}", f"NY-{n:07d}"
            rows.writerow(
                ("E1", account, number, "US", "NY", "resale", "", "2026-01-01", until, "portal", "2026-01-01")
            )
