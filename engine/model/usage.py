"""What was used."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import msgspec


class UsageEvent(msgspec.Struct, frozen=True, gc=False):
    """A metered quantity.  Natural key: (tenant, entity, source, key): the idempotency key of the source.

    ``day`` is the local day of ``at`` in the customer's zone, fixed when the event became known: local dates are the
    stored truth.  ``id`` grows in the order in which events became known.
    """

    id: int
    tenant: str
    entity: str
    subscription: str
    meter: str
    key: str
    at: datetime
    day: date
    quantity: Decimal


class UsageDay(msgspec.Struct, frozen=True, gc=False):
    """The events of one subscription, meter and local day, added up by the database; ``peak`` is the largest of them."""

    subscription_id: int
    meter: str
    day: date
    quantity: Decimal
    events: int
    last_id: int
    peak: Decimal


class UsageSingle(msgspec.Struct, frozen=True, gc=False):
    """One usage event as prices see it that look at each; ``id`` grows in the order in which events became known."""

    subscription_id: int
    meter: str
    day: date
    id: int
    quantity: Decimal
