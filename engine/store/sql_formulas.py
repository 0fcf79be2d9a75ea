"""Conditions and formulas on usage events in the databases' own words: they come to what they come to in Python.

Numbers on SQLite are integers in millionths, which are compared exactly but not multiplied; what a database cannot say
exactly is :class:`NotHere`, and is worked out in Python instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.model.measure import DIGITS, Tree
from engine.store import types

Element = sa.ColumnElement[Any]
_MILLION: Final = 10**DIGITS


class NotHere(Exception):
    """Something that a database cannot work out exactly."""


class Words:
    """Dimensions, conditions and formulas over the columns ``quantity`` and ``dimensions`` of events."""

    def __init__(self, dialect: str, quantity: Element, dimensions: Element, kinds: Mapping[str, str]) -> None:
        self.sqlite = dialect == types.SQLITE
        self.quantity = sa.type_coerce(quantity, sa.Integer() if self.sqlite else sa.Numeric())
        self.dimensions, self.kinds = dimensions, kinds
        self._json = dimensions if self.sqlite else sa.cast(dimensions, postgresql.JSON)

    def dimension(self, name: str) -> Element:
        """The value of a dimension: null where the event lacks it, or has a value of another kind than is declared."""
        kind, held = self.kinds[name], self._held(name)
        if kind == "text":
            return sa.case((self._type(name) == ("text" if self.sqlite else "string"), held))
        if kind == "boolean":
            if self.sqlite:
                return sa.case((self._type(name) == "true", sa.true()), (self._type(name) == "false", sa.false()))
            return sa.case((self._type(name) == "boolean", held == "true"))
        if self.sqlite:
            millions = sa.func.round(sa.cast(held, sa.Float()) * float(_MILLION))
            return sa.case((self._type(name).in_(("integer", "real")), sa.cast(millions, sa.Integer())))
        return sa.case((self._type(name) == "number", sa.cast(held, sa.Numeric())))

    def _held(self, name: str) -> Element:
        if self.sqlite:
            return sa.func.json_extract(self._json, f"$.{name}", type_=sa.Text())
        held: Element = self._json[name].astext
        return held

    def _type(self, name: str) -> Element:
        if self.sqlite:
            return sa.func.json_type(self._json, f"$.{name}", type_=sa.Text())
        return sa.func.json_typeof(self._json[name], type_=sa.Text())

    def __call__(self, tree: Tree) -> Element:
        """A condition or formula.  Raises NotHere."""
        kind, *inside = tree
        if kind == "dim":
            return self.dimension(inside[0])
        if kind == "quantity":
            return self.quantity
        if kind == "in":
            return self._among(inside[0], inside[1])
        if kind in _CONSTANTS:
            return self._constant(kind, inside)
        if kind in _ARITHMETIC and self.sqlite:
            raise NotHere(kind)
        if kind not in _JOINED:
            raise NotHere(kind)
        return _JOINED[kind](*map(self, inside))

    def _among(self, value: Tree, members: tuple[Tree, ...]) -> Element:
        found, listed = self(value), [self(member) for member in members]
        return sa.and_(found.is_not(None), found.in_(listed))

    def _constant(self, kind: str, inside: list[Any]) -> Element:
        if kind == "null":
            return sa.null()
        value = inside[0]
        if kind == "boolean":
            return sa.true() if value else sa.false()
        if kind == "string":
            if "\0" in value:
                raise NotHere(kind)
            return sa.literal(value, sa.Text())
        if not self.sqlite:
            return sa.literal(value, sa.Numeric())
        scaled = value * _MILLION
        if scaled != scaled.to_integral_value() or abs(scaled) > types.LIMIT:
            raise NotHere(kind)
        return sa.literal(int(scaled), sa.Integer())

    def read(self, name: str) -> Callable[[Any], str | None]:
        """How a value of a dimension in a result becomes its text."""
        kind = self.kinds[name]
        if kind == "boolean":
            return lambda value: None if value is None else "true" if value else "false"
        if kind == "number":
            return self._number
        return lambda value: None if value is None else str(value)

    def _number(self, value: Any) -> str | None:
        if value is None:
            return None
        number = Decimal(value).scaleb(-DIGITS) if self.sqlite else Decimal(value)
        return plain(number)


def plain(number: Decimal) -> str:
    """A number as dimensions write it: no exponent, no zeros at its end."""
    return f"{number.normalize():f}" if number else "0"


def _same(left: Element, right: Element) -> Element:
    return left.is_not_distinct_from(right)


def _other(left: Element, right: Element) -> Element:
    return left.is_distinct_from(right)


_CONSTANTS: Final = frozenset({"null", "number", "string", "boolean"})
_ARITHMETIC: Final = frozenset({"+", "-", "*", "minus"})
_JOINED: Final[Mapping[str, Callable[..., Element]]] = {
    "and": sa.and_,
    "or": sa.or_,
    "not": sa.not_,
    "==": _same,
    "!=": _other,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "minus": lambda inside: -inside,
    "coalesce": lambda left, right: sa.func.coalesce(left, right),
    "choice": lambda test, this, that: sa.case((test, this), else_=that),
}
