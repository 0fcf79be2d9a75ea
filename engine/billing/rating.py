"""What a subscription owes: every charge of its plans, cycle by cycle, priced and prorated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to
from engine.base.period import Period, cycles
from engine.billing.billed import Open
from engine.billing.metering import metered
from engine.billing.pricing import WHOLE, PricingFacts, times
from engine.billing.proration import ProrationFacts, Reason
from engine.billing.timeline import Stint, by_plan
from engine.model.account import Account
from engine.model.catalog import Charge, Meter, Plan
from engine.model.contract import Contract, ContractLine
from engine.model.decision import Decide, Decision
from engine.model.due import SubscriptionDue
from engine.model.entity import LegalEntity

UNKNOWN_PLAN = Code("subscription.unknown-plan", "A subscription to a plan that the catalogue does not have.")
UNKNOWN_METER = Code("usage.unknown-meter", "A usage charge whose meter the catalogue does not have.")


class Job(msgspec.Struct, frozen=True):
    """What one bill run brings to every subscription: ``on`` is its business date; ids above the ``_seen`` are not looked at."""

    entity: LegalEntity
    plans: Mapping[str, Plan]
    meters: Mapping[str, Meter]
    decide: Decide
    on: date
    events_seen: int
    usage_seen: int


class Owed(msgspec.Struct, frozen=True, gc=False):
    """What the days of one stretch owe of one charge; ``full`` is the rounded price of the whole cycle."""

    charge: Charge
    plan: str
    cycle: Period
    days: Period
    quantity: Decimal
    full: Decimal
    share: Fraction
    amount: Decimal
    pricing: int
    proration: int
    contract_line: int = 0
    events: int = 0
    usage_to: int = 0


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Days of one cycle on which one charge is in service on unchanged terms."""

    charge: Charge
    plan: str
    cycle: Period
    days: Period
    quantity: Decimal
    began_by: Reason
    ended_by: Reason
    ended: bool

    def due(self, on: date) -> bool:
        """Whether it is to be billed on ``on``: in advance (and once) from its first day, in arrears from the end of its cycle or of the service."""
        if self.charge.timing == "advance" or self.charge.kind == "one_time":
            return self.days.start <= on
        return self.cycle.end <= on or (self.ended and self.days.end <= on)


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


def stretches(job: Job, due: SubscriptionDue, served: Sequence[Stint], billed: Sequence[Open]) -> Iterator[Stretch]:
    """Every stretch of recurring and usage charges that shares a day with the window and begins by the run's date."""
    anchor, origin = due.subscription.anchor_day, subscribed_on(due)
    horizon, subject = job.on + timedelta(days=1), f"subscription/{due.subscription.key}"
    for kind, stints in (("recurring", served), ("usage", by_plan(served))):
        for stint in stints:
            known: dict[tuple[date, int], list[_Days]] = {}
            for charge in plan_of(stint.plan, job.plans, subject).charges:
                if charge.kind != kind:
                    continue
                key = (_window(due, stint.plan, charge, billed), charge.months)
                pieces = known.get(key)
                if pieces is None:
                    pieces = known[key] = list(_pieces(stint, Period(key[0], horizon), anchor, charge.months, origin))
                for cycle, days, began_by, ended_by, ended in pieces:
                    yield Stretch(charge, stint.plan, cycle, days, stint.quantity, began_by, ended_by, ended)


_Days = tuple[Period, Period, Reason, Reason, bool]
"""The cycle, the days of it in service, what began and what ended them, and whether the service ended with them."""


def _pieces(stint: Stint, within: Period, anchor: int, months: int, origin: date) -> Iterator[_Days]:
    """A stint cut into cycles of ``months``, as far as they share a day with ``within``."""
    looked_at = stint.days.meet(within) if within.start < within.end else None
    for cycle in cycles(looked_at, anchor, months, origin) if looked_at else ():
        days = cycle.meet(stint.days)
        if days:
            last = days.end == stint.days.end
            yield (
                cycle,
                days,
                stint.began_by if days.start == stint.days.start != cycle.start else "anchor",
                stint.ended_by if last and days.end != cycle.end else "anchor",
                last and stint.ended_by == "cancel",
            )


def _window(due: SubscriptionDue, plan: str, charge: Charge, billed: Sequence[Open]) -> date:
    """The first day to compare.  Usage is compared by whole stretches, so it reaches back to where a line begins that the window cuts."""
    if charge.kind != "usage":
        return due.window
    return min([due.window, *(one.line.charge.service_from for one in billed if one.is_of(plan, charge.key))])


def subscribed_on(due: SubscriptionDue) -> date:
    """The day on which a subscription first started; its cycles of several months are counted from there."""
    return min(event.on for event in due.events)


def one_time_stretches(job: Job, due: SubscriptionDue, served: Sequence[Stint]) -> Iterator[Stretch]:
    """One-time charges of each plan, owed on the day on which the plan begins."""
    before = ""
    for stint in served:
        begins = stint.began_by == "start" or stint.plan != before
        before = stint.plan
        if begins and due.window <= stint.days.start <= job.on:
            day = Period(stint.days.start, stint.days.start + timedelta(days=1))
            for charge in plan_of(stint.plan, job.plans, f"subscription/{due.subscription.key}").charges:
                if charge.kind == "one_time":
                    yield Stretch(charge, stint.plan, day, day, stint.quantity, "anchor", "anchor", True)


def agreed_line(contract: Contract | None, plan: str, charge: str, day: date) -> ContractLine | None:
    """The contract's line for a charge that is valid on a day; of several the one that began last."""
    if contract is None:
        return None
    lines = contract.lines
    valid = (x for x in lines if x.plan == plan and x.charge == charge and x.valid_from <= day < x.valid_to)
    return max(valid, key=attrgetter("valid_from"), default=None)


def rate(
    job: Job, due: SubscriptionDue, since: date, account: Account, contract: Contract | None, stretch: Stretch
) -> Owed:
    """What a stretch owes: measured, priced by the rule in force on its first day, prorated where it is shorter than its cycle.

    ``since`` is the first day of the subscription.  Rounded once, by the mode of the pricing rule, to the currency's minor
    unit.

    Raises:
        TollbookError: whatever pricing or proration refuses, ``usage.unknown-meter``.
    """
    charge, day = stretch.charge, stretch.days.start
    quantity, events, usage_to = stretch.quantity, 0, 0
    if charge.kind == "usage":
        meter = job.meters.get(charge.meter or "")
        if meter is None:
            raise refuse(
                UNKNOWN_METER,
                f"charge {stretch.plan}/{charge.key} bills meter {charge.meter!r}, which is unknown",
                mend="import the meter",
            )
        count = metered(due.usage, meter, stretch.days)
        quantity, events, usage_to = count.quantity, count.events, count.last_id
    line = agreed_line(contract, stretch.plan, charge.key, day)
    facts = PricingFacts(
        job.entity,
        account,
        charge,
        stretch.plan,
        quantity,
        line.unit_price if line else None,
        line.currency if line else None,
        since,
        day,
    )
    pricing = job.decide("pricing", facts, day)
    share, proration = WHOLE, None
    if stretch.days != stretch.cycle:
        proration, share = prorate(job, account, stretch)
        if charge.kind == "usage" and proration.terms["applies_to"] != "tiers":
            proration, share = None, WHOLE  # measured in the stretch itself, so nothing is left to shrink
    full, amount = price(pricing, facts, share, proration, account.currency)
    return Owed(
        charge,
        stretch.plan,
        stretch.cycle,
        stretch.days,
        quantity,
        full,
        share,
        amount,
        pricing.id,
        proration.id if proration else 0,
        line.id if line else 0,
        events,
        usage_to,
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
    )
    decision = job.decide("proration", facts, stretch.days.start)
    assert decision.method is not None
    return decision, decision.method(decision.terms, facts)


def price(
    pricing: Decision, facts: PricingFacts, share: Fraction, proration: Decision | None, currency: str
) -> tuple[Decimal, Decimal]:
    """The rounded price of the whole cycle, and the rounded price of the ``share`` of it that is owed.

    Usage is measured in the stretch itself, so a share does not shrink its amount: it shrinks the tiers where the proration
    rule says ``applies_to: tiers``, and nothing otherwise.  All other charges are worth their share of the amount.
    """
    method, mode = pricing.method, pricing.terms["rounding"]
    assert method is not None
    whole = sum((part.amount for part in method(pricing.terms, facts)), ZERO)
    full = round_to(whole, currency, mode)
    if proration is None:
        return full, full
    if facts.charge.kind != "usage":
        return full, round_to(times(whole, share), currency, mode)
    if proration.terms["applies_to"] == "tiers":
        shrunk = sum((part.amount for part in method(pricing.terms, facts, share)), ZERO)
        return full, round_to(shrunk, currency, mode)
    return full, full
