"""Columns added to tables that are there, so that the tables are as if they had been made with them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

Added = tuple[str, str, str | None]
"""Name, word of :data:`TYPES`, and what rows that are there get, in SQL; None where the column may be null."""


def add_columns(table: str, columns: Sequence[Added]) -> None:
    """Add columns after the last one.  Rows that are there get the values given; new ones have to bring theirs."""
    if op.get_bind().dialect.name == "sqlite":
        _again(table, columns)
        return
    for name, word, given in columns:
        default = None if given is None else sa.text(given)
        op.add_column(table, sa.Column(name, TYPES[word][1], nullable=given is None, server_default=default))
        if given is not None:
            op.alter_column(table, name, server_default=None)


def _again(table: str, columns: Sequence[Added]) -> None:
    """Make the table anew: SQLite keeps the statement that made a table, and adds columns to it with their defaults."""
    bind = op.get_bind()
    mine = {"name": table}
    made: str = bind.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), mine
    ).scalar_one()
    indexes = bind.execute(
        sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :name AND sql IS NOT NULL"),
        mine,
    ).all()
    lines = made.splitlines()
    place = next(n for n, line in enumerate(lines) if line.lstrip().startswith("CONSTRAINT"))
    new = [
        f"\t{name} {TYPES[word][0].compile(dialect=bind.dialect)}{'' if given is None else ' NOT NULL'}, "
        for name, word, given in columns
    ]
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    for name, _ in indexes:
        op.execute(f"DROP INDEX {name}")
    op.execute(sa.text("\n".join([*lines[:place], *new, *lines[place:]]).replace(":", "\\:")))
    values = ", ".join(["*", *("NULL" if given is None else given for _, _, given in columns)])
    op.execute(f"INSERT INTO {table} SELECT {values} FROM {table}_before")
    op.execute(f"DROP TABLE {table}_before")
    for _, sql in indexes:
        op.execute(sql)


def drop_columns(table: str, columns: Sequence[Added]) -> None:
    """Take columns away again."""
    for name, _, _ in reversed(columns):
        op.drop_column(table, name)
