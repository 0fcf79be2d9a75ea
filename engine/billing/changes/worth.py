"""What parts of stretches are worth, for days that are given back and for parts that were not billed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import cast

from engine.base.period import Period, share_actual
from engine.billing.changes.scale import Scale
from engine.billing.job import Job
from engine.billing.netting import Value, Worth
from engine.billing.proration import ProrationFacts, Reason, part_of
from engine.billing.timeline import counted
from engine.model.account import Account
from engine.model.catalog import Charge, Plan
from engine.model.decision import Decision
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.subscription import SubscriptionEvent


def charge_of(plans: Mapping[str, Plan], plan: str, key: str) -> Charge | None:
    """The charge of a plan, None where the catalogue does not have it any more."""
    known = plans.get(plan)
    return next((c for c in known.charges if c.key == key), None) if known else None


def values(job: Job, owner: AccountDue, due: SubscriptionDue) -> Value:
    """How parts of stretches are valued: by the proration rule in force on their first day, relative to the whole stretch.

    A whole cycle is worth 1, as it is where it is billed.  For days that are given back, both ``began_by`` and ``ended_by``
    say what ended the service before them.
    """

    def value(plan: str, key: str, cycle: Period, whole: Period, part: Period) -> Worth:
        charge = charge_of(job.plans, plan, key)
        if charge is None:
            return Worth(share_actual(part, whole), True, "half_up", 0)

        happened = {event.on: _reason(event) for event in sorted(counted(due.events), key=lambda e: e.id)}

        def facts(days: Period) -> ProrationFacts:
            return _facts(owner.account, charge, plan, happened.get(days.start, "change"), days, cycle, days, cycle)

        decision = job.decide("proration", facts(part), part.start)
        return _worth(decision, facts(part), facts(whole), whole == cycle)

    return value


def exact_values(job: Job, owner: AccountDue, due: SubscriptionDue, scale: Scale) -> Value:
    """As :func:`values`, where periods are of counted time."""
    events = sorted(counted(due.events), key=lambda e: (scale.at(e), e.id))
    happened = {scale.at(event): _reason(event) for event in events}

    def value(plan: str, key: str, cycle: Period, whole: Period, part: Period) -> Worth:
        charge = charge_of(job.plans, plan, key)
        if charge is None:
            return Worth(Fraction(part.length / scale.least) / Fraction(whole.length / scale.least), True, "half_up", 0)

        def facts(span: Period) -> ProrationFacts:
            reason = happened.get(span.start, "change")
            counted = (scale.days(span), scale.days(cycle))
            return _facts(
                owner.account, charge, plan, reason, span, cycle, *counted, scale.seconds(span), scale.seconds(cycle)
            )

        decision = job.decide("proration", facts(part), scale.day(scale.calendar(part.start)))
        return _worth(decision, facts(part), facts(whole), whole == cycle)

    return value


def _facts(
    account: Account,
    charge: Charge,
    plan: str,
    reason: Reason,
    span: Period,
    around: Period,
    days: Period,
    cycle: Period,
    *seconds: Decimal | None,
) -> ProrationFacts:
    part, whole = seconds or (None, None)
    began_by: Reason = "anchor" if span.start == around.start else reason
    return ProrationFacts(
        account, charge, plan, began_by, reason, days.start, days.end, cycle.start, cycle.end, part, whole
    )


def _reason(event: SubscriptionEvent) -> Reason:
    return cast(Reason, event.kind)  # kinds that are no reasons are not counted


def _worth(decision: Decision, part: ProrationFacts, whole: ProrationFacts, is_cycle: bool) -> Worth:
    terms = decision.terms
    return Worth(
        part_of(decision, part, whole, is_cycle),
        terms["credit"],
        terms["rounding"],
        decision.id,
        terms["netting"] == "net",
        terms["credit_of"] == "price",
        terms["unused"] == "rule",
    )
