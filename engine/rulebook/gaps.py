"""Facts that nobody answers for: what the rules of a set leave of its scope, and no other rule set takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from engine.base.errors import Code
from engine.rulebook.boxes import (
    MOST_BOXES,
    Box,
    Region,
    Space,
    TooMany,
    certain,
    meet_boxes,
    overlap,
    possible,
    subtract,
    uncovered,
)
from engine.rulebook.region import Shape
from engine.rulebook.ruleset import Case, RuleSet
from engine.rulebook.values import Domain, Values, inside, join_all, meet, without

GAP = Code("rule.gap", "Facts that no rule answers for, though their rule set is there for them.")

MOST_GAPS: Final = 3
"""Gaps of one rule set that are reported one by one."""
MOST_TRIED: Final = 5
"""Boxes of which the widest is looked for."""


class Gap(msgspec.Struct, frozen=True):
    """A box of facts without an answer, as wide as it can be; and whether there are more that are not told."""

    box: Box
    more: bool = False


class Cover:
    """What the rule sets of a family answer for; ``answered`` gives that of one, None where it is not known.

    ``found`` counts the gaps that have been reported.
    """

    def __init__(self, space: Space, group: Sequence[RuleSet], answered: Callable[[RuleSet], Region | None]) -> None:
        self.space = space
        self.group = group
        self.answered = answered
        self.found = 0
        self._regions: dict[str, Region] = {}

    def region(self, ruleset: RuleSet) -> Region:
        """For which facts a rule set may answer; all, where that is not known."""
        if ruleset.name not in self._regions:
            region = self.answered(ruleset)
            self._regions[ruleset.name] = [{}] if region is None else possible(region, self.space)
        return self._regions[ruleset.name]

    def of_others(self, ruleset: RuleSet) -> Iterator[Region]:
        """What each other rule set may answer for that is in force on some of the same days, the widest first."""
        others = [
            other
            for other in self.group
            if other is not ruleset and other.start < ruleset.end and ruleset.start < other.end
        ]
        for other in sorted(others, key=lambda each: each.scope is not None):
            yield self.region(other)


def gaps(scope: Region, own: Region, others: Iterable[Region], space: Space, expected: Box) -> Iterator[Gap]:
    """The gaps of a rule set, the widest first.

    Args:
        scope: what it is there for.
        own: what its rules answer for.
        others: what other rule sets may answer for.
        space: the dimensions.
        expected: the facts that must be answered for, as :func:`named` gives them; empty for all.
    """
    cover = possible(own, space)
    try:
        left: Region = []
        for box in certain(scope, space):
            within = meet_boxes(box, expected)
            if within is not None:
                left.append(within)
        left = list(islice(uncovered(left, cover, space), MOST_BOXES))
        for region in others if left else ():
            near = [box for box in region if overlap(left, [box]) is not None]
            cover += region
            left = list(islice(uncovered(left, near, space), MOST_BOXES)) if near else left
            if not left:
                break
    except TooMany:
        return
    if left:
        yield from _widest(left, scope, expected, cover, space)


def named(shapes: Sequence[Shape], space: Space) -> Box:
    """The facts that rules name: where all of them take a fact from a list of constants, the values of those lists, else
    all values; null only where a rule takes it.
    """
    out = {}
    boxes = [box for shape in shapes for box in shape.region]
    for name in sorted({name for box in boxes for name in box} - space.questions.keys()):
        full = space.domains[name].full
        seen = [box[name] for box in boxes if name in box]
        points = join_all(shape.named[name] for shape in shapes if name in shape.named)
        null = any(each.null for each in seen)
        listed = all(inside(Values(each.cuts, False), points) for each in seen)
        values = Values(points.cuts if listed else full.cuts, null)
        if values != full:
            out[name] = values
    return out


def admits(case: Case, box: Box, space: Space) -> bool:
    """Whether a case says of facts in a box that no rule answers for them."""
    return case.expect.get("rule") == "none" and all(
        _has(space.domains[name], values, case.given, name) for name, values in box.items()
    )


def _has(domain: Domain, values: Values, given: Any, path: str) -> bool:
    for step in path.split("."):
        if not isinstance(given, Mapping) or step not in given:
            return False
        given = given[step]
    try:
        return bool(meet(domain.points([given]), values))
    except (TypeError, ValueError, ArithmeticError):
        return False


def _widest(left: Region, scope: Region, expected: Box, cover: Region, space: Space) -> Iterator[Gap]:
    """The first few boxes of what is left, each as wide as it can be."""
    for number in range(MOST_GAPS):
        wide = [_widened(box, cover, space) for box in sorted(left, key=_size)[:MOST_TRIED]]
        best = min(wide, key=_size)
        try:
            left = subtract(left, best, space)
        except TooMany:
            left = []
        yield Gap(_plain(best, scope, expected, space), bool(left) and number == MOST_GAPS - 1)
        if not left:
            return


def _size(box: Box) -> tuple[int, int, str]:
    return len(box), sum(len(values.cuts) for values in box.values()), str(sorted(box))


def _widened(box: Box, cover: Sequence[Box], space: Space) -> Box:
    """A box without answers made as wide as it can be, one fact after the other."""
    out = dict(box)
    for name in sorted(box):
        rest = {key: values for key, values in out.items() if key != name}
        full = space.domains[name].full
        taken = [
            other.get(name, full)
            for other in cover
            if meet_boxes(rest, {key: each for key, each in other.items() if key != name}) is not None
        ]
        values = without(full, join_all(taken))
        if values == full:
            out = rest
        else:
            out[name] = values
    return out


def _plain(box: Box, scope: Region, expected: Mapping[str, Values], space: Space) -> Box:
    """A box as it is told: within what is expected and within the scope, where those say more than a point."""
    out = dict(box)
    for name, values in box.items():
        if name in expected:
            out[name] = meet(values, expected[name]) or values
        if len(scope) == 1 and name in scope[0]:
            out[name] = meet(out[name], scope[0][name]) or out[name]
    return out
