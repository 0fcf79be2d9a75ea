"""Quantities weighted by time: what was added counts for as long as it was there, over the whole period."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from engine.base.money import CONTEXT, ZERO
from engine.billing.pricing.facts import times


def weighted_sum(
    carried: Decimal, changes: Iterable[tuple[datetime, Decimal]], start: datetime, end: datetime
) -> Decimal:
    """The average level of the period from ``start`` up to ``end``, to the microsecond.

    ``carried`` is the level at its start; each change adds its units (or takes them away, where negative) from its moment on.
    A change before the period counts from its start, one at its end or later not at all.
    """
    whole = end - start
    total = carried
    for moment, units in changes:
        left = end - max(moment, start)
        if left > 0 * _TICK:
            total += times(units, Fraction(left // _TICK, whole // _TICK))
    return total


def prorated_sum(carried: Decimal, changes: Iterable[tuple[Decimal, Decimal | int]], period_days: int) -> Decimal:
    """Units carried into the period, and each change (units, days active) for its days of the days of the period."""
    return carried + sum((prorated(units, days, period_days) for units, days in changes), ZERO)


def prorated(units: Decimal, days: Decimal | int, period_days: int) -> Decimal:
    """Units weighted by the days that they were active of the days of the period."""
    return CONTEXT.divide(units * days, Decimal(period_days))


_TICK = datetime.resolution
"""The unit of time that moments are counted in: a microsecond."""
