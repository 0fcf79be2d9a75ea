"""What the desk of releases needs of the language of rules: the folders compiled and tested, releases compared, who has to agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from engine.base.document import Document
from engine.base.errors import TollbookError
from engine.model.release import ANYBODY, OWNER, ApprovalFacts, Content, Difference
from engine.rulebook import difference, rulebook
from engine.rulebook.cases import run_cases
from engine.rulebook.desk import RuleDesk, placed
from engine.runs.releases.origin import origin_of
from engine.runs.releases.views import Drafted

_FAMILY = "approval"


class Workshop:
    """Rules on their way to a release."""

    def __init__(self, desk: RuleDesk) -> None:
        self._desk = desk

    def drafted(self, overrides: Mapping[str, Mapping[str, Any]]) -> Drafted:
        """The rules of the folders, if nothing is wrong with them and every case comes out.

        Raises:
            TollbookError: everything that is wrong, at the place of the file itself.
        """
        desk = self._desk
        files, documents = rulebook.places(desk.roots), dict[str, Document]()
        contents = {label: path.read_bytes() for label, path in files.items()}
        try:
            book = rulebook.compile_book(contents, desk.families, overrides, desk.plugins, documents=documents)
            report = run_cases(book, documents)
            wrong = sorted((*desk.outside(book, documents), *report.findings), key=lambda finding: finding.where)
            if any(finding.level == "error" for finding in wrong):
                raise TollbookError(wrong)
        except TollbookError as error:
            raise TollbookError(placed(error.findings, files)) from None
        content = Content(book.release, book.files, book.overrides, book.plugins)
        origins = tuple(origin_of(root) for root in desk.roots)
        warnings = tuple(placed((*book.warnings, *wrong), files))
        return Drafted(content, origins, len(report.results), warnings)

    def on_disk(self, overrides: Mapping[str, Mapping[str, Any]]) -> Content:
        """What the folders would be as a release, right or wrong.

        Raises:
            TollbookError: ``rule.no-folder``.
        """
        files, plugins = rulebook.read(self._desk.roots), self._desk.plugins
        return Content(rulebook.release_of(files, overrides, plugins), files, overrides, plugins)

    def compare(self, before: Content, after: Content) -> Difference:
        """How two releases differ."""
        return difference.compare(before, after)

    def roles(self, judge: Content, found: Difference, day: date) -> list[str]:
        """Roles in each of which somebody has to agree, as the rules of ``judge`` say; at least somebody who may approve.

        Raises:
            TollbookError: ``rule.no-answer``.
        """
        wanted: set[str] = set()
        files = {label: text for label, text in judge.files.items() if label.startswith(f"rules/{_FAMILY}/")}
        overrides = {name: values for name, values in judge.overrides.items() if name.startswith(f"{_FAMILY}/")}
        families = {_FAMILY: self._desk.families[_FAMILY]}
        book = rulebook.compile_book(files, families, overrides, lint=False)
        for one in found.touched if book.in_force(_FAMILY, day) else ():
            facts = ApprovalFacts(one.family, one.ruleset, one.owner, one.change, day)  # type: ignore[arg-type]
            for role in book.decide(_FAMILY, facts, day).terms["roles"]:
                wanted.add(one.owner if role == OWNER else role)
        return sorted(wanted - {ANYBODY}) or [ANYBODY]


def parameters(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``RULESET.NAME=VALUE`` as values of parameters; without a value one is taken back.

    Raises:
        ValueError: it is not of that shape.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        path, mark, value = text.partition("=")
        ruleset, dot, name = path.rpartition(".")
        if not mark or not dot or "/" not in ruleset or not name:
            raise ValueError(text)
        found.setdefault(ruleset, {})[name] = value or None
    return found
