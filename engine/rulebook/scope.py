"""What all checks of one condition share, and the mistakes that more than one of them reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.base.errors import Code, Finding, Where
from engine.rulebook.codegen import BAD, TIGHT, Constants, Node, Typed, bracketed
from engine.rulebook.facttypes import SCALARS, FactType

UNKNOWN_FACT = Code("rule.unknown-fact", "a condition names a fact or parameter that does not exist")
UNSUPPORTED = Code("rule.unsupported", "a condition uses a construct that the rule language bars")
TYPE_MISMATCH = Code("rule.type-mismatch", "a condition relates values of different kinds")
UNGUARDED_NULL = Code("rule.unguarded-null", "a condition needs the value of a fact that may be null there")
UNCLEAR_DEFAULT = Code("rule.unclear-default", "?? stands beside another operator without brackets")

#: The dotted paths of facts that are not null at a place.
Known = frozenset[str]
#: A check of one kind of node.
Check = Callable[["Scope", Node, Known], Typed]

_ARTICLES: Mapping[str, str] = {"object": "an object", "null": "null"}


class Scope:
    """What the checks of one condition share: its text, what it may name, and what has been found wrong.

    ``table`` holds the check for each kind of node; ``locate`` turns an offset in the text into a place in the file.
    """

    def __init__(
        self,
        text: str,
        facts: FactType,
        parameters: Mapping[str, Any],
        locate: Callable[[int], Where],
        table: Mapping[str, Check],
    ) -> None:
        self.text = text
        self.facts = facts
        self.parameters = parameters
        self.locate = locate
        self.table = table
        self.constants = Constants()
        self.names: set[str] = set()
        self._findings: dict[tuple[int, str], Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What has been reported, in the order of the text."""
        return tuple(self._findings[key] for key in sorted(self._findings))

    def report(self, code: Code, at: int, what: str, why: str = "", mend: str = "") -> Typed:
        """Notes a finding at an offset, once for each code and offset."""
        self._findings.setdefault((at, code), Finding(code, self.locate(at), what, why, mend))
        return BAD

    def check(self, node: Node, known: Known) -> Typed:
        """The type of a node, where the facts in ``known`` are not null."""
        return self.table[node.kind](self, node, known)

    def words(self, node: Node) -> str:
        """The text of a node on one line, cut where it is long."""
        text = " ".join(self.text[node.start : node.end].split())
        return text if len(text) <= 40 else text[:39] + "…"

    def source(self, typed: Typed, level: int = TIGHT, whole: bool = False) -> str:
        """Python source for a typed node, bracketed as its surroundings need."""
        if typed.constant:
            return self.constants.literal(typed, whole)
        return bracketed(typed.source, typed.level, level)

    def value(self, typed: Typed, node: Node, need: str) -> bool:
        """Whether a node certainly has a value; reports that it may be null.  ``need`` says what it is needed for."""
        if typed.kind == "null":
            self.report(
                UNGUARDED_NULL, node.start, "null has no value", f"{need} needs a value", "name a fact or a constant"
            )
        elif typed.nullable:
            words = self.words(node)
            mend = f"write {words} != null and …"
            if typed.kind in SCALARS:
                mend += f", or give a default: ({words} ?? …)"
            self.report(UNGUARDED_NULL, node.start, f"{words} may be null", f"{need} needs a value", mend)
        return typed.kind not in ("null", "bad") and not typed.nullable


def kind_of(typed: Typed) -> str:
    """The kind of a typed node with its article."""
    return _ARTICLES.get(typed.kind, f"a {typed.kind}")
