"""Conditions as sets of boxes: for which facts a condition holds, as far as it compares one fact with constants.

A box leaves each fact that it names a set of values; a region is a list of boxes, of which one must hold.  What a
condition says beyond that is a question of its own that may be answered yes or no, so that ``a and b`` still shadows
``a and b and c``; whether there are facts for each answer is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.rulebook.boxes import MOST_BOXES, Box, Region, Space, TooMany, meet_regions, overlap
from engine.rulebook.codegen import Node, Typed
from engine.rulebook.expression import Expression
from engine.rulebook.facttypes import SCALARS, FactType
from engine.rulebook.parameters import words_of
from engine.rulebook.scope import Scope
from engine.rulebook.typing_rules import TABLE
from engine.rulebook.values import BOOLEANS, Domain, Values, join, meet

EVERYTHING: Final[Box] = {}
_YES_OR_NO: Final = Domain("word", BOOLEANS)
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_CONSTANT: Final = frozenset(("number", "string", "boolean", "date", "minus", "arithmetic", "symbol"))


class Never(msgspec.Struct, frozen=True):
    """A part of a condition that is never true, and the part that it contradicts (None: what the fact can be)."""

    node: Node
    other: Node | None


class Shape(msgspec.Struct, frozen=True):
    """What a condition says: its region, the parts that can never be true, the questions that it asks; and for each fact
    that it compares by ``==`` or ``in`` the constants that stand there."""

    region: Region
    never: tuple[Never, ...] = ()
    questions: frozenset[str] = frozenset()
    named: Mapping[str, Values] = {}


ALWAYS: Final = Shape([EVERYTHING])


def shape_of(condition: Expression | None, space: Space, parameters: Mapping[str, Any] | None = None) -> Shape:
    """What a condition says; ``parameters`` replace its own values of them.

    Raises:
        TooMany: it would need too many boxes.
    """
    if condition is None:
        return ALWAYS
    own = condition.scope
    values = own.parameters if parameters is None else parameters
    scope = Scope(own.text, own.facts, values, own.locate, TABLE)
    builder = _Builder(scope, space)
    region = builder.region(condition.node, True)
    return Shape(region, tuple(builder.never), frozenset(builder.questions), builder.named)


class _Operand(msgspec.Struct, frozen=True):
    """One side of a comparison that is no constant: its dimension, and what stands for null."""

    name: str
    domain: Domain
    default: Any = None


class _Builder:
    """One condition on its way to a region."""

    def __init__(self, scope: Scope, space: Space) -> None:
        self.scope = scope
        self.space = space
        self.never: list[Never] = []
        self.questions: set[str] = set()
        self.named: dict[str, Values] = {}

    def region(self, node: Node, holds: bool) -> Region:
        """Where a node is true, or where it is not (``holds`` false)."""
        if node.kind == "logic":
            return self._logic(node, holds)
        if node.kind == "not":
            return self.region(node.parts[0], not holds)
        if node.kind == "boolean":
            return [EVERYTHING] if node.value is holds else []
        if node.kind == "choice":
            test, this, that = node.parts
            yes = meet_regions(self.region(test, True), self.region(this, holds))
            return yes + meet_regions(self.region(test, False), self.region(that, holds))
        if node.kind == "equality" and node.value == "!=":
            return self._atom(node, not holds, "==")
        return self._atom(node, holds, node.value if isinstance(node.value, str) else "")

    def _logic(self, node: Node, holds: bool) -> Region:
        left, right = (self.region(part, holds) for part in node.parts)
        if (node.value == "and") is not holds:
            if len(left) + len(right) > MOST_BOXES:
                raise TooMany
            return left + right
        both = meet_regions(left, right)
        if holds and left and right and not both:
            self.never.append(Never(node.parts[1], self._contradicted(node.parts[0], right)))
        return both

    def _contradicted(self, node: Node, region: Region) -> Node:
        """The part joined by ``and`` in a node that alone leaves nothing of a region; the node itself if none does."""
        parts, left = [], node
        while left.kind == "logic" and left.value == "and":
            parts.append(left.parts[1])
            left = left.parts[0]
        quiet = _Builder(self.scope, self.space)
        for part in reversed([*parts, left]):
            if overlap(quiet.region(part, True), region) is None:
                return part
        return node

    def _atom(self, node: Node, holds: bool, sign: str) -> Region:
        found = self._compared(node, sign)
        if found is None:
            return [{self._question(node, sign): _YES_OR_NO.points([holds])}]
        name, domain, values = found
        if holds and not values:
            self.never.append(Never(node, None))
        if not holds:
            values = domain.opposite(values)
        if values == domain.full:
            return [EVERYTHING]
        return [{name: values}] if values else []

    def _compared(self, node: Node, sign: str) -> tuple[str, Domain, Values] | None:
        """The dimension of a comparison with constants and the values that it leaves; None for anything else."""
        if node.kind in ("equality", "order"):
            return self._relation(node, sign)
        if node.kind == "contains":
            container, member = node.parts
            operand = self._operand(member)
            constants = self._members(container)
            return (
                None if operand is None or constants is None else self._set(operand, operand.domain.points(constants))
            )
        operand = self._operand(node)
        if operand is None or operand.domain.words != BOOLEANS:
            return None
        return self._set(operand, operand.domain.points([True]))

    def _relation(self, node: Node, sign: str) -> tuple[str, Domain, Values] | None:
        left, right = node.parts
        constant = self._constant(right)
        if constant is None:
            left, right, sign = right, left, _FLIPPED[sign]
            constant = self._constant(right)
        operand = self._operand(left) if constant is not None else None
        if constant is None or operand is None:
            return None
        if constant.kind == "null":
            return operand.name, operand.domain, operand.domain.points([None] if operand.default is None else [])
        values = operand.domain.compared(sign, constant.value)
        return self._set(operand, values, listed=node.kind == "equality")

    def _set(self, operand: _Operand, values: Values, listed: bool = True) -> tuple[str, Domain, Values]:
        if listed:
            self.named[operand.name] = join(self.named.get(operand.name, values), values)
        if operand.default is not None:
            held = bool(meet(operand.domain.compared("==", operand.default), values))
            values = Values(values.cuts, held and operand.domain.nullable)
        return operand.name, operand.domain, values

    def _constant(self, node: Node) -> Typed | None:
        """A node as a constant, null among them; None if it is none."""
        if node.kind == "null":
            return Typed("null", constant=True)
        if node.kind not in _CONSTANT or (node.kind == "symbol" and node.value not in self.scope.parameters):
            return None
        typed = self.scope.check(node, frozenset())
        return typed if typed.constant else None

    def _members(self, node: Node) -> list[Any] | None:
        """The constants of a list that holds nothing else."""
        if node.kind == "list":
            members = [self._constant(part) for part in node.parts]
            return None if None in members else [member.value for member in members if member is not None]
        if node.kind == "symbol" and node.value in self.scope.parameters:
            return [member.value for member in self.scope.check(node, frozenset()).members] or None
        return None

    def _operand(self, node: Node) -> _Operand | None:
        """A node as something that is compared with constants."""
        if node.kind == "coalesce":
            inner, default = self._operand(node.parts[0]), self._constant(node.parts[1])
            if inner is None or default is None or default.kind == "null" or inner.default is not None:
                return None
            return _Operand(inner.name, inner.domain, default.value)
        path = path_of(node)
        if path is None:
            return None
        found = fact_at(self.scope.facts, path)
        if found is None:
            return None
        fact, nested = found
        if fact.kind not in SCALARS:
            return None
        domain = self.space.domains.get(path)
        if domain is None:
            domain = self.space.domains[path] = _domain(fact, nested)
        if nested:
            self.space.questions.setdefault(path, "is inside a fact that may be null")
            self.questions.add(path)
        return _Operand(path, domain)

    def _question(self, node: Node, sign: str) -> str:
        """The dimension of a part that is not looked into."""
        text = " ".join(self.scope.text[node.start : node.end].split())
        if sign == "==" and node.value == "!=":
            left, right = (self.scope.text[part.start : part.end] for part in node.parts)
            text = " ".join(f"{left} == {right}".split())
        if node.grouped:
            text = text[1:-1].strip()
        used = words_of(text) & self.scope.parameters.keys()
        name = f"({text})" + "".join(f" {each}={self.scope.parameters[each]}" for each in sorted(used))
        self.space.domains.setdefault(name, _YES_OR_NO)
        self.space.questions.setdefault(name, "is no comparison of one fact with constants")
        self.questions.add(name)
        return name


def path_of(node: Node) -> str | None:
    """The dotted path of a node that is a chain of names."""
    if node.kind == "symbol":
        return str(node.value)
    if node.kind == "attribute":
        holder = path_of(node.parts[0])
        return None if holder is None else f"{holder}.{node.value}"
    return None


def fact_at(facts: FactType, path: str) -> tuple[FactType, bool] | None:
    """The fact at a path, and whether something on the way to it may be null."""
    fact, nested = facts, False
    for name in path.split("."):
        nested = nested or (fact is not facts and fact.nullable)
        child = fact.child(name)
        if child is None:
            return None
        fact = child
    return fact, nested


def _domain(fact: FactType, nested: bool) -> Domain:
    nullable = fact.nullable or nested
    if fact.kind == "boolean":
        return Domain("word", BOOLEANS, nullable)
    if fact.values:
        return Domain("word", fact.values, nullable)
    kind = "whole" if fact.whole else fact.kind
    return Domain(kind, (), nullable, _bound(fact.low), _bound(fact.high))


def _bound(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)
