"""Filters and formulas of meters and charges: the language of rules over one usage event, ``quantity`` and ``dim.name``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from engine.base.errors import Where
from engine.model.measure import Formula, Tree
from engine.rulebook.codegen import Node
from engine.rulebook.expression import compile_expression
from engine.rulebook.facttypes import FactType, Kind
from engine.rulebook.typing_rules import amount, condition

_KINDS: Final[Mapping[str, Kind]] = {"text": "string", "number": "number", "boolean": "boolean"}
_JOINED: Final = {"logic", "equality", "order", "arithmetic"}
_SIGNS: Final = frozenset({"and", "or", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*"})


START: Final = Where("", 1, 1)
"""Where a text begins that stands in no file."""


class _OnlyPython(Exception):
    """A part that a tree has no word for."""


def event_facts(kinds: Mapping[str, str]) -> FactType:
    """What a filter or formula of a meter with these dimensions may name; every dimension may be null."""
    names = (
        FactType(name, _KINDS[kind], nullable=True, doc=f"dimension {name} of the event")
        for name, kind in sorted(kinds.items())
    )
    quantity = FactType("quantity", "number", doc="quantity of the event")
    return FactType("event", "object", children=(quantity, FactType("dim", "object", children=tuple(names))))


def compiled_filter(text: str, kinds: Mapping[str, str], where: Where = START) -> Formula:
    """A condition on usage events.

    Raises:
        TollbookError: everything that is wrong with it.
    """
    return _compiled(text, tuple(sorted(kinds.items())), where, False)


def compiled_value(text: str, kinds: Mapping[str, str], where: Where = START) -> Formula:
    """A number computed of usage events.

    Raises:
        TollbookError: everything that is wrong with it.
    """
    return _compiled(text, tuple(sorted(kinds.items())), where, True)


@lru_cache(maxsize=1_000)
def _compiled(text: str, kinds: tuple[tuple[str, str], ...], where: Where, number: bool) -> Formula:
    check = amount if number else condition
    made = compile_expression(text, event_facts(dict(kinds)), {}, where, check=check)
    try:
        tree: Tree | None = _tree(made.node)
    except _OnlyPython:
        tree = None
    return Formula(text, tree, made.matches)


def _tree(node: Node) -> Tree:
    """A tree of a parsed text.  Raises _OnlyPython."""
    if node.kind in _JOINED and node.value in _SIGNS:
        return (node.value, *map(_tree, node.parts))
    if node.kind == "minus" and node.parts[0].kind == "number":
        return ("number", -Decimal(str(node.parts[0].value)))
    if node.kind in ("not", "minus", "coalesce", "choice"):
        return (node.kind, *map(_tree, node.parts))
    if node.kind == "contains" and node.parts[0].kind == "list":
        members = tuple(map(_tree, node.parts[0].parts))
        return ("in", _tree(node.parts[1]), members)
    if node.kind == "attribute" and node.parts[0].value == "dim":
        return ("dim", node.value)
    if node.kind == "symbol" and node.value == "quantity":
        return ("quantity",)
    return _constant(node)


def _constant(node: Node) -> Tree:
    values: dict[str, Any] = {"number": lambda: Decimal(str(node.value)), "string": lambda: node.value}
    values["boolean"] = lambda: bool(node.value)
    if node.kind == "null":
        return ("null",)
    if node.kind not in values:
        raise _OnlyPython
    return (node.kind, values[node.kind]())
