"""Books that are one transaction: what is done through them is there altogether, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.model.journal import Change
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.writer import Writer


class Within(Books):
    """The books as one open writer sees and writes them.  Whoever has opened the writer commits, by leaving it, or rolls back."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._writer.dialect

    def refresh_statistics(self) -> None:
        """Nothing: what is not committed is not looked at."""

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """What is there, and what was written so far."""
        yield self._writer.reader

    @contextmanager
    def writer(self, change: Change, run_id: int = 0, tenant: str = "") -> Iterator[Writer]:
        """The writer; it stays open.  The change is the one that it was opened for."""
        self._writer.run_id = run_id or self._writer.run_id
        yield self._writer
