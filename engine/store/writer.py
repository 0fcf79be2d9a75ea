"""The writer of the books: everything that may change them."""

from __future__ import annotations

from engine.store.writing_approvals import ApprovalsWriter
from engine.store.writing_events import EventsWriter
from engine.store.writing_ledger import LedgerWriter
from engine.store.writing_masters import MastersWriter
from engine.store.writing_openings import OpeningsWriter
from engine.store.writing_outbox import OutboxWriter
from engine.store.writing_queue import QueueWriter
from engine.store.writing_requests import RequestsWriter
from engine.store.writing_runs import RunsWriter


class Writer(
    OpeningsWriter,
    MastersWriter,
    EventsWriter,
    LedgerWriter,
    RunsWriter,
    OutboxWriter,
    RequestsWriter,
    ApprovalsWriter,
    QueueWriter,
):
    """One transaction of one change; made by :meth:`engine.store.books.Books.writer` alone."""
