"""What a customer has taken, as dated events that are never edited."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

EventKind = Literal["start", "change", "pause", "resume", "cancel"]


class SubscriptionEvent(msgspec.Struct, frozen=True, gc=False):
    """Something that changes what is owed from the day ``on``.  Natural key: (subscription's, key).

    ``id`` grows in the order in which events became known; of two events on one day the later known wins.  ``plan`` and
    ``quantity`` are None where the event leaves them as they are.
    """

    id: int
    key: str
    kind: EventKind
    on: date
    plan: str | None = None
    quantity: Decimal | None = None


class Subscription(msgspec.Struct, frozen=True, gc=False):
    """A customer's subscription.  Natural key: (tenant, entity, key)."""

    id: Annotated[int, Meta(description="internal id")]
    tenant: Annotated[str, Meta(description="tenant key")]
    entity: Annotated[str, Meta(description="legal entity that sells")]
    account: Annotated[str, Meta(description="account key")]
    key: Annotated[str, Meta(description="subscription key")]
    contract: Annotated[str | None, Meta(description="contract key")] = None
    anchor_day: Annotated[int, Meta(description="day of month on which its billing cycles begin, 1 to 31")] = 1


class BillingMark(msgspec.Struct, frozen=True, gc=False):
    """How far a subscription has been billed, so that a run reads no more history than it needs.

    Everything owed up to ``billed_to`` was compared with what was billed, knowing the subscription events up to id
    ``events_seen`` and the usage events up to id ``usage_seen``.
    """

    subscription_id: int
    billed_to: date
    events_seen: int
    usage_seen: int
