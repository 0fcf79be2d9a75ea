"""Whether cases would notice a mistake in their rules: each mutant is asked the cases; one that passes all has survived.

Every case that can come out otherwise is asked: of a mistake in what a rule decides those that it answers, of one in a
condition those that no earlier rule answers.  The same rules and cases give the same report.

No case can notice a mistake that changes nothing, an equivalent mutant.  Which ones a person takes for that, the rule file
says under ``equivalent``; such a mark is held against the cases as well, and named where it says nothing true any more.
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
    """A mutant that survived, or a mark of an equivalent one that is wrong: rule set and rule, place, and the mistake in words."""

    ruleset: str
    rule: str
    where: Where
    what: str


class Strength(msgspec.Struct, frozen=True):
    """How the cases of a rule set did: mutants that there are, that were asked, that were noticed; and those that survived.

    Those that are marked as ``equivalent`` are counted apart.
    """

    ruleset: str
    where: Where
    cases: int
    mutants: int
    asked: int
    noticed: int
    survived: tuple[Weakness, ...]
    equivalent: int = 0


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
        made = list(Mutator(self.ruleset, self.family, describe(self.family.facts), written).all())
        marks = {(mark.rule, mark.mistake): mark for mark in self.ruleset.equivalent}
        mutants = [mutant for mutant in made if (mutant.rule, mutant.what) not in marks]
        asked = spread(mutants, most)
        survived = [
            self._weakness(mutant.rule, mutant.where, mutant.what) for mutant in asked if not self._noticed(mutant)
        ]
        noticed = len(asked) - len(survived)
        held = {(m.rule, m.what): self._noticed(m) for m in made if (m.rule, m.what) in marks}
        for name, mark in marks.items():
            if held.get(name, True):
                why = "a case notices it" if name in held else "there is no such mistake"
                what = f"'equivalent' says that {mark.mistake!r} changes nothing, but {why}"
                survived.append(self._weakness(mark.rule, mark.where, what))
        head = (self.ruleset.name, self.ruleset.where, len(self.ruleset.cases), len(mutants), len(asked), noticed)
        return Strength(*head, tuple(survived), len(marks))

    def _weakness(self, rule: str, where: Where, what: str) -> Weakness:
        return Weakness(self.ruleset.name, rule, where, what)

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
