"""A compiled condition: evaluated, taken apart, spliced into larger functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.rulebook.codegen import Node, Typed
from engine.rulebook.scope import Scope
from engine.rulebook.typing_rules import TABLE, parts

#: Gives rule-engine's own evaluation of a piece of a condition's text.
Oracle = Callable[[str], Callable[[Any], bool]]


class Expression:
    """A compiled condition.

    Attributes:
        text: the condition as written.
        where: the position of its first character.
        source: a Python expression over the variable ``f``, the facts object; bracket it before joining it with others.
            It may assign the variable ``v``.
        constants: what ``source`` names beside ``f`` and ``v``.  The names are made of the values, so that the
            constants of any number of conditions can be merged.
        names: the dotted facts that it uses.
        equals: the parts joined by ``and`` at the top that say no more than that a fact is one of some constants: the
            dotted path and the constants.  A boolean fact alone is one of ``True``; null is a constant like others.  A
            fact inside an object that is null counts as null.
        scope: what its checks shared: its facts, its parameters, how to place an offset.
        node: the tree that was parsed.
    """

    __slots__ = (
        "_matches", "_oracle", "_parts", "constants", "equals", "names", "node", "scope", "source", "text", "where",
    )  # fmt: skip

    def __init__(self, scope: Scope, node: Node, typed: Typed, oracle: Oracle) -> None:
        """For ``compile_expression`` and :meth:`conjuncts` only."""
        self.scope = scope
        self.node = node
        self._parts = parts(node, typed)
        self._oracle = oracle
        self.text = scope.text[node.start : node.end]
        self.where = scope.locate(node.start)
        self.source = scope.source(typed, 0)
        self.constants: Mapping[str, Any] = scope.constants.used_in(self.source)
        self.names = frozenset(scope.names)
        self.equals = tuple(part.equals for _, part in self._parts if part.equals is not None)
        self._matches: Callable[[Any], bool] | None = None

    def __repr__(self) -> str:
        return f"<Expression {self.text!r} at {self.where}>"

    @property
    def matches(self) -> Callable[[Any], bool]:
        """``source`` as a function: whether the condition holds for a facts object, which is a struct or anything with the
        same attributes.

        The function raises ``TypeError`` or ``AttributeError`` where a fact is null, missing or of another type than
        declared, and ``ArithmeticError`` for a division by zero and results out of range.
        """
        if self._matches is None:
            code = compile(f"lambda f: {self.source}", f"<{self.where}>", "eval")
            self._matches = eval(code, {"__builtins__": {}, **self.constants})
        return self._matches

    def oracle(self, facts: Any) -> bool:
        """The same as :attr:`matches`, evaluated by rule-engine: far slower, for tests and for doubts.

        It raises the same kinds of errors for the same facts.
        """
        return self._oracle(self.text)(facts)

    def conjuncts(self) -> tuple[Expression, ...]:
        """The parts that ``and`` joins at the top, in order, each as a condition of its own; itself if there are none.

        A part may rely on the parts before it (``x != null and x > 5``): evaluate it only where those hold.
        """
        return tuple(self._split()) if len(self._parts) > 1 else (self,)

    def _split(self) -> Iterator[Expression]:
        known: frozenset[str] = frozenset()
        whole = self.scope
        for node, typed in self._parts:
            scope = Scope(whole.text, whole.facts, whole.parameters, whole.locate, TABLE)
            yield Expression(scope, node, scope.check(node, known), self._oracle)
            known |= typed.when_true
