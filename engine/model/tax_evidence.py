"""What is known about where a buyer is, and whether its tax registration is good: answers of authorities, and other pieces."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.entity import LegalEntity

TAX_ID: Final = "tax_id"
"""The kind of evidence that is an authority's answer about a tax registration number, such as that of VIES."""

KINDS: Final = (TAX_ID, "billing_address", "bank", "ip_address", "sim_card", "landline", "location", "other")
"""Kinds of evidence; two of one kind are one piece."""


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One piece of evidence; ``reference`` finds it again at its ``source``, such as the request id of an answer of VIES."""

    account: str
    key: str
    kind: str
    country: str
    tax_id: str
    valid: bool
    checked_on: date
    reference: str
    source: str


class EvidenceFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule about tax evidence may look at: the buyer, and what is known of it on the day."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that receives the invoice")]
    tax_id_answer: Annotated[
        Literal["valid", "invalid", "none"],
        Meta(description="the newest answer about the tax id that the account has; none where nobody asked"),
    ]
    tax_id_age: Annotated[
        int | None, Meta(description="how many days old that answer is; null where there is none", extra={"least": 0})
    ]
    pieces: Annotated[
        int,
        Meta(description="how many kinds of evidence place the buyer in the account's country", extra={"least": 0}),
    ]
    against: Annotated[
        int, Meta(description="how many kinds of evidence place the buyer in another country", extra={"least": 0})
    ]
    day: Annotated[date, Meta(description="tax point; selects the rule in force")]
    tax_id_later: Annotated[
        Literal["valid", "invalid", "none"],
        Meta(
            description="the newest answer about the tax id that came after the tax point and before the invoice, such as while its draft was "
            "reviewed; none where there is none"
        ),
    ] = "none"
