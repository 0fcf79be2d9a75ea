"""Stewardship: changes of master data that count only once the person who answers for them has confirmed them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

PENDING: Final = "pending"
CONFIRMED: Final = "confirmed"
REJECTED: Final = "rejected"
REPLACED: Final = "replaced"

State = Literal["pending", "confirmed", "rejected", "replaced"]

FIELDS: Final = ("segment", "region", "country", "currency", "zone", "language")
"""Fields of accounts that a steward may have to confirm; personal data are none of them."""
ATTRIBUTE: Final = "attributes."
"""Before the key of an attribute in the name of a field."""


class StewardshipFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of stewardship may look at: a change of a record that is there, as it comes in."""

    object: Annotated[
        Literal["account", "subscription", "contract"], Meta(description="the kind of record that is changed")
    ]
    field: Annotated[
        str, Meta(description="what is changed of it: segment, or attributes.tier for an attribute that is declared")
    ]
    source: Annotated[
        str,
        Meta(
            description="where it comes from: in the file accounts-erp.csv it is erp, empty for accounts.csv; of a message "
            "the name of the client that sent it"
        ),
    ]
    entity: Annotated[str, Meta(description="key of the legal entity")]
    before: Annotated[str | None, Meta(description="the value that holds on that day; null where there is none")]
    after: Annotated[str | None, Meta(description="the value that comes; null where it is taken away")]
    day: Annotated[date, Meta(description="day of the import; selects the rule in force")]


class NewChange(msgspec.Struct, frozen=True):
    """A change that waits, before it has a number."""

    entity: str
    object: str
    record: str
    field: str
    source: str
    before: str | None
    after: str | None
    day: date | None
    steward: str
    due: date
    ahead: int
    decision: int


class MasterChange(msgspec.Struct, frozen=True):
    """A change of master data as the books keep it.

    Attributes:
        id: number by which people name it.
        object, record, field: what is changed; ``before`` and ``after`` are the two values, as texts.
        source: where it came from.
        day: the first day for which it holds; null: from the moment it is confirmed.
        steward: the role of the person who confirms it, until ``due``.
        ahead: days before ``day`` from which bills of the accounts concerned wait for it.
        run_id: the import that brought it.
        state: pending, confirmed, rejected, or replaced by a newer one; ``decided_by`` said so, and ``why``.
        applied: id of the attribute value that was written; 0 where there is none.
    """

    id: int
    tenant: str
    entity: str
    object: str
    record: str
    field: str
    source: str
    before: str | None
    after: str | None
    day: date | None
    steward: str
    due: date
    ahead: int
    decision: int
    at: datetime
    run_id: int
    state: State
    decided_by: str
    decided_at: datetime | None
    why: str
    applied: int

    @property
    def subject(self) -> str:
        """Natural key of the record."""
        return f"{self.object}/{self.entity}/{self.record}"

    @property
    def words(self) -> str:
        """The change in words."""
        since = f" from {self.day}" if self.day else ""
        return f"{self.field} of {self.object} {self.record}: {self.before or 'nothing'} -> {self.after or 'nothing'}{since}"
