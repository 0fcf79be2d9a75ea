"""How a payment or a refund stands, and what it asks of rules when it was declined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.payment import (
    AUTHORIZED,
    CANCELED,
    CREATED,
    FAILED,
    PROCESSING,
    REQUIRES_ACTION,
    RETURNED,
    SUCCEEDED,
)

OPEN: Final = (CREATED, PROCESSING, REQUIRES_ACTION, AUTHORIZED)
"""States in which it is not known yet whether the money comes."""

_DECIDED: Final = (SUCCEEDED, FAILED, CANCELED)

MAY_FOLLOW: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "charge": {
        "": (CREATED,),
        CREATED: (PROCESSING, REQUIRES_ACTION, AUTHORIZED, *_DECIDED),
        PROCESSING: (REQUIRES_ACTION, AUTHORIZED, *_DECIDED),
        REQUIRES_ACTION: (PROCESSING, AUTHORIZED, *_DECIDED),
        AUTHORIZED: _DECIDED,
        FAILED: (CREATED, SUCCEEDED, CANCELED),
        CANCELED: (SUCCEEDED,),
        SUCCEEDED: (RETURNED,),
        RETURNED: (CREATED, CANCELED),
    },
    "refund": {
        "": (CREATED,),
        CREATED: (PROCESSING, REQUIRES_ACTION, *_DECIDED),
        PROCESSING: _DECIDED,
        REQUIRES_ACTION: (PROCESSING, *_DECIDED),
        FAILED: (),
        CANCELED: (),
        SUCCEEDED: (FAILED,),
    },
}
"""What may come after each state, for payments and for refunds.  What else is told came late, and changes nothing.  Money that
comes for a payment that was given up has come all the same; a refund that went out may come back."""


class PaymentRecord(msgspec.Struct, frozen=True):
    """A payment (``charge``) or a ``refund`` of the payment with the id ``of_payment``, as it stands after its last step.

    ``items`` are the documents that it is for, rows of (id, number, amount); ``told`` is the request as the provider gets it;
    ``taken`` is what came or went so far; ``retry_on`` is when it is tried again; ``blocks`` says that its method is not used any
    more.
    """

    id: int
    tenant: str
    entity: str
    account: str
    key: str
    kind: str
    of_payment: int
    provider: str
    method: str
    token: str
    currency: str
    amount: Decimal
    day: date
    items: list[Any]
    told: dict[str, Any]
    digest: str
    decision: int
    at: datetime
    run_id: int
    state: str
    step: int
    attempt: int
    effect: str
    provider_id: str
    charge: str
    taken: Decimal
    code: str
    link: str
    network_transaction: str
    retry_on: date | None
    blocks: bool


class PaymentStep(msgspec.Struct, frozen=True):
    """A step that a payment takes; what is None stays as it is.  ``event`` is what told of it, where it was not the answer."""

    state: str
    reason: str = ""
    code: str = ""
    event: str = ""
    effect: str | None = None
    attempt: int | None = None
    provider_id: str | None = None
    charge: str | None = None
    taken: Decimal | None = None
    link: str = ""
    network_transaction: str | None = None
    retry_on: date | None = None
    blocks: bool | None = None
    decision: int = 0
    evidence: Mapping[str, Any] = {}


class RetryFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of retries may look at: a payment that was declined, or taken back by the payer's bank."""

    account: Annotated[Account, Meta(description="the account that was to pay")]
    method: Annotated[
        str, Meta(description="how it pays: card, sepa_debit, ach_debit, bacs_debit, wallet, bank_transfer")
    ]
    brand: Annotated[str, Meta(description="brand of the card, such as visa, in lower case; empty otherwise")]
    provider: Annotated[str, Meta(description="adapter that was told")]
    code: Annotated[
        str, Meta(description="why it was declined, in the provider's words: insufficient_funds, R01, AM04")
    ]
    returned: Annotated[bool, Meta(description="whether it had come, and was taken back")]
    attempt: Annotated[int, Meta(description="which attempt at the payment it was, from 1", extra={"least": 1})]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the payment")]
    amount: Annotated[Decimal, Meta(description="how much was asked for", extra={"least": 0})]
    day: Annotated[date, Meta(description="the day on which it was declined; selects the rule in force")]


Choice = Literal["first", "cheapest", "fastest"]
"""How routing chooses among adapters that can take a payment."""
