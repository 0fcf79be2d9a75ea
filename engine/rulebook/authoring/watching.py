"""Check and test on save: what :class:`Watch` sees of folders of rules each time it looks.

Files are compared by their time, size and inode.  Only files that changed are read and compiled again, and only the cases of
rule sets that are others than before are asked again.  Nothing that a folder holds stops a watch: a file that is
half written, or gone while it is looked at, is a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from engine.base.document import Document, parse
from engine.base.errors import Code, Finding, TollbookError, Where
from engine.rulebook.cases import CaseResult, run_cases
from engine.rulebook.crosscheck import unknown_names
from engine.rulebook.desk import RuleDesk, placed, shown_path
from engine.rulebook.rulebook import RuleBook, compile_book, places
from engine.rulebook.ruleset import RuleSet

UNREADABLE = Code("watch.unreadable", "A rule file that cannot be read at the moment.")

Stamp = tuple[int, int, int]
_NEVER: Final[Mapping[Path, Stamp]] = {}


class Look(msgspec.Struct, frozen=True):
    """What a watch saw.

    Attributes:
        good: whether all files are right and all cases come out as they say.
        files: the files that changed since the look before, as a person would write them; all of them at first.
        rulesets: the rule sets that there are.
        rules: the rules in them.
        cases: the cases that there are.
        asked: the cases that were asked this time.
        failed: the cases that do not come out as they say.
        findings: everything that is wrong or worth a look, at the places of the files themselves.
    """

    good: bool
    files: tuple[str, ...]
    rulesets: int
    rules: int
    cases: int
    asked: int
    failed: int
    findings: tuple[Finding, ...]


class Watch:
    """Looks at the folders of a desk, again and again; see :meth:`look`."""

    def __init__(self, desk: RuleDesk) -> None:
        self.desk = desk
        self._stamps: Mapping[Path, Stamp] | None = None
        self._contents: dict[Path, bytes] = {}
        self._known: dict[str, tuple[RuleSet, tuple[CaseResult, ...]]] = {}
        self._documents: dict[str, Document] = {}
        self._warm = False

    def look(self) -> Look | None:
        """What is to be said of the folders now; None where nothing changed since the look before."""
        try:
            files = places(self.desk.roots)
        except TollbookError as error:
            return self._unreadable(*error.findings)
        except OSError as error:
            return self._unreadable(_gone(self.desk.roots[0], error))
        stamps, wrong = _stamps(files)
        if stamps == self._stamps:
            return None
        before = self._stamps or _NEVER
        changed = {path for path in (*stamps, *before) if stamps.get(path) != before.get(path)}
        for label, path in files.items():
            if path in changed or path not in self._contents:
                self._documents.pop(label, None)
                try:
                    self._contents[path] = path.read_bytes()
                except OSError as error:
                    stamps.pop(path, None)
                    self._contents.pop(path, None)
                    wrong.append(_gone(path, error))
        self._stamps = stamps
        contents = {label: self._contents[path] for label, path in files.items() if path in self._contents}
        return self._judged(files, contents, tuple(sorted(map(shown_path, changed))), wrong)

    def _unreadable(self, *findings: Finding) -> Look | None:
        """What is said where the folders themselves cannot be listed; once."""
        if self._stamps == _NEVER:
            return None
        self._stamps = _NEVER
        return Look(False, (), 0, 0, 0, 0, 0, findings)

    def _judged(
        self, files: Mapping[str, Path], contents: Mapping[str, bytes], changed: tuple[str, ...], wrong: list[Finding]
    ) -> Look:
        try:
            book = self._book(contents)
        except TollbookError as error:
            findings = (*wrong, *placed(error.findings, files))
            return Look(False, changed, 0, 0, 0, 0, 0, findings)
        asked = self._ask(book)
        results = [result for _, group in self._known.values() for result in group]
        names = unknown_names(book, _Lazy(book, self._documents), self.desk.known)
        said = [*book.warnings, *names, *(finding for result in results for finding in result.findings)]
        findings = (*wrong, *placed(sorted(said, key=lambda finding: finding.where), files))
        failed = sum(not result.passed for result in results)
        rules = sum(len(ruleset.rules) for ruleset in book.rulesets.values())
        good = not any(finding.level == "error" for finding in findings)
        return Look(good, changed, len(book.rulesets), rules, len(results), asked, failed, findings)

    def _book(self, contents: Mapping[str, bytes]) -> RuleBook:
        """The rule book; at first with the parsed files, later from what the process remembers of files that stayed."""
        desk = self.desk
        documents = None if self._warm else self._documents
        self._warm = True
        return compile_book(contents, desk.families, desk.overrides, desk.plugins, documents=documents)

    def _ask(self, book: RuleBook) -> int:
        """Asks the cases of the rule sets that are others than before; how many cases that are."""
        known = {name: each for name, each in self._known.items() if name in book.rulesets}
        new = [
            ruleset
            for name, ruleset in book.rulesets.items()
            if name not in known or known[name][0].rules is not ruleset.rules or known[name][0].cases != ruleset.cases
        ]
        report = run_cases(book, _Lazy(book, self._documents), new)
        fresh: dict[str, list[CaseResult]] = {ruleset.name: [] for ruleset in new}
        for result in report.results:
            fresh[result.ruleset].append(result)
        known |= {ruleset.name: (ruleset, tuple(fresh[ruleset.name])) for ruleset in new}
        self._known = dict(sorted(known.items()))
        return len(report.results)


class _Lazy(dict[str, Document]):
    """Parsed files by label, each parsed when it is first asked for and kept in ``memory``."""

    def __init__(self, book: RuleBook, memory: dict[str, Document]) -> None:
        super().__init__(memory)
        self._book, self._memory = book, memory

    def __missing__(self, label: str) -> Document:
        self._memory[label] = self[label] = made = parse(self._book.files[label], label)
        return made


def _stamps(files: Mapping[str, Path]) -> tuple[dict[Path, Stamp], list[Finding]]:
    """Time, size and inode of every file, and a finding for each that has gone meanwhile."""
    stamps: dict[Path, Stamp] = {}
    wrong: list[Finding] = []
    for path in files.values():
        try:
            status = path.stat()
        except OSError as error:
            wrong.append(_gone(path, error))
        else:
            stamps[path] = status.st_mtime_ns, status.st_size, status.st_ino
    return stamps, wrong


def _gone(path: Path, error: OSError) -> Finding:
    why = error.strerror or type(error).__name__
    return Finding(UNREADABLE, Where(shown_path(path)), "the file cannot be read", why, "it is looked at again")
