"""Whether cases would notice a mistake in their rules: each mutant is asked the cases; one that passes all has survived.

Every case that can come out otherwise is asked: of a mistake in what a rule decides those that it answers, of one in a
condition those that no earlier rule answers.  The same rules and cases give the same report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.base.document import Document, parse
from engine.base.errors import Where
from engine.rulebook.authoring.mutants import Mutant, Mutator, spread
from engine.rulebook.cases import CaseResult, holds, run_cases
from engine.rulebook.facttypes import describe
from engine.rulebook.rulebook import RuleBook
from engine.rulebook.ruleset import Case, RuleSet
from engine.rulebook.trace import in_order


class Weakness(msgspec.Struct, frozen=True):
    """A mutant that survived: its rule set and rule, its place, and the mistake in words."""

    ruleset: str
    rule: str
    where: Where
    what: str


class Strength(msgspec.Struct, frozen=True):
    """How the cases of a rule set did: mutants that there are, that were asked, that were noticed; and those that survived."""

    ruleset: str
    where: Where
    cases: int
    mutants: int
    asked: int
    noticed: int
    survived: tuple[Weakness, ...]


def mutate(book: RuleBook, most: int, names: Sequence[str] = ()) -> tuple[Strength, ...]:
    """How strong the cases of rule sets are, ``most`` mutants a set; of ``names`` alone where any are given."""
    documents: dict[str, Document] = {}
    chosen = [ruleset for name, ruleset in book.rulesets.items() if not names or name in names]
    base: dict[str, list[CaseResult]] = {ruleset.name: [] for ruleset in chosen}
    for result in run_cases(book, documents, chosen).results:
        base[result.ruleset].append(result)
    return tuple(_Set(book, ruleset, documents, base[ruleset.name]).run(most) for ruleset in chosen)


class _Set:
    """The cases of one rule set against its mutants."""

    def __init__(
        self, book: RuleBook, ruleset: RuleSet, documents: dict[str, Document], results: Sequence[CaseResult]
    ) -> None:
        self.book, self.ruleset, self.documents = book, ruleset, documents
        if ruleset.file not in documents:
            documents[ruleset.file] = parse(book.files[ruleset.file], ruleset.file)
        self.family = book.families[ruleset.family]
        self.position = {rule.id: at for at, rule in enumerate(in_order(ruleset))}
        pairs = zip(ruleset.cases, results, strict=True)
        self.cases = [(case, result) for case, result in pairs if result.passed]

    def run(self, most: int) -> Strength:
        """Asks at most ``most`` mutants."""
        written: Sequence[dict[str, Any]] = self.documents[self.ruleset.file].data["rules"]
        mutants = list(Mutator(self.ruleset, self.family, describe(self.family.facts), written).all())
        asked = spread(mutants, most)
        survived = tuple(
            Weakness(self.ruleset.name, mutant.rule, mutant.where, mutant.what)
            for mutant in asked
            if not self._noticed(mutant)
        )
        return Strength(
            self.ruleset.name,
            self.ruleset.where,
            len(self.ruleset.cases),
            len(mutants),
            len(asked),
            len(asked) - len(survived),
            survived,
        )

    def _noticed(self, mutant: Mutant) -> bool:
        cases = self._concerned(mutant)
        if not cases:
            return False
        ruleset = mutant.ruleset
        families = {self.family.name: self.family}
        book = RuleBook("", self.book.files, families, {ruleset.name: ruleset}, {}, {}, ())
        return not all(holds(book, ruleset, case, self.documents[case.where.file]) for case in cases)

    def _concerned(self, mutant: Mutant) -> list[Case]:
        """The cases that may come out otherwise, those that the rule answers first."""
        own = [case for case, result in self.cases if mutant.rule in result.rules]
        if mutant.outcome:
            return own
        others = [case for case, result in self.cases if mutant.rule not in result.rules]
        if self.ruleset.hit in ("first", "priority"):
            at = self.position[mutant.rule]
            reached = {
                case.where
                for case, result in self.cases
                if not result.rules or self.position.get(result.rules[0], at) > at
            }
            others = [case for case in others if case.where in reached]
        return own + others
