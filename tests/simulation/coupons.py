"""Which coupons a charge has on a day and what they take off, as the auditor sees it.  Written from ``docs/guides/prices-over-time.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import accumulate

from tests.simulation.facts import Charge, Coupon
from tests.simulation.life import DAY, Stretch
from tests.simulation.prices import minor


@dataclass(frozen=True)
class Held:
    """A coupon that a subscription has: since when it is known, from which day on, its place among those that asked for it."""

    known: int
    coupon: Coupon
    on: date
    number: int


def applying(
    held: Iterable[Held], charge: Charge, day: date, currency: str, cycles: Sequence[tuple[date, date]]
) -> list[Coupon]:
    """The coupons of a charge on a day, in the order in which they take something off; ``cycles`` are those of the charge."""

    def which(of: date) -> int:
        return next(place for place, (first, after) in enumerate(cycles) if first <= of < after)

    def applies(one: Held) -> bool:
        coupon = one.coupon
        return (
            one.on <= day
            and (not coupon.charges or charge.key in coupon.charges)
            and (coupon.until is None or one.on < coupon.until)
            and (not coupon.most or one.number <= coupon.most)
            and (not coupon.cycles or which(day) - which(one.on) < coupon.cycles)
            and (not coupon.currency or coupon.currency == currency)
        )

    found = sorted(filter(applies, held), key=lambda one: (bool(one.coupon.amount), one.on, one.coupon.key))
    lonely = [
        one.coupon for one in sorted(found, key=lambda one: (one.on, one.coupon.key)) if not one.coupon.combinable
    ]
    return lonely[:1] or [one.coupon for one in found]


def turns(days: tuple[date, date], held: Sequence[Held], found: Callable[[date], list[Coupon]]) -> list[date]:
    """The days inside some others from which on other coupons apply; ``found`` are those of a day."""
    asked = sorted({one.on for one in held if days[0] < one.on < days[1]})
    return [day for day in asked if found(day) != found(day - DAY)]


def lowered(amount: Fraction, off: Iterable[tuple[Coupon, int]], unit: int, share: Fraction) -> Fraction:
    """What is left of a price; money, in minor units, shrinks to the share of the cycle, and no price falls below nothing."""
    for coupon, part in off:
        amount -= (
            min(Fraction(part, unit) * share, amount) if coupon.amount else amount * Fraction(coupon.percent) / 100
        )
    return amount


def borne(
    coupon: Coupon, one: Stretch, beside: Sequence[tuple[Stretch, int]], found: Callable[[Charge], list[Coupon]]
) -> int:
    """The part of the money of a coupon, in minor units, that a stretch bears of those billed ``beside`` each other, each with its price of a
    whole cycle; ``found`` are the coupons of a charge."""
    terms = (one.charge.plan, one.charge.timing, one.cycle)
    together = [
        (x, full)
        for x, full in beside
        if (x.charge.plan, x.charge.timing, x.cycle) == terms and x.start <= one.start < x.end
        if full > 0 and coupon in found(x.charge)
    ]
    if not coupon.amount or not any(x is one for x, _ in together):
        return 0
    worth = parts(minor(Fraction(coupon.amount), coupon.currency), [full for _, full in together])
    return next(part for part, (x, _) in zip(worth, together, strict=True) if x is one)


def parts(amount: int, weights: Sequence[int]) -> list[int]:
    """Money in minor units, in proportion to weights by running sums, so that none is lost."""
    sums = [minor(Fraction(amount * weight, sum(weights)), "JPY") for weight in accumulate(weights)]
    return [now - before for now, before in zip(sums, [0, *sums], strict=False)]
