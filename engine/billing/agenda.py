"""When there is next something to bill: what a scheduler needs that runs for one customer on the day, not on every day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import msgspec

from engine.base.period import Period
from engine.billing.counting import Counting
from engine.billing.grace import grace, over_on
from engine.billing.job import Job, Stretch
from engine.billing.rating import cycles_of, plan_of, stretches, subscribed_on
from engine.billing.timeline import Stint, stints
from engine.billing.turning import cut
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.due import SubscriptionDue

DAY = timedelta(days=1)


class Position(msgspec.Struct, frozen=True):
    """How far a charge is billed on a day, on the terms that are in force.

    ``first`` is the first day on which one of its cycles begins on these terms, ``until`` the day up to which it is to be
    billed (None where nothing is, yet), ``following`` the first day after that, or after the day looked at, on which a
    cycle begins.
    """

    charge: Charge
    first: date
    until: date | None
    following: date


def positions(job: Job, account: Account, due: SubscriptionDue) -> Iterator[Position]:
    """How far the recurring and usage charges of a subscription are to be billed by the run's date, each by the last terms
    that have begun by then."""
    served = stints(due.events, f"subscription/{due.subscription.key}")
    begun = [stint for stint in served if stint.days.start <= job.on]
    if not begun:
        return
    stint = begun[-1]
    if job.attributes is not None:
        job = job.attributes.within(job, due)
    by_day = stretches(job, due, served)
    if job.turning is not None or due.redemptions:
        by_day = cut(job, account, None, due, by_day)
    found = [*by_day, *Counting(job, account, due, served, ()).stretches()]
    for charge in plan_of(stint.plan, job.plans, f"subscription/{due.subscription.key}").charges:
        if charge.kind != "one_time":
            position = _position(job, due, stint, charge, found)
            yield _waited(job, account, position, found) if job.reconciling.waits else position


def _position(job: Job, due: SubscriptionDue, stint: Stint, charge: Charge, found: Sequence[Stretch]) -> Position:
    anchor, origin = due.subscription.anchor_day, subscribed_on(due)

    def begins(day: date) -> date:
        """The first day from ``day`` on that begins a cycle."""
        cycle = next(cycles_of(charge, stint, anchor, origin, Period(day, day + DAY)))
        return day if cycle.start == day else cycle.end

    mine = [one for one in found if one.charge.key == charge.key and one.plan == stint.plan and one.due(job.on)]
    until = max((one.days.end for one in mine if one.days.start >= stint.days.start), default=None)
    return Position(charge, begins(stint.days.start), until, begins((until or job.on) + DAY))


def _waited(job: Job, account: Account, position: Position, found: Sequence[Stretch]) -> Position:
    """The same for usage whose bill waits: the first day on which the grace of a stretch that is not due yet is over."""
    mine = [
        one for one in found if one.charge == position.charge and one.charge.kind == "usage" and not one.due(job.on)
    ]
    days = [max(over_on(one, grace(job, account, one), account.zone), job.on + DAY) for one in mine]
    following = min((day for day in days if day > job.on), default=position.following)
    return msgspec.structs.replace(position, following=following)


def next_run(job: Job, account: Account, due: SubscriptionDue) -> date | None:
    """The first day after the run's date on which a run may find more of a subscription to bill, if nothing else becomes known.

    In advance that is the day up to which it is billed, in arrears the next on which a cycle begins; None where no service
    has begun, or none is left.
    """
    days = []
    for position in positions(job, account, due):
        day = position.until if position.charge.timing == "advance" else position.following
        if day is not None and day > job.on:
            days.append(day)
    return min(days, default=None)
