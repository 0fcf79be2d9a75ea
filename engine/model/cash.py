"""Money that a bank has booked: its entries, what of them is used for what, and what rules may look at."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.entity import LegalEntity

UseKind = Literal["split", "applied", "returned", "refund", "return", "transfer", "netted", "cleared"]
"""What is done with money of a bank entry: ``split`` into the payments that it gathers, ``applied`` to open items or kept on an
account, ``returned`` (a payment and the entry that took it back), sent back as a ``refund`` or ``return``, booked to
another account of the ledger (``transfer``), ``netted`` (a debit and the refund that it is), ``cleared`` (against what the books
have of a provider already: a payout, direct debits and their returns; ``key`` names it)."""

ENTRY_KIND: Final = "bank"
"""Kind of the journal entries of bank entries; their document is the bank entry."""
USE_KIND: Final = "cash"
"""Kind of the journal entries of uses that settle nothing; their document is the use."""
CLEARED: Final = "cleared"
"""Kind of the uses of entries that providers have caused."""
RUN_LOAD: Final = "bank-load"
RUN_MATCH: Final = "cash-match"


class BankEntry(msgspec.Struct, frozen=True, gc=False):
    """One booked entry of a bank account, or a payment that such an entry gathers (``parent``).

    Natural key: (tenant, entity, account, key).  ``account`` is the name of the legal entity's bank account; ``amount`` is below
    zero where the balance shrank; ``functional`` is what it is worth at the rate of its day.
    """

    id: int
    tenant: str
    entity: str
    account: str
    key: str
    statement_id: int
    parent: int
    amount: Decimal
    currency: str
    functional_currency: str
    functional: Decimal
    booked: date
    value_day: date
    payer: str
    payer_account: str
    end_to_end_id: str
    structured: str
    remittance: str
    bank_ref: str
    reversal: bool
    run_id: int

    @property
    def subject(self) -> str:
        """What findings and the worklist call it."""
        return f"bank-entry/{self.id}"

    @property
    def text(self) -> str:
        """It in words, without what is personal."""
        return f"bank entry {self.id} of {self.booked} on {self.account}"


class OpenEntry(msgspec.Struct, frozen=True, gc=False):
    """A bank entry with what is not used of it: ``left`` keeps the sign of the amount, ``worth`` is its value in the books."""

    entry: BankEntry
    left: Decimal
    worth: Decimal


class BankStatement(msgspec.Struct, frozen=True, gc=False):
    """A statement that was booked.  Natural key: (tenant, entity, account, digest)."""

    id: int
    tenant: str
    entity: str
    account: str
    kind: str
    currency: str
    opening: Decimal | None
    closing: Decimal | None
    first_day: date
    last_day: date
    entries: int
    digest: str
    file: str
    run_id: int


class Use(msgspec.Struct, frozen=True, gc=False):
    """What a part of a bank entry went to.  ``source`` is the use that this one takes back, 0 if none; ``key`` that of the
    settlement act; ``told`` how a match was found."""

    id: int
    tenant: str
    entity: str
    entry_id: int
    kind: str
    amount: Decimal
    functional: Decimal
    day: date
    customer: str
    key: str
    other: str
    document: int
    source: int
    told: Any
    decision: int
    run_id: int


class Withheld(msgspec.Struct, frozen=True, gc=False):
    """Tax that a customer has withheld of a document (``amount`` above zero), or the certificate for it (below zero)."""

    id: int
    tenant: str
    entity: str
    account: str
    item: int
    currency: str
    amount: Decimal
    functional: Decimal
    certificate: str
    day: date
    document: int
    run_id: int


class ByHand(msgspec.Struct, frozen=True, gc=False):
    """Money that somebody has booked without a bank entry: ``kind`` is payment, refund or chargeback, ``amount`` is above zero where it
    came; ``items`` are the ids of the documents that it has settled or opened."""

    key: str
    kind: str
    account: str
    currency: str
    amount: Decimal
    day: date
    document: int = 0
    note: str = ""
    items: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What a use of a bank entry calls it."""
        return f"{self.kind} {self.key}"


class Off(msgspec.Struct, frozen=True, gc=False):
    """A difference that settles a part of a document beside the money: its reason, such as ``discount``, and its amount."""

    reason: str
    amount: Decimal


class Pay(msgspec.Struct, frozen=True, gc=False):
    """What one document takes of a payment: money in its own currency, and differences."""

    item: int
    amount: Decimal
    offs: tuple[Off, ...] = ()


class Application(msgspec.Struct, frozen=True):
    """Money of a bank entry put to use: ``used`` of its own currency pays documents; ``keep`` of it becomes credit of the
    account ``customer``.  ``told`` says how it was found."""

    entry: int
    pays: tuple[Pay, ...]
    used: Decimal
    customer: str = ""
    keep: Decimal = Decimal(0)
    day: date | None = None
    note: str = ""
    told: dict[str, Any] = {}
    decision: int = 0


class WriteOffFacts(msgspec.Struct, frozen=True, gc=False):
    """What a write-off rule may look at: a difference on one document that nobody will pay."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that owes the document")]
    reason: Annotated[
        str,
        Meta(
            description="what it is called: discount, late_discount, fee, rounding, small_balance, difference, withholding, "
            "deduction, bad_debt, or another word that a matching rule or a person uses"
        ),
    ]
    by: Annotated[Literal["run", "person"], Meta(description="who asks: the matching run or a person")]
    roles: Annotated[tuple[str, ...], Meta(description="roles of that person in config.yaml")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the document")]
    amount: Annotated[Decimal, Meta(description="how much it is, tax included, above zero", extra={"least": 0})]
    functional_amount: Annotated[
        Decimal, Meta(description="the same in the currency of the entity's books", extra={"least": 0})
    ]
    share: Annotated[Decimal, Meta(description="its share of the whole document", extra={"least": 0})]
    overdue: Annotated[int, Meta(description="days since the document was due; below zero before")]
    item_30_days: Annotated[
        Decimal,
        Meta(
            description="all that was written off the document in the last 30 days, this included, in functional currency"
        ),
    ]
    customer_30_days: Annotated[
        Decimal,
        Meta(description="the same of all documents of the customer, in functional currency"),
    ]
    customer_month: Annotated[
        Decimal,
        Meta(description="the same of the customer in the calendar month of the day, in functional currency"),
    ]
    day: Annotated[date, Meta(description="the day; selects the rule in force")]


class ExceptionFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of exceptions may look at: money that could not be put to use by itself."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that got it")]
    account: Annotated[Account | None, Meta(description="who has paid, if that is known")]
    kind: Annotated[
        Literal[
            "unapplied",
            "unidentified",
            "overpaid",
            "suggested",
            "duplicate",
            "return",
            "refused",
            "outgoing",
            "residual",
        ],
        Meta(
            description="unapplied (the payer is known, what it is for is not), unidentified (nor is the payer), overpaid (more "
            "than was open), suggested (somebody has to choose), duplicate, return (of a payment that is not found), refused (an "
            "application that cannot be), outgoing (money that went out), residual (a difference that needs somebody)"
        ),
    ]
    currency: Annotated[str, Meta(description="ISO 4217 currency")]
    amount: Annotated[Decimal, Meta(description="what is not used, without sign", extra={"least": 0})]
    functional_amount: Annotated[Decimal, Meta(description="the same in functional currency", extra={"least": 0})]
    age: Annotated[int, Meta(description="days since the bank booked it", extra={"least": 0})]
    suggestions: Annotated[int, Meta(description="how many proposals there are", extra={"least": 0})]
    day: Annotated[date, Meta(description="the day of the run; selects the rule in force")]
