"""Rule sets compiled to one Python function an era.

The rule sets of a family that are in force on a day are flattened to one list in the order in which they are asked, and
written out as Python source.  Where many rules compare one fact with constants, the list is cut into one list for each
constant and the fact is looked up in a dict, so that a decision does not grow dearer with the number of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.base.errors import Code, TollbookError, refuse
from engine.model.decision import Decision
from engine.rulebook.expression import Expression
from engine.rulebook.facttypes import FactType
from engine.rulebook.ruleset import RuleSet

NOT_UNIQUE = Code("rule.not-unique", "Two rules of a rule set with 'hit: unique' that both apply.")

Answer = Callable[[Any], Decision | None]
Answers = Callable[[Any], Sequence[Decision]]

WORTHWHILE: Final = 4
"""Conditions that looking a fact up must save on the average, for its price of about four conditions."""
MOST_COPIES: Final = 8
"""How many times a list of rules may grow by being cut into lists for each constant."""
DEEPEST: Final = 3
"""Facts that are looked up one after the other."""


class Entry(NamedTuple):
    """One rule in a list: what is left of its condition, and its decision."""

    conditions: tuple[Expression, ...]
    decision: Decision


class Block(NamedTuple):
    """The rules of one rule set in the order in which they are asked: what is left of its scope, and its hit policy."""

    scope: tuple[Expression, ...]
    hit: str
    entries: tuple[Entry, ...]


def block(ruleset: RuleSet, decisions: Sequence[Decision]) -> Block:
    """A rule set with the decisions of its rules, in their order in the file."""
    pairs = list(zip(ruleset.rules, decisions, strict=True))
    if ruleset.hit == "priority":
        pairs.sort(key=lambda pair: -pair[0].priority)
    return Block(
        _conditions(ruleset.scope),
        ruleset.hit,
        tuple(Entry(_conditions(rule.when), decision) for rule, decision in pairs),
    )


def _conditions(expression: Expression | None) -> tuple[Expression, ...]:
    return () if expression is None else (expression,)


def refuse_two(first: Decision, second: Decision) -> TollbookError:
    """The error for two rules that both apply where one should."""
    return refuse(
        NOT_UNIQUE,
        f"the rules {first.rule!r} and {second.rule!r} of {first.ruleset} both apply",
        why="the rule set says 'hit: unique'",
        mend=f"narrow one of them (the first is at {first.where}), or choose another hit policy",
        where=second.where,
    )


def compile_answer(blocks: Sequence[Block], facts: FactType) -> Answer:
    """A function from facts to the decision of the first rule set that answers, None if none does."""
    answer: Answer = _Compiler(facts, every=False).function(tuple(blocks), 0)
    return answer


def compile_answers(blocks: Sequence[Block], facts: FactType) -> Answers:
    """As :func:`compile_answer`, for all decisions of the rule set; several where it says ``hit: collect``."""
    answers: Answers = _Compiler(facts, every=True).function(tuple(blocks), 0)
    return answers


def _constants(conditions: Iterable[Expression]) -> dict[str, frozenset[Any]]:
    """The values that conditions leave each fact that they compare with constants."""
    left: dict[str, frozenset[Any]] = {}
    for condition in conditions:
        for path, values in condition.equals:
            left[path] = left[path] & values if path in left else values
    return left


def _without(conditions: tuple[Expression, ...], path: str) -> tuple[Expression, ...]:
    """Conditions without the comparisons of one fact with constants."""
    if not any(_compares(condition, path) for condition in conditions):
        return conditions
    parts = (part for c in conditions for part in (c.conjuncts() if _compares(c, path) else (c,)))
    return tuple(part for part in parts if not _compares(part, path))


def _compares(condition: Expression, path: str) -> bool:
    return any(name == path for name, _ in condition.equals)


class _Other:
    """Stands for every value that no rule names."""


def _buckets(blocks: Iterable[Block], path: str, values: Iterable[Any]) -> dict[Any, tuple[Block, ...]]:
    """What is left of blocks for each value of the fact at ``path``; the comparisons that it settles are gone."""
    names = (*values, _Other)
    out: dict[Any, list[Block]] = {value: [] for value in names}
    for scope, hit, entries in blocks:
        asked = _constants(scope).get(path, names)
        left: dict[Any, list[Entry]] = {}
        for entry in entries:
            rest = Entry(_without(entry.conditions, path), entry.decision)
            for value in _constants(entry.conditions).get(path, asked):
                if value in asked:
                    left.setdefault(value, []).append(rest)
        for value, rests in left.items():
            out[value].append(Block(_without(scope, path), hit, tuple(rests)))
    return {value: tuple(blocks) for value, blocks in out.items()}


class _Compiler:
    """Writes functions for lists of blocks; equal lists share one."""

    def __init__(self, facts: FactType, every: bool) -> None:
        self.facts = facts
        self.every = every
        self.made: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def function(self, blocks: tuple[Block, ...], depth: int) -> Any:
        """The function for a list of blocks."""
        key = tuple(
            (hit, *map(id, scope), *((id(decision), *map(id, conditions)) for conditions, decision in entries))
            for scope, hit, entries in blocks
        )
        if key not in self.made:
            path, values = self.best(blocks) if depth < DEEPEST else ("", ())
            made = self.lookup(_buckets(blocks, path, values), path, depth) if path else self.leaf(blocks)
            self.made[key] = made, blocks
        return self.made[key][0]

    def best(self, blocks: tuple[Block, ...]) -> tuple[str, Iterable[Any]]:
        """The fact whose look-up saves most conditions, and the constants for it; empty if none is worth it."""
        total = sum(len(entries) for _, _, entries in blocks)
        sizes: dict[str, dict[Any, int]] = {}
        free: dict[str, int] = {}
        for scope, _, entries in blocks if total > WORTHWHILE else ():
            shared = _constants(scope)
            for conditions, _ in entries:
                own = _constants(conditions)
                for path in {**shared, **own}:
                    counts = sizes.setdefault(path, {})
                    free[path] = free.get(path, 0) + 1
                    for value in own.get(path, shared.get(path, ())):
                        counts[value] = counts.get(value, 0) + 1
        most, choice = 0.0, ""
        for path, counts in sorted(sizes.items()):
            kept = total - free[path]
            copies = sum(counts.values()) + kept * (len(counts) + 1)
            saved = total - copies / (len(counts) + 1)
            if saved > most and saved >= WORTHWHILE and copies <= MOST_COPIES * total:
                most, choice = saved, path
        return choice, sizes.get(choice, ())

    def lookup(self, buckets: dict[Any, tuple[Block, ...]], path: str, depth: int) -> Any:
        """A function that looks a fact up and hands on to the function for its value."""
        other = self.function(buckets.pop(_Other), depth + 1)
        table = {value: self.function(blocks, depth + 1) for value, blocks in buckets.items()}
        source = f"def answer(f):\n    return get({self.access(path)}, other)(f)\n"
        return _execute(source, {"get": table.get, "other": other})

    def access(self, path: str) -> str:
        """Source for the fact at a dotted path; None where something on the way is null."""
        source, guards, fact = "f", [], self.facts
        for name in path.split("."):
            if fact is not self.facts and fact.nullable:
                guards.append(f"None if {source} is None else ")
            child = fact.child(name)
            assert child is not None
            source, fact = f"{source}.{name}", child
        return "".join(guards) + source

    def leaf(self, blocks: tuple[Block, ...]) -> Any:
        """A function that asks the rules one by one."""
        writer = _Writer(self.every)
        for item in blocks:
            if not writer.closed:
                writer.block(item)
        source = "\n".join(["def answer(f):", *writer.lines, *([] if writer.closed else [f"    return {writer.none}"])])
        return _execute(source + "\n", writer.names)


class _Writer:
    """Source of one leaf; ``closed`` once nothing behind a line can be reached."""

    def __init__(self, every: bool) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"refuse_two": refuse_two}
        self.every = every
        self.none = "()" if every else "None"
        self.closed = False

    def condition(self, conditions: Iterable[Expression]) -> str:
        """Source of conditions joined by ``and``, empty where there are none."""
        parts = []
        for condition in conditions:
            self.names.update(condition.constants)
            parts.append(f"({condition.source})")
        return " and ".join(parts)

    def decision(self, decision: Decision) -> str:
        """The name of a decision in the source."""
        name = f"D{len(self.names)}"
        self.names[name] = decision
        return name

    def line(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def guarded(self, indent: int, condition: str, *texts: str) -> None:
        """Lines under a condition, or plain where it is empty."""
        if condition:
            self.line(indent, f"if {condition}:")
        for text in texts:
            self.line(indent + bool(condition), text)

    def block(self, item: Block) -> None:
        scope = self.condition(item.scope)
        indent = 2 if scope else 1
        if scope:
            self.line(1, f"if {scope}:")
        if item.hit == "unique" and len(item.entries) > 1:
            always = self.unique(indent, item.entries)
        elif item.hit == "collect" and self.every:
            always = self.collect(indent, item.entries)
        else:
            always = self.first(indent, item.entries)
        self.closed = always and not scope

    def first(self, indent: int, entries: Iterable[Entry]) -> bool:
        for conditions, decision in entries:
            condition = self.condition(conditions)
            name = self.decision(decision)
            self.guarded(indent, condition, f"return ({name},)" if self.every else f"return {name}")
            if not condition:
                return True
        return False

    def unique(self, indent: int, entries: Iterable[Entry]) -> bool:
        self.line(indent, "m = None")
        for conditions, decision in entries:
            name = self.decision(decision)
            self.guarded(
                indent,
                self.condition(conditions),
                "if m is not None:",
                f"    raise refuse_two(m, {name})",
                f"m = {name}",
            )
        self.guarded(indent, "m is not None", "return (m,)" if self.every else "return m")
        return False

    def collect(self, indent: int, entries: Iterable[Entry]) -> bool:
        self.line(indent, "m = []")
        for conditions, decision in entries:
            self.guarded(indent, self.condition(conditions), f"m.append({self.decision(decision)})")
        self.guarded(indent, "m", "return m")
        return False


def _execute(source: str, names: Mapping[str, Any]) -> Any:
    space: dict[str, Any] = dict(names)
    exec(compile(source, "<rules>", "exec"), space)
    return space["answer"]
