"""Payments: what customers pay with, what a provider is asked to take or give back, and what it says of that.

A :class:`Method` is a reference to something that the provider keeps; numbers of cards are never here.  A payment is told
once for each attempt, under a key of its own; what became of it is a :class:`PaymentAnswer` or comes later as a
:class:`PaymentEvent`.  Amounts are in major units of their currency, exact, and above zero unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

MethodKind = Literal["card", "sepa_debit", "ach_debit", "bacs_debit", "wallet", "bank_transfer"]

State = Literal["created", "processing", "requires_action", "authorized", "succeeded", "failed", "canceled", "returned"]

CREATED: Final = "created"
PROCESSING: Final = "processing"
REQUIRES_ACTION: Final = "requires_action"
AUTHORIZED: Final = "authorized"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
CANCELED: Final = "canceled"
RETURNED: Final = "returned"

CHARGE: Final = "payment-charge"
CAPTURE: Final = "payment-capture"
CANCEL: Final = "payment-cancel"
REFUND: Final = "payment-refund"
"""Kinds of effects of port ``psp``."""


class Mandate(msgspec.Struct, frozen=True):
    """Leave to take money from a bank account.  ``sequence`` is what the next collection under it is."""

    reference: Annotated[str, Meta(min_length=1, description="unique for the creditor")]
    scheme: Annotated[str, Meta(description="core, b2b, ach, bacs")] = "core"
    creditor_id: str = ""
    debtor_name: str = ""
    iban: str = ""
    bic: str = ""
    signed: date | None = None
    last_used: date | None = None
    sequence: Literal["FRST", "RCUR", "FNAL", "OOFF"] = "FRST"
    amended: Annotated[Mapping[str, str], Meta(description="what it was before, by what has changed since")] = {}


class Method(msgspec.Struct, frozen=True):
    """What a customer pays with, kept by a provider: ``token`` and ``customer`` are its names there."""

    key: Annotated[str, Meta(min_length=1, description="our name of it, unique in the legal entity")]
    entity: Annotated[str, Meta(description="key of the legal entity that is paid")]
    account: Annotated[str, Meta(description="key of the paying account")]
    kind: MethodKind
    provider: Annotated[str, Meta(description="adapter that keeps it; empty: any that can take it")] = ""
    token: str = ""
    customer: Annotated[str, Meta(description="what the provider calls the customer")] = ""
    currency: Annotated[str, Meta(description="ISO 4217; empty: any")] = ""
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 of issuer or bank")] = ""
    brand: str = ""
    last4: str = ""
    expires: Annotated[date | None, Meta(description="last day on which a card is good")] = None
    network_transaction: Annotated[
        str, Meta(description="reference of the payment in which the customer agreed to later ones without being there")
    ] = ""
    mandate: Mandate | None = None


class PaidItem(msgspec.Struct, frozen=True):
    """A document that a payment is for, and how much of the payment."""

    number: str
    amount: Decimal


class PaymentRequest(msgspec.Struct, frozen=True):
    """Payload of effects of kind ``payment-charge``, as plain data: amounts are texts, days ISO texts."""

    reference: Annotated[str, Meta(description="key of the payment; its attempts share it")]
    entity: str
    account: Annotated[str, Meta(description="key of the paying account; no personal data")]
    day: Annotated[date, Meta(description="the day on which it is to be taken")]
    amount: Decimal
    currency: str
    method: Method
    items: tuple[PaidItem, ...] = ()
    attempt: Annotated[int, Meta(description="1 for the first")] = 1
    capture: Annotated[bool, Meta(description="False: only reserved, and captured later")] = True
    off_session: Annotated[bool, Meta(description="the customer is not there: the merchant initiates it")] = True
    text: Annotated[str, Meta(description="what the payer reads")] = ""
    first_attempt: Annotated[date | None, Meta(description="the day of attempt 1")] = None


class PaymentChange(msgspec.Struct, frozen=True):
    """Payload of effects of kinds ``payment-capture`` and ``payment-cancel``."""

    reference: Annotated[str, Meta(description="key of the payment")]
    entity: str
    provider_id: Annotated[str, Meta(description="what the provider calls the payment")]
    currency: str
    amount: Annotated[Decimal | None, Meta(description="how much to capture; absent: all")] = None


class Payee(msgspec.Struct, frozen=True):
    """The bank account that money goes to by credit transfer."""

    name: str
    iban: str
    bic: str = ""


class RefundRequest(msgspec.Struct, frozen=True):
    """Payload of effects of kind ``payment-refund``: money goes back to what it was paid with, and nowhere else.

    Where a ``payee`` is named, it came by a transfer from that bank account; ``provider_id`` is empty then.
    """

    reference: Annotated[str, Meta(description="key of the refund")]
    payment: Annotated[str, Meta(description="key of the payment")]
    entity: str
    account: str
    provider_id: Annotated[str, Meta(description="what the provider calls the payment")]
    amount: Decimal
    currency: str
    method: Method
    paid: Annotated[date | None, Meta(description="the day on which the payment came")] = None
    reason: str = ""
    payee: Annotated[Payee | None, Meta(description="whose transfer is given back; absent: it was collected")] = None


class PaymentAnswer(msgspec.Struct, frozen=True):
    """What the evidence of an answer has at least, as plain data.

    With ``accepted`` the state is processing (it is decided later, days perhaps), requires_action (the customer has to
    follow ``link``), authorized, succeeded or canceled.  With ``rejected`` it is failed, and ``code`` is what rules of
    retries look at, in the provider's words for a decline.
    """

    provider_id: Annotated[str, Meta(description="what the provider calls the payment or refund")] = ""
    state: State = "processing"
    amount: Annotated[Decimal | None, Meta(description="what was taken, reserved or given back so far")] = None
    currency: str = ""
    code: Annotated[str, Meta(description="why it was declined, such as insufficient_funds or AM04")] = ""
    link: Annotated[str, Meta(description="where the customer confirms it")] = ""
    network_transaction: str = ""
    charge: Annotated[str, Meta(description="a second name of it at the provider, by which events may call it")] = ""
    at: Annotated[str, Meta(description="when, ISO 8601")] = ""


EventKind = Literal[
    "payment_processing",
    "payment_requires_action",
    "payment_authorized",
    "payment_succeeded",
    "payment_failed",
    "payment_canceled",
    "payment_returned",
    "refund_succeeded",
    "refund_failed",
    "dispute_opened",
    "dispute_updated",
    "dispute_won",
    "dispute_lost",
    "payout_paid",
    "payout_failed",
    "other",
]
"""``payment_failed``: no money came; ``payment_returned``: it had come, and the payer's bank has taken it back (``code`` says why);
a dispute is told by its own kinds."""


class DisputeNotice(msgspec.Struct, frozen=True):
    """What a provider says of a dispute: a chargeback, a return of a direct debit, or an inquiry before one."""

    id: str
    provider_id: Annotated[str, Meta(description="what the provider calls the payment")]
    amount: Decimal
    currency: str
    reason: Annotated[str, Meta(description="code of the network or bank, such as fraudulent or MD06")] = ""
    state: Annotated[str, Meta(description="in the provider's words")] = ""
    fee: Decimal = Decimal(0)
    due: Annotated[datetime | None, Meta(description="until when evidence is taken")] = None
    payment: Annotated[str, Meta(description="key of the payment, where the provider carries it")] = ""
    withdrawn: Annotated[bool, Meta(description="whether the money has been taken")] = True


class PayoutLine(msgspec.Struct, frozen=True):
    """One movement of the balance at a provider.  ``gross`` - ``fee`` = ``net``; money that leaves is negative."""

    id: str
    kind: Literal["payment", "refund", "refund_failure", "dispute", "dispute_reversal", "fee", "adjustment", "other"]
    gross: Decimal
    fee: Decimal
    net: Decimal
    currency: str
    on: date
    provider_id: Annotated[str, Meta(description="what the provider calls the payment or refund; may be empty")] = ""
    payment: Annotated[str, Meta(description="key of the payment or refund, where the provider carries it")] = ""
    charge: str = ""
    text: str = ""


class Payout(msgspec.Struct, frozen=True):
    """Money that a provider sends to the bank: ``amount`` is what arrives, the sum of the lines' ``net``."""

    id: str
    amount: Annotated[Decimal, Meta(description="below zero where the provider takes money")]
    currency: str
    paid: Annotated[date, Meta(description="the day on which it arrives")]
    state: Literal["pending", "paid", "failed", "canceled"] = "paid"
    lines: tuple[PayoutLine, ...] = ()
    entity: Annotated[str, Meta(description="key of the legal entity that gets it, where the adapter knows")] = ""


class PaymentEvent(msgspec.Struct, frozen=True):
    """One thing that a provider tells by itself.  The same ``id`` is the same event, however often it comes."""

    id: Annotated[str, Meta(min_length=1)]
    kind: EventKind
    at: datetime
    provider_id: Annotated[str, Meta(description="what the provider calls the payment or refund")] = ""
    key: Annotated[str, Meta(description="key of the effect that it is about, where the provider carries it")] = ""
    charge: str = ""
    amount: Decimal | None = None
    currency: str = ""
    code: str = ""
    reason: str = ""
    link: str = ""
    network_transaction: str = ""
    dispute: DisputeNotice | None = None
    payout: Payout | None = None
