"""Coupons, and that they were redeemed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta


class Coupon(msgspec.Struct, frozen=True, gc=False):
    """What takes something off prices.  Natural key: (tenant, key).  It never changes once it is known."""

    key: Annotated[str, Meta(description="coupon key, as customers write it")]
    name: Annotated[str, Meta(description="text on invoices")]
    percent: Annotated[Decimal, Meta(description="percentage that it takes off, such as 20; 0 where it is money")]
    amount: Annotated[Decimal, Meta(description="money that it takes off in each cycle; 0 where it is a percentage")]
    currency: Annotated[str | None, Meta(description="currency of the money; null where it is a percentage")]
    cycles: Annotated[int, Meta(description="for how many cycles; 0: for good", extra={"least": 0})]
    valid_from: Annotated[date, Meta(description="first day on which it may be redeemed")]
    valid_to: Annotated[date, Meta(description="day after the last on which it may be redeemed")]
    charges: Annotated[str, Meta(description="keys of the charges that it is for, with ';' between them; empty: all")]
    products: Annotated[str, Meta(description="products that it is for, with ';' between them; empty: all")]
    combinable: Annotated[bool, Meta(description="whether others apply beside it")]
    most: Annotated[int, Meta(description="how often it may be redeemed at most; 0: any number", extra={"least": 0})]


class Redemption(msgspec.Struct, frozen=True, gc=False):
    """A coupon that a subscription has from the day ``on``; ``number`` counts how often it was redeemed by then, up to one more
    than the most, and is 0 where there is no limit.  ``times`` counts the redemptions of this subscription alone, from 1."""

    coupon: Coupon
    on: date
    number: int = 0
    times: int = 1
