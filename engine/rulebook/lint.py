"""What can be said of rules without asking them: what is never reached, never true, answered twice or not at all.

Conditions are taken for sets of facts (:mod:`engine.rulebook.region`).  What is reported is certain: a part of a
condition that is no comparison of one fact with constants is left open, and a finding never depends on its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from engine.base.errors import Code, Finding
from engine.model.decision import Family
from engine.rulebook.boxes import (
    Box,
    Region,
    Space,
    TooMany,
    certain,
    covers,
    meet_regions,
    overlap,
    subtract,
    uncovered,
)
from engine.rulebook.expression import Expression
from engine.rulebook.gaps import GAP, Cover, Gap, admits, gaps, named
from engine.rulebook.region import ALWAYS, Shape, shape_of
from engine.rulebook.ruleset import Rule, RuleSet
from engine.rulebook.trace import in_order
from engine.rulebook.values import Values, written

__all__ = ["GAP", "Linter"]

OVERLAP = Code("rule.overlap", "Two rule sets that may both answer for the same facts on the same day.")
UNREACHABLE = Code("rule.unreachable", "A rule behind one that always applies.")
SHADOWED = Code("rule.shadowed", "A rule whose facts the rules before it have answered for already.")
NEVER_TRUE = Code("rule.never-true", "A condition, or a part of one, that no facts can meet.")
AMBIGUOUS = Code("rule.ambiguous", "Two rules of a rule set with 'hit: unique' that both apply to some facts.")
BOUNDS = Code("rule.bounds", "A parameter that may be set to a value with which rules overlap or leave a gap.")
NOT_ANALYSED = Code(
    "rule.not-analysed", "A rule of which overlap, shadowing and gaps are not known before it is asked."
)

MOST_GAPPED: Final = 50
"""Gaps of one family that are reported."""

TUNABLE: Final = frozenset(("decimal", "integer", "percent", "days", "date"))
"""Types of parameters that conditions compare by order."""

MOST_REASONS: Final = 3
"""Reasons that a note gives."""

Tuned = tuple[str, Any] | None
"""A parameter and the value that it is set to."""


class Told(msgspec.Struct, frozen=True):
    """A rule with what its condition says, within the scope of its set; None where that is too much to look at."""

    rule: Rule
    shape: Shape | None
    region: Region


class Problem(msgspec.Struct, frozen=True):
    """A finding before it is known whether it holds for the parameters in force; ``about`` names what it is about."""

    about: tuple[str, ...]
    finding: Finding


def example(box: Mapping[str, Values], space: Space) -> str:
    """Facts inside a box as a message names them."""
    parts = [f"{name} = {written(space.domains[name].example(values))}" for name, values in sorted(box.items())]
    return ", ".join(parts) or "all facts"


class Linter:
    """Looks at the rule sets of a release, family by family.

    Args:
        families: the families by name.
        rulesets: all rule sets of the release.
    """

    def __init__(self, families: Mapping[str, Family], rulesets: Iterable[RuleSet]) -> None:
        self.families = families
        self.groups: dict[str, list[RuleSet]] = {}
        for ruleset in rulesets:
            self.groups.setdefault(ruleset.family, []).append(ruleset)
        self.spaces = {name: Space({}, {}) for name in self.groups}
        self._scopes: dict[str, Shape | None] = {}
        self._told: dict[str, list[Told]] = {}

    def findings(self) -> Iterator[Finding]:
        """Errors and warnings."""
        for name, group in self.groups.items():
            yield from self._overlaps(group)
            cover = Cover(self.spaces[name], group, self.answered)
            for ruleset in group:
                yield from self._of_set(ruleset, cover)

    def notes(self) -> Iterator[Finding]:
        """What is not looked into, with the reason, at level ``info``."""
        for name, group in self.groups.items():
            space = self.spaces[name]
            for ruleset in group:
                parts = [(ruleset.scope_where, "the scope", self.scope(ruleset))] if ruleset.scope is not None else []
                rules = [(told.rule.where, f"the rule {told.rule.id!r}", told.shape) for told in self.told(ruleset)]
                for where, what, shape in (*parts, *rules):
                    reasons = _reasons(shape, space)
                    if reasons:
                        yield Finding(NOT_ANALYSED, where, f"{what} is not analysed whole", reasons, level="info")

    def scope(self, ruleset: RuleSet) -> Shape | None:
        """What the scope of a rule set says; None where it is too much to look at."""
        if ruleset.name not in self._scopes:
            self._scopes[ruleset.name] = _shape(ruleset.scope, self.spaces[ruleset.family])
        return self._scopes[ruleset.name]

    def told(self, ruleset: RuleSet) -> list[Told]:
        """The rules of a set in the order in which they are asked."""
        if ruleset.name not in self._told:
            self._told[ruleset.name] = self._read(ruleset)
        return self._told[ruleset.name]

    def answered(self, ruleset: RuleSet) -> Region | None:
        """For which facts a rule set answers, None where that is too much to look at."""
        told = self.told(ruleset)
        if any(each.shape is None for each in told):
            return None
        return [box for each in told for box in each.region]

    def _read(self, ruleset: RuleSet, tuned: Tuned = None) -> list[Told]:
        """The rules of a set, with one parameter set to another value than its own if ``tuned`` says so."""
        space = self.spaces[ruleset.family]
        scope = self._tuned(ruleset.scope, tuned, space, self.scope(ruleset)) if tuned else self.scope(ruleset)
        known = {each.rule.id: each.shape for each in self.told(ruleset)} if tuned else {}
        out = []
        for rule in in_order(ruleset):
            if tuned:
                shape = self._tuned(rule.when, tuned, space, known[rule.id])
            else:
                shape = _shape(rule.when, space)
            region: Region = []
            if shape is not None and scope is not None:
                try:
                    region = meet_regions(scope.region, shape.region)
                except TooMany:
                    shape = None
            out.append(Told(rule, None if scope is None else shape, region))
        return out

    @staticmethod
    def _tuned(condition: Expression | None, tuned: tuple[str, Any], space: Space, known: Shape | None) -> Shape | None:
        """What a condition says with a parameter set to another value; ``known`` is what it says as it is."""
        name, value = tuned
        if condition is None or name not in condition.text:
            return known
        return _shape(condition, space, {**condition.scope.parameters, name: value})

    def _of_set(self, ruleset: RuleSet, cover: Cover) -> Iterator[Finding]:
        problems = list(self._problems(ruleset, self.told(ruleset), self.scope(ruleset), cover))
        yield from (problem.finding for problem in problems)
        known = {problem.about for problem in problems}
        settled = ruleset.hit != "unique" and any(rule.when is None for rule in ruleset.rules)
        if settled or any(problem.finding.level == "error" for problem in problems):
            return
        conditions = [each for each in (ruleset.scope, *(rule.when for rule in ruleset.rules)) if each is not None]
        for parameter in ruleset.parameters.values():
            if parameter.type not in TUNABLE or not any(parameter.name in each.text for each in conditions):
                continue
            for bound, which in ((parameter.low, "its least value"), (parameter.high, "its greatest value")):
                if bound is None or bound == parameter.value:
                    continue
                tuned = (parameter.name, bound)
                scope = self._tuned(ruleset.scope, tuned, self.spaces[ruleset.family], self.scope(ruleset))
                for problem in self._unsettled(ruleset, self._read(ruleset, tuned), scope, cover):
                    if problem.about not in known:
                        known.add(problem.about)
                        what = f"with {parameter.name} at {bound}, {which}: {problem.finding.what}"
                        why = f"{problem.finding.why} ({problem.finding.where})"
                        mend = "narrow its bounds, or write the rules so that they hold for every value within them"
                        yield Finding(BOUNDS, parameter.where, what, why, mend, "warning")

    def _problems(self, ruleset: RuleSet, told: Sequence[Told], scope: Shape | None, cover: Cover) -> Iterator[Problem]:
        """Everything that is wrong with one rule set."""
        space = self.spaces[ruleset.family]
        dead = set()
        for problem in _never(ruleset, told, scope):
            dead.add(problem.about[-1])
            yield problem
        if ruleset.hit in ("first", "priority"):
            yield from _shadowed([each for each in told if each.rule.id not in dead], space)
        yield from self._unsettled(ruleset, told, scope, cover)

    def _unsettled(
        self, ruleset: RuleSet, told: Sequence[Told], scope: Shape | None, cover: Cover
    ) -> Iterator[Problem]:
        """Facts that two rules of a set answer for where one should, and facts that none does."""
        space = self.spaces[ruleset.family]
        if ruleset.hit == "unique":
            yield from _ambiguous(told, space)
        if ruleset.hit == "collect" or scope is None or any(each.shape in (None, ALWAYS) for each in told):
            return
        own = [box for each in told for box in each.region]
        shapes = [scope, *(each.shape for each in told if each.shape is not None)]
        expected = named(shapes, space) if self.families[ruleset.family].answers == "named" else {}
        if cover.found >= MOST_GAPPED:
            return
        for gap in gaps(scope.region, own, cover.of_others(ruleset), space, expected):
            if not any(admits(case, gap.box, space) for case in ruleset.cases):
                cover.found += 1
                yield Problem(("gap", *sorted(gap.box)), _gap(ruleset, gap, space, cover.found == MOST_GAPPED))

    def _overlaps(self, group: Sequence[RuleSet]) -> Iterator[Finding]:
        """A finding for every two rule sets of one priority that may both answer for one fact."""
        by_priority: dict[int, list[tuple[RuleSet, Region]]] = {}
        for ruleset in group:
            shape = self.scope(ruleset)
            region = ALWAYS.region if shape is None else shape.region
            by_priority.setdefault(ruleset.priority, []).append((ruleset, region))
        for sets in by_priority.values():
            for one, other in _candidates(sets, self.spaces[group[0].family]):
                if one[0].start < other[0].end and other[0].start < one[0].end:
                    box = overlap(one[1], other[1])
                    if box is not None:
                        yield _overlap(one[0], other[0], box, self.spaces[group[0].family])


def _shape(condition: Expression | None, space: Space, parameters: Mapping[str, Any] | None = None) -> Shape | None:
    try:
        return shape_of(condition, space, parameters)
    except TooMany:
        return None


def _reasons(shape: Shape | None, space: Space) -> str:
    if shape is None:
        return "it has too many alternatives"
    reasons = [f"{name.strip('()')} {space.questions[name]}" for name in sorted(shape.questions)]
    more = [f"and {len(reasons) - MOST_REASONS} more"] if len(reasons) > MOST_REASONS else []
    return "; ".join([*reasons[:MOST_REASONS], *more])


Thing = TypeVar("Thing")


def _candidates(
    group: Sequence[tuple[Thing, Region]], space: Space
) -> Iterator[tuple[tuple[Thing, Region], tuple[Thing, Region]]]:
    """Pairs of a group that the fact which most regions bound to one value does not keep apart already."""
    counts: dict[str, int] = {}
    for _, region in group:
        for name in region[0] if len(region) == 1 else ():
            counts[name] = counts.get(name, 0) + 1
    best = max(sorted(counts), key=counts.__getitem__, default="")
    by_cut: dict[Any, list[int]] = {}
    free: list[int] = []
    for number, item in enumerate(group):
        values = item[1][0].get(best) if len(item[1]) == 1 else None
        points = values.cuts if values is not None and space.domains[best].is_point(values) else None
        near = range(number) if points is None else sorted({*free, *by_cut.get(points, ())})
        for earlier in near:
            yield group[earlier], item
        if points is None:
            free.append(number)
        else:
            by_cut.setdefault(points, []).append(number)


def _overlap(one: RuleSet, other: RuleSet, box: Box, space: Space) -> Finding:
    scopes = "both answer for all facts"
    if one.scope is not None or other.scope is not None:
        plain = {name: values for name, values in box.items() if name not in space.questions}
        scopes = "their scopes may both be met" + (f", such as by {example(plain, space)}" if plain else "")
    return Finding(
        OVERLAP,
        other.scope_where,
        f"{other.name} and {one.name} may both answer for the same facts",
        f"both are in force on the same days with priority {one.priority}, and {scopes}; the other is at {one.where}",
        "give one a higher 'priority', or scopes that compare one fact with different constants",
    )


def _never(ruleset: RuleSet, told: Sequence[Told], scope: Shape | None) -> Iterator[Problem]:
    """Conditions that no facts can meet, and parts of them."""
    if scope is not None and ruleset.scope is not None:
        yield from _contradictions(ruleset.scope, scope, "the scope", "")
    empty_scope = scope is not None and not scope.region
    for each in told:
        if each.shape is None or each.rule.when is None:
            continue
        dead = each.rule.id if not each.shape.region else ""
        yield from _contradictions(each.rule.when, each.shape, f"the rule {each.rule.id!r}", dead)
        if each.shape.region and not each.region and not empty_scope:
            what = f"the rule {each.rule.id!r} can never apply"
            why = f"no facts meet both its condition and the scope of {ruleset.name}"
            finding = Finding(NEVER_TRUE, each.rule.when.where, what, why, "change one of them", "warning")
            yield Problem(("never", "scope", each.rule.id), finding)


def _contradictions(condition: Expression, shape: Shape, who: str, dead: str) -> Iterator[Problem]:
    scope = condition.scope
    for never in shape.never:
        words = scope.words(never.node)
        what = f"{who} can never apply: {words} is never true" if not shape.region else f"{words} is never true here"
        why = "no value of the fact meets it" if never.other is None else f"it contradicts {scope.words(never.other)}"
        place = scope.locate(never.node.start)
        finding = Finding(NEVER_TRUE, place, what, why, "change it, or remove it", "warning")
        yield Problem(("never", who, words, dead), finding)
    if not shape.region and not shape.never:
        finding = Finding(
            NEVER_TRUE, condition.where, f"{who} can never apply", "", "change it, or remove it", "warning"
        )
        yield Problem(("never", who, "", dead), finding)


def _ambiguous(told: Sequence[Told], space: Space) -> Iterator[Problem]:
    """Rules of a unique set that certainly both apply to some facts."""
    sure = [(each.rule, certain(each.region, space)) for each in told]
    for (before, other), (rule, region) in _candidates(sure, space):
        box = overlap(other, region)
        if box is not None:
            what = f"the rules {before.id!r} and {rule.id!r} both apply to {example(box, space)}"
            why = f"the rule set says 'hit: unique'; {before.id!r} is on line {before.where.line}"
            mend = "narrow one of them, or choose another hit policy"
            yield Problem(("both", before.id, rule.id), Finding(AMBIGUOUS, rule.where, what, why, mend))


def _shadowed(told: Sequence[Told], space: Space) -> Iterator[Problem]:
    """Rules that can never answer, because those before them together answer for all their facts."""
    before: list[Told] = []
    for each in told:
        if each.shape is None:
            continue
        if each.region:
            found = _covering(each, before, space)
            if found is not None:
                yield Problem(("shadowed", each.rule.id), _shadow(each.rule, found))
                continue
        before.append(each)


def _covering(each: Told, before: Sequence[Told], space: Space) -> list[Rule] | None:
    """The rules that together leave nothing of a rule; None if something is left."""
    whole = next((one for one in before if covers(one.region, each.region)), None)
    if whole is not None:
        return [whole.rule]
    boxes = [box for one in before for box in one.region]
    left, used = each.region, list[Rule]()
    try:
        if next(uncovered(left, boxes, space), None) is not None:
            return None
    except TooMany:
        return None
    for one in before:
        for box in one.region:
            try:
                rest = subtract(left, box, space)
            except TooMany:
                return None
            if rest != left and one.rule not in used:
                used.append(one.rule)
            left = rest
        if not left:
            return used
    return None


def _shadow(rule: Rule, by: Sequence[Rule]) -> Finding:
    what = f"the rule {rule.id!r} is never reached"
    first = by[0]
    at = f"{first.id!r} on line {first.where.line}"
    if len(by) > 1:
        names = ", ".join(f"{one.id!r} on line {one.where.line}" for one in by)
        why = f"together these answer for all its facts and are asked before it: {names}"
        return Finding(SHADOWED, rule.where, what, why, "change one of the conditions, or remove it", "warning")
    if first.when is None:
        why = f"{at} always applies and is asked before it"
        return Finding(UNREACHABLE, rule.where, what, why, f"move it above {first.id!r}, or remove it", "warning")
    same = rule.when is not None and " ".join(rule.when.text.split()) == " ".join(first.when.text.split())
    why = f"{at} {'has the same condition' if same else 'answers for all its facts'} and is asked before it"
    return Finding(SHADOWED, rule.where, what, why, "change one of the conditions, or remove it", "warning")


def _gap(ruleset: RuleSet, gap: Gap, space: Space, last: bool) -> Finding:
    words = ", ".join(f"{name} {space.domains[name].said(values)}" for name, values in sorted(gap.box.items()))
    what = f"no rule answers for {words}" if words else "no rule answers for facts that no condition names"
    why = f"neither {ruleset.name} nor another rule set of {ruleset.family} does, for example for {example(gap.box, space)}"
    if gap.more:
        why += "; there are more such gaps"
    if last:
        why += f"; no more rule sets of {ruleset.family} are asked for gaps"
    mend = "add a rule for them, one without 'when' at the end, or a case for them that expects 'rule: none'"
    return Finding(GAP, ruleset.where, what, why, mend, "warning")
