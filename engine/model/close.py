"""The close of a month: its steps, what its checks find, and what is let go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.base.errors import Finding
from engine.model.entity import LegalEntity

BLOCKER: Final = "blocker"
WARNING: Final = "warning"
OFF: Final = "off"
USUAL: Final = "usual"
REOPEN: Final = "reopen"
"""Name of the row that says that a month was opened again."""

DONE: Final = "done"
BLOCKED: Final = "blocked"
WAITING: Final = "waiting"
TO_DO: Final = "to do"

Severity = Literal["blocker", "warning"]


class Month(msgspec.Struct, frozen=True):
    """A month by its first day and its last day."""

    first: date
    last: date

    @classmethod
    def of(cls, day: date) -> Month:
        """The month that holds a day."""
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))

    @property
    def after(self) -> date:
        """The first day after it."""
        return self.last + timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


class Found(msgspec.Struct, frozen=True):
    """What a check found: ``subject`` is the natural key of what it is about, ``what`` says in words what is wrong.

    ``amount`` (in ``currency``) is what is at stake, none where that is not about money; ``since`` the day from which it is so;
    ``mend`` a command with its arguments, where it is another one than that of the check.
    """

    subject: str
    what: str
    amount: Decimal | None = None
    currency: str = ""
    since: date | None = None
    mend: str = ""


class CloseFinding(msgspec.Struct, frozen=True):
    """A finding of a month's close as it stands.

    ``state`` is open, waived (by two persons; ``by`` says who, and why) or let_go (by rule; ``by`` names it).  ``age`` is how many
    days it has been so on the day of the check.
    """

    check: str
    severity: Severity
    subject: str
    what: str
    amount: Decimal | None
    currency: str
    since: date | None
    age: int | None
    owner: str
    mend: str
    state: Literal["open", "waived", "let_go"] = "open"
    by: str = ""

    @property
    def blocks(self) -> bool:
        """Whether the close cannot go on with it."""
        return self.state == "open" and self.severity == BLOCKER

    @property
    def digest(self) -> str:
        """What a waiver of it holds for: what it says, and its amount."""
        amount = "" if self.amount is None else f"{self.amount.normalize():f} {self.currency}"
        return hashlib.sha256("\n".join((self.check, self.subject, self.what, amount)).encode()).hexdigest()


class CheckResult(msgspec.Struct, frozen=True):
    """What a check came to: its findings; ``left_out`` names the rule where it was not made."""

    code: str
    title: str
    severity: Severity
    owner: str
    findings: tuple[CloseFinding, ...] = ()
    left_out: str = ""


class FindingWaiver(msgspec.Struct, frozen=True):
    """That two persons let a finding go as it was.  Natural key: (tenant, entity, month, code, subject, digest)."""

    code: str
    subject: str
    digest: str
    what: str
    currency: str
    amount: Decimal | None
    asked_by: str
    reason: str
    waived_by: str
    agreed: str
    at: datetime


class StepRow(msgspec.Struct, frozen=True):
    """What a step came to when it was tried.  Natural key: (tenant, entity, month, number)."""

    number: int
    step: str
    state: str
    what: str
    results: Mapping[str, Any]
    who: str
    at: datetime


class StepState(msgspec.Struct, frozen=True):
    """How a step stands: ``since`` is when it came to be so; a step that was never tried is to do."""

    step: str
    title: str
    state: str
    what: str = ""
    since: datetime | None = None
    who: str = ""


class CloseReport(msgspec.Struct, frozen=True):
    """How the close of a month stands: the state of its period, of each step, and what keeps it from going on."""

    entity: str
    month: str
    period: str
    steps: tuple[StepState, ...]
    in_the_way: tuple[CloseFinding, ...] = ()
    findings: tuple[Finding, ...] = ()
    dry: bool = False


class CloseFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of the close may look at: a check or a step of the close of a month."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity whose month is closed")]
    kind: Annotated[Literal["check", "step"], Meta(description="whether a check or a step is asked about")]
    name: Annotated[str, Meta(description="code of the check, or name of the step")]
    business_day: Annotated[
        int, Meta(description="how many business days of the legal entity's country have begun since the month's end")
    ]
    day: Annotated[date, Meta(description="last day of the month; selects the rule in force")]


class CloseTerms(msgspec.Struct, frozen=True):
    """What a rule says of a check or a step; see the family ``close``."""

    treat: str = USUAL
    let_go: Mapping[str, Decimal] = {}
    owner: str | None = None
    accounts: tuple[str, ...] = ()
    after: tuple[str, ...] | None = None
    from_day: int = 0
