"""A company with books of its own for the length of a measurement."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from bench import company
from engine.app import App
from engine.model.journal import Change
from engine.runs.import_run import run_import

DAY = date(2026, 1, 1)


def change() -> Change:
    """Who measures, and when."""
    return Change("bench", datetime.now(UTC), "measurement")


def opened(folder: Path, url: str, workers: int = 0, partition: int = 1500) -> App:
    """The application over a company and its books."""
    settings = {"database.url": url, "runs.workers": str(workers), "runs.partition_size": str(partition)}
    return App(folder / "config.yaml", settings)


@contextmanager
def imported(accounts: int, subscriptions: int = 1, plan: str = "p") -> Iterator[App]:
    """A company in a SQLite file, imported and ready to be billed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        company.write(folder, accounts, subscriptions, plan)
        app = opened(folder, f"sqlite:///{folder / 'books.db'}")
        try:
            run_import(app.books, app.tenant, folder / "data", change(), DAY)
            yield app
        finally:
            app.close()
