"""Disputes: a customer, or the customer's bank, contests money.

A chargeback contests a payment: the bank asks (``inquiry``), takes the money (``chargeback``), and may take it again after it was won
(``pre_arbitration``, ``arbitration``).  A billing dispute contests what was invoiced; no money moves until it is decided.
What happened is told by events; how a dispute stands is a function of all of them.  Amounts are in the dispute's currency,
above zero.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.base.calendar import EVERY_DAY, Calendar
from engine.base.money import ZERO
from engine.model.account import Account
from engine.model.entity import LegalEntity

Kind = Literal["chargeback", "billing"]
Stage = Literal["inquiry", "chargeback", "pre_arbitration", "arbitration", "claim"]
State = Literal["notice", "under_review", "evidence_submitted", "won", "lost", "expired", "accepted"]
Happening = Literal[
    "inquiry",
    "chargeback",
    "claim",
    "withdrawn",
    "review",
    "evidence",
    "lost",
    "accepted",
    "expired",
    "won",
    "reinstated",
    "pre_arbitration",
    "arbitration",
    "corrected",
    "escalated",
    "fee",
]
"""What an event may be.  ``withdrawn`` and ``reinstated``: the bank takes the money, or brings it back while it is still undecided;
``corrected``: usage that was wrong is billed right; ``escalated``: a step of the ladder; ``fee``: only what the bank takes for itself has changed.
"""

ENDED: Final = frozenset({"won", "lost", "expired", "accepted"})
"""States in which a dispute is decided; a further round may still begin."""
GIVEN_UP: Final = frozenset({"lost", "expired", "accepted"})
"""States in which the seller does not get the money."""

TICKET: Final = "dispute"
"""Kind of the items of the worklist that disputes open."""
ENTRY: Final = "dispute"
"""Kind of the entries that touch no open item; the others are settlements."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a dispute.  The same ``id`` is the same event, however often it is told.

    ``amount`` is what is contested from now on, or how much of it was won or accepted; None leaves it as it is.  ``withdrawn``
    says whether the bank has the money; None: it does, except in an inquiry.  ``fee`` is all that the bank has taken for itself so far;
    None where nothing is said of it.
    """

    id: str
    kind: Happening
    at: datetime
    day: date
    amount: Decimal | None = None
    fee: Decimal | None = None
    due: date | None = None
    withdrawn: bool | None = None
    reason: str = ""
    note: str = ""
    by: Literal["", "credit", "usage"] = ""


class Disputed(msgspec.Struct, frozen=True):
    """A document that is named as contested, and how much of it (0: as much as there is)."""

    item: int
    number: str
    amount: Decimal = ZERO


class Standing(msgspec.Struct, frozen=True):
    """How a dispute stands after all its events.

    Attributes:
        round: counts stages, 1 for the first.
        amount: what is contested in this round.
        out: what the bank has, or has kept.
        given_up: what the seller will not get, of a billing dispute what is to be credited; 0 while it is undecided.
        fees: of the bank, all together.
        due: until when it takes evidence.
        since: the day on which this round began.
        ended: the day on which it was decided.
        waits: it is accepted, and usage has yet to be corrected.
        by: how an accepted billing dispute is put right.
    """

    state: State
    stage: Stage
    round: int
    amount: Decimal
    out: Decimal
    given_up: Decimal
    fees: Decimal
    due: date | None
    since: date
    ended: date | None
    waits: bool = False
    by: str = ""


class Position(msgspec.Struct, frozen=True):
    """Where contested money stands in the books: ``opened`` again on invoices, ``held`` as a receivable of its own, both because
    the bank has it; ``lost`` of what was held; ``worth`` is what ``held`` is worth in functional currency."""

    opened: Decimal = ZERO
    held: Decimal = ZERO
    lost: Decimal = ZERO
    worth: Decimal = ZERO
    fees: Decimal = ZERO


class Terms(msgspec.Struct, frozen=True):
    """What a rule of the family ``dispute`` says; the family describes each field."""

    owner: str
    respond_within: int
    evidence: tuple[str, ...]
    money: Literal["invoices", "dispute_receivable"]
    assessment: Literal["concession", "credit_loss", "claim"]
    credit_reason: str
    fee: Literal["seller", "customer", "elsewhere"]
    on_expiry: Literal["expired", "wait"]


class Rung(msgspec.Struct, frozen=True):
    """A step of a ladder: so many business days ``after`` the round began, or ``before`` evidence is due, ``to`` is in charge."""

    name: str
    to: str
    after: int | None = None
    before: int | None = None


class Ladder(msgspec.Struct, frozen=True):
    """What a rule of the family ``escalation`` says."""

    steps: tuple[Rung, ...]
    calendar: Calendar = Calendar(EVERY_DAY)


class DisputeRecord(msgspec.Struct, frozen=True):
    """A dispute in the books.  Natural key: (tenant, entity, key).

    ``payment`` is the key of the payment; of a billing dispute it is empty, and ``items`` are what it is about.  From ``state`` on
    it is kept as its events make it; ``closed_on`` is the day on which nothing was left to do.
    """

    id: int
    entity: str
    account: str
    key: str
    kind: str
    payment: str
    currency: str
    functional_currency: str
    items: tuple[Disputed, ...]
    reason: str
    provider: str
    terms: Terms
    decision: int
    at: datetime
    state: str
    stage: str
    round: int
    amount: Decimal
    due: date | None
    owner: str
    closed_on: date | None
    version: int


class DisputeFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of disputes may look at: a dispute as it begins."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that has paid, or was invoiced")]
    kind: Annotated[Kind, Meta(description="chargeback (of a payment) or billing (of what was invoiced)")]
    stage: Annotated[
        Stage, Meta(description="inquiry, chargeback, pre_arbitration, arbitration; claim of a billing dispute")
    ]
    reason: Annotated[str, Meta(description="reason code, in the words of whoever told; empty where there is none")]
    provider: Annotated[str, Meta(description="who told of it: adapter of the port psp; empty for what people enter")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of what is contested")]
    amount: Annotated[Decimal, Meta(description="what is contested", extra={"least": 0})]
    day: Annotated[date, Meta(description="the day on which it began; selects the rule in force")]


class EscalationFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of escalation may look at: a dispute that is not decided."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that contests")]
    kind: Annotated[Kind, Meta(description="chargeback or billing")]
    stage: Annotated[Stage, Meta(description="inquiry, chargeback, pre_arbitration, arbitration, claim")]
    reason: Annotated[str, Meta(description="reason code; empty where there is none")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of what is contested")]
    amount: Annotated[Decimal, Meta(description="what is contested", extra={"least": 0})]
    day: Annotated[date, Meta(description="the day on which the round began; selects the rule in force")]
