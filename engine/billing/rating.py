"""What a subscription owes: every charge of its plans, cycle by cycle, priced and prorated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import Any

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.money import round_to
from engine.base.period import CycleOf, Period, cycle_containing, cycles, slipping_cycle
from engine.billing.attributed import Seen
from engine.billing.detail import detailed, refuse_by_meter
from engine.billing.job import Job, Owed, Stretch, key_of
from engine.billing.metering import Group, Metered, bucketed, meters_of, together
from engine.billing.metering import counted as metered
from engine.billing.pricing import OTHER_CHARGES, WHOLE, PricingFacts, priced, shrinking
from engine.billing.pricing.facts import Discount
from engine.billing.pricing.indexing import with_index
from engine.billing.pricing.phases import ages, whole_months
from engine.billing.proration import ProrationFacts, Reason, share_of
from engine.billing.timeline import Stint, counted
from engine.billing.waiting import live
from engine.billing.windows import PERIOD, Spread, windowed
from engine.model.account import Account
from engine.model.catalog import Charge, Meter, Plan
from engine.model.contract import Contract, ContractLine
from engine.model.decision import Decision
from engine.model.due import SubscriptionDue
from engine.model.subscription import Subscription

NO_METERS: Mapping[str, Decimal] = {}
NO_GROUP: Mapping[str, str] = {}
NOT_COUNTED: Mapping[str, Metered] = {}

UNKNOWN_PLAN = Code("subscription.unknown-plan", "A subscription to a plan that the catalogue does not have.")
NOT_SHARED = Code(
    "pricing.not-shared", "A rule with rollover or pool prices what is no usage, or puts usage by group into a pool."
)


def plan_of(key: str, plans: Mapping[str, Plan], subject: str) -> Plan:
    """The plan of that key.

    Raises:
        TollbookError: ``subscription.unknown-plan``.
    """
    plan = plans.get(key)
    if plan is None:
        raise refuse(
            UNKNOWN_PLAN,
            f"plan {key!r} is not in the catalogue",
            mend="import the plan, or correct the event",
            subject=subject,
        )
    return plan


def stretches(job: Job, due: SubscriptionDue, served: Sequence[Stint]) -> Iterator[Stretch]:
    """Every stretch of recurring charges that shares a day with the window and begins by the run's date."""
    looked_at, subject = Period(due.window, job.on + timedelta(days=1)), f"subscription/{due.subscription.key}"
    anchor, origin, containing = due.subscription.anchor_day, subscribed_on(due), cycle_of(due.subscription)
    for stint in served:
        if not due.pays(stint.payer):
            continue
        known: dict[tuple[Any, ...], list[_Days]] = {}
        for charge in plan_of(stint.plan, job.plans, subject).charges:
            if charge.kind != "recurring":
                continue
            key = (charge.months, charge.days, charge.cycles_from)
            pieces: Iterable[_Days] | None = known.get(key)
            if charge.starts_on != "subscription":
                part = live(stint, charge, due.events)
                pieces = _pieces(part, looked_at, anchor, charge, origin, containing) if part else ()
            elif pieces is None:
                pieces = known[key] = list(_pieces(stint, looked_at, anchor, charge, origin, containing))
            for cycle, days, began_by, ended_by, ended in pieces:
                yield Stretch(charge, stint.plan, cycle, days, stint.quantity, began_by, ended_by, ended)


_Days = tuple[Period, Period, Reason, Reason, bool]
"""The cycle, the days of it in service, what began and what ended them, and whether the service ended with them."""


def cycle_of(subscription: Subscription) -> CycleOf:
    """How the cycles of a subscription follow one another."""
    return slipping_cycle if subscription.anchor_slips else cycle_containing


def _pieces(
    stint: Stint, within: Period, anchor: int, charge: Charge, origin: date, containing: CycleOf
) -> Iterator[_Days]:
    """A stint cut into cycles of a charge, as far as they share a day with ``within``."""
    looked_at = stint.days.meet(within) if within.start < within.end else None
    for cycle in cycles_of(charge, stint, anchor, origin, looked_at, containing) if looked_at else ():
        days = cycle.meet(stint.days)
        if days:
            last = days.end == stint.days.end
            yield (
                cycle,
                days,
                stint.began_by if days.start == stint.days.start != cycle.start else "anchor",
                stint.ended_by if last and days.end != cycle.end else "anchor",
                last and (stint.ended_by == "cancel" or charge.cycles_from == "terms"),
            )


def grid_of(charge: Charge, stint: Stint, anchor: int, origin: date) -> tuple[int, int, date, int, bool]:
    """How the cycles of a charge are counted in a stint: what :func:`engine.base.period.cycle_containing` takes after the day.

    From ``origin``, the start of the subscription (or from where its anchor was moved), beginning with the anchor day on or
    before it; or from the start of the stint, beginning with the anchor day in its month or, where that is past, a whole
    cycle later.  ``anchor`` is the subscription's own anchor day.
    """
    if charge.cycles_from == "terms":
        return stint.anchor_day or anchor, charge.months, stint.days.start, charge.days, True
    if stint.anchor_day and not charge.days:
        anchor, origin = stint.anchor_day, stint.anchored
    return anchor, charge.months, origin, charge.days, False


def cycles_of(
    charge: Charge, stint: Stint, anchor: int, origin: date, within: Period, containing: CycleOf = cycle_containing
) -> Iterator[Period]:
    """The cycles of a charge that share a day with ``within``; see :func:`grid_of`."""
    return cycles(within, *grid_of(charge, stint, anchor, origin), containing)


def subscribed_on(due: SubscriptionDue) -> date:
    """The day on which a subscription first started; its cycles of several months are counted from there."""
    if len(due.events) == 1:
        return due.events[0].on
    return min((event.on for event in counted(due.events)), default=due.events[0].on)


def one_time_stretches(job: Job, due: SubscriptionDue, served: Sequence[Stint]) -> Iterator[Stretch]:
    """One-time charges of each plan, owed on the day on which the plan begins."""
    before = ""
    for stint in served:
        begins = stint.began_by == "start" or stint.plan != before
        before = stint.plan
        if begins and due.window <= stint.days.start <= job.on and due.pays(stint.payer):
            day = Period(stint.days.start, stint.days.start + timedelta(days=1))
            for charge in plan_of(stint.plan, job.plans, f"subscription/{due.subscription.key}").charges:
                if charge.kind == "one_time" and charge.starts_on == "subscription":
                    yield Stretch(charge, stint.plan, day, day, stint.quantity, "anchor", "anchor", True)


def agreed_line(contract: Contract | None, plan: str, charge: str, day: date) -> ContractLine | None:
    """The contract's line for a charge that is valid on a day; of several the one that began last."""
    if contract is None:
        return None
    lines = contract.lines
    valid = (x for x in lines if x.plan == plan and x.charge == charge and x.valid_from <= day < x.valid_to)
    return max(valid, key=attrgetter("valid_from"), default=None)


Counted = Callable[[Sequence[str], Period], Decimal]
"""(charge keys, days) -> what those charges, or all where none is named, owe for stretches that end on these days."""


def rate(
    job: Job,
    due: SubscriptionDue,
    since: date,
    account: Account,
    contract: Contract | None,
    stretch: Stretch,
    others: Counted | None = None,
    group: Group | None = None,
    discounts: tuple[Discount, ...] = (),
) -> Owed | None:
    """What a stretch owes: measured, priced by the rule in force on its first day, prorated where it is shorter than its cycle.

    ``since`` is the first day of the subscription.  Rounded once, by the mode of the pricing rule.  None where the price looks
    at what other charges owe, and ``others`` does not say it yet.  ``group`` is that of usage which alone counts.

    Raises:
        TollbookError: whatever pricing or proration refuses, ``usage.unknown-meter``.
    """
    pooled = due.pooled.get(key_of(stretch)) if due.pooled else None
    if pooled is not None:
        if isinstance(pooled, TollbookError):
            raise pooled
        item: Owed = msgspec.structs.replace(pooled, zero_line=stretch.zero_line)
        return item
    charge = stretch.charge
    days = stretch.counted or stretch.days
    meters: Sequence[Meter] = ()
    counts, count = NOT_COUNTED, Metered(stretch.quantity, 0, 0)
    if charge.kind == "usage":
        meters = meters_of(stretch.plan, charge, job.meters)
        counts = {meter.key: metered(due, stretch.plan, charge, meter, days, group) for meter in meters}
        count = together(counts.values())
    line, facts, pricing = asked(job, account, contract, stretch, since, count.quantity, counts, group)
    if pricing.terms["pool"] is not None or (pricing.terms["rollover"] is not None and not counts):
        raise _unshared(stretch, pricing)
    if discounts or pricing.terms["indexed"]:
        facts = _with_more(job, pricing, facts, discounts)
    if pricing.terms["window"] != PERIOD:
        found, newest = windowed(job, due, account, stretch, pricing, facts, meters, group)
        return _of_window(stretch, count, line, pricing, found, newest, account.currency)
    if pricing.needs == OTHER_CHARGES:
        if others is None:
            return None
        facts = msgspec.structs.replace(facts, counted=others(pricing.terms["counts"], stretch.days))
    elif counts and pricing.terms["per"] != PERIOD:
        facts = _by_part(due, stretch, pricing, facts, meters, days, group)
    elif counts and pricing.needs:
        meter = job.meters[charge.counted[0]]
        facts = detailed(pricing, facts, meter, days, stretch.cycle, due.usage, due.singles)
    carried = due.carried.get(key_of(stretch)) if due.carried else None
    if carried is not None:
        facts = msgspec.structs.replace(facts, granted=carried.units)
    proration, share = shrunk(job, account, stretch, pricing, discounts)
    full, amount, exact = price(pricing, facts, share, proration, account.currency)
    return Owed(
        charge, stretch.plan, stretch.cycle, stretch.days, count.quantity, full, share, amount, pricing.id,
        proration.id if proration else 0, line.id if line else 0, count.events, count.last_id, stretch.zero_line, exact,
        pricing.terms["rounding"], basis=carried.written if carried is not None else "",
    )  # fmt: skip


def _by_part(
    due: SubscriptionDue, stretch: Stretch, pricing: Decision, facts: PricingFacts, meters: Sequence[Meter], days: Period,
    group: Group | None,
) -> PricingFacts:  # fmt: skip
    """The facts with the quantity of each day, week or month, which is priced by itself; all meters together."""
    refuse_by_meter(pricing, facts)
    quantities = bucketed(due, stretch.plan, stretch.charge, meters, days, pricing.terms["per"], group)
    return msgspec.structs.replace(facts, windows=quantities, metered=NO_METERS)


def _unshared(stretch: Stretch, pricing: Decision) -> Exception:
    field = "pool" if pricing.terms["pool"] is not None else "rollover"
    return refuse(
        NOT_SHARED,
        f"rule {pricing.rule} says {field}, and {stretch.plan}/{stretch.charge.key} cannot",
        why="allowances go beyond a cycle where they are of usage, and of all of it",
        mend=f"say {field} on usage charges without group_by alone",
    )


def asked(
    job: Job, account: Account, contract: Contract | None, stretch: Stretch, since: date, quantity: Decimal,
    counts: Mapping[str, Metered], group: Group | None = None,
) -> tuple[ContractLine | None, PricingFacts, Decision]:  # fmt: skip
    """The contract's line for a stretch, the facts of it, and the pricing decision."""
    charge, day = stretch.charge, stretch.day or stretch.days.start
    line = agreed_line(contract, stretch.plan, charge.key, day)
    facts = _facts(job, account, stretch, since, line, quantity, counts, contract)
    if group is not None:
        named = {name: value for name, value in zip(charge.grouped, group, strict=True) if value is not None}
        facts = msgspec.structs.replace(facts, group=named)
    if isinstance(job.attributes, Seen):
        facts = job.attributes.by(facts, day)
    return line, facts, job.decide("pricing", facts, day)


def shrunk(
    job: Job, account: Account, stretch: Stretch, pricing: Decision, discounts: Iterable[Discount] = ()
) -> tuple[Decision | None, Fraction]:
    """The proration decision for a stretch and its share of the cycle; none where it is the whole, or nothing shrinks.

    Money that coupons take off in each cycle shrinks, as a limit does.
    """
    if stretch.days == stretch.cycle and not stretch.seconds:
        return None, WHOLE
    proration, share = prorate(job, account, stretch)
    measured = stretch.charge.kind == "usage" and not any(one.amount for one in discounts)
    if measured and proration.terms["applies_to"] != "tiers" and not shrinking(pricing.terms):
        return None, WHOLE  # measured in the stretch itself, so nothing is left to shrink
    return proration, share


def _with_more(job: Job, pricing: Decision, facts: PricingFacts, discounts: tuple[Discount, ...]) -> PricingFacts:
    """The facts with what coupons take off, and with the factor of a price that follows an index."""
    facts = msgspec.structs.replace(facts, discounts=discounts)
    return with_index(pricing.terms, facts, job.indexes) if pricing.terms["indexed"] else facts


def _of_window(
    stretch: Stretch,
    count: Metered,
    line: ContractLine | None,
    pricing: Decision,
    found: Spread,
    newest: int,
    currency: str,
) -> Owed:
    """What a stretch owes of a longer window; the newest event is that of the whole window."""
    amount, exact = found.owes(pricing, currency)
    full = amount if found.proration is None else found.owes(pricing, currency, WHOLE)[0]
    proration = found.proration.id if found.proration else 0
    return Owed(
        stretch.charge, stretch.plan, stretch.cycle, stretch.days, count.quantity, full, found.share, amount, pricing.id,
        proration, line.id if line else 0, count.events, newest, stretch.zero_line, exact, pricing.terms["rounding"],
    )  # fmt: skip


def _facts(
    job: Job,
    account: Account,
    stretch: Stretch,
    since: date,
    line: ContractLine | None,
    quantity: Decimal,
    counts: Mapping[str, Metered],
    contract: Contract | None,
) -> PricingFacts:
    day, charge = stretch.day or stretch.days.start, stretch.charge
    whole, days, number = ages(since, stretch.cycle, charge.months, charge.days, day)
    return PricingFacts(
        job.entity,
        account,
        charge,
        stretch.plan,
        quantity,
        line.unit_price if line else None,
        line.currency if line else None,
        since,
        day,
        not counts or stretch.days.end <= job.on,
        None,
        (),
        (),
        (),
        {key: one.quantity for key, one in counts.items()} if len(counts) > 1 else NO_METERS,
        NO_GROUP,
        None,
        None,
        whole,
        days,
        number,
        whole_months(contract.signed_on, day) if contract else None,
    )


def prorate(job: Job, account: Account, stretch: Stretch) -> tuple[Decision, Fraction]:
    """The proration decision for a stretch, and the share of the cycle that it gives."""
    facts = ProrationFacts(
        account,
        stretch.charge,
        stretch.plan,
        stretch.began_by,
        stretch.ended_by,
        stretch.days.start,
        stretch.days.end,
        stretch.cycle.start,
        stretch.cycle.end,
        *(stretch.seconds or ()),
    )
    decision = job.decide("proration", facts, stretch.day or stretch.days.start)
    return decision, share_of(decision, facts)


def price(
    pricing: Decision, facts: PricingFacts, share: Fraction, proration: Decision | None, currency: str
) -> tuple[Decimal, Decimal, Decimal]:
    """The rounded price of the whole cycle, and the price of the ``share`` of it that is owed, rounded and exact.

    What a share shrinks says :func:`engine.billing.pricing.priced`.
    """
    mode = pricing.terms["rounding"]
    whole = priced(pricing, facts).amount
    full = round_to(whole, currency, mode)
    if proration is None:
        return full, full, whole
    exact = priced(pricing, facts, share, proration.terms["applies_to"]).amount
    return full, round_to(exact, currency, mode), exact
