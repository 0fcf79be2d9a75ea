"""The request log: written at once and beside every other transaction, read, erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.model.outbound import OutboundCall
from engine.store.books import Books, open_books
from engine.store.request_log import BLOCK, MOST, RequestLog
from engine.store.tables import REQUEST
from tests.unit.store import sample as s

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

CALL = OutboundCall(
    at=NOON,
    adapter="acme",
    plugin="tax_acme 1.0.0+abc",
    port="tax",
    hook="tax_quote",
    key="k",
    attempt=1,
    items=1,
    outcome="answered",
    kind="",
    milliseconds=12,
    request=[{"key": "a", "amount": "100.00"}],
    answer={"any": ["thing", None, 1]},
    masked=False,
    digest="d",
    error="",
    run_id=7,
)


def call(number: int = 0, **changes: Any) -> OutboundCall:
    """A call, a minute later for each number."""
    return msgspec.structs.replace(CALL, at=NOON + timedelta(minutes=number), **changes)


def logged(books: Books, **filters: Any) -> list[int]:
    """Minutes of the calls that are listed."""
    with books.reader() as reader:
        found = reader.requests(s.T, **filters)
    return [(one.call.at - NOON) // timedelta(minutes=1) for one in found]


def test_a_call_is_kept_as_it_was(books: Books) -> None:
    RequestLog(lambda: books, s.T).note(CALL)
    with books.reader() as reader:
        (one,) = reader.requests(s.T)
        assert one.call == msgspec.structs.replace(CALL, request=None, answer=None)
        kept = reader.request(s.T, one.id)
        assert kept is not None
        assert kept.call == CALL
        assert reader.request("another", one.id) is None
        assert reader.request(s.T, one.id + 1) is None


def test_calls_are_listed_newest_first(books: Books) -> None:
    log = RequestLog(lambda: books, s.T)
    other = RequestLog(lambda: books, "another")
    for number in range(BLOCK + 3):
        log.note(call(number, adapter="acme" if number % 2 else "other", run_id=number % 3))
    log.note(call(99, outcome="failed", kind="transient", error="busy"))
    other.note(call(100))
    assert logged(books, limit=3) == [99, BLOCK + 2, BLOCK + 1]
    assert logged(books, adapter="other", limit=2) == [BLOCK + 2, BLOCK]
    assert logged(books, run_id=1, limit=2) == [BLOCK + 2, BLOCK - 1]
    assert logged(books, failed=True) == [99]


def test_a_transaction_that_is_rolled_back_leaves_the_calls(books: Books) -> None:
    log = RequestLog(lambda: books, s.T)
    with pytest.raises(ZeroDivisionError), books.writer(s.CHANGE):
        log.note(call(1))
        raise ZeroDivisionError
    log.flush()
    assert logged(books) == [1]


def test_a_call_beside_a_writer_waits_for_it_on_sqlite(books: Books) -> None:
    log = RequestLog(lambda: books, s.T)
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        writer.audit("test", "thing/1")
        log.note(call(1))
        assert books.writing == (books.dialect == "sqlite")
        assert logged(books) == ([] if books.writing else [1])
    assert not books.writing
    log.note(call(2))
    assert logged(books) == [2, 1]


def test_a_call_is_written_while_the_same_thread_reads(books: Books) -> None:
    with books.reader() as reader:
        reader.requests(s.T)
        RequestLog(lambda: books, s.T).note(call(1))
    assert logged(books) == [1]


def test_what_could_not_be_written_waits(tmp_path: Path) -> None:
    books = open_books(f"sqlite:///{tmp_path / 'new.db'}")
    log = RequestLog(lambda: books, s.T)
    for number in range(MOST + 2):
        with pytest.raises(TollbookError) as caught:
            log.note(call(number))
        assert caught.value.findings[0].code == "store.not-migrated"
    books.migrate()
    log.flush()
    assert logged(books, limit=1000) == [*range(MOST + 1, 1, -1)]
    log.flush()
    assert len(logged(books, limit=1000)) == MOST
    books.close()


def test_the_disk_is_waited_for_again_afterwards(books: Books) -> None:
    RequestLog(lambda: books, s.T).note(CALL)
    with books._engine.connect() as connection:
        if books.dialect == "sqlite":
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        else:
            with books.unflushed() as other:
                assert other.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
            assert other.closed


def test_old_calls_are_erased_and_the_audit_says_so(books: Books) -> None:
    log = RequestLog(lambda: books, s.T)
    RequestLog(lambda: books, "another").note(call(0))
    for number in range(5):
        log.note(call(number))
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        assert writer.purge_requests(s.T, NOON + timedelta(minutes=3)) == 3
    assert logged(books) == [4, 3]
    with books.reader() as reader:
        assert len(reader.requests("another")) == 1
        (row,) = reader.audit_rows(s.T, REQUEST.name)
    assert (row.action, row.before, row.who) == ("purge requests", {"requests": 3}, s.CHANGE.who)
