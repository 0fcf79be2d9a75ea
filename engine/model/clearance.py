"""Clearance: documents that an authority has to answer before anybody gets them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from engine.model.entity import LegalEntity

NUMBERED: Final = "numbered"
SUBMITTED: Final = "submitted"
CLEARED: Final = "cleared"
REJECTED: Final = "rejected"
DELIVERED: Final = "delivered"
VOIDED: Final = "voided"

MAY_FOLLOW: Final[Mapping[str, tuple[str, ...]]] = {
    "": (NUMBERED,),
    NUMBERED: (SUBMITTED,),
    SUBMITTED: (CLEARED, REJECTED),
    CLEARED: (DELIVERED,),
    REJECTED: (NUMBERED, VOIDED),
    DELIVERED: (),
    VOIDED: (),
}
"""What may become of a document in each state.  One that is rejected is numbered again, with the number it has, where the law
lets it keep that; where it does not, it is voided and billed anew under another number."""

SAME_NUMBER: Final = "same_number"
NEW_NUMBER: Final = "new_number"

PENDING: Final = "pending"
"""Stands in the evidence of an answer ``retry``: the authority has the document and has not decided; it is asked again, and
nothing is sent a second time."""


class ClearanceFacts(msgspec.Struct, frozen=True, gc=False):
    """What a clearance rule may look at."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that issues the invoice")]
    kind: Annotated[str, Meta(description="invoice or credit_note")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the buyer")]
    registered: Annotated[bool, Meta(description="whether the buyer has a tax registration number")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the document")]
    invoice_date: Annotated[date, Meta(description="date of the invoice; selects the rule in force")]


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """That a document has to be cleared: by which adapter, what a rejection means for its number, by which decision."""

    adapter: str
    on_rejection: str
    decision: int


class Clearance(msgspec.Struct, frozen=True):
    """How a document stands with the authority: its last step.

    ``key`` is that of the effect that submits it, ``payer_id`` the version of the buyer that it names there; ``authority_id``,
    ``qr`` and ``evidence`` are what the authority has answered.
    """

    invoice_id: int
    number: str
    entity: str
    payer: str
    step: int
    state: str
    at: datetime
    adapter: str
    key: str
    payer_id: int
    authority_id: str = ""
    qr: str = ""
    reason: str = ""
    evidence: Mapping[str, Any] = {}
    decision: int = 0
