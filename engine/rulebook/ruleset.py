"""One rule file: its shape, and how it is read.

:class:`Reader` reads the files of one release.  It gathers every mistake of every file; a part of a file that is wrong
does not hide what is wrong with the rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.document import Document, Path, Shape, parse, validate
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean
from engine.model.decision import Family, Method
from engine.rulebook.expression import Expression, compile_expression
from engine.rulebook.facttypes import FactType, describe
from engine.rulebook.fileshape import CASES_SCHEMA, HITS, SCHEMA
from engine.rulebook.outcomes import Outcomes
from engine.rulebook.parameters import (
    TYPES,
    UNUSED_PARAMETER,
    Parameter,
    plain,
    read_parameter,
    unknown_parameter,
    words_of,
)
from engine.rulebook.thens import Thens

UNKNOWN_FAMILY = Code("rule.unknown-family", "A rule file in a folder that is no family of rules.")
WRONG_FOLDER = Code("rule.wrong-folder", "A rule set whose name does not begin with the folder that its file is in.")
DOUBLE_ID = Code("rule.double-id", "Two rules of one rule set with the same id.")
NO_COLLECT = Code("rule.no-collect", "A rule set that collects, in a family of which one decision is asked for.")
EMPTY_PERIOD = Code("rule.empty-period", "A rule set that stops before it starts.")


class Case(msgspec.Struct, frozen=True):
    """An example of a rule set, as it is written; :mod:`engine.rulebook.cases` runs it.

    It stands at ``where``, as the item at ``index`` of the cases in its file.
    """

    name: str
    given: Mapping[str, Any]
    expect: Mapping[str, Any]
    on: date | None
    where: Where
    index: int


class Rule(msgspec.Struct, frozen=True):
    """One rule, checked and compiled.

    ``when`` is None where it always applies; ``terms`` is ``then`` with units and parameters resolved; ``method`` what it
    names; ``parameters`` are those that the rule or the scope of its set uses, as written.
    """

    id: str
    when: Expression | None
    terms: Mapping[str, Any]
    method: Method | None
    parameters: Mapping[str, Any]
    priority: int
    note: str
    where: Where


class Equivalent(msgspec.Struct, frozen=True):
    """A small mistake in a rule that changes nothing, in the words of the report on mutants, and why it does not."""

    rule: str
    mistake: str
    why: str
    where: Where


class RuleSet(msgspec.Struct, frozen=True):
    """One rule file, checked and compiled; in force from ``start`` up to, not including, ``end``."""

    name: str
    family: str
    file: str
    where: Where
    scope: Expression | None
    scope_where: Where
    start: date
    end: date
    owner: str
    hit: str
    priority: int
    parameters: Mapping[str, Parameter]
    rules: tuple[Rule, ...]
    cases: tuple[Case, ...]
    equivalent: tuple[Equivalent, ...]


MOST_READ: Final = 1_000
"""Files that are remembered."""

_READ: Final[dict[tuple[str, bytes], tuple[Family, RuleSet]]] = {}
"""Rule sets by label and content, each with the family that it was read for."""


class Reader:
    """Reads the rule files of one release; ``findings`` gathers what is wrong with any of them.

    ``overrides`` are the values that a release sets for parameters: rule set -> parameter -> value.  ``names`` are
    those of all rule sets that were read, right or wrong; ``files`` holds the tables that rules may name.  ``documents`` gets the parsed files, if it is given.
    """

    documents: dict[str, Document] | None = None

    def __init__(
        self,
        families: Mapping[str, Family],
        overrides: Mapping[str, Mapping[str, Any]],
        files: Mapping[str, bytes] = {},
    ) -> None:
        self.families, self.overrides, self.files = families, overrides, files
        self.findings, self.names = list[Finding](), set[str]()
        self._shape, self._cases_shape = Shape(SCHEMA), Shape(CASES_SCHEMA)
        self._facts: dict[str, FactType] = {}
        self._outcomes: dict[str, Outcomes] = {}

    def facts(self, family: str) -> FactType:
        """The facts that a ``when`` of the family may see."""
        if family not in self._facts:
            self._facts[family] = describe(self.families[family].facts)
        return self._facts[family]

    def outcomes(self, family: str) -> Outcomes:
        """What rules of the family may decide."""
        if family not in self._outcomes:
            self._outcomes[family] = Outcomes(self.families[family])
        return self._outcomes[family]

    def _document(self, label: str, content: bytes, shape: Shape) -> tuple[Document, dict[str, Any], bool] | None:
        try:
            document = parse(content, label)
        except TollbookError as error:
            self.findings.extend(error.findings)
            return None
        if self.documents is not None:
            self.documents[label] = document
        data, wrong = validate(document, shape)
        self.findings.extend(wrong)
        return (document, data, bool(wrong)) if isinstance(data, dict) else None

    def read(self, label: str, content: bytes) -> RuleSet | None:
        """The rule set of one file, None where anything is wrong with it; ``label`` is ``rules/FAMILY/…``.

        A file that was read before, by anybody in this process, is not read again: a rule set never changes, and depends on
        nothing else unless parameters are set, or a table is named.
        """
        family = self.families.get(label.split("/")[1]) if label.count("/") > 1 else None
        alone = not self.overrides and family is not None and b".csv" not in content
        known = _READ.get((label, content)) if alone and self.documents is None else None
        if known is not None and known[0] is family:
            self.names.add(known[1].name)
            return known[1]
        before = len(self.findings)
        ruleset = self._read(label, content, before)
        if alone and family is not None and ruleset is not None and len(self.findings) == before:
            if len(_READ) >= MOST_READ:
                _READ.clear()
            _READ[label, content] = family, ruleset
        return ruleset

    def _read(self, label: str, content: bytes, before: int) -> RuleSet | None:
        opened = self._document(label, content, self._shape)
        if opened is None:
            return None
        document, data, _ = opened
        folder = label.split("/")[1] if label.count("/") > 1 else ""
        if folder not in self.families:
            what = f"the folder {folder!r} is no family of rules" if folder else "the file is in no family's folder"
            mend = did_you_mean(folder, self.families)
            self.findings.append(Finding(UNKNOWN_FAMILY, Where(label, 1, 1), what, mend=mend))
            return None
        name = data.get("ruleset")
        self.names.add(str(name))
        if isinstance(name, str) and "/" in name and name.split("/")[0] != folder:
            what = f"the rule set is called {name!r}, but its file is in the folder {folder!r}"
            mend = f"call it {folder + name[name.index('/') :]!r}, or move the file"
            self.findings.append(Finding(WRONG_FOLDER, document.where(("ruleset",)), what, mend=mend))
        return _File(self, document, data, folder, before).build()

    def read_cases(self, label: str, content: bytes) -> tuple[Case, ...]:
        """The cases of a file ``x.cases.yaml``."""
        opened = self._document(label, content, self._cases_shape)
        return () if opened is None or opened[2] else tuple(cases_of(opened[0], opened[1]))


def cases_of(document: Document, data: Mapping[str, Any]) -> list[Case]:
    """The cases of a document that has passed its schema."""
    return [
        Case(
            item.get("name", ""), item["given"], item["expect"], item.get("on"), document.where(("cases", index)), index
        )
        for index, item in enumerate(data["cases"])
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class _File:
    """One rule file on its way to a rule set.  Parts that its schema refuses are passed over: they are reported.

    The findings of the reader from position ``before`` on are those of this file.
    """

    def __init__(self, reader: Reader, document: Document, data: dict[str, Any], family: str, before: int) -> None:
        self.reader = reader
        self.before = before
        self.findings = reader.findings
        self.document = document
        self.data = data
        self.family = family
        self.used: set[str] = set()
        self.parameters = self._parameters()
        self.constants = {
            name: parameter.value
            for name, parameter in self.parameters.items()
            if parameter is not None and TYPES[parameter.type].in_conditions
        }
        outcomes, facts = reader.outcomes(family), reader.facts(family)
        self.thens = Thens(document, outcomes, facts, self.parameters, self.constants, reader.files, self.findings)

    def _parameters(self) -> dict[str, Parameter | None]:
        declared = _dict(self.data.get("parameters"))
        name = self.data.get("ruleset")
        overrides = self.reader.overrides.get(name, {}) if isinstance(name, str) else {}
        out: dict[str, Parameter | None] = {}
        for key, item in declared.items():
            good = isinstance(item, dict) and item.get("type") in TYPES and item.get("value") is not None
            out[key] = read_parameter(self.document, key, item, overrides.get(key), self.findings) if good else None
        for key in overrides:
            if key not in declared:
                self.findings.append(unknown_parameter(key, declared, self.document.where_key(("parameters",))))
        return out

    def condition(self, text: Any, path: Path) -> tuple[Expression | None, set[str]]:
        """A compiled condition (None: always, or wrong) and the parameters that it uses."""
        if not isinstance(text, str) or not text.strip():
            return None, set()
        used = words_of(text) & self.parameters.keys()
        self.used |= used
        if any(self.parameters[name] is None for name in used):
            return None, used
        locate = self.document.locate(path)
        facts = self.reader.facts(self.family)
        try:
            return compile_expression(text, facts, self.constants, locate(0), locate), used
        except TollbookError as error:
            self.findings.extend(error.findings)
            return None, used

    def rule(self, index: int, data: dict[str, Any], shared: set[str]) -> Rule | None:
        """The rule at a position; None where its ``then`` is wrong."""
        path: Path = ("rules", index)
        when, used = self.condition(data.get("when"), (*path, "when"))
        if not isinstance(data.get("then"), dict):
            return None
        then = self.thens.read(data["then"], (*path, "then"))
        self.used |= self.thens.used
        where = self.document.where(path)
        if then is None or not all(isinstance(data.get(key), kind) for key, kind in (("id", str), ("priority", int))):
            return None
        good = {name: parameter for name, parameter in self.parameters.items() if parameter is not None}
        parameters = plain(good, (used | shared | then.used) & good.keys())
        method, note = then.method, str(data.get("note", ""))
        return Rule(data["id"], when, then.terms, method, parameters, data["priority"], note, where)

    def rules(self, shared: set[str]) -> tuple[Rule, ...]:
        """The rules that are right, in order; ids that stand twice are reported."""
        rules, lines = [], dict[str, int]()
        for index, item in enumerate(_list(self.data.get("rules"))):
            if not isinstance(item, dict):
                continue
            name = item.get("id")
            where = self.document.where(("rules", index, "id"))
            if isinstance(name, str) and name in lines:
                what = f"a second rule is called {name!r}"
                self.findings.append(
                    Finding(DOUBLE_ID, where, what, f"the first is on line {lines[name]}", "call it differently")
                )
            elif isinstance(name, str):
                lines[name] = where.line
            rule = self.rule(index, item, shared)
            if rule is not None:
                rules.append(rule)
        return tuple(rules)

    def period(self) -> tuple[date, date]:
        """When the rule set is in force."""
        effective = _dict(self.data.get("effective"))
        start, end = effective.get("from"), effective.get("to")
        start = start if isinstance(start, date) else date.min
        end = end if isinstance(end, date) else date.max
        if end <= start:
            what = f"'to' {end} is not after 'from' {start}"
            mend = "'to' is the day after the last day in force"
            self.findings.append(Finding(EMPTY_PERIOD, self.document.where(("effective", "to")), what, mend=mend))
        return start, end

    def build(self) -> RuleSet | None:
        """The rule set, None where anything is wrong with it."""
        scope, shared = self.condition(self.data.get("scope"), ("scope",))
        rules = self.rules(shared)
        start, end = self.period()
        if self.data.get("hit") == "collect" and not self.reader.families[self.family].collects:
            what = f"a rule set of {self.family} cannot collect: one decision is asked for, never all"
            mend = f"{self.family} takes hit: " + ", ".join(hit for hit in HITS if hit != "collect")
            self.findings.append(Finding(NO_COLLECT, self.document.where(("hit",)), what, mend=mend))
        for name, parameter in self.parameters.items():
            if name not in self.used and parameter is not None:
                what = f"the parameter {name!r} is not used"
                mend = f"use {name} in a condition or ${name} in 'then', or remove it"
                self.findings.append(Finding(UNUSED_PARAMETER, parameter.where, what, mend=mend, level="warning"))
        if any(finding.level == "error" for finding in self.findings[self.before :]):
            return None
        data, where = self.data, self.document.where_key(("ruleset",))
        return RuleSet(
            name=data["ruleset"],
            family=self.family,
            file=self.document.file,
            where=where,
            scope=scope,
            scope_where=self.document.where(("scope",)) if "scope" in data else where,
            start=start,
            end=end,
            owner=data["owner"],
            hit=data["hit"],
            priority=data["priority"],
            parameters={name: parameter for name, parameter in self.parameters.items() if parameter is not None},
            rules=rules,
            cases=tuple(cases_of(self.document, data)),
            equivalent=tuple(
                Equivalent(**item, where=self.document.where(("equivalent", index)))
                for index, item in enumerate(data["equivalent"])
            ),
        )
