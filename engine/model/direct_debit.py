"""Mandates to collect from bank accounts, and the collections under them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.entity import LegalEntity

Scheme = Literal["CORE", "B2B"]
Kind = Literal["recurrent", "one_off"]

PLANNED: Final = "planned"
NOTIFIED: Final = "notified"
SENT: Final = "sent"
PRENOTICE: Final = "debit_notice"
"""Kind of the effects that tell a debtor of a collection."""
FEE: Final = "direct_debit_fee"
"""Kind of the entries of what banks ask for a collection that comes back."""

SETTLED: Final = "settled"
REJECTED: Final = "rejected"
RETURNED: Final = "returned"
DROPPED: Final = "dropped"

LIVE: Final = (PLANNED, NOTIFIED, SENT)
"""States of a collection that may still bring money."""
OVER: Final = (REJECTED, RETURNED, DROPPED)
"""States of a collection that has brought none, or has had to give it back."""

FINAL_CLASSES: Final = frozenset({"mandate_invalid", "account_closed", "dispute"})
"""Reasons after which nothing is collected under a mandate until somebody has looked at it."""


class SepaMandate(msgspec.Struct, frozen=True, gc=False):
    """Leave of a customer to collect.  Natural key: (tenant, entity, reference).  ``id`` is that of the version.

    ``replaces`` is the reference that it had before, ``last_collected`` the last day on which another system collected under
    it, ``final`` says that the next collection is the last; ``confirmed_on`` is when somebody has last seen that it is good.
    """

    id: int
    tenant: str
    entity: str
    reference: str
    account: str
    scheme: Scheme
    kind: Kind
    debtor_name: str
    iban: str
    bic: str
    creditor_id: str
    signed_on: date
    replaces: str = ""
    last_collected: date | None = None
    final: bool = False
    cancelled_on: date | None = None
    confirmed_on: date | None = None


class Use(msgspec.Struct, frozen=True, gc=False):
    """A collection that was presented under a ``version`` of a mandate, due on a day; ``code`` and ``kind`` say why it came back
    on the day ``back``."""

    version: int
    due: date
    sequence: str
    state: str
    code: str = ""
    kind: str = ""
    back: date | None = None


class DirectDebit(msgspec.Struct, frozen=True, gc=False):
    """A collection of what is open of one document.  Natural key: (tenant, entity, key).

    ``amount`` and ``due`` are as planned; the last step says what was sent.  ``state`` is that of the last step.
    """

    id: int
    tenant: str
    entity: str
    account: str
    key: str
    mandate: str
    item: int
    number: str
    attempt: int
    currency: str
    amount: Decimal
    due: date
    planned_on: date
    notice: str
    decision: int
    run_id: int
    state: str
    step: int


class DebitStep(msgspec.Struct, frozen=True, gc=False):
    """A step of a collection.  ``version`` is that of the mandate, ``effect`` the message to the provider, ``event`` what the
    bank's word is known by, ``evidence`` what shows that it happened; ``fee`` is what the bank asked."""

    id: int
    debit: int
    step: int
    state: str
    day: date
    amount: Decimal
    due: date
    version: int = 0
    sequence: str = ""
    effect: str = ""
    provider: str = ""
    event: str = ""
    code: str = ""
    kind: str = ""
    fee: Decimal = Decimal(0)
    evidence: str = ""


class Pending(msgspec.Struct, frozen=True, gc=False):
    """What is being collected of an open item: it is not dunned meanwhile."""

    account: str
    item: int
    number: str
    key: str
    amount: Decimal
    due: date
    state: str


class DirectDebitFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule may look at of an open document that could be collected by direct debit."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that pays")]
    scheme: Annotated[Scheme, Meta(description="scheme of its mandate")]
    kind: Annotated[Kind, Meta(description="what its mandate is for")]
    amount: Annotated[Decimal, Meta(description="what is open, in euros", extra={"least": 0})]
    attempt: Annotated[int, Meta(description="1 for the first collection of the document", extra={"least": 1})]
    code: Annotated[str, Meta(description="ISO code with which the last attempt came back; empty for the first")]
    days_due: Annotated[int, Meta(description="days since its due date; below zero before it")]
    day: Annotated[date, Meta(description="business date; selects the rule in force")]
