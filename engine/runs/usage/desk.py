"""The desk of usage that is fetched: adapters of the port ``usage`` are asked for what came after their cursors.

The events of a batch and the cursor after them are written in one transaction, so that a batch whose writing failed is asked
for again, and one that was written is not.  An event that is given twice all the same counts once, by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.model.journal import Change
from engine.ports.hookspecs.usage import UsageBatch
from engine.ports.host import AdapterFailed, Host
from engine.runs.intake import arrivals
from engine.runs.run import Parts
from engine.runs.usage.backfill import Backfilled, backfill, range_of
from engine.runs.usage.control_desk import ControlDesk
from engine.runs.usage.ingest import UsageDoor
from engine.store.books import Books
from engine.store.writer import Writer

NO_ADAPTER = Code("usage.no-adapter", "Usage was to be fetched where no adapter of the port usage is configured.")
MOVED = Code("usage.moved", "A batch of usage that was not written, because another pull had read on meanwhile.")

AT_ONCE: Final = 5_000
"""Events that are asked for at a time."""
AHEAD: Final = 300
"""Seconds that the moment of an event may lie after the pull: clocks differ."""


class Pulled(msgspec.Struct):
    """What came from one adapter: events that are new, that were known, that were refused; ``failed`` says why it ended early."""

    adapter: str
    cursor: str
    taken: int = 0
    known: int = 0
    refused: int = 0
    failed: tuple[Finding, ...] = ()


class UsageDesk:
    """What people do about usage that systems keep for them."""

    def __init__(self, parts: Callable[[], Parts], books: Books, tenant: str, host: Host) -> None:
        self._parts, self._books, self._tenant, self._host = parts, books, tenant, host
        self._door = UsageDoor(books, tenant)
        self.control = ControlDesk(books, tenant, parts)

    def backfill(self, path: Path, change: Change, today: date, instead: str = "", *, dry_run: bool) -> Backfilled:
        """Write the events of a file, or show what that would do; see :func:`engine.runs.usage.backfill.backfill`."""
        days = range_of(instead) if instead else None
        return backfill(self._parts(), path, change, today, instead=days, dry_run=dry_run)

    def cursors(self) -> dict[str, dict[str, Any]]:
        """How far each adapter was read, by its name."""
        with self._books.reader() as reader:
            return reader.usage_cursors(self._tenant)

    def pull(self, change: Change, adapters: Sequence[str] = ()) -> list[Pulled]:
        """Fetch what is new at the named adapters, at all if none is named; one that fails does not stop the others.

        Raises:
            TollbookError: ``usage.no-adapter``, ``adapter.unknown``, ``store.unavailable``.
        """
        names = adapters or self._host.adapters("usage")
        if not names:
            mend = "name one under adapters in config.yaml, with port: usage"
            raise refuse(NO_ADAPTER, "no adapter gives usage", mend=mend)
        return [self._pull(name, change) for name in names]

    def _pull(self, adapter: str, change: Change) -> Pulled:
        with self._books.reader() as reader:
            mine = reader.usage_cursors(self._tenant).get(adapter, {"cursor": ""})
        told = Pulled(adapter, mine["cursor"])
        try:
            for batch in self._batches(told):
                if not self._write(told, batch, change):
                    what = f"adapter {adapter!r} was read on from {told.cursor!r} by somebody else"
                    finding = Finding(MOVED, Where(f"adapter {adapter}"), what, "", "pull again", "warning")
                    told.failed = (finding,)
                    break
        except AdapterFailed as error:
            told.failed = tuple(error.findings)
        return told

    def _batches(self, told: Pulled) -> Iterator[UsageBatch]:
        more = True
        while more:
            batch = self._host.ask_usage(told.adapter, told.cursor, AT_ONCE)
            if batch.cursor != told.cursor:
                yield batch
            more = batch.more

    def _write(self, told: Pulled, batch: UsageBatch, change: Change) -> bool:
        """Write a batch and the cursor after it; False where the cursor has moved, and nothing is written."""
        sent = arrivals.of_texts(batch.events)
        judged = self._door.judge(sent, told.adapter, change.at, AHEAD)
        problems = {problem.position: problem.finding for problem in judged.problems}
        strange = [(dict(batch.events[position - 1]), finding) for position, finding in sorted(problems.items())]
        also = partial(self._move, told, batch)
        try:
            (done,) = self._door.write(
                told.adapter, [judged.good], change.at, change=change, strange=strange, also=also
            )
        except _Moved:
            return False
        told.taken, told.known = told.taken + done.taken, told.known + done.known
        told.refused += len(problems) + len(done.problems)
        told.cursor = batch.cursor
        return True

    def _move(self, told: Pulled, batch: UsageBatch, writer: Writer) -> None:
        count = len(batch.events)
        if not writer.keep_usage_cursor(self._tenant, told.adapter, told.cursor, batch.cursor, count):
            raise _Moved


class _Moved(Exception):
    """The cursor is no longer where the batch began."""
