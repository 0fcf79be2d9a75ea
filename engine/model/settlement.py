"""What a customer owes, item by item, and what settles it.

An open item is a document that is not settled yet: an invoice (above zero), a credit note or money that came over (below
zero).  The credit on an account is one item for each currency, below zero too: it is what the customer has with us.  A leg
changes what is left of one item, and legs that belong together are an act: a payment, a refund, a use of credit.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.entity import LegalEntity

Kind = Literal["payment", "refund", "chargeback", "credit_note", "account_credit", "transfer", "write_off"]
"""What settles; what wallets pay stands in their own movements."""

ItemKind = Literal[
    "invoice", "credit_note", "corrected_invoice", "debit_note", "advance_invoice", "receivable", "cash", "credit"
]

CREDIT: Final = 0
"""The id of the item that is the credit on an account."""


class OpenItem(msgspec.Struct, frozen=True, gc=False):
    """A document of a payer, or its credit (id 0): ``left`` of ``amount`` is not settled; ``worth`` is what all of the
    ``amount`` is worth in functional currency; ``disputed`` says that the customer contests it."""

    id: int
    account: str
    kind: str
    number: str
    on: date
    due: date
    currency: str
    amount: Decimal
    left: Decimal
    functional_currency: str
    worth: Decimal
    disputed: bool = False


class Leg(msgspec.Struct, frozen=True, gc=False):
    """What an act changes of one item: ``amount`` is added to what is left, ``functional`` is what that is worth."""

    item: OpenItem
    amount: Decimal
    functional: Decimal


class AllocationFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of allocation may look at: money of a customer that no invoice has taken yet."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account whose money it is")]
    kind: Annotated[
        Literal["payment", "credit_note", "account_credit"],
        Meta(description="payment, credit_note (by a run or by hand), or account_credit that a new invoice could use"),
    ]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the money")]
    amount: Annotated[Decimal, Meta(description="how much it is, above zero", extra={"least": 0})]
    reason: Annotated[str, Meta(description="reason code of a credit note made by hand; empty otherwise")]
    day: Annotated[date, Meta(description="the day; selects the rule in force")]
