"""Dunning: what customers are late with, what stands against asking for it, and the steps in which it is asked for.

Days are local to the legal entity.  A debt is late from the day after it is due.  What is frozen (disputed) or pending (on
its way by direct debit) is not asked for; the rest of the same document is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.base.calendar import Calendar
from engine.base.money import ZERO
from engine.model.account import Account
from engine.model.entity import LegalEntity

Level = Literal["invoice", "account"]
Charge = Literal["none", "claim", "debit_note"]

ALL_ITEMS: Final = 0
"""In the place of the id of a document: whatever the account owes in the currency."""

NOTICE: Final = "dunning_notice"
HANDOVER: Final = "dunning_handover"
"""Kinds of effects of the port delivery, and of the documents that they carry."""

LATE_INTEREST: Final = "late_interest"
LATE_FEE: Final = "late_fee"
OTHER_INCOME: Final = frozenset({LATE_INTEREST, LATE_FEE})
"""Kinds of lines that are compensation for paying late: outside of VAT, and no revenue of a contract."""


class Freeze(msgspec.Struct, frozen=True, gc=False):
    """A part of a document that is not asked for in [``start``, ``until``): disputed, or on its way.

    ``until`` is ``date.max`` where nobody knows when it ends.
    """

    item: int
    amount: Decimal
    start: date
    until: date = date.max
    reason: str = ""


class Hold(msgspec.Struct, frozen=True, gc=False):
    """Dunning that stands still in [``start``, ``until``), of a document or of all items."""

    item: int
    start: date
    until: date
    kind: Literal["hold", "insolvency", "handover"] = "hold"
    reason: str = ""
    key: str = ""


class Debt(msgspec.Struct, frozen=True, gc=False):
    """A document with what was added to what is left of it, by day; ``amount`` is below zero for what the customer has with us."""

    item: int
    number: str
    kind: str
    issued: date
    due: date
    amount: Decimal
    moves: tuple[tuple[date, Decimal], ...] = ()

    def open_on(self, day: date) -> Decimal:
        """What is left at the end of a day."""
        return sum((amount for on, amount in self.moves if on <= day), self.amount)


class Promise(msgspec.Struct, frozen=True, gc=False):
    """A promise of ``made`` to pay ``amount`` of some items by ``due``: then at most ``left`` of them may be open."""

    key: str
    made: date
    due: date
    amount: Decimal
    items: tuple[int, ...]
    left: Decimal
    ended: date = date.max


class Instalments(msgspec.Struct, frozen=True, gc=False):
    """A plan of ``made`` to pay what is open of some items, ``claim``, in parts of (day, amount) that sum to it."""

    key: str
    made: date
    parts: tuple[tuple[date, Decimal], ...]
    items: tuple[int, ...]
    claim: Decimal
    ended: date = date.max


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A step that was taken: of one document, or of all (0); ``items`` are those that it was about."""

    item: int
    cycle: int
    step: str
    day: date
    items: tuple[int, ...]


class Case(msgspec.Struct, frozen=True):
    """Everything that the schedule of an account in one currency comes from."""

    debts: tuple[Debt, ...]
    credits: tuple[Debt, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    holds: tuple[Hold, ...] = ()
    promises: tuple[Promise, ...] = ()
    plans: tuple[Instalments, ...] = ()
    taken: tuple[Taken, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """A step of a rule: ``after`` so many days from the due date, or from the step before, on the next business day.

    Attributes:
        business: whether the days are business days.
        action: ``notice`` (a letter), ``handover`` (to the agency), ``none`` (it is only noted).
        tone: which words the letter has.
        channels: in the order in which they are tried.
        by_law: whether the notice goes though consent is missing, because the law requires it.
        charge: what becomes of interest and fees: nothing, a claim that the letter names, or a debit note.
        fee: of the step itself, by currency.
        pay_within: days that the letter gives.
        credit_hold: whether other systems are told to supply nothing on credit until what it is about is settled.
    """

    name: str
    after: int
    business: bool = False
    action: Literal["notice", "handover", "none"] = "notice"
    tone: str = "reminder"
    channels: tuple[str, ...] = ("email",)
    by_law: bool = False
    charge: Charge = "none"
    fee: Mapping[str, Decimal] | None = None
    pay_within: int = 7
    credit_hold: bool = False


class Terms(msgspec.Struct, frozen=True):
    """What a rule of the family ``dunning`` says; the family describes each field."""

    level: Level
    steps: tuple[Step, ...] = ()
    minimum: Decimal = ZERO
    calendar: Calendar = Calendar()
    reopened: Literal["continue", "restart"] = "continue"
    reopened_after: int = 0
    broken_after: int = 0
    promise_grace: int = 0
    plan_grace: int = 0
    plan_misses: int = 0


class Due(msgspec.Struct, frozen=True):
    """A step that falls on ``day``: of a document, or of all items (0); ``planned`` is when it would have, had nothing stood
    against it.  ``number`` counts the steps of the cycle; ``items`` are (id, what is asked for) of the late ones."""

    item: int
    cycle: int
    number: int
    step: str
    planned: date
    day: date
    items: tuple[tuple[int, Decimal], ...]


class Standing(msgspec.Struct, frozen=True):
    """How a document, or an account, stands on a day.

    ``state`` is ``clear`` (nothing late), ``due`` (a step falls on this day), ``ahead`` (the next one comes later), ``held``
    (it would be due, and ``why`` stands against it), ``finished`` (all steps are taken).
    """

    item: int
    state: Literal["clear", "due", "ahead", "held", "finished"]
    cycle: int
    step: str
    overdue: Decimal
    asked: Decimal
    since: date | None
    next: str = ""
    planned: date | None = None
    why: str = ""


class DunningFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of dunning may look at: an account that is late with something in a currency."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that has to pay")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of what is late")]
    overdue: Annotated[
        Decimal, Meta(description="all that is late in that currency, disputed parts included", extra={"least": 0})
    ]
    invoices: Annotated[int, Meta(description="how many documents are late", extra={"least": 0})]
    age: Annotated[int, Meta(description="days since the oldest of them was due", extra={"least": 0})]
    day: Annotated[date, Meta(description="the day; selects the rule in force")]


class InterestFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of interest may look at: one document that is late."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that has to pay")]
    kind: Annotated[str, Meta(description="kind of the document: invoice, debit_note, receivable, corrected_invoice")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the document")]
    amount: Annotated[Decimal, Meta(description="what the document comes to", extra={"least": 0})]
    due: Annotated[date, Meta(description="when it is due; selects the rule in force")]


class Yearly(msgspec.Struct, frozen=True, gc=False):
    """A yearly rate from a day on: 0.1015 for 10.15 %."""

    start: date
    rate: Decimal


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What paying a document late costs: interest for the days after ``start`` up to ``until``, or a fee of one day.

    ``kind`` is ``late_interest`` or ``late_fee``; ``name`` says which fee; ``basis`` says in words how it was reckoned.
    """

    item: int
    kind: str
    name: str
    start: date
    until: date
    amount: Decimal
    basis: str
    decision: int = 0


def detail_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the books keep them: JSON, with amounts and days as text."""
    return dict(msgspec.to_builtins(values, enc_hook=str))
