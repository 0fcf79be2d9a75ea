"""rule-engine's own view of conditions: its typing when they are read, its evaluation as the oracle of ours.

The library is handed in: :mod:`engine.rulebook.expression` is its only home.
"""

from __future__ import annotations

import decimal
import functools
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from engine.rulebook.codegen import EXACT, Node, python_value
from engine.rulebook.facttypes import FactType

Kinds = tuple[tuple[str, str], ...]


class Same:
    """Something that a cache tells apart by identity, because telling it apart by content would cost more than it saves."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.thing is other.thing


def kinds_of(parameters: Mapping[str, Any]) -> Kinds:
    """The kinds of parameters by name: ``number``, or ``list of number``."""
    return tuple(sorted((name, _kind(value)) for name, value in parameters.items()))


def _kind(value: Any) -> str:
    if isinstance(value, (list, tuple, set, frozenset)):
        return "list of " + next(map(_kind, value), "")
    found = python_value(value)
    return "null" if found is None else found[0]


class _Judged(msgspec.Struct, frozen=True):
    """What the grammar has made of a node, about to become a node of rule-engine's own tree."""

    made: Any
    context: Any

    def build(self) -> Any:
        """rule-engine's own node with those inside it.  Raises its errors."""
        made = self.made
        return getattr(made.cls, made.method)(self.context, *map(self._inner, made.args[1:]), **made.kwargs)

    def _inner(self, argument: Any) -> Any:
        if isinstance(argument, (tuple, list, deque)):
            return type(argument)(map(self._inner, argument))
        if isinstance(argument, Node):
            return _Judged(argument.made, self.context)
        return _Judged(argument, self.context) if hasattr(argument, "cls") else argument


@functools.lru_cache(maxsize=10_000)
def judge(library: Any, node: Same, facts: Same, kinds: Kinds) -> None:
    """Lets rule-engine type a tree that its grammar has parsed; each tree once for parameters of the same kinds.

    Raises:
        rule_engine.errors.EngineError: it refuses the tree.
    """
    with decimal.localcontext(EXACT):
        _Judged(node.thing.made, _judging(library, facts, kinds)).build()


@functools.lru_cache(maxsize=100)
def _judging(library: Any, facts: Same, kinds: Kinds) -> Any:
    """A context that types and never evaluates."""
    return _context(library, facts, kinds, {})


def evaluation(library: Any, facts: FactType, parameters: Mapping[str, Any], text: str) -> Callable[[Any], bool]:
    """rule-engine's own evaluation of a text that the checks have accepted."""
    constants = {name: _native(_constant(value)) for name, value in parameters.items()}
    with decimal.localcontext(EXACT):
        rule = library.Rule(text, _context(library, Same(facts), kinds_of(parameters), constants))

    def evaluate(thing: Any) -> bool:
        try:
            return bool(rule.evaluate(thing))
        except library.errors.ArithmeticError as error:
            raise ArithmeticError(error.message) from error
        except library.errors.EngineError as error:
            raise TypeError(error.message) from error

    return evaluate


def _context(library: Any, facts: Same, kinds: Kinds, constants: Mapping[str, Any]) -> Any:
    """rule-engine's context for conditions of a family with parameters of these kinds."""
    types = dict(_types(library, facts))
    scalar, array = _scalars(library), library.DataType.ARRAY
    types.update(
        (name, array(scalar[kind.removeprefix("list of ")]) if kind.startswith("list of ") else scalar[kind])
        for name, kind in kinds
    )

    def resolve(thing: Any, name: str) -> Any:
        return constants[name] if name in constants else _read(thing, name)

    return library.Context(resolver=resolve, type_resolver=types, default_timezone="utc", decimal_context=EXACT)


def _constant(value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(map(_constant, value))
    found = python_value(value)
    return found[1] if found is not None else None


def _read(holder: Any, name: str) -> Any:
    """A fact as rule-engine sees it."""
    return _native(getattr(holder, name))


def _native(value: Any) -> Any:
    """A value as rule-engine has it: a day as its first moment in UTC, also inside lists and mappings."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(map(_native, value))
    if isinstance(value, Mapping):
        return {key: _native(each) for key, each in value.items()}
    return value


@functools.lru_cache(maxsize=100)
def _types(library: Any, facts: Same) -> Mapping[str, Any]:
    """rule-engine's types of the facts of the first level."""
    return {child.name: _data_type(library, child, child.name) for child in facts.thing.children}


def _data_type(library: Any, fact: FactType, path: str) -> Any:
    """rule-engine's type of a fact.  Null is left out of it: rule-engine knows no guards, the checks do."""
    kinds = library.DataType
    if fact.kind == "object":
        children = {child.name: _data_type(library, child, f"{path}.{child.name}") for child in fact.children}
        return kinds.OBJECT(path, children, accessor=_read)
    if fact.kind == "list":
        plain = fact.item is None or fact.item.kind == "object"
        return kinds.ARRAY if plain else kinds.ARRAY(_data_type(library, fact.item, path))  # type: ignore[arg-type]
    if fact.kind == "mapping":
        return kinds.MAPPING if fact.item is None else kinds.MAPPING(kinds.STRING, _data_type(library, fact.item, path))
    return _scalars(library)[fact.kind]


@functools.cache
def _scalars(library: Any) -> Mapping[str, Any]:
    kinds = library.DataType
    return {
        "string": kinds.STRING,
        "number": kinds.FLOAT,
        "boolean": kinds.BOOLEAN,
        "date": kinds.DATETIME,
        "datetime": kinds.DATETIME,
        "null": kinds.NULL,
    }
