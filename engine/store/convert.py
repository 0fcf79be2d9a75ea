"""Rows to and from the values that the drivers take: one Python function of a row for each table and database.

Such a function is compiled from an expression that calls the converter of each column (:mod:`engine.store.types`) and
nothing for columns whose values the driver takes as they are.  Rows for SQLite are written column by column, without a call
of Python for each number or day; a batch in which something does not fit is done again by that function, which accepts it or
says what is wrong with which column.  PostgreSQL has a form of its own (:mod:`engine.store.copylines`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import chain, islice, repeat, starmap
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
    careful = encoder(table, types.SQLITE)
    for batch in chunks(rows, BATCH):
        try:
            done = _quickly(table, batch)
        except Exception:  # whatever it is: the careful way knows better
            done = list(starmap(careful, batch))
        if seal is not None:
            for start in range(0, len(done), seal.every):
                seal.add(_packed(done[start : start + seal.every]))
        yield from done


UNLIKE: Final = frozenset({types.Digits, types.Document})
"""Types whose values may be equal and yet be written differently."""


def constant(column: Sequence[Any], folds: bool) -> bool:
    """Whether one text does for a whole column: all values are equal, and equal ones are written alike (``folds``)."""
    first = column[0]
    alike: bool = (folds or first is None) and column[-1] == first and column.count(first) == len(column)
    return alike


def finite(value: Decimal) -> Decimal:
    """The same number; infinity and what is none raise something."""
    if not value.is_finite():
        raise ValueError(value)
    return value


def decimals(column: Sequence[Any]) -> Sequence[Decimal]:
    """The same column, if its values are Decimals, every one: an integer or a float equals a Decimal, so that a memory would
    take it for one."""
    if set(map(type, column)) != {Decimal}:
        raise TypeError("not all values are Decimals")
    return column


def plain(column: Sequence[Any]) -> list[str]:
    """The digits of Decimals, where Python writes them all without an exponent and there is no zero below zero; else none."""
    texts = list(map(str, decimals(column)))
    whole = "".join(texts)
    return [] if any(mark in whole for mark in ("E", "N", "I", "-0")) else texts


def _quickly(table: sa.Table, batch: Sequence[Row]) -> list[Row]:
    """Rows as SQLite's driver takes them, column by column; raises anything at all where a value needs a closer look."""
    count = len(batch)
    made: list[Iterable[Any]] = []
    for (convert, folds), column in zip(_converters(table), zip(*batch, strict=True), strict=True):
        values = convert(column)
        made.append(repeat(next(iter(values)), count) if constant(column, folds) else values)
    return list(zip(*made, strict=True))


Converter = Callable[[Sequence[Any]], Iterable[Any]]
"""The values of a column as a driver takes them."""


def _texts(column: Sequence[Any]) -> Sequence[Any]:
    if "\0" in (column[0] if constant(column, True) else "".join(column)):
        raise ValueError("a NUL character")
    return column


def _each(convert: Callable[[Any], Any]) -> Converter:
    return lambda column: map(convert, column)


def _whole(scale: int) -> Converter:
    """Decimals as integers, in units of so many digits after the point."""
    unit, factor, fit = Decimal(1).scaleb(-scale), Decimal(1).scaleb(scale), types.FAST.quantize
    known = Memory(lambda value: int(types.FAST.multiply(fit(finite(value), unit), factor))).__getitem__
    return lambda column: map(known, decimals(column))


_QUICKLY: Final[dict[Any, Converter]] = {
    types.Text: _texts,
    types.Big: lambda column: column,
    types.Flag: _each(int),
    types.Digits: lambda column: plain(column) or list(map(types.exact_digits, column)),
    types.Day: _each(Memory(plain_day).__getitem__),
    types.Moment: _each(Memory(lambda value: (value - types.EPOCH) // types.MICROSECOND).__getitem__),
    types.Document: _each(types.to_json),
} | {kind: _whole(kind.scale) for kind in types.Exact.__subclasses__()}
"""How a column is converted for SQLite, by type: numbers, days and moments by a memory of those already made."""


@cache
def _converters(table: sa.Table) -> list[tuple[Converter, bool]]:
    """For each column how it is converted, and whether equal values become the same."""
    made = []
    for column in table.columns:
        kind = type(stored(column))
        convert = _QUICKLY[kind]
        made.append((or_null(convert, None) if column.nullable else convert, kind not in UNLIKE))
    return made


def or_null(convert: Converter, null: Any) -> Converter:
    """The same of columns in which None may stand, which becomes ``null``."""

    def values(column: Sequence[Any]) -> Iterable[Any]:
        if None not in column:
            return convert(column)
        some = [value for value in column if value is not None]
        there = iter(convert(some) if some else ())
        return [null if value is None else next(there) for value in column]

    return values


@cache
def encoder(table: sa.Table, dialect: str) -> Callable[..., Row]:
    """A function of the values of one row that gives them as the driver takes them, or refuses one by its column."""
    columns = list(table.columns)
    scope: dict[str, Any] = {"no_nul": _refuse_nul, "name": table.name}
    parts = [_call(i, stored(column), dialect, bool(column.nullable), scope) for i, column in enumerate(columns)]
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
