"""What was agreed: contracts, their lines, and dated amendments."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta


class ContractLine(msgspec.Struct, frozen=True, gc=False):
    """A price agreed with one customer for one charge of a plan.  Natural key: (tenant, entity, contract, plan, charge, valid_from)."""

    id: Annotated[int, Meta(description="id of this version of the record")]
    contract: Annotated[str, Meta(description="contract key")]
    plan: Annotated[str, Meta(description="plan key")]
    charge: Annotated[str, Meta(description="charge key")]
    unit_price: Annotated[Decimal, Meta(description="agreed price of one unit and cycle")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the price")]
    valid_from: Annotated[date, Meta(description="first day of the agreed price")] = date.min
    valid_to: Annotated[date, Meta(description="day after its last day")] = date.max


class Contract(msgspec.Struct, frozen=True, gc=False):
    """An agreement with one account.  Natural key: (tenant, entity, key)."""

    id: Annotated[int, Meta(description="id of this version of the record")]
    tenant: Annotated[str, Meta(description="tenant key")]
    entity: Annotated[str, Meta(description="legal entity that sells")]
    key: Annotated[str, Meta(description="contract key")]
    account: Annotated[str, Meta(description="account key")]
    signed_on: Annotated[date, Meta(description="contract date")]
    payment_days: Annotated[int, Meta(description="days from invoice date to due date")] = 30
    purchase_order: Annotated[str | None, Meta(description="the buyer's order number")] = None
    lines: tuple[ContractLine, ...] = ()
