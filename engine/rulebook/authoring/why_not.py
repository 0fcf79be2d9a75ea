"""Why a rule did not answer: what of its condition failed and how near it was, or which rule was before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from engine.base.errors import Where
from engine.model.attribute import Declared
from engine.model.decision import Trace
from engine.rulebook.condition import Expression
from engine.rulebook.nearness import missed
from engine.rulebook.rulebook import RuleBook
from engine.rulebook.ruleset import Rule, RuleSet
from engine.rulebook.trace import UNTOLD, failure, shown, values_of


class Part(msgspec.Struct, frozen=True):
    """A part of a condition: its text, whether it was met, the facts in it, and how near they were where it was not."""

    text: str
    met: bool
    facts: str
    near: str


class WhyNot(msgspec.Struct, frozen=True):
    """Why one rule did not answer a question.

    Attributes:
        rule: the rule, ``ruleset#id``.
        where: its place.
        family: the family that was asked.
        on: the day that was asked for.
        reason: ``answered``, ``not in force``, ``out of scope``, ``not met``, ``taken`` by an earlier rule although it was
            met, or ``not asked`` because an earlier rule set answered.
        text: the reason in words.
        by: the rule that answered, and its place; empty where none did.
        parts: the parts of its scope and condition.
    """

    rule: str
    where: Where
    family: str
    on: date
    reason: str
    text: str
    by: str
    parts: tuple[Part, ...]


class Listener:
    """A rule book that remembers the questions that it traces, for those who explain."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self.asked: list[tuple[str, Any, date]] = []

    @property
    def attributes(self) -> Declared:
        """As the book's."""
        return self.book.attributes

    def trace(self, family: str, facts: Any, on: date) -> Trace:
        """As the book's, and remembers the question."""
        self.asked.append((family, facts, on))
        return self.book.trace(family, facts, on)

    def why_not(self, name: str) -> tuple[WhyNot, ...]:
        """Why a rule, ``ruleset#rule`` or ``rule`` alone, did not answer each of the questions of its family."""
        out = []
        for ruleset, rule in named(self.book, name):
            out += [why_not(self.book, ruleset, rule, f, on) for kind, f, on in self.asked if kind == ruleset.family]
        return tuple(out)


def named(book: RuleBook, name: str) -> list[tuple[RuleSet, Rule]]:
    """The rules of a book that a name may mean."""
    head, mark, tail = name.rpartition("#")
    return [
        (ruleset, rule)
        for ruleset in book.rulesets.values()
        for rule in ruleset.rules
        if rule.id == tail and (not mark or ruleset.name == head)
    ]


def why_not(book: RuleBook, ruleset: RuleSet, rule: Rule, facts: Any, on: date) -> WhyNot:
    """Why a rule did not answer one question."""
    trace = book.trace(ruleset.family, facts, on)
    taken = trace.decision
    by = f"{taken.ruleset}#{taken.rule} ({taken.where})" if taken is not None else ""
    parts = (*_parts(ruleset.scope, facts), *_parts(rule.when, facts))
    reason, text = _reason(ruleset, rule, facts, on, trace, parts)
    return WhyNot(f"{ruleset.name}#{rule.id}", rule.where, ruleset.family, on, reason, text, by, parts)


def _reason(ruleset: RuleSet, rule: Rule, facts: Any, on: date, trace: Trace, parts: Sequence[Part]) -> tuple[str, str]:
    if any(each.matched and (each.ruleset, each.rule) == (ruleset.name, rule.id) for each in trace.tried):
        return "answered", "it did answer"
    if not ruleset.start <= on < ruleset.end:
        days = f"from {ruleset.start}" if on < ruleset.start else f"up to {ruleset.end - timedelta(1)}"
        return "not in force", f"its rule set is in force {days}, the question is of {on}"
    failed = [part for part in parts if not part.met]
    count = f"{len(failed)} of {len(parts)} parts of its condition"
    words = "; ".join(f"needs {part.text}: {part.near or part.facts}" for part in failed)
    if failure(ruleset.scope, facts) is not None:
        return "out of scope", f"its rule set is not for these facts: {words}"
    if failed:
        return "not met", f"{count} {'is' if len(failed) == 1 else 'are'} not met: {words}"
    taken = trace.decision
    other = f"{taken.rule} at {taken.where}" if taken is not None else "another"
    if taken is not None and taken.ruleset == ruleset.name:
        return "taken", f"its condition is met, but the rule {other} is asked before it"
    return (
        "not asked",
        f"its condition is met, but {taken.ruleset if taken else 'another set'} is asked first: rule {other}",
    )


def _parts(condition: Expression | None, facts: Any) -> list[Part]:
    """Every part of a condition, also those behind the first that failed, as far as it can be told."""
    out = []
    for part in () if condition is None else condition.conjuncts():
        try:
            met = bool(part.matches(facts))
        except UNTOLD:
            met = False
        near = "" if met else missed(part, facts)
        out.append(Part(" ".join(part.text.split()), met, shown(values_of(part.names, facts)), near))
    return out
