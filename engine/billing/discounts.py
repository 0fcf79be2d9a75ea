"""Coupons on the charges of a subscription: which apply, in which order, and what each takes off.

A coupon that was redeemed is a fact of the subscription like its plan.  What it takes off is a step of the price, so a charge
with another coupon has another price: days that were billed without it are given back and charged anew, and a credit
gives back what was billed.  Money is taken off once for all recurring charges of a plan that are billed together, in parts that
follow their prices and lose no cent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated

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
    """The coupons that apply to a charge of the plan of a stretch on its first day, in their order."""
    return applying(job, account, due, charge, stretch.plan, stretch.cycle, stretch.day or stretch.days.start)


def applying(
    job: Job, account: Account, due: SubscriptionDue, charge: Charge, plan: str, cycle: Period, day: date
) -> list[tuple[Redemption, Decision]]:
    """The coupons that apply to a charge of a plan on a day of a cycle, in their order."""
    found: list[tuple[Redemption, Decision]] = []
    for one in due.redemptions:
        if one.on <= day:
            number = coupon_cycle(due, charge, one.on, cycle)
            fitting = _fits(one.coupon, charge)
            facts = DiscountFacts(account, charge, plan, one.coupon, fitting, one.on, one.number, number, day)
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
    job: Job, due: SubscriptionDue, since: date, account: Account, contract: Contract | None, rated: Sequence[Rated]
) -> Iterator[Owed]:
    """The same stretches, those that coupons apply to at their lower price."""
    for stretch, owed in rated:
        taken = tuple(_taken(job, account, due, stretch, owed, rated))
        if not taken:
            yield owed
            continue
        if stretch.charge.group_by:
            made: Owed | None = lowered(job, due, since, account, contract, stretch, owed.grouped, taken)
        else:
            made = rate(job, due, since, account, contract, stretch, discounts=taken)
        assert made is not None
        yield msgspec.structs.replace(made, discounts=written(taken))


def _taken(
    job: Job, account: Account, due: SubscriptionDue, stretch: Stretch, owed: Owed, rated: Sequence[Rated]
) -> Iterator[Discount]:
    for one, decision in _decided(job, account, due, stretch, stretch.charge):
        coupon = one.coupon
        amount = ZERO
        if coupon.amount:
            amount = _part(job, account, due, coupon, stretch, owed, rated)
        if coupon.percent or amount:
            yield Discount(coupon.key, decision.terms["place"], coupon.percent, amount)


def _part(
    job: Job,
    account: Account,
    due: SubscriptionDue,
    coupon: Coupon,
    stretch: Stretch,
    owed: Owed,
    rated: Sequence[Rated],
) -> Decimal:
    """What money off comes to for one of the charges that are billed together, by their prices of a whole cycle."""

    def applies(charge: Charge) -> bool:
        return any(one.coupon is coupon for one, _ in _decided(job, account, due, stretch, charge))

    sold = [charge for charge in plan_of(stretch.plan, job.plans, "").charges if applies(charge)]
    kind = "recurring" if any(charge.kind == "recurring" for charge in sold) else "usage"
    if stretch.charge.kind != kind:
        return ZERO
    keys, first = {charge.key for charge in sold}, stretch.days.start
    together = [
        other
        for beside, other in rated
        if beside.plan == stretch.plan
        and beside.charge.key in keys
        and beside.charge.kind == kind
        and beside.charge.timing == stretch.charge.timing
        and beside.cycle == stretch.cycle
        and first in beside.days
        and other.full > 0
    ]
    if not any(other is owed for other in together):
        return ZERO
    parts = split(coupon.amount, [other.full for other in together], account.currency)
    return next(part for part, other in zip(parts, together, strict=True) if other is owed)


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
    """The coupons that events redeem and that no later known withdrawal takes back; ``coupons`` are those known by key, ``numbers``
    counts redemptions by event where there is a limit."""
    known = tuple(events)
    back = [event for event in known if event.kind == "withdraw"]
    return tuple(
        Redemption(coupons[event.coupon], event.on, _number(coupons[event.coupon], numbers.get(event.id)))
        for event in known
        if event.coupon is not None
        and event.coupon in coupons
        and not any(event.id < one.id and event.on > one.on for one in back)
    )
