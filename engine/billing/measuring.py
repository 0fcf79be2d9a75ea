"""Which stretches of usage have to be measured by the books because daily sums do not tell what they count."""

from __future__ import annotations

from collections.abc import Iterator

from engine.base.period import Period
from engine.billing.adjusting import adjust
from engine.billing.billed import billed_in_part, open_lines
from engine.billing.changes.anchors import reanchored
from engine.billing.counting import Counting
from engine.billing.job import Job, Stretch
from engine.billing.metering import buckets, counted, groups_of, meters_of, together, told_by_days
from engine.billing.opened import Before
from engine.billing.rating import asked, subscribed_on
from engine.billing.timeline import Stint, stints
from engine.billing.windows import PERIOD, parts_of, window_of
from engine.model.catalog import Charge
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.measure import OVER_TIME

Wanted = tuple[Stretch, Period, Period | None]
"""A stretch, days whose usage is wanted for it, and the days that levels are averaged over, where that is not its cycle."""


def measured_charges(job: Job) -> frozenset[tuple[str, str]]:
    """(plan, charge) of all charges that daily sums do not do for; of most catalogues none."""
    return frozenset(
        (plan.key, charge.key)
        for plan in job.plans.values()
        for charge in plan.charges
        if charge.kind == "usage" and not _told(job, charge)
    )


def _told(job: Job, charge: Charge) -> bool:
    return all(key not in job.meters or told_by_days(charge, job.meters[key]) for key in charge.counted)


def to_measure(
    job: Job, owner: AccountDue, due: SubscriptionDue, charges: frozenset[tuple[str, str]]
) -> Iterator[Wanted]:
    """The stretches of some charges that the statement of a subscription will price, and the days whose usage they count.

    Raises:
        TollbookError: what makes this subscription impossible to bill.
    """
    if not any((plan, key) in charges for plan, key in _sold(job, due)):
        return
    if job.attributes is not None:
        job = job.attributes.within(job, due)
    contract = owner.contracts.get(due.subscription.contract or "")
    served: tuple[Stint, ...] = stints(due.events, f"subscription/{due.subscription.key}")
    if len(served) > 1:
        served = reanchored(job, owner.account, due, served)
    opens = open_lines([one for one in due.billed if one.charge.kind == "usage"])
    billed = adjust(due, [one for one in opens if one.line.charge.service_from <= job.on]).billed
    before = Before(due.opening, due, served, job.plans, job.on) if due.opening else None
    for found in Counting(job, owner.account, due, served, billed, contract).stretches():
        if (found.plan, found.charge.key) not in charges:
            continue
        stretch = before.left(found) if before else found
        if stretch is None:
            continue
        if job.early or stretch.due(job.on) or billed_in_part(stretch.plan, stretch.charge.key, stretch.days, billed):
            yield stretch, stretch.counted or stretch.days, None


def of_windows(
    job: Job, owner: AccountDue, due: SubscriptionDue, charges: frozenset[tuple[str, str]]
) -> Iterator[Wanted]:
    """Of stretches that were measured and are priced over a longer window, the days of it up to their end, and before them; of
    those that are priced by day, week or month each of these.

    Raises:
        TollbookError: what makes this subscription impossible to bill.
    """
    job_within = job.attributes.within(job, due) if job.attributes is not None else job
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    since = subscribed_on(due)
    for stretch, days, _ in to_measure(job, owner, due, charges):
        meters = meters_of(stretch.plan, stretch.charge, job.meters)
        groups = groups_of(due, stretch.plan, stretch.charge, days) if stretch.charge.group_by else [None]
        known, levels = set[tuple[str, str]](), any(one.aggregation in OVER_TIME for one in meters)
        for group in groups:
            counts = {one.key: counted(due, stretch.plan, stretch.charge, one, days, group) for one in meters}
            quantity = together(counts.values()).quantity
            pricing = asked(job_within, account, contract, stretch, since, quantity, counts, group)[2]
            ways = window, per = pricing.terms["window"], pricing.terms["per"]
            if ways in known:
                continue
            known.add(ways)
            if window != PERIOD:
                over = window_of(pricing, since, stretch)
                some = (part for part in parts_of(pricing, since, stretch) if part.days and (levels or part != days))
                yield from ((stretch, part, over) for part in some)
            elif per != PERIOD:
                yield from ((stretch, *one) for one in buckets(days, per))


def _sold(job: Job, due: SubscriptionDue) -> Iterator[tuple[str, str]]:
    """Plan and charge of everything that the subscription ever had."""
    for key in {event.plan for event in due.events if event.plan}:
        if key in job.plans:
            yield from ((key, charge.key) for charge in job.plans[key].charges)
