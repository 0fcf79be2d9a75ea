"""Stretches of usage that a run does not compare, looked at because others depend on what they used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import msgspec

from engine.billing.changes.anchors import reanchored
from engine.billing.counting import Counting
from engine.billing.job import Job, Stretch
from engine.billing.metering import Metered, metered, meters_of
from engine.billing.timeline import Stint, stints
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.lateness import Reconciling


def served_of(job: Job, account: Account, due: SubscriptionDue) -> tuple[Stint, ...]:
    """The stints of a subscription as a run bills them; ``job`` is as it is within the subscription."""
    served = stints(due.events, f"subscription/{due.subscription.key}")
    return reanchored(job, account, due, served) if len(served) > 1 else served


def stretches_from(
    job: Job, account: Account, contract: Contract | None, due: SubscriptionDue, served: Sequence[Stint], first: date
) -> list[Stretch]:
    """Every stretch of usage that shares a day with those from ``first`` on, in order; late and held ones, and those that
    another payer pays for, too."""
    plain = msgspec.structs.replace(job, reconciling=Reconciling())
    whole = msgspec.structs.replace(due, window=first, mark=None, paying=None)
    found = Counting(plain, account, whole, served, (), contract).stretches()
    return sorted(found, key=lambda one: (one.days.start, one.days.end))


def counts_of(job: Job, due: SubscriptionDue, stretch: Stretch) -> dict[str, Metered]:
    """What each meter of a stretch counted, by sums of earlier days where it is one."""
    days, known = stretch.counted or stretch.days, (*due.sums, *due.usage)
    return {meter.key: metered(known, meter, days) for meter in meters_of(stretch.plan, stretch.charge, job.meters)}


def sums_wanted(job: Job, owner: AccountDue, due: SubscriptionDue, first: date) -> list[tuple[date, date]]:
    """The days from ``first`` on that are not read one by one, cut where stretches are."""
    upto = due.usage_from
    if upto <= first:
        return []
    known = job.attributes.within(job, due) if job.attributes is not None else job
    contract = owner.contracts.get(due.subscription.contract or "")
    served = served_of(known, owner.account, due)
    found = stretches_from(known, owner.account, contract, due, served, first)
    days = {day for one in found for day in (one.days.start, (one.counted or one.days).end, one.days.end)}
    cuts = sorted({first, upto, *(day for day in days if first < day < upto)})
    return list(pairwise(cuts)) if found else []
