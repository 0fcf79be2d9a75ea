"""What a customer has taken, as dated events that are never edited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

EventKind = Literal[
    "start",
    "change",
    "pause",
    "resume",
    "cancel",
    "anchor",
    "uncancel",
    "withdraw",
    "adjust",
    "redeem",
    "rerate",
    "go_live",
    "accept",
    "revoke",
    "payer",
]


class SubscriptionEvent(msgspec.Struct, frozen=True, gc=False):
    """Something that changes what is owed from the day ``on``.  Natural key: (subscription's, key).

    ``id`` grows in the order in which events became known; of two events on one day the later known wins.  ``plan``,
    ``quantity`` and ``anchor_day`` are None where the event leaves them as they are.  An ``anchor`` moves the day of month on
    which billing cycles begin, and counts longer cycles from the first such day on or after its own.  A ``withdraw`` takes back the events that were
    known before it and are dated after its day.  An ``adjust`` gives back ``amount`` of the line that bills ``charge`` from the
    day ``on``, without giving back its days.  A ``rerate`` has what was billed from its day on compared
    again with what the rules of the next run say.  ``at`` is the instant of its effect, in UTC, where that is known more exactly
    than by its day: ``on`` is then its day in the zone of the account.  A ``redeem`` gives it a ``coupon`` from its day on.  From the day of
    a ``payer``, or of a start that names one, on another account of its legal entity pays, ``payer``; one that names none gives it
    back to the payer of its account.

    A ``go_live`` begins the charges that wait for it: the one that ``charge`` names, or all. An ``accept`` says that the
    milestone whose key ``charge`` holds is reached. A ``revoke`` takes back the one of these whose key ``charge`` holds.
    """

    id: int
    key: str
    kind: EventKind
    on: date
    plan: str | None = None
    quantity: Decimal | None = None
    charge: str | None = None
    amount: Decimal | None = None
    anchor_day: int | None = None
    at: datetime | None = None
    coupon: str | None = None
    payer: str | None = None


class Subscription(msgspec.Struct, frozen=True, gc=False):
    """A customer's subscription.  Natural key: (tenant, entity, key)."""

    id: Annotated[int, Meta(description="internal id")]
    tenant: Annotated[str, Meta(description="tenant key")]
    entity: Annotated[str, Meta(description="legal entity that sells")]
    account: Annotated[str, Meta(description="account key")]
    key: Annotated[str, Meta(description="subscription key")]
    contract: Annotated[str | None, Meta(description="contract key")] = None
    anchor_day: Annotated[int, Meta(description="day of month on which its billing cycles begin, 1 to 31")] = 1
    anchor_time: Annotated[
        str | None,
        Meta(
            description="time of day, as 13:37:11, at which its cycles begin in the zone of the account; none: midnight"
        ),
    ] = None
    anchor_slips: Annotated[
        bool,
        Meta(description="whether cycles that began on the last day of a short month go on from that day of month"),
    ] = False


class BillingMark(msgspec.Struct, frozen=True, gc=False):
    """How far a subscription has been billed, so that a run reads no more history than it needs.

    Everything owed up to ``billed_to`` was compared with what was billed, knowing the subscription events up to id
    ``events_seen`` and the usage events up to id ``usage_seen``, by a run of the day ``billed_on``, the newest that
    held nothing of it; None where there is none since it came over from another system, or since an invoice of it was voided.
    ``billed_at`` is the moment at which that run began, where a rule counts hours.  ``payer`` is the one whose days it is about, where
    an event of the subscription names one; empty for all others.
    """

    subscription_id: int
    billed_to: date
    events_seen: int
    usage_seen: int
    billed_on: date | None = None
    billed_at: datetime | None = None
    payer: str = ""


TRIGGERS: Final = frozenset({"go_live", "accept", "revoke"})
"""Kinds of events that say what a charge waited for has come, or has not."""


def triggers(events: Sequence[SubscriptionEvent], mark: BillingMark) -> list[date]:
    """The days of all triggers of a subscription, where one of them became known since the mark, or takes effect after it."""
    if TRIGGERS.isdisjoint([event.kind for event in events]):
        return []
    found = [event for event in events if event.kind in TRIGGERS]
    fresh = any(event.id > mark.events_seen or event.on >= mark.billed_to for event in found)
    return [event.on for event in found] if fresh else []
