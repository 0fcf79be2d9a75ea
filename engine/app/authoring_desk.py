"""What people who write rules do at the application: watch, tables, templates, price lists, mutation and history."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from engine.base.errors import did_you_mean, refuse
from engine.rulebook.authoring.exchange import NO_RULESET, TableDesk
from engine.rulebook.authoring.mutating import Strength, mutate
from engine.rulebook.authoring.templating import Made, Template, new_ruleset, templates
from engine.rulebook.authoring.watching import Watch
from engine.rulebook.desk import RuleDesk, place
from engine.rulebook.pricelists.writing import Taken, import_prices
from engine.rulebook.rulebook import places


class AuthoringDesk:
    """Rule files under work, beside what :class:`~engine.rulebook.desk.RuleDesk` does."""

    def __init__(self, desk: RuleDesk) -> None:
        self.desk = desk

    def watch(self) -> Watch:
        """Looks at the folders again and again."""
        return Watch(self.desk)

    def mutate(self, most: int, names: Sequence[str] = ()) -> tuple[Strength, ...]:
        """How many small mistakes in rules their cases notice; see :mod:`engine.rulebook.authoring.mutating`.

        Raises:
            TollbookError: whatever is wrong with the rule files; ``rule.unknown-ruleset``.
        """
        book = self.desk.check()
        unknown = [name for name in names if name not in book.rulesets]
        if unknown:
            mend = did_you_mean(unknown[0], book.rulesets)
            raise refuse(NO_RULESET, f"there is no rule set {unknown[0]!r}", mend=mend)
        files = places(self.desk.roots)
        return tuple(
            msgspec.structs.replace(
                each,
                where=place(each.where, files),
                survived=tuple(msgspec.structs.replace(w, where=place(w.where, files)) for w in each.survived),
            )
            for each in mutate(book, most, names)
        )

    @staticmethod
    def templates() -> tuple[Template, ...]:
        """All templates of rule sets."""
        return tuple(templates().values())

    def new_ruleset(self, family: str, name: str, template: str, into: Path | None) -> Made:
        """Writes a rule file from a template, into the last folder of rules where none is said."""
        return new_ruleset(self.desk, family, name, template, into or self.desk.roots[-1])

    def import_prices(self, system: str, source: Path, into: Path, force: bool = False) -> Taken:
        """Takes over a price list of another system; see :mod:`engine.rulebook.pricelists`."""
        return import_prices(system, source, into, self.desk.families, force)

    @cached_property
    def tables(self) -> TableDesk:
        """Decision tables of rule files."""
        return TableDesk(self.desk)
