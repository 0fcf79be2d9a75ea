"""Opening, ids, transactions."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.base.errors import TollbookError
from engine.model.catalog import Meter
from engine.store import bulk
from engine.store.books import _GROWN, Books, open_books
from engine.store.tables import FX_RATE
from tests.unit.store import sample as s


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:", ""])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(TollbookError) as caught:
        open_books(url)
    assert caught.value.findings[0].code == "store.unknown-database"
    assert "sqlite:///" in caught.value.findings[0].mend


@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/folder/books.db", "postgresql://ada:hunter2@127.0.0.1:1/books?connect_timeout=2"]
)
def test_what_cannot_be_opened_says_so_without_the_password(url: str) -> None:
    books = open_books(url)
    with pytest.raises(TollbookError) as caught, books.reader():
        pass
    (finding,) = caught.value.findings
    assert finding.code == "store.cannot-open" and "database.url" in finding.mend
    assert "hunter2" not in str(finding)


ADDRESSES = [
    "postgresql://ada@127.0.0.1:1/books?password=hunter2&connect_timeout=2",
    "postgresql://ada:hunter2@127.0.0.1:1?user=x&password=hunter2&connect_timeout=2",
    "postgresql://ada:hunter2%40x@127.0.0.1:1/books?connect_timeout=2",
    "postgresql://ada:x/hunter2?y@127.0.0.1:1/books?connect_timeout=2",
    "postgresql://ada:p@hunter2@127.0.0.1:1/books",
    "postgresql://ada:p@hunter2/x@127.0.0.1:1/books",
    "postgresql://ada:hunter2/books",
    "postgresql://ada:p@x:hunter2@127.0.0.1/books",
    "mysql://ada:p@hunter2@127.0.0.1/books",
    "mysql://ada@127.0.0.1/books?password=p@hunter2",
    "ada:hunter2@127.0.0.1/books",
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_password_is_never_said(url: str) -> None:
    with pytest.raises(TollbookError) as caught, open_books(url).reader():
        pass
    (finding,) = caught.value.findings
    assert finding.code in ("store.cannot-open", "store.unknown-database")
    assert "hunter2" not in str(finding)
    assert "ada" not in finding.what.partition("cannot be opened")[0]


def test_ids_are_given_once(books: Books) -> None:
    taken = [books.take_ids(*wanted) for wanted in (("a", 3), ("a", 1), ("b", 5), ("a", 2))]
    assert taken == [1, 4, 1, 5]
    assert books.take_ids("a", 0) == 0


def test_ids_of_many_threads_never_meet(books: Books) -> None:
    got: list[int] = []

    def work() -> None:
        for _ in range(10):
            first = books.take_ids("a", 7)
            got.extend(range(first, first + 7))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == list(range(1, 211))


def test_ids_while_a_writer_is_open(books: Books) -> None:
    with books.writer(s.CHANGE) as writer:
        writer.put("meters", [Meter(s.T, "m", "x")])
        assert [books.take_ids("a", 2), writer.take_ids("a", 2)] == [1, 3]
    assert books.take_ids("a", 1) == 5


def test_a_reader_sees_one_state(books: Books) -> None:
    with books.reader() as reader:
        assert reader.meters(s.T) == {}
        with books.writer(s.CHANGE) as writer:
            writer.put("meters", [Meter(s.T, "m", "x")])
        assert reader.meters(s.T) == {}
    with books.reader() as reader:
        assert reader.meters(s.T).keys() == {"m"}


def test_a_reader_writes_nothing_on_postgresql(books: Books) -> None:
    if books.dialect == "sqlite":
        return  # SQLite has no transactions that are read only
    with pytest.raises(sa.exc.DBAPIError), books.reader() as reader:
        reader.connection.exec_driver_sql("DELETE FROM meter")


def test_a_second_writer_in_a_thread_is_refused_on_sqlite(books: Books) -> None:
    with books.writer(s.CHANGE) as first:
        first.put("meters", [Meter(s.T, "one", "x")])
        if books.dialect == "sqlite":
            with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE):
                pass
            assert caught.value.findings[0].code == "store.nested-writer"
        else:
            with books.writer(s.CHANGE) as second:
                second.put("meters", [Meter(s.T, "two", "x")])


def test_writers_of_two_threads_queue(books: Books) -> None:
    def work(name: str) -> None:
        for n in range(5):
            with books.writer(s.CHANGE) as writer:
                writer.put("meters", [Meter(s.T, f"{name}{n}", "x")])

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with books.reader() as reader:
        assert len(reader.meters(s.T)) == 10


def test_an_error_of_the_caller_stays_what_it_is(books: Books) -> None:
    with pytest.raises(TypeError, match="mine"), books.writer(s.CHANGE):
        raise TypeError("mine")


def test_sqlite_is_set_up_to_last(tmp_path: Path) -> None:
    books = open_books(f"sqlite:///{tmp_path / 'books.db'}")
    with books.reader() as reader:
        ask = reader.connection.exec_driver_sql
        assert ask("PRAGMA journal_mode").scalar() == "wal"
        assert ask("PRAGMA synchronous").scalar() == 2
    books.close()


def test_only_tables_that_have_grown_are_looked_at_again(books: Books) -> None:
    if books.dialect != "postgresql":
        pytest.skip("SQLite decides by itself which tables to look at")

    def grown() -> set[str]:
        with books._connect(write=True) as connection, connection.begin():
            return set(connection.exec_driver_sql(_GROWN).scalars())

    books.refresh_statistics()
    assert grown().isdisjoint({"fx_rate", "invoice"})
    rates = [("t", "EUR", "USD", date(2026, 1, 1), Decimal("1.1"), f"source {n}") for n in range(8_000)]
    with books._connect(write=True) as connection, connection.begin():
        bulk.insert(connection, FX_RATE, [(n, *rate) for n, rate in enumerate(rates, 1)])
    assert grown() & {"fx_rate", "invoice"} == {"fx_rate"}
    books.refresh_statistics()
    assert grown().isdisjoint({"fx_rate", "invoice"})
