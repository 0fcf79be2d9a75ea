"""Which coupons a charge has on a day and what they take off, as the auditor sees it.  Written from ``docs/guides/prices-over-time.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import partial
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


def once(held: Iterable[Held]) -> list[Held]:
    """Of the redemptions that a subscription made, the first by day of each coupon: it is taken off once."""
    first: dict[Coupon, Held] = {}
    for one in sorted(held, key=lambda one: (one.on, one.known)):
        first.setdefault(one.coupon, one)
    return list(first.values())


def applying(
    held: Iterable[Held], charge: Charge, day: date, currency: str, cycles: Sequence[tuple[date, date]]
) -> list[Coupon]:
    """The coupons of a charge on a day, in the order in which they take something off, each once; ``cycles`` are those of the charge."""

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

    found = sorted(filter(applies, once(held)), key=lambda one: (bool(one.coupon.amount), one.on, one.coupon.key))
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


def bears(charge: Charge) -> tuple[bool, int, bool]:
    """Fees bear money before usage does, shorter cycles before longer ones, and what is paid in advance before what is not."""
    return charge.kind != "recurring", charge.months, charge.timing != "advance"


def borne(
    coupon: Coupon, at: int, beside: Sequence[tuple[Stretch, int, int]], found: Callable[[Charge], list[Coupon]],
    sold: Iterable[Charge],
) -> int:  # fmt: skip
    """The part of the money of a coupon, in minor units, that one of the stretches bears that are billed ``beside`` each other, each with its
    price of a whole cycle and what other coupons have left of it; ``found`` are the coupons of a charge, ``sold`` the charges of its plan."""
    one, _, _ = beside[at]
    if not coupon.amount or bears(one.charge) != min(bears(charge) for charge in sold if coupon in found(charge)):
        return 0
    terms = (one.charge.plan, bears(one.charge), one.cycle)
    together = [
        place
        for place, (x, full, _) in enumerate(beside)
        if (x.charge.plan, bears(x.charge), x.cycle) == terms and x.start <= one.start < x.end
        if full > 0 and coupon in found(x.charge)
    ]
    if at not in together:
        return 0
    rest, bears_it = minor(Fraction(coupon.amount), coupon.currency), dict[int, int]()
    able = [place for place in together if beside[place][2] > 0]
    while able:
        worth = dict(zip(able, parts(rest, [beside[place][1] for place in able]), strict=True))
        full_up = [place for place in able if worth[place] > beside[place][2]]
        if not full_up:
            return worth.get(at, bears_it.get(at, 0))
        for place in full_up:
            bears_it[place] = beside[place][2]
            able.remove(place)
            rest -= beside[place][2]
    more = parts(rest, [beside[place][1] for place in together])
    return bears_it.get(at, 0) + more[together.index(at)]


def all_off(
    held: Iterable[Held], stretches: Sequence[Stretch], left: Callable[[int, Sequence[tuple[Coupon, int]]], int],
    found: Callable[[Stretch, Charge], list[Coupon]], charges: Sequence[Charge],
) -> list[list[tuple[Coupon, int]]]:  # fmt: skip
    """What each coupon takes off each of some stretches, one coupon after the other; ``left`` is the price of a whole cycle of a stretch
    less some of them, ``found`` are the coupons that a charge has beside a stretch."""
    off: list[list[tuple[Coupon, int]]] = [[] for _ in stretches]
    mine = [found(one, one.charge) for one in stretches]
    for coupon in dict.fromkeys(
        one.coupon for one in sorted(held, key=lambda one: (bool(one.coupon.amount), one.on, one.coupon.key))
    ):
        beside = [(one, left(place, ()), left(place, off[place])) for place, one in enumerate(stretches)]
        for place, one in enumerate(stretches):
            sold = [charge for charge in charges if charge.plan == one.charge.plan]
            for _ in range(mine[place].count(coupon)):
                off[place].append((coupon, borne(coupon, place, beside, partial(found, one), sold)))
    return off


def parts(amount: int, weights: Sequence[int]) -> list[int]:
    """Money in minor units, in proportion to weights by running sums, so that none is lost."""
    sums = [minor(Fraction(amount * weight, sum(weights)), "JPY") for weight in accumulate(weights)]
    return [now - before for now, before in zip(sums, [0, *sums], strict=False)]
