"""Messages with CRM, ERP and provisioning: what each kind says, which way it goes, and in which version.

Amounts and quantities are texts in JSON (numbers are read, too, digit by digit); days are ISO 8601.  A version is ``major.minor``: a
minor one adds fields that have defaults, so that an older message is read as it was meant; another major means something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

Key = Annotated[str, Meta(min_length=1, max_length=100)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
Version = Annotated[str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$", description="major.minor")]
Entity = Annotated[str, Meta(min_length=1, max_length=100, description="key of the legal entity that sells")]
Subscription = Annotated[str, Meta(min_length=1, max_length=100, description="key of the subscription")]


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a message says; a field that is not known is refused, for it may have been meant."""


class AccountData(Data, frozen=True):
    """A customer, whole: what is left out has its default, also where it was something else before."""

    entity: Entity
    key: Annotated[str, Meta(min_length=1, max_length=100, description="identifies the account in the legal entity")]
    name: Annotated[str, Meta(min_length=1, max_length=200, description="name on invoices")]
    country: Country
    currency: Currency
    zone: Annotated[str, Meta(description="IANA time zone in which its days begin")]
    region: Annotated[str | None, Meta(description="state or province, ISO 3166-2 without the country")] = None
    parent: Annotated[Key | None, Meta(description="key of the account above it")] = None
    payer: Annotated[Key | None, Meta(description="key of the account that gets its invoices; itself if absent")] = None
    segment: Annotated[str, Meta(max_length=50)] = "business"
    language: Annotated[str, Meta(description="ISO 639-1")] = "en"
    tax_id: Annotated[str, Meta(max_length=50)] | None = None
    tax_exempt: bool = False
    email: Annotated[str, Meta(max_length=320)] | None = None
    address: Annotated[str, Meta(max_length=1000, description="lines, separated by newlines")] = ""
    city: str = ""
    postcode: str = ""
    legal_id: str = ""
    legal_scheme: str = ""
    endpoint: str = ""
    endpoint_scheme: str = ""
    reference: Annotated[str, Meta(description="what it wants named on invoices")] = ""


class OrderItem(Data, frozen=True):
    """Something that is subscribed to."""

    subscription: Annotated[str, Meta(min_length=1, max_length=100, description="key of the new subscription")]
    plan: Key
    starts_on: date
    quantity: Annotated[Decimal, Meta(description="0 or more")] = Decimal(1)
    anchor_day: Annotated[int, Meta(ge=1, le=31, description="day of the month on which cycles begin")] = 1
    event: Annotated[str, Meta(min_length=1, max_length=100, description="key of the start")] = "start"


class OrderPrice(Data, frozen=True):
    """A price that was agreed."""

    plan: Key
    charge: Key
    unit_price: Decimal
    currency: Currency
    valid_from: Annotated[date | None, Meta(description="first day; always was if absent")] = None
    valid_to: Annotated[date | None, Meta(description="day after the last; no end if absent")] = None


class OrderData(Data, frozen=True):
    """A contract, and what is subscribed to under it."""

    entity: Entity
    key: Annotated[str, Meta(min_length=1, max_length=100, description="key of the contract in the legal entity")]
    account: Annotated[str, Meta(min_length=1, max_length=100, description="key of the customer")]
    signed_on: date
    items: Annotated[tuple[OrderItem, ...], Meta(min_length=1, max_length=200)]
    payment_days: Annotated[int, Meta(ge=0, le=730)] = 30
    purchase_order: Annotated[str, Meta(max_length=100, description="the buyer's order number")] | None = None
    prices: Annotated[
        tuple[OrderPrice, ...], Meta(max_length=1000, description="prices of this contract", extra={"since": 1})
    ] = ()
    payer: Annotated[
        str,
        Meta(
            max_length=100,
            description="key of the account that gets the invoices of its items; the payer of the customer if empty",
            extra={"since": 2},
        ),
    ] = ""


class ActivationData(Data, frozen=True):
    """What went live or was accepted, or which of these is taken back."""

    entity: Entity
    subscription: Subscription
    key: Annotated[str, Meta(min_length=1, max_length=100, description="identifies it within the subscription")]
    what: Literal["go_live", "accept", "revoke"]
    on: Annotated[date, Meta(description="the day from which it counts")]
    about: Annotated[
        Key | None, Meta(description="go_live: the charge; accept: the milestone; revoke: the key that is taken back")
    ] = None
    accepted_by: Annotated[str, Meta(max_length=200)] = ""
    evidence: Annotated[str, Meta(max_length=200)] = ""


Action = Literal["suspend", "resume", "cancel", "uncancel"]


class SuspensionData(Data, frozen=True):
    """A subscription that is suspended, resumed or ended."""

    entity: Entity
    subscription: Subscription
    key: Annotated[str, Meta(min_length=1, max_length=100, description="identifies the event in the subscription")]
    action: Action
    on: Annotated[date, Meta(description="first day of its effect")]


class PaymentData(Data, frozen=True):
    """Money that came from a customer, as another system has booked it."""

    entity: Entity
    account: Annotated[str, Meta(min_length=1, max_length=100, description="key of the customer")]
    key: Annotated[str, Meta(min_length=1, max_length=100, description="the sender's key of the payment")]
    amount: Annotated[Decimal, Meta(description="above zero")]
    currency: Currency
    on: Annotated[date, Meta(description="day on which it came")]
    invoices: Annotated[
        tuple[Key, ...], Meta(max_length=1000, description="numbers that it pays; else the rules of allocation say")
    ] = ()
    note: Annotated[str, Meta(max_length=200)] = ""


class ActivationRequest(Data, frozen=True):
    """A subscription that starts: whoever provides the service makes it ready."""

    entity: Entity
    account: Key
    subscription: Subscription
    key: Annotated[str, Meta(description="key of the event")]
    plan: Key
    quantity: Decimal
    on: date
    contract: Key | None = None


class SuspensionRequest(Data, frozen=True):
    """A subscription that stops for a while, goes on, or ends."""

    entity: Entity
    account: Key
    subscription: Subscription
    key: Annotated[str, Meta(description="key of the event")]
    action: Action
    on: date


class InvoiceIssued(Data, frozen=True):
    """A document that was issued; credits are below zero."""

    entity: Entity
    account: Annotated[str, Meta(description="key of the payer")]
    number: Key
    document: Literal["invoice", "credit_note", "corrected_invoice", "debit_note", "advance_invoice"]
    invoice_date: date
    due_date: date
    tax_point: date
    currency: Currency
    net: Decimal
    tax: Decimal
    total: Decimal
    purchase_order: str | None = None


class Settles(Data, frozen=True):
    """What a payment has done to a document: below zero where it pays."""

    document: Annotated[str, Meta(description="number of the document; empty for the credit of the account")]
    amount: Decimal


class PaymentBooked(Data, frozen=True):
    """Money that was booked, and what it settles.  Below zero for money that went back."""

    entity: Entity
    account: Key
    key: Annotated[str, Meta(description="key of the act in the books")]
    what: Literal["payment", "refund", "chargeback"]
    amount: Decimal
    currency: Currency
    on: date
    settles: tuple[Settles, ...]


class CreditHold(Data, frozen=True):
    """Whether a customer is to be supplied on credit: ``on`` from a step of dunning that says so, ``off`` once what it was about is
    settled."""

    entity: Entity
    account: Key
    currency: Currency
    state: Literal["on", "off"]
    since: date
    step: Annotated[str, Meta(description="the step of dunning that began it")]
    documents: Annotated[tuple[str, ...], Meta(description="numbers of the documents that it is about")]


class Inbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every message has that comes in; ``data`` is read by its kind."""

    id: Annotated[str, Meta(min_length=1, max_length=200, description="the sender's: the same id is the same message")]
    kind: str
    version: Version
    data: dict[str, Any]
    at: Annotated[datetime, Meta(tz=True, description="when it was sent")] | None = None


class Outbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every message has that goes out."""

    id: Annotated[str, Meta(min_length=1, description="the same id is the same message, however often it comes")]
    kind: str
    version: Version
    tenant: str
    data: dict[str, Any]


class Kind(msgspec.Struct, frozen=True):
    """A kind of message in one direction: what its data are, the version that is written and the highest that is read."""

    name: str
    data: type[Data]
    version: str
    about: str
    example: Mapping[str, Any]


def _kinds(*kinds: Kind) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in kinds}


_WHO: Final = {"entity": "E1", "account": "A1"}
_SUB: Final = {"entity": "E1", "subscription": "S1"}

INBOUND: Final = _kinds(
    Kind("account", AccountData, "1.0", "CRM or ERP: a customer is new, or has changed", {
        "entity": "E1", "key": "A9", "name": "Nine BV", "country": "NL", "currency": "EUR", "zone": "Europe/Amsterdam",
        "email": "billing@nine.example",
    }),
    Kind("order", OrderData, "1.2", "CRM: a contract was signed", {
        "entity": "E1", "key": "C9", "account": "A1", "signed_on": "2026-01-15", "purchase_order": "PO-77",
        "items": [{"subscription": "S9", "plan": "team", "quantity": "3", "starts_on": "2026-02-01"}],
        "prices": [{"plan": "team", "charge": "seats", "unit_price": "8.50", "currency": "EUR"}],
    }),
    Kind("activation", ActivationData, "1.0", "provisioning: something went live or was accepted", {
        **_SUB, "key": "live-1", "what": "go_live", "on": "2026-02-01", "about": "setup",
    }),
    Kind("suspension", SuspensionData, "1.0", "CRM or provisioning: a subscription stops, goes on or ends", {
        **_SUB, "key": "stop-1", "action": "suspend", "on": "2026-02-10",
    }),
    Kind("payment", PaymentData, "1.0", "ERP: money came from a customer", {
        **_WHO, "key": "R-1", "amount": "25.00", "currency": "EUR", "on": "2026-02-12",
    }),
)  # fmt: skip
"""Kinds that come in."""

OUTBOUND: Final = _kinds(
    Kind("activation", ActivationRequest, "1.0", "provisioning: a subscription starts", {
        **_WHO, "subscription": "S1", "key": "1", "plan": "team", "quantity": "5", "on": "2026-01-01",
    }),
    Kind("suspension", SuspensionRequest, "1.0", "provisioning: a subscription stops, goes on or ends", {
        **_WHO, "subscription": "S1", "key": "stop-1", "action": "suspend", "on": "2026-02-10",
    }),
    Kind("invoice", InvoiceIssued, "1.0", "CRM and ERP: a document was issued", {
        **_WHO, "number": "E1-2026-000001", "document": "invoice", "invoice_date": "2026-02-01", "currency": "EUR",
        "due_date": "2026-03-03", "tax_point": "2026-02-01", "net": "100.00", "tax": "21.00", "total": "121.00",
    }),
    Kind("payment", PaymentBooked, "1.0", "CRM and ERP: money was booked", {
        **_WHO, "key": "R-1", "what": "payment", "amount": "121.00", "currency": "EUR", "on": "2026-02-12",
        "settles": [{"document": "E1-2026-000001", "amount": "-121.00"}],
    }),
    Kind("credit_hold", CreditHold, "1.0", "CRM, ERP and provisioning: a customer is not supplied on credit, or is again", {
        **_WHO, "currency": "EUR", "state": "on", "since": "2026-04-01", "step": "final",
        "documents": ["E1-2026-000001"],
    }),
)  # fmt: skip
"""Kinds that go out."""


def numbers(version: str) -> tuple[int, int]:
    """Major and minor of a version."""
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def readable(version: str, kind: Kind) -> bool:
    """Whether a message of a version is read: the same major, and no later minor."""
    (major, minor), (mine, newest) = numbers(version), numbers(kind.version)
    return major == mine and minor <= newest


def supported(kind: Kind) -> list[str]:
    """The versions of a kind that are read."""
    major, newest = numbers(kind.version)
    return [f"{major}.{minor}" for minor in range(newest + 1)]


def since(data: type[Data]) -> dict[str, int]:
    """Fields that came with a later minor version than 0, and with which."""
    info = msgspec.inspect.type_info(data)
    assert isinstance(info, msgspec.inspect.StructType)
    found: dict[str, int] = {}
    for field in info.fields:
        extra = field.type.extra if isinstance(field.type, msgspec.inspect.Metadata) else None
        if extra and "since" in extra:
            found[field.encode_name] = extra["since"]
    return found
