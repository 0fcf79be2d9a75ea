"""Where the recognition run learns what is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from engine.model.revenue import Due
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writer import Writer


class Source(Protocol):
    """Knows schedules of one kind: what they still have to recognise."""

    def plan(self, parts: Parts, writer: Writer, entity: str, through: date) -> None:
        """Write down what became known since the last run, before anything is due; in the transaction that posts."""

    def due(self, reader: Reader, tenant: str, entity: str, through: date) -> Iterable[Due]:
        """What is to be recognised of items up to and with a day and was not, one for each schedule and month.

        The run posts all of it and adds rows of ``revenue_posted`` in the same transaction.
        """

    def done(self, writer: Writer, tenant: str, entity: str, through: date) -> None:
        """Called after what was due is written, in the same transaction."""
