"""Small mistakes put into rules on purpose, in a fixed order: thresholds, operators, outcomes, missing and swapped rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec

from engine.base.errors import TollbookError, Where
from engine.model.decision import Family
from engine.rulebook.boxes import overlap
from engine.rulebook.expression import Expression, compile_expression
from engine.rulebook.facttypes import FactType
from engine.rulebook.lint import Linter
from engine.rulebook.ruleset import Rule, RuleSet

_TEXT: Final = re.compile(r'd?"(?:\\.|[^"\\])*"' + r"|d?'(?:\\.|[^'\\])*'")
_NUMBER: Final = re.compile(r"(?<![\w.$])[0-9]+(?:\.[0-9]+)?(?![\w.])")
_SIGNS: Final[Sequence[tuple[re.Pattern[str], str]]] = (
    (re.compile(r"<="), "<"),
    (re.compile(r">="), ">"),
    (re.compile(r"<(?![=])"), "<="),
    (re.compile(r">(?![=])"), ">="),
    (re.compile(r"=="), "!="),
    (re.compile(r"!="), "=="),
    (re.compile(r"\band\b"), "or"),
    (re.compile(r"\bor\b"), "and"),
    (re.compile(r"\bnot in\b"), "in"),
    (re.compile(r"(?<!not )\bin\b"), "not in"),
)
_DAY: Final = re.compile(r'd"([0-9]{4}-[0-9]{2}-[0-9]{2})"')


class Mutant(msgspec.Struct, frozen=True):
    """A rule set with one mistake in it.

    ``rule`` is the first rule, in the order in which they are asked, that the mistake is about; ``outcome`` says that only
    what this rule decides is another; ``what`` is the mistake in words.
    """

    rule: str
    outcome: bool
    what: str
    where: Where
    ruleset: RuleSet


class Mutator:
    """Makes the mutants of one rule set; ``written`` are its rules as they stand in the file."""

    def __init__(self, ruleset: RuleSet, family: Family, facts: FactType, written: Sequence[Mapping[str, Any]]) -> None:
        self.ruleset, self.family, self.facts, self.written = ruleset, family, facts, written
        self.constants = {name: each.value for name, each in ruleset.parameters.items()}

    def all(self) -> Iterator[Mutant]:
        """Every mutant, rule by rule; those that compute with parameters come last."""
        for index, rule in enumerate(self.ruleset.rules):
            yield from self._conditions(index, rule)
            yield from self._outcomes(index, rule)
            yield self._made(rule, self._without(index), "the rule is missing")
        yield from self._swapped()
        yield from self._parameters()

    def _made(
        self, rule: Rule, rules: Sequence[Rule], what: str, where: Where | None = None, out: bool = False
    ) -> Mutant:
        changed = msgspec.structs.replace(self.ruleset, rules=tuple(rules))
        return Mutant(rule.id, out, what, where or rule.where, changed)

    def _without(self, index: int) -> list[Rule]:
        return [rule for at, rule in enumerate(self.ruleset.rules) if at != index]

    def _with(self, index: int, rule: Rule) -> list[Rule]:
        return [rule if at == index else other for at, other in enumerate(self.ruleset.rules)]

    def _compiled(self, text: str, constants: Mapping[str, Any] | None = None) -> Expression | None:
        where = self.ruleset.where
        try:
            return compile_expression(text, self.facts, constants or self.constants, where, lambda _: where)
        except TollbookError:
            return None

    def _conditions(self, index: int, rule: Rule) -> Iterator[Mutant]:
        if rule.when is None:
            return
        parts = [part.text for part in rule.when.conjuncts()]
        seen = {rule.when.text}
        for text, what in (*_changed(rule.when.text), *_dropped(parts)):
            made = self._compiled(text) if text and text not in seen else None
            seen.add(text)
            if made is not None or not text:
                new = msgspec.structs.replace(rule, when=made)
                yield self._made(rule, self._with(index, new), what, rule.when.where)

    def _outcomes(self, index: int, rule: Rule) -> Iterator[Mutant]:
        for path, value in _numbers(rule.terms, self.written[index]["then"], ()):
            for other in _near(value):
                terms = _put(rule.terms, path, other)
                new = msgspec.structs.replace(rule, terms=terms)
                yield self._made(rule, self._with(index, new), f"{_path(path)} is {other}, not {value}", out=True)

    def _swapped(self) -> Iterator[Mutant]:
        """Neighbours that both apply to some facts, one before the other."""
        rules = self.ruleset.rules
        if self.ruleset.hit != "first":
            return
        told = {
            each.rule.id: each for each in Linter({self.family.name: self.family}, [self.ruleset]).told(self.ruleset)
        }
        for index, (one, other) in enumerate(pairwise(rules)):
            first, second = told.get(one.id), told.get(other.id)
            apart = first and second and first.shape and second.shape and overlap(first.region, second.region) is None
            if apart or one.terms == other.terms:
                continue
            order = [*rules[:index], other, one, *rules[index + 2 :]]
            yield self._made(one, order, f"the rule stands behind {other.id}")

    def _parameters(self) -> Iterator[Mutant]:
        for name, parameter in self.ruleset.parameters.items():
            users = [r for r in self.ruleset.rules if r.when is not None and _names(r.when, name)]
            if not users or isinstance(parameter.value, (str, bool)):
                continue
            for other in _near(parameter.value):
                constants = {**self.constants, name: other}
                rules = [self._retuned(rule, constants) if rule in users else rule for rule in self.ruleset.rules]
                what = f"the parameter {name} is {other}, not {parameter.value}"
                yield self._made(users[0], rules, what, parameter.where)

    def _retuned(self, rule: Rule, constants: Mapping[str, Any]) -> Rule:
        made = None if rule.when is None else self._compiled(rule.when.text, constants)
        return rule if made is None else msgspec.structs.replace(rule, when=made)


def _names(when: Expression, name: str) -> bool:
    return re.search(rf"(?<![\w.]){name}\b", _TEXT.sub('""', when.text)) is not None


def _changed(text: str) -> Iterator[tuple[str, str]]:
    """A condition with one number, day or operator changed, and the change in words."""
    masked = _TEXT.sub(lambda found: " " * len(found[0]), text)
    for found in _NUMBER.finditer(masked):
        for other in _near(Decimal(found[0]) if "." in found[0] else int(found[0])):
            yield _put_text(text, found.start(), found.end(), str(other))
    for found in _DAY.finditer(text):
        for days in (-1, 1):
            other = date.fromisoformat(found[1]) + timedelta(days)
            yield _put_text(text, found.start(1), found.end(1), other.isoformat())
    for pattern, sign in _SIGNS:
        for found in pattern.finditer(masked):
            yield _put_text(text, found.start(), found.end(), sign)


def _put_text(text: str, start: int, end: int, new: str) -> tuple[str, str]:
    changed = text[:start] + new + text[end:]
    return changed, f"{_around(changed, start, start + len(new))} instead of {_around(text, start, end)}"


def _around(text: str, start: int, end: int) -> str:
    """The words around a change, as far as the next 'and' or 'or'."""
    first = max((found.end() for found in re.finditer(r"\b(and|or)\b", text[:start])), default=0)
    last = re.search(r"\b(and|or)\b", text[end:])
    stop = end + last.start() if last else len(text)
    if text[start:end] in ("and", "or"):
        return (
            " ".join(text.split())
            if len(text) < 80
            else f"'{text[start:end]}' in " + " ".join(text[:60].split()) + " …"
        )
    return " ".join(text[first:stop].split())


def _dropped(parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, part in enumerate(parts):
        rest = [
            f"({other})" if re.search(r"\bor\b|\?", other) else other for at, other in enumerate(parts) if at != index
        ]
        yield " and ".join(rest), f"it does not ask for {' '.join(part.split())}"


def _near(value: Any) -> tuple[Any, ...]:
    """The value one unit of its last digit below and above."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, date)):
        return ()
    if isinstance(value, date):
        return value - timedelta(1), value + timedelta(1)
    if isinstance(value, int):
        return value - 1, value + 1
    exponent = value.as_tuple().exponent
    unit = Decimal(1).scaleb(exponent if isinstance(exponent, int) and exponent < 0 else 0)
    return value - unit, value + unit


def _numbers(value: Any, written: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every number inside of what a rule decides that stands in the file, with the way to it; no defaults."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(written, dict) or key in written:
                yield from _numbers(item, written[key] if isinstance(written, dict) else None, (*path, key))
    elif isinstance(value, (list, tuple)):
        inner = written if isinstance(written, list) and len(written) == len(value) else [None] * len(value)
        for index, item in enumerate(value):
            yield from _numbers(item, inner[index], (*path, index))
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        yield path, value


def _put(value: Any, path: Sequence[Any], new: Any) -> Any:
    """``value`` with another number at the end of a way."""
    if not path:
        return new
    if isinstance(value, Mapping):
        return {key: _put(item, path[1:], new) if key == path[0] else item for key, item in value.items()}
    items = [_put(item, path[1:], new) if index == path[0] else item for index, item in enumerate(value)]
    return tuple(items) if isinstance(value, tuple) else items


def _path(path: Sequence[Any]) -> str:
    text = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def spread(mutants: Sequence[Mutant], most: int) -> list[Mutant]:
    """At most ``most`` mutants, evenly from all of them, the same ones each time."""
    if len(mutants) <= most:
        return list(mutants)
    return [mutants[index * len(mutants) // most] for index in range(most)]
