"""The books: facts in, results appended, on SQLite or PostgreSQL.

SQLite runs in WAL mode, so that readers and the one writer do not wait for each other, with ``synchronous=FULL``: a
legal number that a customer has seen must survive a power cut, and one flush for a transaction of thousands of
invoices costs nothing that shows.  Writers there begin with ``BEGIN IMMEDIATE``, so that two of them queue instead of
failing half-way.  Readers on PostgreSQL see one snapshot (REPEATABLE READ, read only); writers run READ COMMITTED and
rely on row locks.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.base.address import shown
from engine.base.errors import Code, refuse
from engine.model.journal import Change
from engine.store import ids, types
from engine.store.failures import translated
from engine.store.migrations import migrate
from engine.store.reader import Reader
from engine.store.session import checked_change
from engine.store.writer import Writer
from engine.store.writing.ledger import make_open

UNKNOWN_DATABASE = Code("store.unknown-database", "A database address that is neither a SQLite file nor PostgreSQL.")
CANNOT_OPEN = Code("store.cannot-open", "The database cannot be reached or opened.")
NESTED_WRITER = Code("store.nested-writer", "A writer was asked for while one is open in the same thread on SQLite.")

BUSY_SECONDS = 60
ASIDE = 3
"""Connections for what is done beside a writer's transaction.  They are none of those that writers hold: as many writers as
there are connections would otherwise wait for one more, for ever."""

_GROWN = """
SELECT quote_ident(relname) FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND pg_relation_size(oid) > 0
AND (reltuples < 0 OR abs(pg_relation_size(oid) / current_setting('block_size')::bigint - relpages) * 10 > relpages)
ORDER BY relname"""
"""Tables whose size is another, by more than a tenth, than when PostgreSQL last looked at them.  Looking at all of them, and at its
own catalogue, takes the better part of a second, before and in every run."""


def open_books(url: str) -> Books:
    """The books at ``sqlite:///path`` (four slashes for an absolute path) or ``postgresql://user@host/name``.

    Nothing is connected yet; :meth:`Books.migrate` makes the tables.

    Raises:
        TollbookError: ``store.unknown-database``, ``store.cannot-open`` (the PostgreSQL driver is not installed).
    """
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise refuse(UNKNOWN_DATABASE, "the address of the database cannot be read", mend=_ADDRESSES) from None
    backend = address.get_backend_name()
    if backend == types.SQLITE and address.database not in (None, "", ":memory:"):
        return Books(_sqlite_engine(address))
    if backend in ("postgresql", "postgres"):
        if "@" in f"{address.host}{address.database}":  # a driver would seek a host called like half a password
            what = f"the address {shown(url)!r} of the database has more than one @"
            raise refuse(UNKNOWN_DATABASE, what, mend="write %40 for an @ in a user or password")
        return Books(_postgresql_engine(address), _postgresql_engine(address, ASIDE))
    raise refuse(UNKNOWN_DATABASE, f"{shown(url)!r} is no database that the books can be kept in", mend=_ADDRESSES)


def may_be_there(url: str) -> bool:
    """Whether there can be books at an address: not where it is a SQLite file that does not exist, which opening would make."""
    address = sa.make_url(url)
    return address.get_backend_name() != types.SQLITE or Path(address.database or "").is_file()


_ADDRESSES = "use sqlite:///books.db or postgresql://user@host/name"


def _sqlite_engine(address: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        address.set(drivername="sqlite+pysqlite"),
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        json_serializer=types.to_json,
        json_deserializer=types.from_json,
    )
    engine.dialect.supports_native_boolean = True  # "WHERE current", as partial indexes say it, and not "= 1"

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # this module begins transactions itself
        keep_log(connection)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-65536",
            "wal_autocheckpoint=8000",  # pages, 32 MB: one that many commits write is copied into the file once
            "analysis_limit=1000",  # statistics of a sample: those of all rows would cost more as history grows
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("books_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def keep_log(connection: Any) -> None:
    """Have a database keep a write-ahead log.  Where another connection is about to do the same with a new file, SQLite says
    that it is locked at once, whatever the time-out: it is asked again."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _postgresql_engine(address: sa.URL, aside: int = 0) -> sa.Engine:
    pool: dict[str, int] = {"pool_size": aside, "max_overflow": 0} if aside else {}
    try:
        engine = sa.create_engine(
            address.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT" if aside else "READ COMMITTED",  # aside, each statement stands by itself
            json_serializer=types.to_json,
            json_deserializer=types.from_json,
            pool_pre_ping=True,
            **pool,
        )
    except ImportError as error:
        raise refuse(CANNOT_OPEN, f"PostgreSQL cannot be used: {error}", mend="install tollbook[postgres]") from error

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # compiling takes longer than any of our queries, whose cost the planner thinks high where it cannot know better
        connection.execute("SET jit = off")
        connection.commit()

    return engine


def nobody(who: str) -> bool:
    """Who may post into periods that are closed softly, where nothing else is said."""
    return False


class _TriedOut(Exception):
    """What ends a trial."""


class Books:
    """A set of books.  Safe to share between threads; every process opens its own.

    ``may_adjust`` says who may post into accounting periods that are closed softly; ``begun`` are the releases of the runs
    that were begun here.
    """

    standing = ""
    """What runs that are begun say of the rules that they pin: development or approved; empty where nothing is known of that."""

    def __init__(self, engine: sa.Engine, aside: sa.Engine | None = None) -> None:
        self._engine, self._aside = engine, aside or engine
        self.may_adjust: Callable[[str], bool] = nobody
        self._open = threading.local()
        self.begun: set[str] = set()

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()
        self._aside.dispose()

    def migrate(self) -> None:
        """Bring the tables to the newest version; harmless where they are."""
        with self._connect(write=True) as connection, connection.begin():
            migrate(connection)

    def refresh_statistics(self) -> None:
        """Let the database look at how full its tables are; without that it plans for empty ones after a bulk load."""
        with self._connect(write=True) as connection, connection.begin():
            if self.dialect == types.SQLITE:
                connection.exec_driver_sql("PRAGMA optimize")
                return
            grown = connection.exec_driver_sql(_GROWN).scalars().all()
            if grown:
                connection.exec_driver_sql(f"ANALYZE {', '.join(grown)}")

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A :class:`Reader` in a transaction that reads one state of the books throughout."""
        with self._connect(write=False) as connection, connection.begin():
            yield Reader(connection)

    @contextmanager
    def writer(self, change: Change, run_id: int = 0, tenant: str = "") -> Iterator[Writer]:
        """A :class:`Writer` in one transaction, which is committed at the end and rolled back on any error.

        ``tenant`` is what audit rows say where a write does not name one (default: what the other writes name).

        Raises:
            TollbookError: ``change.no-person``, ``change.no-reason``, ``store.nested-writer``,
                ``store.unavailable``, and what :meth:`Writer.finish` refuses at the end of the transaction.
        """
        checked_change(change)
        sqlite = self.dialect == types.SQLITE
        if sqlite and getattr(self._open, "writer", None) is not None:
            raise refuse(
                NESTED_WRITER,
                "a writer is open in this thread already",
                why="SQLite has one writer at a time: the second would wait for ever",
                mend="finish the first, or write through it",
            )
        with self._connect(write=True) as connection, connection.begin():
            writer = Writer(Reader(connection), change, run_id, tenant, self)
            try:
                self._open.writer = writer if sqlite else None
                yield writer
                writer.finish()
            finally:
                self._open.writer = None

    @contextmanager
    def trial(self, change: Change, tenant: str) -> Iterator[Writer]:
        """A :class:`Writer` of which nothing stays: what would be refused is, before a second person is asked.

        Raises:
            TollbookError: as :meth:`writer`.
        """
        with suppress(_TriedOut), self.writer(change, tenant=tenant) as writer:
            yield writer
            raise _TriedOut

    @property
    def writing(self) -> bool:
        """Whether a writer is open in this thread on SQLite, where no second one can be."""
        return getattr(self._open, "writer", None) is not None

    @contextmanager
    def unflushed(self) -> Iterator[sa.Connection]:
        """A transaction of its own that is not forced to the disk: a power cut may lose it, nothing else can.

        It is for what is written often, such as the request log; on SQLite no :attr:`writing` may be going on.
        """
        with self._connect(write=True) as connection:
            driver: Any = connection.connection.driver_connection
            sqlite = self.dialect == types.SQLITE
            try:
                if sqlite:
                    driver.execute("PRAGMA synchronous=NORMAL")
                with connection.begin():
                    if not sqlite:
                        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                    yield connection
            finally:
                if sqlite:
                    driver.execute("PRAGMA synchronous=FULL")

    def take_ids(self, name: str, count: int) -> int:
        """The first of ``count`` consecutive ids that nobody else gets, in a short transaction of its own.

        On SQLite, where a writer is open in this thread, they are taken in its transaction.
        """
        writer: Writer | None = getattr(self._open, "writer", None)
        if writer is not None:
            return ids.take(writer.connection, name, count)
        with self._connect(write=True, aside=True) as connection, connection.begin():
            return ids.take(connection, name, count, aside=True)

    def take_blocks(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """As :meth:`take_ids` for several names, together; in the order of names, so that no two wait for each other."""
        writer: Writer | None = getattr(self._open, "writer", None)
        if writer is not None:
            return ids.take_blocks(writer.connection, wanted)
        with self._connect(write=True, aside=True) as connection, connection.begin():
            return ids.take_blocks(connection, wanted, aside=True)

    def make_open(self, tenant: str, entity: str, months: list[Any]) -> None:
        """Give accounting periods a row that writers can lock, in a transaction of its own (PostgreSQL)."""
        with self._connect(write=True, aside=True) as connection, connection.begin():
            make_open(connection, tenant, entity, months)

    @contextmanager
    def _connect(self, write: bool, aside: bool = False) -> Iterator[sa.Connection]:
        try:
            connection = (self._aside if aside else self._engine).connect()
        except sa.exc.DBAPIError as error:
            address = self._engine.url.render_as_string(hide_password=False)
            raise refuse(
                CANNOT_OPEN,
                f"{shown(address)} cannot be opened: {str(error.orig).strip()}",
                mend="look at database.url in config.yaml",
            ) from error
        with connection, translated():
            if self.dialect == types.SQLITE:
                yield connection.execution_options(books_write=write)
            elif write:
                yield connection
            else:
                yield connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
