"""Column types that keep exactly what they are given, on SQLite and on PostgreSQL.

==========  =====================================  ==========================  ============================
type        Python value                           SQLite (strict tables)      PostgreSQL
==========  =====================================  ==========================  ============================
Key, Text   str without NUL                        TEXT (binary order)         TEXT COLLATE "C"
Big         int                                    INTEGER                     BIGINT
Flag        bool                                   INTEGER 0 or 1              BOOLEAN
Amount      Decimal, at most 4 digits after .      INTEGER, in 1/10**4         NUMERIC(19, 4)
Price       Decimal, at most 9                     INTEGER, in 1/10**9         NUMERIC(19, 9)
Quantity    Decimal, at most 6                     INTEGER, in 1/10**6         NUMERIC(19, 6)
Rate        Decimal, at most 12                    INTEGER, in 1/10**12        NUMERIC(19, 12)
Digits      Decimal of any length                  TEXT                        NUMERIC
Day         date                                   TEXT, ISO 8601              DATE
Moment      aware datetime, read back as UTC       INTEGER, microseconds       TIMESTAMPTZ
Document    lists and dicts that JSON can hold     TEXT                        JSONB
==========  =====================================  ==========================  ============================

A number that does not fit is refused, never rounded: its digits after the point beyond the scale with
``store.not-exact``, its size beyond what 63 bits of the scaled integer hold with ``store.too-large``.  Text sorts by
code point on both databases, as it does in Python.  ``encoder`` and ``decoder`` of a type are what SQLAlchemy calls,
and what the bulk path and the raw reads call without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import cache, partial
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from engine.base.errors import Code, refuse

NOT_EXACT = Code("store.not-exact", "A number that its column cannot hold exactly, or a value that is no exact number.")
TOO_LARGE = Code("store.too-large", "A number that is larger than its column can hold.")
NOT_AWARE = Code("store.not-aware", "A moment without a time zone, which would mean another instant elsewhere.")
NOT_TEXT = Code("store.not-text", "A text that the databases cannot hold: it has a NUL character, or is no text.")

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
LIMIT: Final = 2**63 - 1
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

Convert = Callable[[Any], Any]


def _refuse_number(value: object, scale: int, owner: str) -> Exception:
    column = owner or "column"
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        return refuse(
            NOT_EXACT,
            f"{column}: {value!r} is not an exact number",
            mend="give a Decimal; a float is not what was written",
        )
    number = Decimal(value)
    if not number.is_finite():
        return refuse(NOT_EXACT, f"{column}: {value} is not a finite number", mend="give a finite Decimal")
    if abs(number) * 10**scale > LIMIT:
        return refuse(
            TOO_LARGE,
            f"{column}: {value} is too large",
            why=f"the column holds numbers up to {Decimal(LIMIT).scaleb(-scale)}",
            mend="split it, or count in a larger unit",
        )
    return refuse(
        NOT_EXACT,
        f"{column}: {value} has more than {scale} digits after the point",
        why="the books round nothing silently",
        mend=f"round it where a rule says how, to at most {scale} digits",
    )


FAST: Final = Context(prec=18, traps=[Inexact, InvalidOperation])
"""What nearly all numbers fit in; it refuses the others, but lets NaN pass."""
_WIDE: Final = Context(prec=40, traps=[Inexact, InvalidOperation])


@cache
def fitted(scale: int, owner: str) -> Convert:
    """A function that gives a Decimal exactly ``scale`` digits after the point, or refuses it by the name of
    ``owner``.
    """
    unit = Decimal(1).scaleb(-scale)
    largest = Decimal(LIMIT).scaleb(-scale)
    quantize, carefully = FAST.quantize, _WIDE.quantize

    def fit(value: Any) -> Decimal:
        try:
            if value.is_finite():
                return quantize(value, unit)
        except (AttributeError, Inexact, InvalidOperation):
            pass  # an integer, or a number that takes a closer look
        if isinstance(value, bool) or not isinstance(value, (Decimal, int)) or not Decimal(value).is_finite():
            raise _refuse_number(value, scale, owner)
        try:
            number = carefully(value, unit)
        except (Inexact, InvalidOperation):
            raise _refuse_number(value, scale, owner) from None
        if not -largest <= number <= largest:
            raise _refuse_number(value, scale, owner)
        return number

    return fit


@cache
def scaled(scale: int, owner: str) -> Convert:
    """A function that makes the integer ``value * 10**scale`` of a Decimal, or refuses it by the name of ``owner``."""
    fit, factor, times = fitted(scale, owner), Decimal(10**scale), _WIDE.multiply

    def to_integer(value: Any) -> int:
        return int(times(fit(value), factor))

    return to_integer


@cache
def unscaled(scale: int) -> Convert:
    """A function that makes a Decimal with ``scale`` digits after the point of an integer."""
    return partial(_WIDE.multiply, Decimal(1).scaleb(-scale))


def to_json(value: Any) -> str:
    """Compact JSON with sorted keys; Decimals and dates become texts."""
    return msgspec.json.encode(value, order="sorted").decode()


def from_json(text: str | bytes) -> Any:
    """What :func:`to_json` wrote."""
    return msgspec.json.decode(text)


def to_micros(moment: Any) -> int:
    """Microseconds from 1970-01-01 UTC to an aware datetime."""
    return (_aware(moment) - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of :func:`to_micros`."""
    return EPOCH + timedelta(microseconds=micros)


def _aware(moment: Any) -> datetime:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise refuse(NOT_AWARE, f"{moment!r} has no time zone", mend="give an aware datetime")
    return moment


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


class Stored(TypeDecorator[Any]):
    """Base of the types here: what a column is on each database, and how values come and go.

    ``kinds`` are the database's own types on SQLite and on PostgreSQL, ``converters`` for each database a pair of
    functions from Python and to Python, None where the driver's own value is right.
    """

    cache_ok = True
    kinds: tuple[TypeEngine[Any], TypeEngine[Any]]
    converters: Mapping[str, tuple[Convert | None, Convert | None]] = {}
    owner: str = ""
    """``table.column``, for messages; set when the tables are put together."""

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.cache_ok = True  # SQLAlchemy wants it from each class itself

    def encoder(self, dialect: str) -> Convert | None:
        """From Python to the driver."""
        return self.converters.get(dialect, (None, None))[0]

    def decoder(self, dialect: str) -> Convert | None:
        """From the driver to Python."""
        return self.converters.get(dialect, (None, None))[1]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        sqlite, other = self.kinds
        return dialect.type_descriptor(sqlite if dialect.name == SQLITE else other)

    def bind_processor(self, dialect: Dialect) -> Convert | None:
        """What SQLAlchemy calls for each parameter."""
        return _or_none(self.encoder(dialect.name))

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert | None:
        """What SQLAlchemy calls for each result."""
        return _or_none(self.decoder(dialect.name))


def _or_none(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda value: None if value is None else convert(value)


class OrderedText(UserDefinedType[str]):
    """PostgreSQL's text in the order of code points, whatever the collation of the database."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """As in a table's definition; parameters are not cast to it."""
        return 'TEXT COLLATE "C"'


class Text(Stored):
    """Any text, in the order of its code points."""

    impl = sa.Text
    kinds = (sa.Text(), OrderedText())


class Big(Stored):
    """A 64-bit integer."""

    impl = sa.BigInteger
    kinds = (sa.Integer(), sa.BigInteger())


class Flag(Stored):
    """True or false."""

    impl = sa.Boolean
    kinds = (sa.Integer(), sa.Boolean())
    converters = {SQLITE: (int, bool)}


class Exact(Stored):
    """Decimals with at most ``scale`` digits after the point."""

    impl = sa.Numeric
    scale: int

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.kinds = (sa.Integer(), sa.Numeric(19, cls.scale))

    def encoder(self, dialect: str) -> Convert | None:
        """To a scaled integer on SQLite; both refuse what does not fit."""
        return scaled(self.scale, self.owner) if dialect == SQLITE else fitted(self.scale, self.owner)

    def decoder(self, dialect: str) -> Convert | None:
        """From a scaled integer on SQLite."""
        return unscaled(self.scale) if dialect == SQLITE else None


class Amount(Exact):
    """Money, in a currency that another column names."""

    scale = 4


class Price(Exact):
    """Money for one unit."""

    scale = 9


class Quantity(Exact):
    """How much of a unit."""

    scale = 6


class Rate(Exact):
    """An exchange rate, or a share such as a tax rate."""

    scale = 12


def _finite(value: Any) -> Decimal:
    try:
        if value.is_finite():
            return Decimal(value)
    except AttributeError:
        if isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
    raise _refuse_number(value, 0, "")


def exact_digits(value: Any) -> str:
    """All digits of a number, without an exponent."""
    return format(_finite(value), "f")


class Digits(Stored):
    """A Decimal of any length, digit for digit, that the database need not add up."""

    impl = sa.Numeric
    kinds = (sa.Text(), sa.Numeric())
    converters = {SQLITE: (exact_digits, Decimal), POSTGRESQL: (_finite, None)}


class Day(Stored):
    """A calendar day."""

    impl = sa.Date
    kinds = (sa.Text(), sa.Date())
    converters = {SQLITE: (date.isoformat, date.fromisoformat)}


class Moment(Stored):
    """An instant."""

    impl = sa.DateTime
    kinds = (sa.Integer(), sa.DateTime(timezone=True))
    converters = {SQLITE: (to_micros, from_micros), POSTGRESQL: (_aware, _utc)}


class Document(Stored):
    """Lists and dicts of texts, integers, true, false and null; Decimals and dates are written as texts."""

    impl = sa.Text
    kinds = (sa.Text(), postgresql.JSONB())
    converters = {SQLITE: (to_json, from_json), POSTGRESQL: (to_json, None)}


def _array(values: Any) -> str:
    """PostgreSQL's way to write an array of numbers or days; several times faster than the driver's."""
    return "{" + ",".join(map(str, values)) + "}"


def _text_array(values: Any) -> str:
    return "{" + ",".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in values) + "}"


class IdList(Stored):
    """A parameter that carries many ids at once: JSON text on SQLite, an array's literal on PostgreSQL."""

    impl = sa.Text
    kinds = (sa.Text(), postgresql.ARRAY(sa.BigInteger()))
    converters = {SQLITE: (to_json, None), POSTGRESQL: (_array, None)}


class DayList(IdList):
    """As :class:`IdList`, for days."""

    kinds = (sa.Text(), postgresql.ARRAY(sa.Date()))


class TextList(IdList):
    """As :class:`IdList`, for texts."""

    kinds = (sa.Text(), postgresql.ARRAY(sa.Text()))
    converters = {SQLITE: (to_json, None), POSTGRESQL: (_text_array, None)}
