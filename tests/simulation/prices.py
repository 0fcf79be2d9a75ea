"""The auditor's own arithmetic of prices: fractions in, whole minor units out.  Written from ``docs/reference/families.md``."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from tests.simulation.facts import DIGITS, Price, in_currency


def minor(amount: Fraction, currency: str, mode: str = "half_up") -> int:
    """An amount in whole minor units of its currency; half_up: ties away from zero, half_even: to the even one."""
    scaled = abs(amount) * 10 ** DIGITS[currency]
    whole = math.floor(scaled)
    rest = scaled - whole
    up = {"half_up": rest >= Fraction(1, 2), "half_even": rest > Fraction(1, 2) or (rest * 2 == 1 and whole % 2 == 1)}
    whole += up[mode]
    return -whole if amount < 0 else whole


def units(decimal: Decimal, currency: str) -> int:
    """An amount of the books in whole minor units; fails if it has a part of one."""
    scaled = Fraction(decimal) * 10 ** DIGITS[currency]
    if scaled.denominator != 1:
        raise AssertionError(f"{decimal} {currency} has a part of a minor unit")
    return int(scaled)


def shown(amount: int, currency: str) -> str:
    """Minor units for people."""
    return f"{Decimal(amount).scaleb(-DIGITS[currency])} {currency}"


def cost(
    price: Price, quantity: Fraction, currency: str, share: Fraction = Fraction(1), complete: bool = True
) -> Fraction:
    """What a quantity costs, exactly: the method's price of it, then the steps, whose limits shrink to a ``share`` of the cycle.

    Minimum and commitment count only once the days are over, if these are ``complete``.
    """
    amount = _method(price, Fraction(math.ceil(quantity / price.divide)) if price.divide > 1 else quantity, currency)
    for name, value in price.steps:
        limit = Fraction(in_currency(value, currency)) * share
        if name == "discount":
            amount -= amount * Fraction(value)
        elif name == "maximum":
            amount = min(amount, limit)
        elif name == "commitment" and amount > limit:
            amount = limit + (amount - limit) * Fraction(price.overage)
        elif complete:
            amount = max(amount, limit)
    return amount


def _method(price: Price, quantity: Fraction, currency: str) -> Fraction:

    def worth(euros: Decimal | None) -> Fraction:
        return Fraction(in_currency(euros, currency)) if euros else Fraction(0)

    paid = max(quantity - Fraction(price.included), Fraction(0))
    if price.method == "flat":
        return worth(price.unit)
    if price.method == "per_unit":
        return paid * worth(price.unit)
    if price.method == "package":
        return math.ceil(paid / Fraction(price.size)) * worth(price.unit)
    if quantity == 0:
        return worth(price.tiers[0].flat) if price.zero_usage == "first_tier" else Fraction(0)
    total, floor = Fraction(0), Fraction(0)
    for tier in price.tiers:
        top = Fraction(tier.up_to) if tier.up_to is not None else None
        if price.method == "stairstep":
            if top is None or quantity <= top:
                return worth(tier.flat)
        elif price.method == "volume":
            if top is None or quantity <= top:
                return quantity * worth(tier.unit) + worth(tier.flat)
        else:
            if quantity > floor:
                end = quantity if top is None else min(top, quantity)
                total += (end - floor) * worth(tier.unit) + worth(tier.flat)
            floor = top if top is not None else quantity
    return total
