"""All rule sets of a release, and the decisions they make.

:func:`compile_book` reads the files of a release, refuses all that is wrong in one go, and gives a :class:`RuleBook`.
Time is cut at every day on which a rule set comes into force or goes; for each stretch between two such days the rule
sets are compiled to one function when it is first needed (:mod:`engine.rulebook.compiler`).
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.document import Document
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.model.attribute import NOTHING_DECLARED
from engine.model.decision import Decision, Family, Trace
from engine.model.release import release_name
from engine.rulebook.attributes import LABEL, read_attributes, with_attributes
from engine.rulebook.compiler import Answer, Answers, Block, block, compile_answer, compile_answers
from engine.rulebook.facttypes import describe
from engine.rulebook.lint import Linter
from engine.rulebook.ruleset import UNKNOWN_FAMILY, Case, Reader, Rule, RuleSet
from engine.rulebook.trace import UNTOLD, ask, no_answer, said, untold

NO_FOLDER = Code("rule.no-folder", "A folder of rules that does not exist.")
DOUBLE_NAME = Code("rule.double-name", "Two rule files with the same name of the rule set.")
UNKNOWN_RULESET = Code("rule.unknown-ruleset", "A value is set for a parameter of a rule set that does not exist.")
CASES_ALONE = Code("rule.cases-alone", "A file of cases without the rule file that it belongs to.")

ENDINGS: Final = (".yaml", ".yml")
TABLES: Final = (".csv",)
"""Endings of tables that rules of the files beside them may name."""
CASES: Final = ".cases."
"""What stands before the ending of a file of cases: ``x.cases.yaml`` beside ``x.yaml``."""
MOST_DAYS: Final = 10_000
"""Days that a rule book remembers the function of."""


def read(roots: Sequence[Path]) -> dict[str, bytes]:
    """The rule files of folders by label, ``rules/FAMILY/NAME.yaml``; a later folder's file replaces an earlier one's.

    Raises:
        TollbookError: ``rule.no-folder``.
    """
    return {label: path.read_bytes() for label, path in places(roots).items()}


def places(roots: Sequence[Path]) -> dict[str, Path]:
    """Where the file of each label of :func:`read` is."""
    missing = [root for root in roots if not root.is_dir()]
    if missing:
        mend = "create it, or correct the list of rule folders"
        raise TollbookError(
            Finding(NO_FOLDER, Where(str(root)), "there is no such folder", mend=mend) for root in missing
        )
    return {
        f"rules/{path.relative_to(root).as_posix()}": path
        for root in roots
        for path in sorted(root.rglob("*"))
        if path.suffix in (*ENDINGS, *TABLES) and path.is_file()
    }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


def release_of(
    files: Mapping[str, bytes], overrides: Mapping[str, Mapping[str, Any]], plugins: Mapping[str, str]
) -> str:
    """The name of a release, drawn from its content: ``r-`` and 16 hexadecimal digits."""
    hashes = {label: hashlib.sha256(content).hexdigest() for label, content in files.items()}
    return release_name(hashes, overrides, plugins)


def _decision(release: str, ruleset: RuleSet, rule: Rule) -> Decision:
    content = _json([release, ruleset.name, rule.id, rule.parameters])
    number = int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big") >> 1
    return Decision(
        number or 1,
        ruleset.family,
        ruleset.name,
        rule.id,
        rule.where,
        release,
        rule.parameters,
        rule.terms,
        rule.method.of(rule.terms) if rule.method else None,
        rule.method.needs if rule.method else "",
    )


def compile_book(
    files: Mapping[str, bytes],
    families: Mapping[str, Family],
    overrides: Mapping[str, Mapping[str, Any]] = {},
    plugins: Mapping[str, str] = {},
    lint: bool = True,
    documents: dict[str, Document] | None = None,
) -> RuleBook:
    """The rule book of a release.

    Args:
        files: content by label, as :func:`read` gives it.
        families: the families by name, with the methods of plug-ins in them.
        overrides: values set for parameters: rule set -> parameter -> value as a rule file would write it.
        plugins: versions of the plug-ins whose methods rules may name; part of the release's name.
        documents: gets the parsed files by label, for those who look at them again.
        lint: whether to look for overlaps, dead rules and gaps; not for a release that the books have accepted.

    Raises:
        TollbookError: everything that is wrong with any file.
    """
    with uncollected():
        return _compile_book(files, families, overrides, plugins, lint, documents)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the garbage collector from looking through what stays anyway; that would take longer than all the rest."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _compile_book(
    files: Mapping[str, bytes],
    families: Mapping[str, Family],
    overrides: Mapping[str, Mapping[str, Any]],
    plugins: Mapping[str, str],
    lint: bool,
    documents: dict[str, Document] | None,
) -> RuleBook:
    flaws: list[Finding] = []
    declared = read_attributes(files.get(LABEL), flaws)
    families = with_attributes(families, declared)
    reader = Reader(families, overrides, files)
    reader.findings.extend(flaws)
    reader.documents = documents
    rulesets: dict[str, RuleSet] = {}
    cases: dict[str, tuple[Case, ...]] = {}
    for label, content in sorted(files.items()):
        if label.endswith(TABLES) or label == LABEL:
            continue
        stem, dot, _ = label.rpartition(CASES)
        if dot:
            cases[stem] = reader.read_cases(label, content)
            if not any(stem + ending in files for ending in ENDINGS):
                mend = f"call it like the rule file that it belongs to, with {CASES}yaml at its end"
                what = "there is no rule file beside these cases"
                reader.findings.append(Finding(CASES_ALONE, Where(label, 1, 1), what, mend=mend))
            continue
        ruleset = reader.read(label, content)
        if ruleset is None:
            continue
        if ruleset.name in rulesets:
            what = f"a second rule set is called {ruleset.name!r}"
            why = f"the first is at {rulesets[ruleset.name].where}"
            reader.findings.append(Finding(DOUBLE_NAME, ruleset.where, what, why, "call it differently"))
        rulesets[ruleset.name] = ruleset
    findings = reader.findings
    for name in overrides:
        if name not in reader.names:
            what = f"values are set for parameters of {name!r}, which is no rule set"
            findings.append(Finding(UNKNOWN_RULESET, Where(), what, mend=did_you_mean(name, reader.names)))
    if lint:
        findings.extend(Linter(families, rulesets.values()).findings())
    findings.sort(key=lambda finding: finding.where)
    if any(finding.level == "error" for finding in findings):
        raise TollbookError(findings)
    full = {}
    for name, ruleset in sorted(rulesets.items()):
        more = cases.get(ruleset.file.rpartition(".")[0], ())
        full[name] = msgspec.structs.replace(ruleset, cases=ruleset.cases + more) if more else ruleset
    book = RuleBook(release_of(files, overrides, plugins), files, families, full, overrides, plugins, tuple(findings))
    book.attributes = declared
    return book


class _Days(dict[date, Answer]):
    """The compiled function of a family for each day that was asked for, made when it is first needed."""

    def __init__(self, at: Callable[[date], Answer]) -> None:
        self._at = at

    def __missing__(self, on: date) -> Answer:
        if len(self) >= MOST_DAYS:
            self.clear()
        answer = self[on] = self._at(on)
        return answer


class _Eras:
    """The rule sets of one family cut into stretches of time in which the same ones are in force."""

    def __init__(
        self, family: Family, rulesets: Sequence[RuleSet], decisions: Mapping[str, Sequence[Decision]]
    ) -> None:
        self.facts = describe(family.facts)
        self.rulesets = sorted(rulesets, key=lambda ruleset: (-ruleset.priority, ruleset.name))
        self.decisions = decisions
        self.starts = sorted({date.min, *(r.start for r in rulesets), *(r.end for r in rulesets)})
        self._one: dict[int, Answer] = {}
        self._all: dict[int, Answers] = {}
        self.days = _Days(self.answer)

    def in_force(self, on: date) -> list[RuleSet]:
        """The rule sets in force on a day, in the order in which they are asked."""
        return [ruleset for ruleset in self.rulesets if ruleset.start <= on < ruleset.end]

    def blocks(self, on: date) -> list[Block]:
        """The rules in force on a day, ready to be compiled."""
        return [block(ruleset, self.decisions[ruleset.name]) for ruleset in self.in_force(on)]

    def answer(self, on: date) -> Answer:
        """The compiled function that is in force on a day."""
        era = bisect_right(self.starts, on)
        if era not in self._one:
            self._one[era] = compile_answer(self.blocks(on), self.facts)
        return self._one[era]

    def answers(self, on: date) -> Answers:
        """As :meth:`answer`, for all decisions of a rule set that collects."""
        era = bisect_right(self.starts, on)
        if era not in self._all:
            self._all[era] = compile_answers(self.blocks(on), self.facts)
        return self._all[era]


class RuleBook:
    """All rule sets of a release, ready to decide.

    Attributes:
        release: the release's name, drawn from its content.
        files: content of the rule files by label.
        families: the families by name.
        rulesets: the rule sets by name.
        overrides: values set for parameters.
        plugins: versions of plug-ins.
        warnings: what is worth knowing of the files, none of it an error.
        attributes: the attributes of accounts and subscriptions that it declares.
    """

    attributes = NOTHING_DECLARED

    def __init__(
        self,
        release: str,
        files: Mapping[str, bytes],
        families: Mapping[str, Family],
        rulesets: Mapping[str, RuleSet],
        overrides: Mapping[str, Mapping[str, Any]],
        plugins: Mapping[str, str],
        warnings: tuple[Finding, ...],
    ) -> None:
        self.release = release
        self.files = files
        self.families = families
        self.rulesets = rulesets
        self.overrides = overrides
        self.plugins = plugins
        self.warnings = warnings
        self._of = {
            name: tuple(_decision(release, ruleset, rule) for rule in ruleset.rules)
            for name, ruleset in rulesets.items()
        }
        self._by_id = {decision.id: decision for group in self._of.values() for decision in group}
        by_family: dict[str, list[RuleSet]] = {name: [] for name in families}
        for ruleset in rulesets.values():
            by_family[ruleset.family].append(ruleset)
        self._eras = {name: _Eras(families[name], group, self._of) for name, group in by_family.items()}
        self._days = {name: eras.days for name, eras in self._eras.items()}

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        """What the rules of ``family`` that are in force on ``on`` decide for ``facts``.

        Raises:
            TollbookError: ``rule.no-answer``, ``rule.not-unique``, ``rule.unknown-family``; ``rule.null-fact``,
                ``rule.missing-fact``, ``rule.wrong-fact`` and ``rule.arithmetic`` for facts that are not as declared.
        """
        try:
            decision = self._days[family][on](facts)
        except (*UNTOLD, KeyError) as error:
            raise self._explained(error, family, facts, on) from error
        if decision is None:
            raise self._no_answer(family, facts, on)
        return decision

    def decider(self, family: str) -> Callable[[Any, date], Decision]:
        """:meth:`decide` for one family, as ``decider(facts, on)``; a little faster.

        Raises:
            TollbookError: ``rule.unknown-family``.
        """
        self._family(family)
        days = self._days[family]

        def decide(facts: Any, on: date) -> Decision:
            try:
                decision = days[on](facts)
            except UNTOLD as error:
                raise self._explained(error, family, facts, on) from error
            if decision is None:
                raise self._no_answer(family, facts, on)
            return decision

        return decide

    def decide_all(self, family: str, facts: Any, on: date) -> Sequence[Decision]:
        """All decisions of the first rule set that answers: more than one only where it says ``hit: collect``.

        Raises:
            TollbookError: as :meth:`decide`.
        """
        eras = self._family(family)
        try:
            decisions = eras.answers(on)(facts)
        except UNTOLD as error:
            raise self._explained(error, family, facts, on) from error
        if not decisions:
            raise self._no_answer(family, facts, on)
        return decisions

    def trace(self, family: str, facts: Any, on: date) -> Trace:
        """How :meth:`decide` comes to its answer: every rule that is asked, in order, and what of it fails.

        Raises:
            TollbookError: ``rule.unknown-family``.
        """
        asked = list(ask(self._family(family).in_force(on), facts))
        hit = next((item for item in asked if item.failed is None), None)
        decision = None
        if hit is not None and hit.rule is not None:
            decision = self._of[hit.ruleset.name][hit.ruleset.rules.index(hit.rule)]
        tried = tuple(item.tried(facts) for item in asked)
        return Trace(decision, tried, said(self.families[family], decision) if decision else {})

    def decisions(self) -> tuple[Decision, ...]:
        """Every decision that the release can make, one a rule."""
        return tuple(self._by_id.values())

    def decision(self, number: int) -> Decision:
        """The decision with an id.  Raises KeyError where the release has none."""
        return self._by_id[number]

    def decisions_of(self, ruleset: str) -> tuple[Decision, ...]:
        """The decisions of a rule set, in the order of its rules."""
        return self._of[ruleset]

    def in_force(self, family: str, on: date) -> Sequence[RuleSet]:
        """The rule sets of a family that are in force on a day, in the order in which they are asked."""
        return self._family(family).in_force(on)

    def turns(self, family: str) -> tuple[date, ...]:
        """The days on which other rule sets of a family come into force than on the day before."""
        return tuple(day for day in self._family(family).starts if date.min < day < date.max)

    def looked_at(self, family: str) -> frozenset[str]:
        """The dotted facts that conditions of a family's rules look at."""
        sets = [one for one in self.rulesets.values() if one.family == family]
        conditions = [one.scope for one in sets] + [rule.when for one in sets for rule in one.rules]
        return frozenset(name for condition in conditions if condition is not None for name in condition.names)

    def _family(self, family: str) -> _Eras:
        if family not in self._eras:
            what = f"there is no family of rules {family!r}"
            raise refuse(UNKNOWN_FAMILY, what, mend=did_you_mean(family, self._eras))
        return self._eras[family]

    def _no_answer(self, family: str, facts: Any, on: date) -> TollbookError:
        eras = self._family(family)
        return no_answer(self.families[family], eras.in_force(on), facts, on)

    def _explained(self, error: Exception, family: str, facts: Any, on: date) -> Exception:
        """The error that a person understands, for one out of a compiled condition; else ``error`` itself."""
        eras = self._family(family)
        found = (untold(item, eras.facts, facts) for item in ask(eras.in_force(on), facts))
        return next((each for each in found if each is not None), error)
