"""Rows to and from the values that the drivers take: one Python function of a row for each table and database.

Such a function is compiled from an expression that calls the converter of each column (:mod:`engine.store.types`) and
nothing for columns whose values the driver takes as they are.  Rows are written by a quick form of it, without a
call of Python for each number; a batch that the quick form stumbles over is done again by the careful one, which
accepts it or says what is wrong with which column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from itertools import chain, islice, starmap
from typing import Any, Final

import sqlalchemy as sa

from engine.store import types
from engine.store.failures import with_nul

Row = tuple[Any, ...]

BATCH: Final = 500


def encoded(table: sa.Table, dialect: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of a table's columns as the driver takes them; at most a batch of them is held at once.

    Raises:
        TollbookError: a value that does not fit its column, by column and value.
        TypeError: a row with more or fewer values than there are columns.
    """
    quick, careful = encoder(table, dialect, quick=True), encoder(table, dialect)
    for batch in chunks(rows, BATCH):
        try:
            done = list(starmap(quick, batch))
        except Exception:  # whatever it is: the careful way knows better
            done = list(starmap(careful, batch))
        yield from done


@cache
def encoder(table: sa.Table, dialect: str, quick: bool = False) -> Callable[..., Row]:
    """A function of the values of one row that gives them as the driver takes them.

    The ``quick`` one raises anything at all where a value needs a closer look.
    """
    columns = list(table.columns)
    scope: dict[str, Any] = {"no_nul": _refuse_nul, "name": table.name}
    call = _quick_call if quick else _call
    parts = [call(i, _stored(column), dialect, bool(column.nullable), scope) for i, column in enumerate(columns)]
    body = f"({', '.join(parts)},)"
    texts = [f"(a{i} or '')" for i, column in enumerate(columns) if type(column.type) is types.Text]
    if dialect == types.SQLITE and texts:  # PostgreSQL refuses NUL characters by itself
        body = f"{body} if '\\0' not in {' + '.join(texts)} else no_nul(name)"
    return _compiled(len(columns), body, scope)


def decoder(columns: Sequence[Any], dialect: str, make: Callable[..., Any] | None = None) -> Callable[..., Any] | None:
    """A function of the driver's values of one row that gives ``make`` of the Python values (default: a tuple).

    ``columns`` have a ``type`` and may be null.  None where nothing needs to be done.
    """
    scope: dict[str, Any] = {"make": make}
    converters = [c.type.decoder(dialect) if isinstance(c.type, types.Stored) else None for c in columns]
    if not any(converters):
        return make
    parts = []
    for i, (column, convert) in enumerate(zip(columns, converters, strict=True)):
        scope[f"f{i}"] = convert
        parts.append(_applied(f"f{i}(a{i})" if convert else "", i, getattr(column, "nullable", True) is not False))
    values = ", ".join(parts)
    return _compiled(len(parts), f"({values},)" if make is None else f"make({values})", scope)


def _compiled(arguments: int, body: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """A function of so many arguments a0, a1, ...; ``body`` is made of numbers of columns, never of data."""
    made: Callable[..., Any] = eval(f"lambda {', '.join(f'a{i}' for i in range(arguments))}: {body}", scope)
    return made


def _call(i: int, kind: types.Stored, dialect: str, nullable: bool, scope: dict[str, Any]) -> str:
    """The careful conversion of column ``i``, whose converter goes into ``scope``."""
    convert = scope[f"f{i}"] = kind.encoder(dialect)
    return _applied(f"f{i}(a{i})" if convert else "", i, nullable)


def _quick_call(i: int, kind: types.Stored, dialect: str, nullable: bool, scope: dict[str, Any]) -> str:
    """The quick conversion of column ``i``: numbers and moments without a function of ours."""
    if isinstance(kind, types.Exact):
        scope.update(
            {"fit": types.FAST.quantize, "times": types.FAST.multiply, f"u{i}": Decimal(1).scaleb(-kind.scale)}
        )
        scope[f"m{i}"] = Decimal(1).scaleb(kind.scale)
        fitted = f"fit(a{i}, u{i})"
        made = f"int(times({fitted}, m{i}))" if dialect == types.SQLITE else fitted
        return _applied(f"({made} if a{i}.is_finite() else a{i}.look_closer)", i, nullable)
    if isinstance(kind, types.Moment) and dialect == types.SQLITE:
        scope.update({"epoch": types.EPOCH, "microsecond": types.MICROSECOND})
        return _applied(f"(a{i} - epoch) // microsecond", i, nullable)
    return _call(i, kind, dialect, nullable, scope)


def _applied(call: str, i: int, nullable: bool) -> str:
    if not call:
        return f"a{i}"
    return f"None if a{i} is None else {call}" if nullable else call


def _stored(column: sa.Column[Any]) -> types.Stored:
    kind = column.type
    assert isinstance(kind, types.Stored)
    return kind


def _refuse_nul(name: str) -> Row:
    raise with_nul(name)


def chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Rows in lists of at most ``size``."""
    iterator = iter(rows)
    for first in iterator:
        yield list(chain([first], islice(iterator, size - 1)))
