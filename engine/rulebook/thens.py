"""What a rule decides, made ready to use: parameters put in, a table beside the file laid in, formulas compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.base.document import Document, Laid, Path
from engine.base.errors import Code, Finding, TollbookError, did_you_mean
from engine.base.table import parse_table
from engine.model.decision import Formula, Method
from engine.rulebook.expression import compile_expression
from engine.rulebook.facttypes import FactType
from engine.rulebook.outcomes import Outcomes
from engine.rulebook.parameters import Parameter, Substitution, unknown_parameter, words_of
from engine.rulebook.typing_rules import amount

NO_TABLE = Code("rule.no-table", "A rule names a table that is not beside its file.")


class Then(msgspec.Struct, frozen=True):
    """The terms of a rule, the method that they name, and the parameters that they use."""

    terms: Mapping[str, Any]
    method: Method | None
    used: frozenset[str]


class Thens:
    """Reads the ``then`` of every rule of one file; mistakes go to ``findings``, used parameters to ``used``.

    ``files`` is the content of all files of the release by label, ``constants`` the parameters that formulas may name.
    """

    def __init__(
        self,
        document: Document,
        outcomes: Outcomes,
        facts: FactType,
        parameters: Mapping[str, Parameter | None],
        constants: Mapping[str, Any],
        files: Mapping[str, bytes],
        findings: list[Finding],
    ) -> None:
        self.document, self.outcomes, self.facts = document, outcomes, facts
        self.parameters, self.constants, self.files = parameters, constants, files
        self.findings = findings
        self.used: set[str] = set()

    def read(self, data: Mapping[str, Any], path: Path) -> Then | None:
        """What stands at ``path``; None where it is wrong."""
        substitution = Substitution(self.parameters)
        then = substitution.apply(data)
        self.used |= substitution.used
        for inner, name in substitution.unknown:
            where = self.document.where((*path, *inner))
            self.findings.append(unknown_parameter(name, self.parameters, where))
        if not substitution.complete:
            return None
        methods = self.outcomes.family.methods
        name = then.get("method")
        method = methods.get(name) if isinstance(name, str) else None
        document = self.document
        if method is not None and method.table is not None and isinstance(then.get("table"), str):
            laid = self._laid(then, method, path)
            if laid is None:
                return None
            then, document = laid
        terms = self.outcomes.read(document, path, then, self.findings)
        if terms is None:
            return None
        compiled, used = self._formulas(terms, name if method else "", path)
        self.used |= used
        return None if compiled is None else Then(compiled, method, frozenset(substitution.used | used))

    def _laid(self, then: Mapping[str, Any], method: Method, path: Path) -> tuple[dict[str, Any], Document] | None:
        """The terms with those of the table that they name, and a document that knows the places of its cells."""
        where = self.document.where((*path, "table"))
        folder = self.document.file.rpartition("/")[0]
        label = f"{folder}/{then['table']}"
        if label not in self.files:
            beside = [
                each.rpartition("/")[2] for each in self.files if each.startswith(folder) and each.endswith(".csv")
            ]
            mend = did_you_mean(then["table"], beside) or "put the file beside the rule file"
            self.findings.append(Finding(NO_TABLE, where, f"there is no file {label}", mend=mend))
            return None
        assert method.table is not None
        try:
            terms, places = method.table(parse_table(self.files[label], label))
        except TollbookError as error:
            self.findings.extend(error.findings)
            return None
        return {**then, **terms}, Laid(self.document, path, places)

    def _formulas(self, terms: Mapping[str, Any], method: str, path: Path) -> tuple[Mapping[str, Any] | None, set[str]]:
        """The terms with their formulas compiled, None where one is wrong; and the parameters that formulas use."""
        schema = self.outcomes.schema(method)
        formulas = [name for name in terms if schema.get(name, {}).get("type") == "formula"]
        if not formulas:
            return terms, set()
        made, used = dict(terms), set[str]()
        for name in formulas:
            text = terms[name]
            used |= words_of(text) & self.parameters.keys()
            if any(self.parameters[word] is None for word in used):
                return None, used
            locate = self.document.locate((*path, name))
            try:
                compiled = compile_expression(text, self.facts, self.constants, locate(0), locate, amount)
            except TollbookError as error:
                self.findings.extend(error.findings)
                return None, used
            made[name] = Formula(text, compiled.matches)
        return made, used
