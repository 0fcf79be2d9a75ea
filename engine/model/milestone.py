"""What a fixed price is billed by: parts of it that are due when something is reached."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta


class Milestone(msgspec.Struct, frozen=True, gc=False):
    """A planned part of a one-time charge of a subscription.  Natural key: (tenant, entity, subscription, key).

    It is worth ``amount``, or else ``share`` of the whole price.  That it is reached, an event of the subscription says.
    """

    id: Annotated[int, Meta(description="id of this version of the record")]
    tenant: Annotated[str, Meta(description="tenant key")]
    entity: Annotated[str, Meta(description="legal entity that sells")]
    subscription: Annotated[str, Meta(description="subscription key")]
    key: Annotated[str, Meta(description="milestone key, unique within the subscription")]
    charge: Annotated[str, Meta(description="key of the one-time charge that it is a part of")]
    name: Annotated[str, Meta(description="text on invoices")]
    amount: Annotated[Decimal | None, Meta(description="what it is worth; null where a share says it")] = None
    share: Annotated[
        Decimal | None, Meta(description="the share of the whole price, 0 to 1; null where an amount says it")
    ] = None
    expected: Annotated[date | None, Meta(description="day on which it is expected to be reached")] = None


def in_order(milestones: tuple[Milestone, ...]) -> list[Milestone]:
    """As they are planned: by expected day, those without one last, then by key."""
    return sorted(milestones, key=lambda one: (one.expected or date.max, one.key))
