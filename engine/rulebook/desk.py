"""What people do with rule files before a run does: check, test, format, look up facts, export schemas.

A :class:`RuleDesk` needs families and folders of rules, nothing else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.document import Document
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.files import whole
from engine.base.shape import words
from engine.model.attribute import Declared
from engine.model.decision import Family
from engine.rulebook.attributes import LABEL, read_attributes, with_attributes
from engine.rulebook.cases import Report, run_cases
from engine.rulebook.crosscheck import mistaken_cases, unknown_names
from engine.rulebook.facttypes import FactType, describe
from engine.rulebook.format import format_rules
from engine.rulebook.lint import Linter
from engine.rulebook.rulebook import ENDINGS, RuleBook, compile_book, places
from engine.rulebook.ruleset import UNKNOWN_FAMILY
from engine.rulebook.schema import family_schema

Beside = Callable[[RuleBook, Mapping[str, Document]], Iterable[Finding]]

NO_FILE = Code("rule.no-file", "A file or folder to format that does not exist.")


class Field(msgspec.Struct, frozen=True):
    """A fact that conditions may see, or a field that ``then`` may have: its name, what it is, and what it means."""

    name: str
    type: str
    required: bool
    doc: str


class MethodSheet(msgspec.Struct, frozen=True):
    """A method of a family: its name, what it does, and the fields that it takes."""

    name: str
    doc: str
    fields: tuple[Field, ...]


class FamilySheet(msgspec.Struct, frozen=True):
    """All that a person needs to write rules of a family."""

    name: str
    doc: str
    selected_by: str
    facts: tuple[Field, ...]
    outcome: tuple[Field, ...]
    methods: tuple[MethodSheet, ...]


class Formatted(msgspec.Struct, frozen=True):
    """A rule file and whether its canonical form differs from what it was."""

    file: str
    changed: bool


class RuleDesk:
    """Rule files under work.

    Args:
        families: the families by name, with the methods of plug-ins in them.
        roots: the folders of rules; a later one is laid over the earlier ones.
        overrides: values set for parameters: rule set -> parameter -> value.
        plugins: versions of the plug-ins that provide methods; part of the release's name.
        known: what rules may name outside of the rules: kind (``adapter``) -> names; a kind that is absent is not checked.
        beside: what else is known to be wrong with compiled rules, of what stands outside of them.
    """

    def __init__(
        self,
        families: Mapping[str, Family],
        roots: Sequence[Path],
        overrides: Mapping[str, Mapping[str, Any]] = {},
        plugins: Mapping[str, str] = {},
        known: Mapping[str, Collection[str]] = {},
        beside: Beside = lambda _book, _documents: (),
    ) -> None:
        self.known = known
        self.beside = beside
        self.families = families
        self.roots = roots
        self.overrides = overrides
        self.plugins = plugins

    def check(self, everything: bool = False) -> RuleBook:
        """The rule book of the folders; its ``warnings`` say what is worth a look, ``everything`` also what is not analysed.

        Raises:
            TollbookError: everything that is wrong with any file, at the place of the file itself.
        """
        files = places(self.roots)
        try:
            contents = {label: path.read_bytes() for label, path in files.items()}
            documents: dict[str, Document] = {}
            book = compile_book(contents, self.families, self.overrides, self.plugins, documents=documents)
            wrong = [*self.outside(book, documents), *mistaken_cases(book, documents)]
            book.warnings = tuple(sorted((*book.warnings, *wrong), key=lambda finding: finding.where))
            if any(finding.level == "error" for finding in wrong):
                raise TollbookError(book.warnings)
        except TollbookError as error:
            raise TollbookError(placed(error.findings, files)) from None
        notes = Linter(book.families, book.rulesets.values()).notes() if everything else ()
        book.warnings = tuple(placed((*book.warnings, *notes), files))
        return book

    def outside(self, book: RuleBook, documents: Mapping[str, Document]) -> Iterator[Finding]:
        """What is wrong with compiled rules beside what stands outside of them: names, and what the application knows."""
        yield from unknown_names(book, documents, self.known)
        yield from self.beside(book, documents)

    def test(self) -> Report:
        """What comes of the cases of all rule files.

        Raises:
            TollbookError: as :meth:`check`.
        """
        files = places(self.roots)
        try:
            contents = {label: path.read_bytes() for label, path in files.items()}
            documents: dict[str, Document] = {}
            book = compile_book(contents, self.families, self.overrides, self.plugins, documents=documents)
        except TollbookError as error:
            raise TollbookError(placed(error.findings, files)) from None
        report = run_cases(book, documents)
        return Report(
            tuple(
                msgspec.structs.replace(
                    result, where=place(result.where, files), findings=tuple(placed(result.findings, files))
                )
                for result in report.results
            ),
            tuple(msgspec.structs.replace(each, where=place(each.where, files)) for each in report.coverage),
        )

    def family(self, name: str) -> Family:
        """A family by name, with the attributes that the folders declare.  Raises TollbookError with ``rule.unknown-family``."""
        if name not in self.families:
            what = f"there is no family of rules {name!r}"
            raise refuse(UNKNOWN_FAMILY, what, mend=did_you_mean(name, self.families))
        return with_attributes(self.families, self._declared())[name]

    def _declared(self) -> Declared:
        """The attributes that the folders declare.

        Raises:
            TollbookError: whatever is wrong with the file, at its own place.
        """
        files, findings = places(self.roots), list[Finding]()
        declared = read_attributes(files[LABEL].read_bytes() if LABEL in files else None, findings)
        if findings:
            raise TollbookError(placed(findings, files))
        return declared

    def facts(self, name: str) -> FamilySheet:
        """What rules of a family may see and decide.

        Raises:
            TollbookError: ``rule.unknown-family``.
        """
        family = self.family(name)
        return FamilySheet(
            family.name,
            family.doc,
            family.selected_by,
            tuple(
                Field(path, _kind(fact), not fact.nullable, fact.doc) for path, fact in describe(family.facts).leaves()
            ),
            _fields(family.outcome),
            tuple(
                MethodSheet(method, _first_paragraph(each.function.__doc__), _fields(each.schema))
                for method, each in family.methods.items()
            ),
        )

    def schema(self, name: str) -> dict[str, Any]:
        """The JSON Schema of the rule files of a family.

        Raises:
            TollbookError: ``rule.unknown-family``.
        """
        return family_schema(self.family(name))

    def write_schemas(self, folder: Path) -> list[Path]:
        """Writes ``FAMILY.schema.json`` for each family; gives the files."""
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name in self.families:
            path = folder / f"{name}.schema.json"
            text = json.dumps(self.schema(name), indent=2, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
            written.append(path)
        return written

    def format(self, paths: Sequence[Path] = (), write: bool = True) -> list[Formatted]:
        """Brings rule files into their canonical form, or only says which are not (``write`` false).

        ``paths`` are files or folders; the folders of rules where none are given.  A file that cannot be parsed leaves
        all files as they are.

        Raises:
            TollbookError: ``rule.no-file``, and what is wrong with files that cannot be parsed.
        """
        findings: list[Finding] = []
        texts: dict[Path, tuple[bytes, bytes]] = {}
        for path in _files(paths or self.roots):
            content = path.read_bytes()
            try:
                texts[path] = content, format_rules(content, shown_path(path)).encode()
            except TollbookError as error:
                findings.extend(error.findings)
        if findings:
            raise TollbookError(findings)
        for path, (before, after) in texts.items():
            if write and before != after:
                with whole(path) as part:
                    part.write_bytes(after)
        return [Formatted(shown_path(path), before != after) for path, (before, after) in texts.items()]


def _files(paths: Iterable[Path]) -> list[Path]:
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise TollbookError(Finding(NO_FILE, Where(str(path)), "there is no such file or folder") for path in missing)
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found.update(
            dict.fromkeys(each for each in inside if each.is_file() and (each.suffix in ENDINGS or each == path))
        )
    return list(found)


def shown_path(path: Path) -> str:
    """A path as a person in the current folder would write it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


_LABEL: Final = re.compile(r"\brules/\S+?(?=:[0-9])")
"""A label with a place in it, in the words of a finding."""


def place(where: Where, files: Mapping[str, Path]) -> Where:
    """A place in the file itself instead of its label."""
    path = files.get(where.file)
    return where if path is None else Where(shown_path(path), where.line, where.column)


def placed(findings: Iterable[Finding], files: Mapping[str, Path]) -> list[Finding]:
    """Findings at the places of the files themselves instead of their labels, also where their words name another place."""

    def in_words(text: str) -> str:
        return _LABEL.sub(lambda found: shown_path(files[found[0]]) if found[0] in files else found[0], text)

    return [
        msgspec.structs.replace(one.at(place(one.where, files)), why=in_words(one.why), mend=in_words(one.mend))
        for one in findings
    ]


def _kind(fact: FactType) -> str:
    inside = f" of {_kind(fact.item)}s" if fact.item is not None and fact.item.kind != "object" else ""
    kind = f"one of {', '.join(fact.values)}" if fact.values else f"{fact.kind}{inside}"
    return f"{kind}, may be null" if fact.nullable else kind


def _fields(schema: Mapping[str, Any], prefix: str = "") -> tuple[Field, ...]:
    """The fields of a schema; those inside a list as ``tiers[].unit``, inside a mapping as ``effective.from``."""
    out = []
    for name, rules in schema.items():
        doc = rules.get("meta", {}).get("description", "")
        out.append(Field(prefix + name, _expected(rules), bool(rules.get("required")), doc))
        inner = rules.get("schema", {})
        mark = "[]." if rules.get("type") == "list" else "."
        inner = inner.get("schema", {}) if mark == "[]." else inner
        out.extend(_fields(inner, f"{prefix}{name}{mark}"))
    return tuple(out)


def _expected(rules: Mapping[str, Any]) -> str:
    text = "one of " + ", ".join(map(str, rules["allowed"])) if "allowed" in rules else words(rules.get("type", ()))
    default = rules.get("default")
    return f"{text}; default {default}" if default not in (None, "") else text


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].replace("``", "").split())
