"""The migrations make the tables that the code declares."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.schema import CreateIndex, CreateTable

from engine.base.errors import TollbookError
from engine.store.books import Books, open_books
from engine.store.migrations import NEWEST, configuration
from engine.store.tables import METADATA
from tests.unit.store import sample as s


def declared(table: sa.Table, dialect: Any) -> set[str]:
    """A table, its columns and its indexes as the database reads them, whatever their order."""
    created = str(CreateTable(table).compile(dialect=dialect))
    lines = {line.strip().rstrip(",").strip() for line in created.splitlines()}
    indexes = {str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes}
    return {line for line in lines | indexes if line}


def test_tables_are_as_declared(books: Books) -> None:
    """SQLite keeps the statements that made its tables; PostgreSQL describes them in its catalogue."""
    with books._engine.connect() as connection:
        if books.dialect == "sqlite":
            statements = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            made = dict(map(tuple, connection.exec_driver_sql(statements)))
            for name, table in METADATA.tables.items():
                lines = {line.strip().rstrip(",").strip() for line in made[name].splitlines()} - {""}
                indexes = {made[str(index.name)] for index in table.indexes}
                assert lines | indexes == declared(table, connection.dialect)
            assert set(sa.inspect(connection).get_table_names()) == METADATA.tables.keys() | {"alembic_version"}
            return
        migrated = catalogue(connection)
        connection.exec_driver_sql("CREATE SCHEMA declared")
        connection.exec_driver_sql("SET search_path = declared")
        METADATA.create_all(connection)
        assert {row for row in migrated if "alembic" not in row[0]} == catalogue(connection)
        connection.rollback()


def catalogue(connection: sa.Connection) -> set[tuple[Any, ...]]:
    columns = """
        SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attnum, collname FROM pg_attribute
        JOIN pg_class ON attrelid = pg_class.oid LEFT JOIN pg_collation ON attcollation = pg_collation.oid
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0"""
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
