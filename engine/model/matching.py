"""Which money pays what: who may pay, what is open, what came in, and what was found of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

ItemKind = Literal["invoice", "credit_note"]

Status = Literal["auto", "suggest", "none", "duplicate", "return"]
"""What became of a payment: applied without a person, proposed to one, nothing found, the same bank entry as another,
money that is taken back."""

Band = Literal["auto", "suggest", "none"]
"""What a rule lets happen with a fit."""

Remainder = Literal["exact", "discount", "fee", "withholding", "deduction", "rate", "short", "over"]
"""How the money and what is open of the items differ, and what explains it."""

ZERO: Final = Decimal(0)


class Party(msgspec.Struct, frozen=True, gc=False):
    """Who may pay: an account, its names' spelling as we know it, the bank accounts that were learnt, its parent."""

    account: str
    name: str
    currency: str = ""
    bank_accounts: tuple[str, ...] = ()
    parent: str = ""


class Candidate(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An open document: ``amount`` and ``open`` are above zero for an invoice and below zero for a credit note.

    ``terms`` are those of payment as texts such as ``net30`` or ``2/10net30``; ``creditor_reference`` is an ISO 11649
    reference; texts are empty where there are none.
    """

    id: str
    number: str
    kind: ItemKind
    account: str
    issued: date
    due: date
    currency: str
    amount: Decimal
    open: Decimal
    terms: str = ""
    purchase_order: str = ""
    creditor_reference: str = ""


class Incoming(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Money of one bank entry: ``amount`` is below zero where it was taken back.

    ``bank_ref`` is the bank's own reference of the entry; ``remittance`` is free text, that of a separate advice included.
    """

    id: str
    bank_ref: str
    booked: date
    amount: Decimal
    currency: str
    payer_name: str = ""
    payer_account: str = ""
    remittance: str = ""
    end_to_end_id: str = ""
    structured_reference: str = ""


class Residual(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the money does not pay of a document, and what it is called: ``late_discount``, ``withholding_tax``.

    It stays open, or the document is ``settled`` without it: a small difference, tax that was withheld.
    """

    kind: str
    amount: Decimal
    settled: bool = False


class Applied(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one document takes of a payment.

    ``amount`` is money in the document's currency, below zero for a credit note and for money that is taken back;
    ``discount`` and ``fee`` settle the document beside it; ``residuals`` are the rest and why.
    """

    candidate: str
    amount: Decimal
    discount: Decimal = ZERO
    fee: Decimal = ZERO
    residuals: tuple[Residual, ...] = ()

    @property
    def closes(self) -> Decimal:
        """By how much less is open of the document."""
        closed = self.amount + self.discount + self.fee
        return closed + sum((one.amount for one in self.residuals if one.settled), ZERO) if self.residuals else closed


class Match(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was found of one payment.

    Attributes:
        payment: the id of the payment.
        status: what became of it.
        applications: what it pays; of status ``suggest`` it is the best proposal.
        rule: the rule that answered, empty where none was asked.
        score: of the rule, from 0 to 1.
        alternatives: other proposals that fit as well, each with its applications.
        trace: one line a thing worth knowing, near misses among them.
        decision: the id of the decision, 0 where no rule was asked.
        account: who pays, where that is known; empty otherwise.
        unapplied: what is left of the money in its own currency.
        of: the payment that this is a duplicate of, or that it takes back.
        reason: a stable word for what a person should look at: ``ambiguous``, ``already-paid``, ``payer-conflict``.
    """

    payment: str
    status: Status
    applications: tuple[Applied, ...] = ()
    rule: str = ""
    score: Decimal = ZERO
    alternatives: tuple[tuple[Applied, ...], ...] = ()
    trace: tuple[str, ...] = ()
    decision: int = 0
    account: str = ""
    unapplied: Decimal = ZERO
    of: str = ""
    reason: str = ""


Reference = Literal["structured", "number", "list", "garbled", "short", "purchase_order", "none"]
"""How a payment names what it pays, from the surest to none: a creditor reference with its check digits, the whole number, a
list whose later numbers are cut short, a number that differs in writing alone, its last digits, a purchase order."""

Purpose = Literal["document", "advance", "other", "against"]
"""What the text of a payment says that the money is for."""

Payer = Literal["account", "name", "similar", "parent", "unknown", "other"]


class MatchingFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of matching may look at: one possible fit, a payment and the documents that it may pay."""

    reference: Annotated[
        Reference,
        Meta(
            description="how the payment names the documents, the weakest where it names several: structured (a creditor "
            "reference with its check digits), number, list (later numbers cut short, or a range), garbled (the number differs "
            "in letters that look alike, lost zeros or a letter), short (its last digits), purchase_order, none"
        ),
    ]
    by_end_to_end: Annotated[bool, Meta(description="the number stands in the end-to-end id, not in the text")]
    distance: Annotated[
        int,
        Meta(description="letters and digits of a garbled number that are not those of the number", extra={"least": 0}),
    ]
    items: Annotated[int, Meta(description="how many documents the fit pays", extra={"least": 1})]
    credit_notes: Annotated[int, Meta(description="how many of them are credit notes", extra={"least": 0})]
    unread: Annotated[
        int,
        Meta(
            description="what the payment names or says beside, and neither an open document nor the money explains",
            extra={"least": 0},
        ),
    ]
    payer: Annotated[
        Payer,
        Meta(
            description="who pays, next to the customer of the documents: account (by a learnt bank account), name (legal form "
            "aside), similar (a name like it), parent (its parent, by account or name), unknown (nobody that is known), "
            "other (another customer)"
        ),
    ]
    remainder: Annotated[
        Remainder,
        Meta(
            description="how money and documents differ: exact; discount (that of the terms), fee, withholding, deduction (as "
            "the payment says); rate (another currency); short or over without explanation"
        ),
    ]
    difference: Annotated[
        Decimal, Meta(description="what is open less the money, in the documents' currency; below 0 where more came")
    ]
    difference_percent: Annotated[
        Decimal, Meta(description="the difference without its sign, in per cent of what is open", extra={"least": 0})
    ]
    discount_in_time: Annotated[bool, Meta(description="the payment came while the terms grant the discount")]
    discount_late: Annotated[
        int, Meta(description="days by which the payment came after them, 0 in time", extra={"least": 0})
    ]
    transposed: Annotated[bool, Meta(description="the money is what is open with two digits exchanged")]
    elsewhere: Annotated[
        int,
        Meta(
            description="other open documents of the payer that would explain the money or the difference exactly: alone, less their "
            "discount, or two together",
            extra={"least": 0},
        ),
    ]
    fits: Annotated[
        int, Meta(description="fits of this payment that are as good as this one, itself included", extra={"least": 1})
    ]
    paid_already: Annotated[bool, Meta(description="another payment of the batch paid a part of the documents before")]
    repeated: Annotated[
        bool,
        Meta(description="another payment of the batch paid as much of one of the documents before, in the same words"),
    ]
    purpose: Annotated[
        Purpose,
        Meta(
            description="what the payment says it is for: document (nothing else is said), advance (no invoice yet), other (wages, a "
            "loan, a credit of the payer), against (a document is named as one that is not meant, or money is given back)"
        ),
    ]
    days: Annotated[
        int, Meta(description="days from the latest issue of the documents to the payment, below 0 before it")
    ]
    amount: Annotated[Decimal, Meta(description="the money", extra={"least": 0})]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the money")]
    day: Annotated[date, Meta(description="the day on which the bank booked it; selects the rule in force")]
