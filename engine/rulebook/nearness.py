"""How near a part of a condition was to being met: for people who ask why another rule answered."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.rulebook.codegen import Node, Typed
from engine.rulebook.expression import Expression
from engine.rulebook.region import fact_at, path_of
from engine.rulebook.scope import Scope
from engine.rulebook.typing_rules import TABLE
from engine.rulebook.values import written

MOST_MEMBERS = 5
"""Members of a list that a sentence names."""


def missed(part: Expression, facts: Any) -> str:
    """Why a part that ``and`` joins is not met: ``quantity 985 is 15 under enterprise_floor 1000``.

    It says what the facts are and, where both sides of a comparison are numbers or days, how far they are apart.
    """
    reader = _Reader(part, facts)
    said = reader.said(part.node)
    if said:
        return said
    seen = [f"{name} is {written(reader.fact(name))}" for name in sorted(part.names)]
    return ", ".join(seen) or "it holds for no facts"


class _Reader:
    """One part and the facts that it was asked of."""

    def __init__(self, part: Expression, facts: Any) -> None:
        own = part.scope
        self.facts = facts
        self.scope = Scope(own.text, own.facts, own.parameters, own.locate, TABLE)

    def fact(self, path: str) -> Any:
        """The value at a dotted path; None where something on the way has none."""
        value = self.facts
        for step in path.split("."):
            value = getattr(value, step, None)
        return value

    def said(self, node: Node) -> str:
        """What a comparison missed; empty for anything else."""
        if node.kind in ("order", "equality"):
            (left, one), (right, other) = ((part, self.side(part)) for part in node.parts)
            if one is None or other is None:
                return ""
            if right.kind in ("symbol", "attribute") and path_of(left) is None:
                left, one, right, other = right, other, left, one
            name = self.scope.words(right) + " " if path_of(right) is not None else ""
            return self.compared(self.scope.words(left), one[0], name + written(other[0]), other[0])
        if node.kind == "contains" and node.parts[0].kind == "list":
            member = self.side(node.parts[1])
            constants = [self.side(part) for part in node.parts[0].parts]
            if member is not None and None not in constants:
                named = [written(each[0]) for each in constants[:MOST_MEMBERS] if each is not None]
                more = f" or {len(constants) - MOST_MEMBERS} others" if len(constants) > MOST_MEMBERS else ""
                return f"{self.scope.words(node.parts[1])} is {written(member[0])}, not {' or '.join(named)}{more}"
        return ""

    def side(self, node: Node) -> tuple[Any] | None:
        """The value of one side, in a tuple; None if it is neither a fact nor a constant."""
        path = path_of(node)
        if path is not None and fact_at(self.scope.facts, path) is not None:
            return (self.fact(path),)
        if node.kind == "null":
            return (None,)
        if path is not None and path not in self.scope.parameters:
            return None
        typed: Typed = self.scope.check(node, frozenset())
        return (typed.value,) if typed.constant else None

    @staticmethod
    def compared(left: str, one: Any, against: str, other: Any) -> str:
        """Two values in words, with what lies between them."""
        if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None or isinstance(one, str):
            return f"{left} is {written(one)}" + ("" if one == other else f", not {against}")
        if isinstance(one, datetime) and isinstance(other, datetime):
            return f"{left} {one} is {'before' if one < other else 'not before'} {against}"
        if isinstance(one, date) and isinstance(other, date):
            days = abs((one - other).days)
            apart = f"{days} day{'' if days == 1 else 's'} {'before' if one < other else 'after'} {against}"
            return f"{left} {one} is {apart}" if days else f"{left} {one} is just {against}"
        gap = Decimal(one) - Decimal(other)
        if not gap:
            return f"{left} {written(Decimal(one))} is just {against}"
        return f"{left} {written(Decimal(one))} is {written(abs(gap))} {'under' if gap < 0 else 'over'} {against}"
