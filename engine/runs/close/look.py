"""What a check of the close looks at, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from engine.base.errors import Finding
from engine.base.money import round_to
from engine.model.catalog import Plan
from engine.model.close import CloseTerms, Found, Month, Severity
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.runs.close import ahead
from engine.runs.run import Parts
from engine.store.closing import billing
from engine.store.reader import Reader


class Look:
    """A month of a legal entity, as one state of the books has it.  What several checks need is found once."""

    def __init__(self, parts: Parts, reader: Reader, entity: LegalEntity, month: Month, change: Change) -> None:
        """``change`` says who looks, and when; nothing is written but the daily sums of usage."""
        self.parts, self.reader, self.entity, self.month, self.change = parts, reader, entity, month, change

    @property
    def of(self) -> tuple[Reader, str, str]:
        """The books, the tenant and the legal entity."""
        return self.reader, self.parts.tenant, self.entity.key

    @property
    def days(self) -> tuple[date, date]:
        """The first day and the last day."""
        return self.month.first, self.month.last

    @cached_property
    def unbilled(self) -> ahead.Ahead:
        """What a bill run would still bill of the month."""
        behind = billing.behind(*self.of, self.month.last)
        return ahead.look(self.parts, self.reader, self.entity.key, self.month, behind, self.change)

    @cached_property
    def plans(self) -> Mapping[str, Plan]:
        """The catalogue."""
        return self.reader.catalogue(self.parts.tenant)

    @cached_property
    def tells_erp(self) -> bool:
        """Whether any rule posts entries to another system."""
        mine = (one for one in self.parts.rules.decisions() if one.family == "erp")
        return any(one.terms["post"] != "never" for one in mine)


Find = Callable[[Look, CloseTerms], Iterable[Found]]


class Check(msgspec.Struct, frozen=True):
    """A check of the close.

    ``severity`` and ``owner`` (a role of the business, for people) are what holds where no rule says otherwise; ``group`` is what
    steps of the close name that a finding keeps from being done; ``mend`` the command that puts a finding right, where the finding
    names none.
    """

    code: str
    title: str
    severity: Severity
    owner: str
    group: str
    mend: str
    find: Find


def told(findings: Iterable[Finding]) -> Iterable[Found]:
    """Findings of another check of the books as this one's."""
    return (Found(one.subject or str(one.where), one.what, mend=one.mend) for one in findings)


def told_amount(amount: Decimal, currency: str) -> str:
    """An amount for people, with the digits that its currency has, or more where it needs them."""
    rounded = round_to(amount, currency)
    return f"{rounded if rounded == amount else amount.normalize():f} {currency}"


def where_of(row: Any) -> str:
    """An invoice's line as people name it."""
    return f"{row.number}#{row.line}"
