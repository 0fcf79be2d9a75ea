"""What quantities cost, computed as other systems publish it: plain sums over their own tiers, beside the engine's pricing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Decimal

import msgspec

ZERO = Decimal(0)


class Tier(msgspec.Struct, frozen=True):
    """A tier: its last unit (None: open), the price of a unit or share of money, and its flat part."""

    up_to: Decimal | None
    unit: Decimal
    flat: Decimal = ZERO


def graduated(tiers: Sequence[Tier], quantity: Decimal) -> Decimal:
    """Each unit at the price of its tier, and the flat part of each tier that is reached."""
    total, below = ZERO, ZERO
    for tier in tiers:
        if quantity <= below:
            break
        top = quantity if tier.up_to is None else min(quantity, tier.up_to)
        total += (top - below) * tier.unit + tier.flat
        below = top if tier.up_to is None else tier.up_to
    return total


def volume(tiers: Sequence[Tier], quantity: Decimal) -> Decimal:
    """All units at the price of the tier that the quantity reaches, and its flat part."""
    reached = next((tier for tier in tiers if tier.up_to is None or quantity <= tier.up_to), tiers[-1])
    return quantity * reached.unit + reached.flat


def packages(size: Decimal, price: Decimal, quantity: Decimal, free: Decimal = ZERO, up: bool = True) -> Decimal:
    """A price for each package of what is above the free units; started ones count where ``up``."""
    above = max(quantity - free, ZERO)
    whole = (above / size).to_integral_value(ROUND_CEILING) if up else above // size
    return whole * price


def blocks(tiers: Sequence[tuple[Decimal, Decimal | None, Decimal]], quantity: Decimal, top: bool = False) -> Decimal:
    """Started blocks of (size, blocks of the tier or None, price), tier by tier, or all at the price of the last one reached."""
    total, left = ZERO, quantity
    reached = tiers[0]
    for size, count, price in tiers:
        if left <= 0:
            break
        reached = (size, count, price)
        room = left if count is None else min(left, size * count)
        total += (room / size).to_integral_value(ROUND_CEILING) * price
        left -= room
    if top:
        return (quantity / reached[0]).to_integral_value(ROUND_CEILING) * reached[2]
    return total


def edges(tiers: Iterable[Decimal | None]) -> list[Decimal]:
    """Quantities worth a case: one, the last unit of each tier, the first of the next, and far beyond."""
    tops = [top for top in tiers if top is not None]
    found = {Decimal(1), *tops, *(top + 1 for top in tops)}
    return sorted(found | {(max(tops) if tops else Decimal(10)) * 3})
