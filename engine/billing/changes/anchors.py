"""On which changes of plan the cycles of a subscription begin anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from engine.base.period import Period
from engine.billing.changes.scale import DAY, Scale
from engine.billing.job import Job
from engine.billing.proration import ProrationFacts, Reason
from engine.billing.rating import cycle_of, cycles_of, plan_of, subscribed_on
from engine.billing.timeline import Stint
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.decision import Decision
from engine.model.due import SubscriptionDue

_DAYS = Scale("")


def recurring(job: Job, due: SubscriptionDue, plan: str) -> Sequence[Charge]:
    """The recurring charges of a plan, in order of key."""
    return [
        c for c in plan_of(plan, job.plans, f"subscription/{due.subscription.key}").charges if c.kind == "recurring"
    ]


def decided(job: Job, account: Account, due: SubscriptionDue, on: Stint, reason: Reason) -> Decision | None:
    """The proration rule for what happens to a subscription on the first of the days ``on``: for the first recurring charge of
    the plan, None where it has none.  The stretch goes from that day to the end of its cycle."""
    charges = recurring(job, due, on.plan)
    if not charges:
        return None
    charge, taken, day = charges[0], due.subscription, on.days.start
    one = Period(day, day + DAY)
    cycle = next(cycles_of(charge, on, taken.anchor_day, subscribed_on(due), one, cycle_of(taken)))
    facts = ProrationFacts(account, charge, on.plan, reason, reason, day, cycle.end, cycle.start, cycle.end)
    return job.decide("proration", facts, day)


def reanchored(
    job: Job, account: Account, due: SubscriptionDue, served: Sequence[Stint], scale: Scale = _DAYS
) -> tuple[Stint, ...]:
    """Stints with the point from which their cycles are counted, as the proration rule in force on each change of plan says.

    Another start always begins with the subscription's own anchor.
    """
    made: list[Stint] = []
    day, anchored = 0, date.min
    for stint in served:
        if stint.began_by == "start":
            day, anchored = 0, date.min
        elif made and made[-1].plan != stint.plan and _anew(job, account, due, made[-1], stint, scale):
            anchored = stint.days.start
            day = scale.day(anchored).day
        made.append(msgspec.structs.replace(stint, anchor_day=day, anchored=anchored) if day else stint)
    return tuple(made)


def _anew(job: Job, account: Account, due: SubscriptionDue, before: Stint, stint: Stint, scale: Scale) -> bool:
    day = scale.day(scale.calendar(stint.days.start))
    on = msgspec.structs.replace(
        stint,
        days=Period(day, day + DAY),
        anchor_day=before.anchor_day,
        anchored=scale.day(before.anchored) if before.anchor_day else before.anchored,
    )
    decision = decided(job, account, due, on, "change")
    if decision is None or decision.terms["anchor"] == "keep":
        return False
    if decision.terms["anchor"] == "plan":
        return True
    lengths = [
        {(charge.months, charge.days) for charge in recurring(job, due, plan)} for plan in (before.plan, stint.plan)
    ]
    return lengths[0] != lengths[1]
