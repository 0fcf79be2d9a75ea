"""What rules of a family may decide: the family's own fields, its methods, and theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from engine.base.document import Document, Path, Shape, validate
from engine.base.errors import Code, Finding, Where, did_you_mean
from engine.base.units import found
from engine.model.decision import Family, Flaw

UNKNOWN_METHOD = Code("rule.unknown-method", "A method that the family does not have.")
BAD_TERMS = Code("rule.bad-terms", "What a rule decides is not possible, as the family or its method says.")
CHECK_FAILED = Code("rule.check-failed", "The check of a method or family broke down, so that nothing is known.")


_TABLE: Final[Mapping[str, Any]] = {
    "type": "string",
    "regex": r"[\w.-]+\.csv",
    "meta": {"description": "a CSV file beside the rule file, which stands for fields of the method"},
}


class Outcomes:
    """Checks what rules decide, against the outcome schema of a family and the schema of a method."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._shapes: dict[str, Shape] = {}

    def schema(self, method: str) -> dict[str, Any]:
        """cerberus schema of a ``then`` with this method, empty for families without methods."""
        schema = dict(self.family.outcome)
        if method:
            schema["method"] = {"type": "string", "required": True, "allowed": [method]}
            schema.update(self.family.methods[method].schema)
            if self.family.methods[method].table is not None:
                schema["table"] = _TABLE
        return schema

    def _shape(self, method: str) -> Shape:
        if method not in self._shapes:
            self._shapes[method] = Shape(self.schema(method))
        return self._shapes[method]

    def read(self, document: Document, path: Path, then: Mapping[str, Any], findings: list[Finding]) -> Any:
        """``then`` made ready to use; None where it is wrong, with the mistakes added to ``findings``."""
        methods, before = self.family.methods, len(findings)
        method = then.get("method", "")
        if methods and (not isinstance(method, str) or method not in methods):
            if "method" in then:
                what = f"'method' is {found(method)}"
                mend = did_you_mean(str(method), methods)
            else:
                what, mend = "'then' has no 'method'", did_you_mean("", methods)
            where = document.where((*path, "method")) if "method" in then else document.where_key(path)
            findings.append(Finding(UNKNOWN_METHOD, where, what, f"the family is {self.family.name}", mend))
            return None
        terms, wrong = validate(document, self._shape(method if methods else ""), path, data=dict(then), whole="'then'")
        findings.extend(wrong)
        if wrong:
            return None
        for who, check in (
            (f"method {method}", methods[method].check if methods else None),
            (f"family {self.family.name}", self.family.check),
        ):
            for flaw in self._flaws(who, check, terms, document.where_key(path), findings):
                where = document.where((*path, *flaw.path))
                findings.append(Finding(BAD_TERMS, where, flaw.what, f"{who} refuses it", flaw.mend))
        return terms if len(findings) == before else None

    def _flaws(
        self, who: str, check: Callable[..., Any] | None, terms: Any, where: Where, findings: list[Finding]
    ) -> Iterable[Flaw]:
        if check is None:
            return ()
        try:
            return list(check(terms))
        except Exception as error:
            what = f"the check of {who} broke down: {type(error).__name__}: {error}"
            findings.append(Finding(CHECK_FAILED, where, what, "a check without a result counts as failed"))
            return ()
