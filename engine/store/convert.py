"""Rows to and from the values that the drivers take: one Python function of a row for each table and database.

Such a function is compiled from an expression that calls the converter of each column (:mod:`engine.store.types`) and
nothing for columns whose values the driver takes as they are.  Rows for SQLite are written by a quick form of it, without
a call of Python for each number or day; a batch that the quick form stumbles over is done again by the careful one, which
accepts it or says what is wrong with which column.  PostgreSQL has a form of its own (:mod:`engine.store.copylines`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import chain, islice, starmap
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.store import types
from engine.store.failures import with_nul

Row = tuple[Any, ...]

BATCH: Final = 500
REMEMBERED: Final = 20_000
"""Results that one memory holds at most; then it forgets them all."""


_packed: Final = msgspec.msgpack.Encoder(enc_hook=str).encode


class Memory(dict[Any, Any]):
    """What ``make`` gives for values, made when it is first asked for: most numbers and days of a run repeat."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, value: Any) -> Any:
        if len(self) >= REMEMBERED:
            self.clear()
        made = self[value] = self.make(value)
        return made


def plain_day(value: date) -> str:
    """A day as ISO 8601 writes it; an instant is none."""
    if type(value) is not date:
        raise TypeError(value)
    return value.isoformat()


def encoded(table: sa.Table, rows: Iterable[Row], seal: Any = None) -> Iterator[Row]:
    """Rows of a table's columns as SQLite's driver takes them; at most a batch of them is held at once.

    ``seal``, which has ``every`` and ``add``, digests them.

    Raises:
        TollbookError: a value that does not fit its column, by column and value.
        TypeError: a row with more or fewer values than there are columns.
    """
    quick, careful = encoder(table, types.SQLITE, quick=True), encoder(table, types.SQLITE)
    for batch in chunks(rows, BATCH):
        try:
            done = list(starmap(quick, batch))
        except Exception:  # whatever it is: the careful way knows better
            done = list(starmap(careful, batch))
        if seal is not None:
            for start in range(0, len(done), seal.every):
                seal.add(_packed(done[start : start + seal.every]))
        yield from done


@cache
def encoder(table: sa.Table, dialect: str, quick: bool = False) -> Callable[..., Row]:
    """A function of the values of one row that gives them as the driver takes them.

    The ``quick`` one raises anything at all where a value needs a closer look.
    """
    columns = list(table.columns)
    scope: dict[str, Any] = {"no_nul": _refuse_nul, "name": table.name}
    call = _quick_call if quick else _call
    parts = [call(i, stored(column), dialect, bool(column.nullable), scope) for i, column in enumerate(columns)]
    body = f"({', '.join(parts)},)"
    texts = [f"(a{i} or '')" for i, column in enumerate(columns) if type(column.type) is types.Text]
    if dialect == types.SQLITE and texts:  # PostgreSQL refuses NUL characters by itself
        body = f"{body} if '\\0' not in {' + '.join(texts)} else no_nul(name)"
    return compiled(len(columns), body, scope)


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
    return compiled(len(parts), f"({values},)" if make is None else f"make({values})", scope)


def compiled(arguments: int, body: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """A function of so many arguments a0, a1, ...; ``body`` is made of numbers of columns, never of data."""
    made: Callable[..., Any] = eval(f"lambda {', '.join(f'a{i}' for i in range(arguments))}: {body}", scope)
    return made


def _call(i: int, kind: types.Stored, dialect: str, nullable: bool, scope: dict[str, Any]) -> str:
    """The careful conversion of column ``i``, whose converter goes into ``scope``."""
    convert = scope[f"f{i}"] = kind.encoder(dialect)
    return _applied(f"f{i}(a{i})" if convert else "", i, nullable)


def _quick_call(i: int, kind: types.Stored, dialect: str, nullable: bool, scope: dict[str, Any]) -> str:
    """The quick conversion of column ``i`` for SQLite: numbers, days and moments by memory."""
    what: Any = kind.scale if isinstance(kind, types.Exact) else type(kind)
    memory = _memory(what)
    if memory is None:
        return _call(i, kind, dialect, nullable, scope)
    scope[f"m{i}"] = memory
    known = f"m{i}[a{i}]"
    if isinstance(
        kind, types.Exact
    ):  # an integer or a float equals a Decimal, so that the memory would take it for one
        known = f"({known} if a{i}.is_finite() else a{i}.look_closer)"
    return _applied(known, i, nullable)


@cache
def _memory(kind: Any) -> Memory | None:
    """How values of a type, or Decimals of so many digits after the point, are kept by SQLite; None for other types."""
    if isinstance(kind, int):
        unit, factor = Decimal(1).scaleb(-kind), Decimal(1).scaleb(kind)
        return Memory(lambda value: int(types.FAST.multiply(types.FAST.quantize(value, unit), factor)))
    if kind is types.Day:
        return Memory(plain_day)
    return Memory(lambda value: (value - types.EPOCH) // types.MICROSECOND) if kind is types.Moment else None


def _applied(call: str, i: int, nullable: bool) -> str:
    if not call:
        return f"a{i}"
    return f"None if a{i} is None else {call}" if nullable else call


def stored(column: sa.Column[Any]) -> types.Stored:
    """The type of a column, which is one of ours."""
    kind = column.type
    assert isinstance(kind, types.Stored)
    return kind


def _refuse_nul(name: str) -> Row:
    raise with_nul(name)


def chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Rows in lists of at most ``size``."""
    if isinstance(rows, list):
        yield from (rows[start : start + size] for start in range(0, len(rows), size))
        return
    iterator = iter(rows)
    for first in iterator:
        yield list(chain([first], islice(iterator, size - 1)))
