"""Which rules answer for something of which not all facts are known, such as a charge of the catalogue whoever buys it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from engine.rulebook.boxes import Box, Region, TooMany, certain, meet_regions, possible, uncovered
from engine.rulebook.lint import Linter
from engine.rulebook.rulebook import RuleBook
from engine.rulebook.ruleset import Rule, RuleSet


class Answering:
    """Asks the rules of one family of a release."""

    def __init__(self, book: RuleBook, family: str) -> None:
        self._linter = Linter(book.families, book.rulesets.values())
        self._sets = self._linter.groups.get(family, [])
        for ruleset in self._sets:
            self._linter.told(ruleset)  # from here on the dimensions of all conditions are known
        self._space = self._linter.spaces.get(family)

    def rules(self, known: Mapping[str, Any]) -> Iterator[tuple[RuleSet, Rule]]:
        """The rules that answer for some facts among which are the ``known`` ones (path -> value).

        A rule is named where that is certain: not where it depends on what conditions are not analysed for, or where another
        rule, or another rule set of a higher priority, may have answered before it.
        """
        space = self._space
        if space is None:
            return
        box = {path: space.domains[path].points([_plain(known[path])]) for path in space.domains.keys() & known.keys()}
        for ruleset in self._sets:
            higher = [other for other in self._sets if other.priority > ruleset.priority]
            try:
                before = [one for other in higher for one in self._may(other, box)]
                for told in self._linter.told(ruleset):
                    if told.shape is None:
                        break
                    mine = _within(told.region, box)
                    if next(uncovered(certain(mine, space), before, space), None) is not None:
                        yield ruleset, told.rule
                    before += possible(mine, space)
            except TooMany:
                continue

    def _may(self, ruleset: RuleSet, box: Box) -> Region:
        """For which facts of a box a rule set may answer."""
        region = self._linter.answered(ruleset)
        return [{}] if region is None else possible(_within(region, box), self._linter.spaces[ruleset.family])


def _within(region: Region, box: Box) -> Region:
    """The part of a region that is in a box, without what the box says: that is known, also where a fact on the way to it may be null."""
    return [{name: one[name] for name in one.keys() - box.keys()} for one in meet_regions(region, [box])]


def _plain(value: Any) -> Any:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
