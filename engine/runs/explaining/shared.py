"""Where a line's allowance came from beyond its own cycle: what was carried over, and the pool that it was priced in."""

from __future__ import annotations

from decimal import Decimal

from engine.base.money import written
from engine.billing.basis import Pooled, read_carried
from engine.model.invoice import RatedCharge
from engine.runs.explaining.words import number


def carried_told(charge: RatedCharge) -> list[tuple[str, str]]:
    """What was carried into the stretch of a line, by the cycle that it is from."""
    return [
        ("carried", f"{number(units)} that {cycle.start}..{cycle.end} left")
        for cycle, units in read_carried(charge.basis)
    ]


def pool_told(pool: Pooled, whole: Decimal, currency: str) -> tuple[tuple[str, str], ...]:
    """The pool that a line was priced in, and the part of it that the line bears."""
    return (
        ("pool", f"{pool.pool} of {pool.scope} {pool.of}: {pool.members} subscriptions used {number(pool.quantity)}"),
        ("all of it", f"{written(whole, currency)}"),
        ("bears", f"{number(pool.weight)} of {number(pool.total)}, after {number(pool.ahead)} of members before it"),
    )
