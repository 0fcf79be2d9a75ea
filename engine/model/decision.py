"""What a business may decide: families of rules, the facts they see, the decisions they make, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Literal, Protocol

import msgspec

from engine.base.errors import Where
from engine.base.table import Table


class Flaw(msgspec.Struct, frozen=True):
    """What a method finds wrong with its terms at load: ``path`` leads into ``then``, such as ``("tiers", 1, "up_to")``."""

    path: tuple[str | int, ...]
    what: str
    mend: str = ""


class Formula(str):
    """A formula of a rule as it is written; ``of(facts)`` computes it.

    ``of`` raises ``ArithmeticError`` where the facts give no number, such as for a division by zero.
    """

    __slots__ = ("of",)
    of: Callable[[Any], Any]

    def __new__(cls, text: str, of: Callable[[Any], Any]) -> Formula:
        """The text with what computes it."""
        made = super().__new__(cls, text)
        made.of = of
        return made


class Method(msgspec.Struct, frozen=True):
    """A named way to carry out a decision.

    ``function(terms, facts)`` is pure; what it returns is the family's affair.  ``schema`` is the cerberus schema of the
    fields that ``then`` takes beside ``method``; ``check`` looks at what a schema cannot say, such as the order of tiers.
    ``needs`` names facts that are dear to get and are there only for methods that ask for them (``events``); which there
    are is the family's affair.  ``table`` makes terms of a table that ``then`` names with ``table: file.csv``, and says from
    which cell each came.  ``prepare`` makes a faster ``function`` of some terms, once as they are loaded.  The function's
    docstring is the method's documentation.
    """

    function: Callable[..., Any]
    schema: Mapping[str, Any]
    check: Callable[[Mapping[str, Any]], Iterable[Flaw]] | None = None
    needs: str = ""
    table: Callable[[Table], tuple[Mapping[str, Any], Mapping[tuple[str | int, ...], Where]]] | None = None
    prepare: Callable[[Mapping[str, Any]], Callable[..., Any]] | None = None

    def of(self, terms: Mapping[str, Any]) -> Callable[..., Any]:
        """The function for decisions with these terms."""
        return self.prepare(terms) if self.prepare else self.function


class Family(msgspec.Struct, frozen=True):
    """A kind of decision.

    Attributes:
        name: the folder below ``rules/``.
        doc: one sentence: what it decides.
        facts: the struct that a ``when`` may see; its fields, their types and their descriptions are the documentation.
        selected_by: which date selects the rule in force, in words (``first service day of the cycle``).
        outcome: cerberus schema of the fields of ``then`` that every rule of the family may have.
        methods: named methods; where there are any, ``then`` must have ``method``.
        results: for rule cases: what ``expect`` may name beside ``rule`` and the outcome's fields, from a decision and facts.
        check: as :attr:`Method.check`, for the family's own fields.
        collects: whether those who ask take all decisions of a rule set; only then may one say ``hit: collect``.
        answers: for which facts its rule sets are expected to have an answer: ``all`` of them, or those with values that
            the rules of a set ``named``; ``check`` warns of gaps in that.
        names: fields of the outcome that name something outside of the rules, and what it is: ``{"adapter": "adapter"}``;
            dots lead into lists and their items: ``{"channels.adapter": "adapter"}``.
    """

    name: str
    doc: str
    facts: type[msgspec.Struct]
    selected_by: str
    outcome: Mapping[str, Any]
    methods: Mapping[str, Method] = {}
    results: Callable[[Decision, Any], Mapping[str, Any]] | None = None
    check: Callable[[Mapping[str, Any]], Iterable[Flaw]] | None = None
    collects: bool = False
    answers: Literal["all", "named"] = "named"
    names: Mapping[str, str] = {}


class Decision(msgspec.Struct, frozen=True):
    """The outcome of one rule, made once when the rule book is compiled and shared by all that it decides.

    ``id`` is a bigint drawn from the content (release, rule set, rule, parameters): the same decision has the same id in
    every process and run.  ``terms`` is the rule's ``then`` with units and parameters resolved; ``method`` the function
    that its ``method`` names, None in families without methods; ``needs`` is that of the method.
    """

    id: int
    family: str
    ruleset: str
    rule: str
    where: Where
    release: str
    parameters: Mapping[str, Any]
    terms: Mapping[str, Any]
    method: Callable[..., Any] | None = None
    needs: str = ""


class Tried(msgspec.Struct, frozen=True):
    """One rule that was looked at: whether it matched, and if not, the part of its condition that failed with the facts in it,
    and in words how near it was (``quantity 985 is 15 under enterprise_floor 1000``)."""

    ruleset: str
    rule: str
    where: Where
    matched: bool
    condition: str = ""
    failed: str = ""
    facts: Mapping[str, Any] = {}
    near: str = ""


class Trace(msgspec.Struct, frozen=True):
    """How a decision came about; computed again by ``explain``, never built in a run.

    ``said`` is what its rule says: the terms without those that the family or the method would have set by themselves.
    """

    decision: Decision | None
    tried: tuple[Tried, ...]
    said: Mapping[str, Any] = {}


class Decide(Protocol):
    """How a column asks: ``decide(family, facts, on)``, where ``on`` is the date that the family declared.

    Raises:
        TollbookError: ``rule.no-answer`` where no rule answers, ``rule.not-unique``, ``rule.null-fact``.
    """

    def __call__(self, family: str, facts: Any, on: date) -> Decision: ...
