"""Rows in and out of the databases at their own speed, past SQLAlchemy's types.

PostgreSQL takes rows by COPY on the connection of the running transaction.  Its text format with declared types is the
fastest that psycopg offers for rows such as ours: 7.5 us of client time for an invoice line of 40 columns, against 10.4
to 11.8 in binary and 10.4 to 11.7 in text without declared types.  SQLite takes them by ``executemany`` on the raw
cursor.  Both stream: an iterator of any length needs the memory of a few hundred rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import sqlalchemy as sa

from engine.store import types
from engine.store.convert import Row, chunks, encoded
from engine.store.copylines import lines
from engine.store.failures import translated

__all__ = ["Row", "chunks", "execute_many", "insert", "staged", "upsert"]


class Digests(Protocol):
    """Takes what rows were encoded as, ``every`` rows at a time."""

    @property
    def every(self) -> int:
        """Rows that one digest covers."""

    def add(self, encoded: bytes) -> None:
        """Digest the next rows."""


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Row], seal: Digests | None = None) -> int:
    """Append rows, each a tuple in the order of the table's columns, in the running transaction; how many there were.

    Raises:
        TollbookError: ``store.not-exact``, ``store.too-large`` and the like by column and value, ``store.duplicate``,
            ``store.refused``, ``store.wrong-shape``.  Rows before the one at fault may have been written: the
            transaction has to be rolled back.
    """
    if connection.dialect.name == types.SQLITE:
        holes = ", ".join("?" * len(table.columns))
        target = f"INSERT INTO {quoted(connection, table)} ({_listed(connection, table)})"
        return execute_many(connection, table, f"{target} VALUES ({holes})", rows, seal)
    return _copy(connection, table, quoted(connection, table), rows, seal)


def digest(table: sa.Table, rows: Iterable[Row], dialect: str, seal: Digests) -> None:
    """Encode rows as :func:`insert` would, for their digests alone."""
    made: Iterable[Any] = encoded(table, rows, seal) if dialect == types.SQLITE else lines(table, rows, seal)
    for _ in made:
        pass


def upsert(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> int:
    """Insert rows, or replace those that have the same primary key; how many there were.

    No two of the rows may have the same key.  Raises as :func:`insert` does.
    """
    keys = [column.name for column in table.primary_key]
    names = _names(connection, [column.name for column in table.columns])
    others = _names(connection, [column.name for column in table.columns if column.name not in keys])
    tail = f"ON CONFLICT ({', '.join(_names(connection, keys))}) DO UPDATE SET " + ", ".join(
        f"{name} = excluded.{name}" for name in others
    )
    target = f"INSERT INTO {quoted(connection, table)} ({', '.join(names)})"
    if connection.dialect.name == types.SQLITE:
        return execute_many(connection, table, f"{target} VALUES ({', '.join('?' * len(names))}) {tail}", rows)
    with staged(connection, table, rows) as (temporary, count):
        connection.exec_driver_sql(f"{target} SELECT {', '.join(names)} FROM {temporary} {tail}")
    return count


def execute_many(
    connection: sa.Connection, table: sa.Table, statement: str, rows: Iterable[Row], seal: Digests | None = None
) -> int:
    """Run a SQLite statement once for each row of a table's columns; how many rows there were."""
    counted = _Counted(rows)
    with translated(table.name, Exception):
        cursor = _cursor(connection)
        cursor.executemany(statement, encoded(table, counted.rows, seal))
        cursor.close()
    return counted.count


@contextmanager
def staged(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> Iterator[tuple[str, int]]:
    """On PostgreSQL: rows of a table's columns in a temporary table, as (its name, how many)."""
    name = f"staged_{table.name}"
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} (LIKE {quoted(connection, table)}) ON COMMIT DROP")
    try:
        yield name, _copy(connection, table, name, rows)
    finally:
        if _healthy(connection):
            connection.exec_driver_sql(f"DROP TABLE {name}")


def _healthy(connection: sa.Connection) -> bool:
    """Whether the transaction still takes statements; after an error it only takes a rollback."""
    driver: Any = connection.connection.driver_connection
    return bool(driver.info.transaction_status.name == "INTRANS")


def _copy(
    connection: sa.Connection, table: sa.Table, target: str, rows: Iterable[Row], seal: Digests | None = None
) -> int:
    counted = _Counted(rows)
    with translated(table.name, Exception):
        cursor = _cursor(connection)
        with cursor.copy(f"COPY {target} ({_listed(connection, table)}) FROM STDIN") as copy:
            for block in lines(table, counted.rows, seal):
                copy.write(block)
        cursor.close()
    return counted.count


def _listed(connection: sa.Connection, table: sa.Table) -> str:
    """The columns of a table in the order of its rows here, which need not be the order in which they were added to it."""
    return ", ".join(_names(connection, [column.name for column in table.columns]))


def _cursor(connection: sa.Connection) -> Any:
    """A cursor of the driver inside the connection's transaction, which begins here if it has not yet."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.cursor()


class _Counted:
    """Rows, and how many of them there are, once they were all taken."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.count = len(rows) if isinstance(rows, Sequence) else 0
        self.rows = rows if isinstance(rows, Sequence) else self._counting(rows)

    def _counting(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.count += 1
            yield row


def quoted(connection: sa.Connection, table: sa.Table) -> str:
    """A table's name as the database wants it written."""
    return connection.dialect.identifier_preparer.format_table(table)


def _names(connection: sa.Connection, names: Sequence[str]) -> list[str]:
    return [connection.dialect.identifier_preparer.quote(name) for name in names]
