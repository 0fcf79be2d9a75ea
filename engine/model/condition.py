"""What has to hold before a bill run starts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.entity import LegalEntity

NO_CHECK: Final = "none"
"""The check of a rule that wants nothing."""

CHECKS: Final[Mapping[str, str]] = {
    NO_CHECK: "nothing has to hold",
    "approvals": "nothing waits for a second person (of the acts; of all where none is named)",
    "source-totals": "usage is what its sources say it is, and no delivery is missing",
    "tax-ready": "every tax adapter that customers of the legal entity are routed to answers",
    "imports-fresh": "files of the imports were loaded at most max_age days ago",
    "tax-ids-fresh": "customers abroad in the European Union with a tax id have an answer about it, at most max_age days old",
    "revenue-lock": "every month before the run's that has postings is closed, so that no revenue of it can change",
    "quality": "the worklist has at most most items (of the kinds; of all where none is named)",
}
"""What a rule may want checked, in words."""


class ConditionFacts(msgspec.Struct, frozen=True, gc=False):
    """What a condition rule may look at: a bill run that is about to start."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    scope: Annotated[Literal["all", "account"], Meta(description="whether all accounts are billed, or one")]
    occasion: Annotated[
        Literal["date", "trigger", "threshold", "draft"],
        Meta(description="what the run is made for: its date, something that happened, or a draft that was approved"),
    ]
    day: Annotated[date, Meta(description="business date of the run; selects the rule in force")]


class Unmet(msgspec.Struct, frozen=True):
    """A condition that does not hold.

    ``rule`` is the id of the rule with its rule set, such as ``conditions/acme#approvals``, ``name`` what it wants checked;
    ``what`` says in words what is wrong, and is the same as long as that is; ``since`` when it began, where that is known.
    """

    entity: str
    rule: str
    name: str
    what: str
    since: datetime | None = None
    where: str = ""
    decision: int = 0


class Condition(msgspec.Struct, frozen=True):
    """A condition of a bill run as it stands: ``state`` is met, unmet or waived; ``by`` says who waived it, and why."""

    entity: str
    rule: str
    name: str
    state: Literal["met", "unmet", "waived"]
    what: str = ""
    since: datetime | None = None
    by: str = ""


class Waiver(msgspec.Struct, frozen=True):
    """That somebody lets a condition go for the bill runs of a day, as it was unmet then.  Natural key: (tenant, entity,
    period, rule, what)."""

    id: int
    tenant: str
    entity: str
    period: date
    rule: str
    name: str
    what: str
    waived_by: str
    reason: str
    waived_at: datetime


class Terms(msgspec.Struct, frozen=True):
    """What a rule wants checked, and what of."""

    check: str
    acts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    max_age: int = 0
    most: int = 0

    @classmethod
    def of(cls, terms: Mapping[str, Any]) -> Terms:
        """The terms of a decision."""
        lists = {name: tuple(terms[name]) for name in ("acts", "kinds", "imports")}
        return cls(terms["check"], **lists, max_age=terms["max_age"], most=terms["most"])
