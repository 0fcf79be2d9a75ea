"""Reads that pass many keys at once and make structs at the driver's speed.

SQLAlchemy writes and caches the SQL; rows come from the driver's cursor as plain tuples and go straight into ``make``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import starmap
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from engine.store import convert, types


def among(
    dialect: str, column: ColumnElement[Any], name: str, kind: type[types.IdList] = types.IdList
) -> ColumnElement[bool]:
    """``column`` is one of the values of the list parameter ``name``, however many they are."""
    parameter = sa.bindparam(name, type_=kind())
    if dialect == types.SQLITE:
        return column.in_(sa.select(sa.func.json_each(parameter).table_valued("value").c.value))
    return column == sa.any_(parameter)


def pairs(
    dialect: str, name: str, kind: type[types.IdList] = types.DayList
) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any]]:
    """A list of (id, value) pairs as something to join: (from, its ids, its values).  See :func:`pair_parameters`."""
    if dialect == types.SQLITE:
        made = sa.func.json_each(sa.bindparam(name, type_=kind())).table_valued("value", name=name)
        return made, sa.func.json_extract(made.c.value, "$[0]"), sa.func.json_extract(made.c.value, "$[1]")
    ids = sa.bindparam(f"{name}_ids", type_=types.IdList())
    values = sa.bindparam(f"{name}_values", type_=kind())
    unnested = sa.func.unnest(ids, values).table_valued("id", "value", name=name).render_derived()
    return unnested, unnested.c.id, unnested.c.value


def pair_parameters(dialect: str, name: str, rows: Sequence[tuple[int, Any]]) -> dict[str, Any]:
    """The parameters of :func:`pairs`."""
    if dialect == types.SQLITE:
        return {name: rows}
    return {f"{name}_ids": [row[0] for row in rows], f"{name}_values": [row[1] for row in rows]}


def for_each(
    dialect: str, outer: FromClause, table: sa.Table, names: Sequence[str], *conditions: ColumnElement[bool]
) -> tuple[FromClause, Mapping[str, ColumnElement[Any]]]:
    """A join of ``outer`` with the rows of ``table`` that fulfil the conditions, and columns of the latter by name.

    The rows are looked up by index for each row of ``outer``.  PostgreSQL would rather read the whole table once,
    which is quicker in a small one and ever slower as it grows; a lateral subquery with an offset is planned by
    itself.
    """
    chosen = {name: table.c[name] for name in names}
    if dialect == types.SQLITE:
        return outer.join(table, sa.and_(*conditions)), chosen
    inner = (
        sa.select(*chosen.values()).where(*conditions).offset(sa.literal_column("0")).correlate(outer).lateral("found")
    )
    return outer.join(inner, sa.true()), {name: inner.c[name] for name in names}


class Query:
    """A select that is built once for each database and whose rows become ``make(*row)``, or tuples."""

    def __init__(self, build: Callable[[str], sa.Select[Any]], make: Callable[..., Any] | None = None) -> None:
        self._build, self._make = build, make
        self._ready: dict[str, tuple[sa.Select[Any], Callable[..., Any] | None]] = {}

    def __call__(self, connection: sa.Connection, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        """All rows."""
        dialect = connection.dialect.name
        if dialect not in self._ready:
            select = self._build(dialect)
            self._ready[dialect] = select, convert.decoder(list(select.selected_columns), dialect, self._make)
        select, decode = self._ready[dialect]
        result = connection.execute(select, dict(parameters or {}))
        cursor = result.cursor
        assert cursor is not None
        rows: Iterable[tuple[Any, ...]] = cursor.fetchall()
        result.close()
        return list(rows) if decode is None else list(starmap(decode, rows))
