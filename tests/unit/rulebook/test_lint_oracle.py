"""What lint says of rules is what asking them for all facts of a small world shows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from msgspec import Meta

from engine.base.errors import Finding
from engine.model.decision import Family
from engine.rulebook.boxes import Box, Space
from engine.rulebook.gaps import gaps
from engine.rulebook.lint import Linter
from engine.rulebook.rulebook import RuleBook, compile_book
from engine.rulebook.ruleset import Rule

DEAD = {"rule.never-true", "rule.shadowed", "rule.unreachable"}


class World(msgspec.Struct, frozen=True):
    """Facts of every kind that lint looks into."""

    word: Literal["x", "y", "z"]
    flag: bool
    count: Annotated[int, Meta(extra={"least": 0, "most": 4})]
    size: Decimal
    text: str | None
    day: date
    limit: Annotated[Decimal | None, Meta(extra={"least": 0})]


FAMILY = Family(
    name="world", doc="A small world.", facts=World, selected_by="day", outcome={}, answers="all"
)  # every fact is to be answered for
DAYS = [date(2026, 1, n) for n in (1, 2, 3)]
SIZES = [Decimal(n) for n in ("-1", "0", "0.5", "1", "2")]


@cache
def everything() -> Sequence[World]:
    """Facts on both sides of every constant that the conditions below have."""
    texts, limits = (None, "p", "q", "other", "zz"), (None, Decimal(2), Decimal(3))
    return [
        World(*each)  # type: ignore[arg-type]
        for each in itertools.product("xyz", (True, False), (0, 1, 2, 3, 4), SIZES, texts, DAYS, limits)
    ]


ATOMS = [
    'word == "x"', '"y" == word', 'word != "z"', 'word in ["x", "z"]', 'word not in ["x"]', "flag", "not flag",
    "flag == false", "count < 2", "2 < count", "count >= 3", "count <= 2.5", "count == 2", "count in [1, 3]",
    "count != 0", "count < 0", "size > 1", "size >= 1", "size < 1", "size <= 0", "size == 1", "size in [0, 1]", "size < low",
    "size >= low", "size != low", "-1 < size", "text == null", "text != null", 'text == "p"', 'text != "q"', 'text in ["p", "q"]',
    'text not in ["p"]', '(text ?? "p") == "p"', '(text ?? "q") != "p"', 'day < d"2026-01-02"', 'day >= d"2026-01-02"',
    'day == d"2026-01-03"', '(text != null and text < "q")', "(limit != null and limit > 2)", "(limit == null or limit <= 2)",
    "(limit ?? 0) >= 2", "true", "false",
]  # fmt: skip
OPEN = ["size * 2 > 2", "size * 2 > low", "count > size", '(text != null and text.starts_with("p"))', "day.day == 2"]


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, inner, inner).map(lambda parts: "(({}) ? ({}) : ({}))".format(*parts)),
    )


def conditions(atoms: Sequence[str]) -> st.SearchStrategy[str]:
    return st.recursive(st.sampled_from(atoms), joined, max_leaves=6)


def rules(atoms: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(conditions(atoms), min_size=1, max_size=5)


def ruleset(name: str, whens: Sequence[str], scope: str = "", hit: str = "first") -> str:
    lines = [f"ruleset: world/{name}", f"hit: {hit}"]
    lines += [f"scope: '{scope}'"] if scope else []
    lines += ["parameters: {low: {type: decimal, value: 1}}", "rules:"]
    return "\n".join([*lines, *(f"  - {{id: r{n}, when: '{when}', then: {{}}}}" for n, when in enumerate(whens))])


def compiled(*texts: str) -> RuleBook:
    files = {f"rules/world/{number}.yaml": text.encode() for number, text in enumerate(texts)}
    return compile_book(files, {"world": FAMILY}, lint=False)


def findings(book: RuleBook) -> list[Finding]:
    return list(Linter(book.families, book.rulesets.values()).findings())


def holds(condition: Any, facts: World) -> bool:
    return condition is None or condition.matches(facts)


def met(book: RuleBook, name: str) -> list[list[Rule]]:
    """For each facts of the world in the scope of a rule set the rules that apply."""
    found = book.rulesets[f"world/{name}"]
    return [
        [rule for rule in found.rules if holds(rule.when, facts)] for facts in everything() if holds(found.scope, facts)
    ]


def dead(book: RuleBook, said: Sequence[Finding]) -> set[str]:
    """The rules of which lint says that they never answer."""
    lines = {rule.where.line: rule.id for rule in book.rulesets["world/a"].rules}
    whole = [
        each
        for each in said
        if each.code in DEAD and re.match(r"the rule 'r\d' (can never apply|is never reached)", each.what)
    ]
    return {lines[each.where.line] for each in whole}


def in_box(facts: World, box: Box, space: Space) -> bool:
    return all(contained(space, name, values, getattr(facts, name)) for name, values in box.items())


def contained(space: Space, name: str, values: Any, value: Any) -> bool:
    if value is None:
        return bool(values.null)
    cut = space.domains[name].cut(value, False)
    return any(low <= cut < high for low, high in zip(values.cuts[::2], values.cuts[1::2], strict=True))


CHECKED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@CHECKED
@given(rules(ATOMS), conditions(ATOMS) | st.just(""))
@example(["size > 1 or size <= 1", "flag"], "")
@example(["size < low", "size >= low", 'word == "x"'], 'word != "z"')
@example(["count < 2", "count > 2", "count == 2", "flag"], "")
def test_dead_rules(whens: list[str], scope: str) -> None:
    book = compiled(ruleset("a", whens, scope))
    first = {rules[0].id for rules in met(book, "a") if rules}
    said = dead(book, findings(book))
    if met(book, "a"):
        assert said == {rule.id for rule in book.rulesets["world/a"].rules} - first
    event(f"{len(said)} dead rules")


@CHECKED
@given(rules(ATOMS + OPEN), conditions(ATOMS + OPEN) | st.just(""))
def test_nothing_false_is_said_of_what_is_not_looked_into(whens: list[str], scope: str) -> None:
    book = compiled(ruleset("a", whens, scope))
    said = findings(book)
    answers = met(book, "a")
    assert dead(book, said).isdisjoint({rules[0].id for rules in answers if rules})
    if any(each.code == "rule.gap" for each in said):
        assert any(not rules for rules in answers)


@CHECKED
@given(rules(ATOMS), conditions(ATOMS) | st.just(""))
def test_rules_that_both_apply(whens: list[str], scope: str) -> None:
    book = compiled(ruleset("a", whens, scope, "unique"))
    said = {tuple(re.findall(r"'(r\d)'", each.what)) for each in findings(book) if each.code == "rule.ambiguous"}
    pairs = {pair for rules in met(book, "a") for pair in itertools.combinations([rule.id for rule in rules], 2)}
    assert said == pairs
    event(f"{len(pairs)} pairs")


@CHECKED
@given(rules(ATOMS), conditions(ATOMS) | st.just(""), st.none() | rules(ATOMS))
def test_gaps(whens: list[str], scope: str, others: list[str] | None) -> None:
    texts = [ruleset("a", whens, scope)]
    if others is not None:
        texts.append(ruleset("b", others) + "\npriority: 5")
    book = compiled(*texts)
    linter = Linter(book.families, book.rulesets.values())
    mine, space = book.rulesets["world/a"], linter.spaces["world"]
    own, shape = linter.answered(mine), linter.scope(mine)
    assert own is not None
    assert shape is not None
    rest = [linter.answered(each) or [] for name, each in book.rulesets.items() if name != "world/a"]
    found = list(gaps(shape.region, own, rest, space, {}))
    open_ = [
        facts
        for facts in everything()
        if holds(mine.scope, facts)
        and not any(holds(rule.when, facts) for each in book.rulesets.values() for rule in each.rules)
    ]
    told = [facts for facts in everything() if any(in_box(facts, gap.box, space) for gap in found)]
    inside = [facts for facts in told if holds(mine.scope, facts)]
    assert [facts for facts in inside if facts not in open_] == []
    assert bool(inside) == bool(open_)
    if not any(gap.more for gap in found):
        assert len(inside) == len(open_)
    event(f"{len(found)} gaps")


@CHECKED
@given(conditions(ATOMS), conditions(ATOMS))
def test_scopes_that_may_both_be_met(one: str, other: str) -> None:
    book = compiled(ruleset("a", ["true"], one), ruleset("b", ["true"], other))
    a, b = book.rulesets["world/a"].scope, book.rulesets["world/b"].scope
    both = any(holds(a, facts) and holds(b, facts) for facts in everything())
    assert ("rule.overlap" in {each.code for each in findings(book)}) is both
