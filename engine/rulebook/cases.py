"""Rule cases: examples beside the rules that say what must come out, and which rules no example reaches.

A case is asked of its own rule set alone, so that it says the same whatever other files are laid over it.  It names the
facts that matter; a fact that a condition or a result needs and the case does not give is an error of the case.
``expect`` names ``rule`` (``none`` where no rule may answer, a list where the rule set collects), fields of the
outcome, results of the family, or ``error``, the code of the error that must be raised.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.document import Document, Path, parse
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean
from engine.base.units import Span, Unfit, read_days, read_decimal, read_percent, read_price, read_span
from engine.model.decision import Decision, Family
from engine.rulebook.compiler import refuse_two
from engine.rulebook.facttypes import FactType, describe
from engine.rulebook.given import Giver, MissingFact
from engine.rulebook.rulebook import RuleBook
from engine.rulebook.ruleset import Case, RuleSet
from engine.rulebook.trace import MISSING_FACT as RULE_MISSING_FACT
from engine.rulebook.trace import ask, shown, untold, values_of

FAILED = Code("case.failed", "A case whose rules answer otherwise than it expects.")
MISSING_FACT = Code("case.missing-fact", "A case does not give a fact that is needed to answer it.")
UNKNOWN_EXPECTATION = Code("case.unknown-expectation", "A case expects something that the rules do not give.")
BROKEN = Code("case.broken", "The answer of a case could not be computed.")

NONE = "none"
"""How a case says that no rule answers."""


class CaseResult(msgspec.Struct, frozen=True):
    """What came of one case.

    Attributes:
        ruleset: name of the rule set.
        name: the case's name, or ``case N``.
        where: where the case stands.
        passed: whether everything that it expects came out.
        rules: the rules that answered; more than one only where the rule set collects.
        findings: what did not come out, and what is wrong with the case itself.
    """

    ruleset: str
    name: str
    where: Where
    passed: bool
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]


class Covered(msgspec.Struct, frozen=True):
    """How many cases a rule answers."""

    ruleset: str
    rule: str
    where: Where
    cases: int


class Report(msgspec.Struct, frozen=True):
    """What came of all cases of a rule book, and how often each rule was reached."""

    results: tuple[CaseResult, ...]
    coverage: tuple[Covered, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong with any case."""
        return tuple(finding for result in self.results for finding in result.findings)

    @property
    def uncovered(self) -> tuple[Covered, ...]:
        """Rules that no case reaches."""
        return tuple(covered for covered in self.coverage if not covered.cases)


def run_cases(
    book: RuleBook, documents: dict[str, Document] | None = None, rulesets: Collection[RuleSet] | None = None
) -> Report:
    """Asks every case of some rule sets of a book, all by default; ``documents`` are files by label that have been parsed
    already."""
    rulesets = book.rulesets.values() if rulesets is None else rulesets
    results: list[CaseResult] = []
    hits: dict[tuple[str, str], int] = {}
    documents = {} if documents is None else documents
    facts = {name: describe(family.facts) for name, family in book.families.items()}
    for ruleset in rulesets:
        for case in ruleset.cases:
            label = case.where.file
            if label not in documents:
                documents[label] = parse(book.files[label], label)
            runner = _Runner(book, ruleset, case, documents[label], facts[ruleset.family])
            results.append(runner.run())
            for rule in results[-1].rules:
                hits[ruleset.name, rule] = hits.get((ruleset.name, rule), 0) + 1
    coverage = tuple(
        Covered(ruleset.name, rule.id, rule.where, hits.get((ruleset.name, rule.id), 0))
        for ruleset in rulesets
        for rule in ruleset.rules
    )
    return Report(tuple(results), coverage)


def holds(book: RuleBook, ruleset: RuleSet, case: Case, document: Document) -> bool:
    """Whether one case comes out as it says, asked of ``ruleset``, which may be another than the book's own of that name."""
    return _Runner(book, ruleset, case, document, describe(book.families[ruleset.family].facts)).run().passed


class _Runner:
    """One case on its way to a result."""

    def __init__(self, book: RuleBook, ruleset: RuleSet, case: Case, document: Document, facts: FactType) -> None:
        self.book = book
        self.family: Family = book.families[ruleset.family]
        self.ruleset = ruleset
        self.case = case
        self.document = document
        self.fact_type = facts
        self.path: Path = ("cases", case.index)
        self.findings: list[Finding] = []

    def run(self) -> CaseResult:
        """The result."""
        giver = Giver(self.document)
        facts = giver.facts(self.family.facts, self.fact_type, self.case.given, (*self.path, "given"))
        self.findings.extend(giver.findings)
        decisions: tuple[Decision, ...] = ()
        if not self.findings:
            try:
                decisions = self.answer(facts)
                self.compare(decisions, facts)
            except TollbookError as error:
                self.failed(error)
        return CaseResult(
            self.ruleset.name,
            self.case.name or f"case {self.case.index + 1}",
            self.case.where,
            not self.findings,
            tuple(decision.rule for decision in decisions),
            tuple(self.findings),
        )

    def add(self, code: Code, key: str | None, what: str, why: str = "", mend: str = "") -> None:
        """A finding at a key of ``expect``, or at the case."""
        where = self.case.where if key is None else self.document.where_key((*self.path, "expect", key))
        name = f"case {self.case.name!r}: " if self.case.name else ""
        self.findings.append(Finding(code, where, name + what, why, mend))

    def failed(self, error: TollbookError) -> None:
        """Takes an error of the rules for what the case expects, or reports it."""
        codes = [finding.code for finding in error.findings]
        expected = self.case.expect.get("error")
        if expected in codes:
            return
        if expected is not None:
            self.add(FAILED, "error", f"expected the error {expected}, found {', '.join(codes)}", str(error))
            return
        for finding in error.findings:
            missing = finding.code == RULE_MISSING_FACT
            mend = "give it a value under 'given'" if missing else finding.mend
            self.add(MISSING_FACT if missing else BROKEN, None, finding.what, finding.why, mend)

    def answer(self, facts: Any) -> tuple[Decision, ...]:
        """The decisions of the rule set for the facts; empty where no rule answers."""
        on = self.case.on
        if on is not None and not self.ruleset.start <= on < self.ruleset.end:
            return ()
        own = dict(
            zip((rule.id for rule in self.ruleset.rules), self.book.decisions_of(self.ruleset.name), strict=True)
        )
        hits = []
        for asked in ask([self.ruleset], facts):
            if asked.failed is None and asked.rule is not None:
                hits.append(own[asked.rule.id])
            error = untold(asked, self.fact_type, facts)
            if error is not None:
                raise error
        if len(hits) > 1 and self.ruleset.hit == "unique":
            raise refuse_two(hits[0], hits[1])
        return tuple(hits)

    def compare(self, decisions: Sequence[Decision], facts: Any) -> None:
        """Holds what came out against what is expected."""
        expect = self.case.expect
        rules = [decision.rule for decision in decisions]
        if "rule" in expect and not _same_rules(expect["rule"], rules):
            what = f"expected rule {_listed(expect['rule'])}, found {_listed(rules)}"
            self.add(FAILED, "rule", what, self.nearest(facts))
            return
        rest = [key for key in expect if key not in ("rule", "error")]
        if decisions:
            found = self.outcome(decisions[0], facts)
            for key in rest if found is not None else ():
                self.compare_one(key, found or {}, decisions[0])
        elif rest:
            self.add(
                FAILED, rest[0], f"expected {rest[0]} = {show(expect[rest[0]])}, found no rule", self.nearest(facts)
            )
        if "error" in expect and not self.findings:
            self.add(FAILED, "error", f"expected the error {expect['error']}, found {_listed(rules)}")

    def compare_one(self, key: str, found: Mapping[str, Any], decision: Decision) -> None:
        """Holds one field or result against what is expected."""
        if key not in found:
            mend = did_you_mean(key, ["rule", *found])
            self.add(UNKNOWN_EXPECTATION, key, f"{self.family.name} gives no {key!r}", mend=mend)
        elif not same(self.case.expect[key], found[key]):
            expected = self.case.expect[key]
            what = f"expected {key} = {show(expected)}, found {show(found[key], expected)}"
            self.add(FAILED, key, what, f"rule {decision.rule} ({decision.where}) answers")

    def outcome(self, decision: Decision, facts: Any) -> Mapping[str, Any] | None:
        """The fields of a decision, with the family's results where the case expects more; None where those fail."""
        wanted = any(key not in decision.terms for key in self.case.expect if key != "rule")
        if self.family.results is None or not wanted:
            return decision.terms
        try:
            return {**self.family.results(decision, facts), **decision.terms}
        except TollbookError:
            raise
        except MissingFact as error:
            self.add(MISSING_FACT, None, f"fact {error.fact} is not given", mend="give it a value under 'given'")
        except Exception as error:
            what = f"the results of {self.family.name} broke down: {type(error).__name__}: {error}"
            self.add(BROKEN, None, what, "a result that cannot be had counts as failed")
        return None

    def nearest(self, facts: Any) -> str:
        """Why rules did not answer."""
        parts = []
        for asked in ask([self.ruleset], facts):
            if asked.failed is not None:
                seen = shown(values_of(asked.failed.part.names, facts))
                parts.append(f"{asked.rule.id if asked.rule else 'scope'} needs {asked.failed.part.text}, found {seen}")
        return "; ".join(parts[:3])


def _same_rules(expected: Any, rules: Sequence[str]) -> bool:
    if expected == NONE and NONE not in rules:
        return not rules
    return rules == (expected if isinstance(expected, list) else [expected])


def _listed(rules: Any) -> str:
    if isinstance(rules, list):
        return ", ".join(map(str, rules)) or NONE
    return str(rules)


_READ: tuple[Callable[[Any], Any], ...] = (read_decimal, read_percent, read_days)


def same(expected: Any, actual: Any) -> bool:
    """Whether a value of a case, as it is written, is what came out.

    Units count: ``96.00 USD`` is the price ``{"USD": Decimal(96)}``, ``5 %`` is ``Decimal("0.05")``, ``3 days`` is 3.
    A mapping needs to name only what matters of a mapping or struct; lists must agree item by item.
    """
    if isinstance(actual, msgspec.Struct):
        actual = msgspec.structs.asdict(actual)
    if isinstance(actual, Mapping):
        if isinstance(expected, Mapping):
            return all(key in actual and same(value, actual[key]) for key, value in expected.items())
        return _reads(read_price, expected, actual)
    if isinstance(actual, (list, tuple)):
        listed = isinstance(expected, list) and len(expected) == len(actual)
        return listed and all(map(same, expected, actual))
    if actual is None or isinstance(actual, bool):
        return expected is actual
    if isinstance(actual, Span):
        return _reads(read_span, expected, actual)
    if isinstance(actual, (int, Decimal)):
        return any(_reads(read, expected, actual) for read in _READ)
    return bool(expected == actual) or str(expected) == str(actual)


def _reads(read: Callable[[Any], Any], expected: Any, actual: Any) -> bool:
    try:
        return bool(read(expected) == actual)
    except Unfit:
        return False


def show(value: Any, like: Any = None) -> str:
    """A value as a rule file would write it, with the unit of the value that it is held against."""
    if isinstance(value, Mapping):
        if value and all(isinstance(amount, Decimal) and len(str(key)) == 3 for key, amount in value.items()):
            return ", ".join(f"{amount} {currency}" for currency, amount in value.items())
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Span):
        return str(value)
    unit = str(like).rpartition(" ")[2] if isinstance(like, str) and isinstance(value, (int, Decimal)) else ""
    if unit.endswith("%"):
        return f"{(Decimal(value) * 100).normalize():f} %"
    return f"{value} days" if unit.startswith("day") else str(value)
