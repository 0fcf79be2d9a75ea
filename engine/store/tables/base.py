"""What all departments of tables share: one collection, one way to name constraints, short words for columns.

Conventions: no column is null unless it says ``null``; ids are bigints that the books give out in blocks; ``current``
marks the newest version of a master record, whose older versions stay as they were.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from engine.store import types

METADATA: Final = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def table(name: str, *parts: sa.schema.SchemaItem, clustered: bool = False) -> sa.Table:
    """A table that SQLite keeps strictly typed; ``clustered`` stores its rows in the primary key itself there."""
    made = sa.Table(name, METADATA, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)
    for column in made.columns:
        if isinstance(column.type, types.Stored):
            column.type.owner = f"{name}.{column.name}"
    return made


def ident(name: str = "id") -> sa.Column[int]:
    """The primary key of a table whose ids come from blocks."""
    return sa.Column(name, types.Big(), primary_key=True, autoincrement=False)


def text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    """A text; ``key`` makes it part of the primary key."""
    return sa.Column(name, types.Text(), nullable=null, primary_key=key)


def big(name: str, *, null: bool = False, key: bool = False) -> sa.Column[int]:
    """An integer; ``key`` makes it part of the primary key."""
    return sa.Column(name, types.Big(), nullable=null, primary_key=key, autoincrement=False)


def flag(name: str) -> sa.Column[bool]:
    """True or false."""
    return sa.Column(name, types.Flag(), nullable=False)


def amount(name: str, *, null: bool = False) -> sa.Column[Any]:
    """Money, 4 digits after the point."""
    return sa.Column(name, types.Amount(), nullable=null)


def price(name: str) -> sa.Column[Any]:
    """Money for a unit, 9 digits after the point."""
    return sa.Column(name, types.Price(), nullable=False)


def quantity(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A quantity, 6 digits after the point."""
    return sa.Column(name, types.Quantity(), nullable=null)


def rate(name: str) -> sa.Column[Any]:
    """A rate or share, 12 digits after the point."""
    return sa.Column(name, types.Rate(), nullable=False)


def digits(name: str) -> sa.Column[Any]:
    """A number of any length."""
    return sa.Column(name, types.Digits(), nullable=False)


def day(name: str, *, null: bool = False, key: bool = False) -> sa.Column[Any]:
    """A calendar day."""
    return sa.Column(name, types.Day(), nullable=null, primary_key=key)


def moment(name: str, *, null: bool = False) -> sa.Column[Any]:
    """An instant."""
    return sa.Column(name, types.Moment(), nullable=null)


def document(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A JSON document."""
    return sa.Column(name, types.Document(), nullable=null)


def unique(*columns: str, where: str = "") -> sa.schema.SchemaItem:
    """A natural key, of the rows that ``where`` names if it is given."""
    if not where:
        return sa.UniqueConstraint(*columns)
    condition = sa.text(where)
    return sa.Index(None, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


def index(*columns: str, where: str = "") -> sa.Index:
    """A way to find rows fast."""
    if not where:
        return sa.Index(None, *columns)
    condition = sa.text(where)
    return sa.Index(None, *columns, sqlite_where=condition, postgresql_where=condition)


CURRENT: Final = "current"
"""Condition of the newest versions; the column is 0 or 1 on SQLite, a boolean on PostgreSQL."""
