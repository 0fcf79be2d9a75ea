"""Coupons on the charges of a subscription: which apply, in which order, and what each takes off.

A coupon that was redeemed is a fact of the subscription like its plan.  What it takes off is a step of the price, so a charge
with another coupon has another price: days that were billed without it are given back and charged anew, and a credit
gives back what was billed.  Money is taken off once in each cycle for the charges of a plan that bear it together, in parts that
follow their prices and lose no cent: what one of them cannot bear the others do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.base.money import ZERO, split
from engine.base.period import Period
from engine.billing.grouping import lowered
from engine.billing.job import Job, Owed, Stretch
from engine.billing.pricing.facts import Discount
from engine.billing.pricing.phases import cycle_number
from engine.billing.rating import cycle_of, plan_of, rate, subscribed_on
from engine.model.account import Account
from engine.model.attribute import UNATTRIBUTED, UNCONTRACTED, Contracted, Subscribed
from engine.model.catalog import Charge
from engine.model.contract import Contract
from engine.model.decision import Decision
from engine.model.discount import Coupon, Redemption
from engine.model.due import SubscriptionDue
from engine.model.subscription import SubscriptionEvent

Rated = tuple[Stretch, Owed]


class DiscountFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of discounts may look at: a coupon that a subscription has redeemed, beside one of its charges."""

    account: Annotated[Account, Meta(description="the account that uses the service")]
    charge: Annotated[Charge, Meta(description="the charge of the catalogue")]
    plan: Annotated[str, Meta(description="plan key")]
    coupon: Annotated[Coupon, Meta(description="the coupon")]
    fits: Annotated[bool, Meta(description="whether the coupon is for this charge and product, or names none")]
    redeemed_on: Annotated[date, Meta(description="day from which the subscription has it")]
    redemption: Annotated[
        int, Meta(description="how often it was redeemed by then; 0 where there is no limit", extra={"least": 0})
    ]
    times: Annotated[
        int,
        Meta(description="how often this subscription redeemed it up to and with this redemption", extra={"least": 1}),
    ]
    cycle: Annotated[
        int,
        Meta(description="which cycle of the charge it is; the first is that of the redemption", extra={"least": 1}),
    ]
    day: Annotated[date, Meta(description="first day of the stretch; selects the rule in force")]
    subscription: Annotated[Subscribed, Meta(description="the subscription that is charged")] = UNATTRIBUTED
    contract: Annotated[Contracted, Meta(description="the contract of the subscription")] = UNCONTRACTED


def _fits(coupon: Coupon, charge: Charge) -> bool:
    """Whether a coupon is for a charge and its product, or names none."""
    named = not coupon.charges or charge.key in coupon.charges.split(";")
    return named and (not coupon.products or charge.product in coupon.products.split(";"))


def _decided(
    job: Job, account: Account, due: SubscriptionDue, stretch: Stretch, charge: Charge
) -> list[tuple[Redemption, Decision]]:
    """The coupons that apply to a charge of the plan of a stretch on its first day, in their order, by the cycles of the stretch."""
    return applying(
        job, account, due, charge, stretch.plan, stretch.cycle, stretch.day or stretch.days.start, stretch.charge
    )


def applying(
    job: Job, account: Account, due: SubscriptionDue, charge: Charge, plan: str, cycle: Period, day: date,
    cycled: Charge | None = None,
) -> list[tuple[Redemption, Decision]]:  # fmt: skip
    """The coupons that apply to a charge of a plan on a day of a cycle, in their order; the cycle is that of another charge where one is
    ``cycled``."""
    each = cycled or charge
    found: list[tuple[Redemption, Decision]] = []
    for one in due.redemptions:
        if one.on <= day:
            number = coupon_cycle(due, each, one.on, cycle)
            fitting = _fits(one.coupon, charge)
            facts = DiscountFacts(
                account, charge, plan, one.coupon, fitting, one.on, one.number, one.times, number, day
            )
            decision = job.decide("discounts", facts, day)
            if decision.terms["applies"]:
                found.append((one, decision))
    found.sort(key=lambda pair: (pair[1].terms["order"], pair[0].on, pair[0].coupon.key))
    if found and found[0][1].terms["alone"]:
        return found[:1]
    return [pair for pair in found if not pair[1].terms["alone"]]


def coupon_cycle(due: SubscriptionDue, charge: Charge, asked_on: date, cycle: Period) -> int:
    """Which cycle of a charge it is, counted from 1, that of the day on which a coupon was asked for.

    Of cycles in the rhythm of the subscription it is counted from the first day of that one, so that a coupon which was asked for on the
    30th knows whether the 31st is the next or a month later.
    """
    grid = (due.subscription.anchor_day, charge.months, subscribed_on(due), charge.days)
    containing = cycle_of(due.subscription)
    if charge.cycles_from != "terms" and containing(cycle.start, *grid, False) == cycle:
        asked_on = containing(asked_on, *grid, False).start
    return cycle_number(asked_on, cycle, charge.months, charge.days)


def discounted(
    job: Job, due: SubscriptionDue, since: date, account: Account, contract: Contract | None, rated: Sequence[Rated],
    when: Sequence[Period] = (),
) -> Iterator[Owed]:  # fmt: skip
    """The same stretches, those that coupons apply to at their lower price; ``when`` they are, where that is not told by their days."""

    def lower(stretch: Stretch, owed: Owed, taken: tuple[Discount, ...]) -> Owed:
        if stretch.charge.group_by:
            return lowered(job, due, since, account, contract, stretch, owed.grouped, taken)
        made = rate(job, due, since, account, contract, stretch, discounts=taken)
        assert made is not None
        return made

    off = _Off(job, account, due, rated, when or [stretch.days for stretch, _ in rated], lower)
    for (stretch, owed), taken in zip(rated, off.taken(), strict=True):
        yield msgspec.structs.replace(lower(stretch, owed, taken), discounts=written(taken)) if taken else owed


class _Off:
    """What coupons take off charges that are rated together, one coupon after the other.

    Money is borne by the charges of a plan of one kind, length of cycle and timing, so that it is taken once in each cycle.
    """

    def __init__(
        self, job: Job, account: Account, due: SubscriptionDue, rated: Sequence[Rated], when: Sequence[Period],
        lower: Callable[[Stretch, Owed, tuple[Discount, ...]], Owed],
    ) -> None:  # fmt: skip
        self.job, self.account, self.due, self.rated, self.when, self.lower = job, account, due, rated, when, lower
        self.decided = [_decided(job, account, due, stretch, stretch.charge) for stretch, _ in rated]
        self.made: list[list[Discount]] = [[] for _ in rated]

    def taken(self) -> Iterator[tuple[Discount, ...]]:
        """What is taken off each stretch, in order."""
        turns: dict[int, tuple[int, date, str]] = {}
        for one, decision in (pair for pairs in self.decided for pair in pairs):
            turn = decision.terms["order"], one.on, one.coupon.key
            turns[id(one)] = min(turn, turns.get(id(one), turn))
        for ident in sorted(turns, key=lambda ident: turns[ident]):
            self._take(ident)
        return map(tuple, self.made)

    def _take(self, ident: int) -> None:
        """Take off a coupon wherever it applies."""
        have = {n: pair for n, pairs in enumerate(self.decided) for pair in pairs if id(pair[0]) == ident}
        parts = {n: self._part(n, pair[0], have) if pair[0].coupon.amount else ZERO for n, pair in have.items()}
        for n, (one, decision) in have.items():
            if one.coupon.percent or parts[n]:
                self.made[n].append(Discount(one.coupon.key, decision.terms["place"], one.coupon.percent, parts[n]))

    def _part(self, n: int, one: Redemption, have: Collection[int]) -> Decimal:
        """What money off comes to for a stretch, by the prices of a whole cycle of those that bear it with it."""
        stretch, _ = self.rated[n]
        together = [other for other in have if self._beside(n, other) and self.rated[other][1].full > 0]
        if n not in together or self._bearing(one, stretch) != _bears(stretch.charge):
            return ZERO
        weights = [self.rated[other][1].full for other in together]
        parts = shares(one.coupon.amount, weights, [self._left(other) for other in together], self.account.currency)
        return parts[together.index(n)]

    def _beside(self, n: int, other: int) -> bool:
        (mine, _), (beside, _) = self.rated[n], self.rated[other]
        return (
            beside.plan == mine.plan
            and beside.cycle == mine.cycle
            and _bears(beside.charge) == _bears(mine.charge)
            and self.when[n].start in self.when[other]
        )

    def _bearing(self, one: Redemption, stretch: Stretch) -> tuple[Any, ...]:
        """Which charges of the plan of a stretch bear money off, of those that the coupon applies to."""
        charges = plan_of(stretch.plan, self.job.plans, "").charges
        return min(
            _bears(charge)
            for charge in charges
            if any(found is one for found, _ in _decided(self.job, self.account, self.due, stretch, charge))
        )

    def _left(self, n: int) -> Decimal:
        """The price of a whole cycle of a stretch less the coupons before."""
        stretch, owed = self.rated[n]
        return self.lower(stretch, owed, tuple(self.made[n])).full if self.made[n] else owed.full


def _bears(charge: Charge) -> tuple[Any, ...]:
    """What charges that bear money off together have in common; those with the least bear it where it applies to several."""
    timing = ("advance", "arrears_early", "arrears").index(charge.timing)
    kind = ("recurring", "usage", "one_time").index(charge.kind)
    return kind, charge.months, charge.days, timing, charge.cycles_from != "subscription"


def shares(amount: Decimal, weights: Sequence[Decimal], rooms: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Parts of ``amount`` that follow ``weights``, none of them more than its room while another has room left.

    They lose no cent, and add up to ``amount``: what is more than all rooms is parted by the weights as well.
    """
    given, rest = [ZERO] * len(weights), amount
    able = [n for n, room in enumerate(rooms) if room > 0]
    while rest and able:
        parts = dict(zip(able, split(rest, [weights[n] for n in able], currency), strict=True))
        over = [n for n in able if parts[n] > rooms[n]]
        for n in over or able:
            given[n] = rooms[n] if over else parts[n]
        rest -= sum((given[n] for n in over or able), ZERO)
        able = [n for n in able if n not in over] if over else []
    more = split(rest, weights, currency) if rest else given
    return [mine + beyond for mine, beyond in zip(given, more, strict=True)] if rest else given


def written(discounts: Iterable[Discount]) -> str:
    """Discounts as a line keeps them: ``KEY/first/20%;OTHER/last/5.00``."""
    return ";".join(f"{one.key}/{one.place}/{_worth(one)}" for one in discounts)


def _worth(one: Discount) -> str:
    return f"{one.percent.normalize():f}%" if one.percent else f"{one.amount:f}"


def read(text: str) -> tuple[Discount, ...]:
    """The discounts that a line keeps."""
    return tuple(_read(*part.rsplit("/", 2)) for part in text.split(";") if part)


def _read(key: str, place: str, worth: str) -> Discount:
    if worth.endswith("%"):
        return Discount(key, place, Decimal(worth[:-1]), ZERO)
    return Discount(key, place, ZERO, Decimal(worth))


def _number(coupon: Coupon, counted: int | None) -> int:
    return 0 if not coupon.most else coupon.most + 1 if counted is None else counted


def redeemed(
    events: Iterable[SubscriptionEvent], coupons: Mapping[str, Coupon], numbers: Mapping[int, int]
) -> tuple[Redemption, ...]:
    """The coupons that events redeem and that no later known withdrawal takes back, in order of their days; ``coupons`` are those
    known by key, ``numbers`` counts redemptions by event where there is a limit."""
    known = sorted(events, key=lambda event: (event.on, event.id))
    back = [event for event in known if event.kind == "withdraw"]
    times, found = Counter[str](), list[Redemption]()
    for event in known:
        coupon = coupons.get(event.coupon or "")
        if coupon is None or any(event.id < one.id and event.on > one.on for one in back):
            continue
        times[coupon.key] += 1
        found.append(Redemption(coupon, event.on, _number(coupon, numbers.get(event.id)), times[coupon.key]))
    return tuple(found)
