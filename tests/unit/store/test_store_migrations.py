"""The migrations make the tables that the code declares."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from engine.base.errors import TollbookError
from engine.store.books import Books, keep_log, open_books
from engine.store.migrations import NEWEST, configuration
from engine.store.tables import METADATA
from tests.unit.store import sample as s


def described(connection: sa.Connection) -> dict[str, Any]:
    """SQLite's tables: how they are kept, their columns in whatever order, their keys, unique columns and indexes."""
    ask = connection.exec_driver_sql
    found: dict[str, Any] = {}
    for name in sa.inspect(connection).get_table_names():
        (kept,) = ask(f"SELECT wr, strict FROM pragma_table_list('{name}')")
        columns = ask(f"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{name}')")
        unique = ask(
            f"SELECT group_concat(c.name) FROM pragma_index_list('{name}') i, pragma_index_info(i.name) c "
            "WHERE i.origin = 'u' GROUP BY i.name"
        )
        indexes = ask(f"SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = '{name}' AND sql IS NOT NULL")
        found[name] = (tuple(kept), *(sorted(map(tuple, rows)) for rows in (columns, unique, indexes)))
    return found


def test_tables_are_as_declared(books: Books) -> None:
    """Each database describes its tables itself; columns that were added later stand at the end of them."""
    with books._engine.connect() as connection:
        if books.dialect == "sqlite":
            made = described(connection)
            del made["alembic_version"]
            with sa.create_engine("sqlite://").begin() as other:
                METADATA.create_all(other)
                assert made == described(other)
            return
        migrated = catalogue(connection)
        connection.exec_driver_sql("CREATE SCHEMA declared")
        connection.exec_driver_sql("SET search_path = declared")
        METADATA.create_all(connection)
        assert {row for row in migrated if "alembic" not in row[0]} == catalogue(connection)
        connection.rollback()


def catalogue(connection: sa.Connection) -> set[tuple[Any, ...]]:
    columns = """
        SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, collname FROM pg_attribute
        JOIN pg_class ON attrelid = pg_class.oid LEFT JOIN pg_collation ON attcollation = pg_collation.oid
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0
            AND NOT attisdropped"""
    indexes = """
        SELECT tablename, replace(indexdef, current_schema() || '.', '') FROM pg_indexes
        WHERE schemaname = current_schema()"""
    return {tuple(row) for sql in (columns, indexes) for row in connection.exec_driver_sql(sql)}


def test_the_newest_revision_is_the_head(books: Books) -> None:
    """Whether there is anything to do is told without alembic; it would tell the same."""
    with books._engine.connect() as connection:
        script = ScriptDirectory.from_config(configuration(connection))
    assert script.get_current_head() == NEWEST


def test_migrating_again_changes_nothing(books: Books) -> None:
    s.company(books)
    books.migrate()
    with books.reader() as reader:
        assert reader.find_invoice(s.T, "INV-2") == 2


def test_there_is_one_line_of_migrations(books: Books) -> None:
    with books._engine.connect() as connection:
        script = ScriptDirectory.from_config(configuration(connection))
    assert len(script.get_heads()) == 1


def test_two_processes_may_migrate_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    opened = [open_books(url) for _ in range(2)]
    threads = [threading.Thread(target=books.migrate) for books in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with opened[0].reader() as reader:
        assert reader.entities(s.T) == {}
    for books in opened:
        books.close()


def test_books_that_were_never_made_say_so(tmp_path: Path) -> None:
    books = open_books(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(TollbookError) as caught, books.reader() as reader:
        reader.entities(s.T)
    assert caught.value.findings[0].code == "store.not-migrated"
    assert "tollbook init" in caught.value.findings[0].mend
    books.close()


class _Locked:
    """A connection that says that the database is locked, some times."""

    def __init__(self, times: int, what: str = "database is locked") -> None:
        self.left, self.what = times, what

    def execute(self, statement: str) -> None:
        assert statement == "PRAGMA journal_mode=WAL"
        self.left -= 1
        if self.left >= 0:
            raise sqlite3.OperationalError(self.what)


def test_a_new_file_that_somebody_else_prepares_is_waited_for() -> None:
    connection = _Locked(3)
    keep_log(connection)
    assert connection.left == -1
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        keep_log(_Locked(1, "disk I/O error"))
