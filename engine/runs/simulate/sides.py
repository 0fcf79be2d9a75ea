"""The two sides of a simulation: the rules that a run had, and the others."""

from __future__ import annotations

from datetime import date
from typing import Any, Final, Protocol

import msgspec

from engine.billing.job import Job
from engine.model.decision import Decision, Trace
from engine.model.due import PayerDue
from engine.runs.billing.details import turning
from engine.runs.run import Parts, Rules


class TracingRules(Rules, Protocol):
    """Rules that can say how they come to a decision."""

    def trace(self, family: str, facts: Any, on: date) -> Trace: ...


class Side(msgspec.Struct):
    """One side: parts over the snapshot with its rules, and the decisions of these by id."""

    parts: Parts
    rules: TracingRules
    _known: dict[int, Decision] = {}

    def decision(self, ident: int) -> Decision | None:
        """A decision that these rules can make."""
        if not self._known:
            self._known = {one.id: one for one in self.rules.decisions()}
        return self._known.get(ident)


RATED: Final = frozenset({"pricing", "proration", "discounts", "invoicing", "posting", "routing", "numbering", "revrec",
                          "tax", "tax_fallback", "tax_rounding", "clearance", "documents", "dunning", "matching", "writeoff",
                          "allocation", "exceptions", "crediting", "interest"})  # fmt: skip
"""Families that are asked only after everything about a payer is read, or not at all when it is billed."""


def changed_families(one: Rules, other: Rules) -> frozenset[str]:
    """The families whose files, or parameters that are set, differ between two releases."""
    labels = {label for label in {*one.files, *other.files} if one.files.get(label) != other.files.get(label)}
    sets = {name for name in {*one.overrides, *other.overrides} if one.overrides.get(name) != other.overrides.get(name)}
    return frozenset({label.split("/")[1] for label in labels} | {name.split("/")[0] for name in sets})


def reads_alike(one: Rules, other: Rules, changed: frozenset[str], dues: tuple[PayerDue, ...]) -> bool:
    """Whether what was read of some payers by one side's rules is what the other side's would read, too."""
    if not changed <= RATED or one.looked_at("invoicing") != other.looked_at("invoicing"):
        return False
    if "pricing" not in changed:
        return True
    needs = [{each.needs for each in rules.decisions()} for rules in (one, other)]
    shared = any(s.sharing is not None for due in dues for owner in due.accounts for s in owner.subscriptions)
    return needs[0] == needs[1] and turning(one) is None and turning(other) is None and not shared


def as_other(job: Job, other: Side) -> Job:
    """The job with the other side's rules, where both read alike."""
    turns, alike = other.rules.turns("pricing"), other.parts.alike
    return msgspec.structs.replace(job, decide=other.rules.decide, price_turns=turns, usage={}, alike=alike)
