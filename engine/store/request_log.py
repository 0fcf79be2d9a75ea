"""The recorder of the host of plug-ins: every call becomes a row of the request log, at once.

A row is written in a transaction of its own, so that what was sent is known even where the run that sent it is rolled back.
It is not forced to the disk: that would cost a run more than the call itself where the adapter computes in this process.
On SQLite, a call made while a writer is open in the same thread waits for the next call, or for :meth:`RequestLog.flush`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec

from engine.model.outbound import OutboundCall
from engine.store import bulk, ids
from engine.store.books import Books
from engine.store.tables import REQUEST

MOST: Final = 200
"""Calls that wait at most; of more, the oldest are lost, which the failures to write them have said."""

BLOCK: Final = 32
"""Ids that are taken at once; taking one takes longer than writing a row."""


class RequestLog:
    """Writes the calls of one tenant.  Threads may share it."""

    def __init__(self, books: Callable[[], Books], tenant: str) -> None:
        self._books, self._tenant = books, tenant
        self._waiting: list[OutboundCall] = []
        self._ids = (0, 0)  # the first of those taken, and how many are left
        self._lock = threading.Lock()

    def note(self, call: OutboundCall) -> None:
        """Write a call down, and those that wait.

        Raises:
            TollbookError: ``store.unavailable`` and the like; the call waits then.
        """
        with self._lock:
            self._waiting = [*self._waiting[1 - MOST :], call]
        self.flush()

    def flush(self) -> None:
        """Write the calls that wait, if there are any and nothing is in the way.

        Raises:
            TollbookError: as :meth:`note`.
        """
        with self._lock:
            calls = self._waiting
            if not calls or self._books().writing:
                return
            first, left = self._ids
            with self._books().unflushed() as connection:
                if left < len(calls):
                    left = BLOCK + len(calls)
                    first = ids.take(connection, REQUEST.name, left)
                bulk.insert(connection, REQUEST, [self._row(first + n, call) for n, call in enumerate(calls)])
            self._waiting, self._ids = [], (first + len(calls), left - len(calls))

    def _row(self, number: int, call: OutboundCall) -> tuple[Any, ...]:
        return number, self._tenant, *msgspec.structs.astuple(call)
