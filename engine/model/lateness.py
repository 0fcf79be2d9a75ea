"""Usage that became known after its days were billed, what became of it, and what a run waits for."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from engine.base.period import Period
from engine.model.usage import UsageSingle

Policy = Literal["next_bill", "credit_and_rebill", "drop", "reopen"]
Disposition = Literal["next_bill", "credit_and_rebill", "drop", "reopen", "too_late"]
"""How a late event ends: one of the policies, or left alone because a metering rule bills nothing so far back."""
HoldScope = Literal["usage", "subscription", "entity", "warn"]
"""What waits where usage is not complete; ``warn`` is nothing."""


class LateUsage(msgspec.Struct, frozen=True, gc=False):
    """A usage event, or one that its source took back (``back``), that became known after a run had looked at its day.

    ``id`` is its place among all that became known: of the event, or of taking it back.  ``quantity`` is what it adds, so it
    is negative where the event is taken back.
    """

    id: int
    event_id: int
    source: str
    key: str
    meter: str
    day: date
    quantity: Decimal
    back: bool = False


class Late(msgspec.Struct, frozen=True):
    """The late usage of one subscription in one run; ``around`` are all events that count on the days of it."""

    usage: tuple[LateUsage, ...]
    around: tuple[UsageSingle, ...]


class Ended(msgspec.Struct, frozen=True, gc=False):
    """What became of one late event.

    ``amount`` is what all late usage of the stretch ``service_from``..``service_to`` comes to together, before tax: what was
    billed, or what was not where it was dropped; None where nothing priced it.  ``decision`` is the id of the rule's decision.
    """

    usage: LateUsage
    subscription_id: int
    plan: str
    charge: str
    service_from: date
    service_to: date
    days_late: int
    disposition: Disposition
    amount: Decimal | None
    currency: str
    decision: int


class LateRecord(msgspec.Struct, frozen=True):
    """A late event as the books keep it, with the run that ended it; ``key`` is its source's."""

    id: int
    tenant: str
    entity: str
    subscription_id: int
    usage_id: int
    event_id: int
    source: str
    key: str
    meter: str
    day: date
    quantity: Decimal
    plan: str
    charge: str
    service_from: date
    service_to: date
    days_late: int
    disposition: str
    amount: Decimal | None
    currency: str
    decision: int
    run_id: int


class Hold(msgspec.Struct, frozen=True):
    """Usage that is not complete: of a meter on some days (all meters where it is empty), and what waits because of it.

    ``subject`` names it as the worklist does, ``what`` says it in words.
    """

    meter: str
    days: Period
    scope: HoldScope
    subject: str
    what: str


class Reconciling(msgspec.Struct, frozen=True):
    """What a run does about usage that may not be complete: whether rules for late usage are there at all, whether any of them
    lets usage wait, what is held, and at which moment the run began, where some rule counts hours."""

    asks: bool = False
    waits: bool = False
    holds: tuple[Hold, ...] = ()
    at: datetime | None = None


class UsageSource(msgspec.Struct, frozen=True):
    """A system that delivers usage, and when.  Natural key: (tenant, entity, key).

    For each ``day``, ``week`` or ``month`` from ``first_day`` on it delivers within ``due_days`` after the period has ended.
    ``totals`` says that it sends control totals of each of its ``meters`` (keys with ';' between them); otherwise any event of
    the period counts as delivered.
    """

    tenant: str
    entity: str
    key: str
    meters: str
    every: str
    due_days: int
    first_day: date
    last_day: date | None
    totals: bool


class UsageTotal(msgspec.Struct, frozen=True):
    """What a source says it has counted on the days ``day``..``until``.  Natural key: (tenant, entity, source, meter, day)."""

    id: int
    tenant: str
    entity: str
    source: str
    meter: str
    day: date
    until: date | None
    events: int | None
    quantity: Decimal | None
