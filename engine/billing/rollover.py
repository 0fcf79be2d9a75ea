"""Allowance that a cycle leaves unused and later ones may use.

What is carried into a stretch is a function of what the stretches before it used and of the terms of each, so no balance is
kept: usage that becomes known late changes what its cycle left, and each later cycle is billed the difference.  The walk
begins with the subscription, or with the window that units stay within; it begins anew where the service began again, where
a rule carries nothing, and on the day that a subscription came over from another system.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import ZERO
from engine.base.period import Period
from engine.billing.basis import written_carried
from engine.billing.job import Job, Stretch, key_of
from engine.billing.looking_back import counts_of, served_of, stretches_from
from engine.billing.metering import together
from engine.billing.pricing import WHOLE, Terms
from engine.billing.pricing.allowance import allowance
from engine.billing.rating import asked, shrunk, subscribed_on
from engine.billing.timeline import Stint
from engine.billing.unsummed import refuse_unsummed
from engine.billing.windows import holding
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.due import AccountDue, Carried, StretchKey, SubscriptionDue

SUBSCRIPTION: Final = "subscription"


class Left(msgspec.Struct, frozen=True, gc=False):
    """Units that a ``cycle``, the n-th that was counted, left unused, and for how many more cycles they live."""

    cycle: Period
    number: int
    lives: int
    units: Decimal


class Used(msgspec.Struct, frozen=True, gc=False):
    """What a stretch did with allowance: the n-th cycle that was counted, its usage, the units that it was given itself, and the
    terms of ``rollover``; ``part`` where it is not the whole cycle."""

    cycle: Period
    number: int
    quantity: Decimal
    fresh: Decimal
    order: str = "carried_first"
    lives: int = 1
    limit: Decimal | None = None
    part: bool = False
    from_parts: bool = True


def alive(before: Sequence[Left], number: int) -> list[Left]:
    """What can still be used in the n-th cycle."""
    return [one for one in before if one.units > 0 and number <= one.number + one.lives]


def after(before: Sequence[Left], used: Used) -> list[Left]:
    """What is left for later stretches, the oldest first, of what was there ``before`` a stretch and of its own units."""
    wanted, fresh = max(used.quantity, ZERO), used.fresh
    if used.order == "fresh_first":
        taken = min(wanted, fresh)
        wanted, fresh = wanted - taken, fresh - taken
    left: list[Left] = []
    for one in alive(before, used.number):
        taken = min(wanted, one.units)
        wanted -= taken
        left.append(msgspec.structs.replace(one, units=one.units - taken))
    if used.order == "carried_first":
        fresh -= min(wanted, fresh)
    if not used.part or used.from_parts:
        left.append(Left(used.cycle, used.number, used.lives, fresh))
    return _limited(left, used.limit)


def _limited(left: Iterable[Left], limit: Decimal | None) -> list[Left]:
    """The newest units up to the limit, in order."""
    kept: list[Left] = []
    room = limit
    for one in reversed([one for one in left if one.units > 0]):
        units = one.units if room is None else min(one.units, room)
        room = None if room is None else room - units
        if units:
            kept.append(msgspec.structs.replace(one, units=units))
    return kept[::-1]


def carrying(
    job: Job, owner: AccountDue, due: SubscriptionDue, served: Sequence[Stint], used: Iterable[Stretch]
) -> SubscriptionDue:
    """The same with what was carried into the stretches ``used`` whose rules carry allowance over.

    Raises:
        TollbookError: ``pricing.rollover-not-of-sums``, and whatever rating a stretch refuses.
    """
    if job.turning is None or not job.turning.rollovers:
        return due
    some = list(used)
    keys, wanted = carried_charges(job, owner, due, some), {key_of(one) for one in some}
    if not keys:
        return due
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    restarts = [stint.days.start for stint in served if stint.began_by == "start"]
    found: dict[StretchKey, Carried] = {}
    for key, chain in _chains(job, account, contract, due, served).items():
        if key in keys:
            found.update(_walk(job, account, contract, due, chain, wanted, restarts))
    return msgspec.structs.replace(due, carried=found) if found else due


def carried_charges(job: Job, owner: AccountDue, due: SubscriptionDue, some: Iterable[Stretch]) -> set[str]:
    """The keys of the charges among some stretches whose rules carry allowance over, each subscription its own."""
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    since, keys = subscribed_on(due), set[str]()
    for stretch in some:
        if stretch.charge.key not in keys:
            counts = counts_of(job, due, stretch)
            quantity = together(counts.values()).quantity
            terms = asked(job, account, contract, stretch, since, quantity, counts)[2].terms
            if terms["rollover"] is not None and terms["pool"] is None:
                keys.add(stretch.charge.key)
    return keys


def _walk(
    job: Job, account: Account, contract: Contract | None, due: SubscriptionDue, chain: Sequence[Stretch],
    wanted: set[StretchKey], restarts: Sequence[date],
) -> Iterator[tuple[StretchKey, Carried]]:  # fmt: skip
    """What came into each wanted stretch of a charge."""
    since, left, number = subscribed_on(due), list[Left](), 0
    last: Stretch | None = None
    for stretch in chain:
        number += last is None or stretch.cycle.start != last.cycle.start
        counts = counts_of(job, due, stretch)
        quantity = together(counts.values()).quantity
        pricing = asked(job, account, contract, stretch, since, quantity, counts)[2]
        terms = pricing.terms["rollover"]
        if terms is None or pricing.terms["pool"] is not None:
            left, last = [], stretch
            continue
        refuse_unsummed(job.meters, stretch.charge, pricing)
        begun = last is not None and any(last.days.start < day <= stretch.days.start for day in restarts)
        if last is not None and (begun or _lapsed(terms, since, last, stretch)):
            left = []
        there = alive(left, number)
        if key_of(stretch) in wanted:
            units = sum((one.units for one in there), ZERO)
            yield key_of(stretch), Carried(units, written_carried((one.cycle, one.units) for one in there))
        proration, share = shrunk(job, account, stretch, pricing)
        tiers = proration is not None and proration.terms["applies_to"] == "tiers"
        fresh = allowance(pricing.terms, share, share if tiers else WHOLE)
        used = Used(
            stretch.cycle, number, quantity, fresh, terms["order"], terms["cycles"], terms["limit"],
            stretch.days != stretch.cycle, terms["from_parts"],
        )  # fmt: skip
        left, last = after(left, used), stretch


def _lapsed(terms: Terms, since: date, last: Stretch, stretch: Stretch) -> bool:
    """Whether nothing that was there after one stretch comes into the next one: of another plan, or of another window."""
    if last.plan != stretch.plan and not terms["across_plans"]:
        return True
    within: str = terms["within"]
    return within != SUBSCRIPTION and last.days.start < holding(within, since, stretch.days.start).start


def carried_from(job: Job, owner: AccountDue, due: SubscriptionDue) -> date | None:
    """The first day whose usage decides what is carried into the days that are read one by one; None where nothing is."""
    assert job.turning is not None
    origin = _origin(due)
    known = job.attributes.within(job, due) if job.attributes is not None else job
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    first = max(due.window, origin)
    some = stretches_from(known, account, contract, due, served_of(known, account, due), first)
    if not carried_charges(known, owner, due, some):
        return None
    if due.usage_from <= origin or SUBSCRIPTION in job.turning.rollovers:
        return origin
    since = subscribed_on(due)
    return max(origin, min(holding(one, since, due.usage_from).start for one in job.turning.rollovers))


def _origin(due: SubscriptionDue) -> date:
    """The first day from which allowance can be carried."""
    return max(subscribed_on(due), due.opening.on) if due.opening else subscribed_on(due)


def _chains(
    job: Job, account: Account, contract: Contract | None, due: SubscriptionDue, served: Sequence[Stint]
) -> dict[str, list[Stretch]]:
    """Every stretch of usage from which allowance can be carried, by the key of its charge, in order."""
    origin = _origin(due)
    found: dict[str, list[Stretch]] = defaultdict(list)
    for stretch in stretches_from(job, account, contract, due, served, origin):
        if stretch.days.start >= origin:
            found[stretch.charge.key].append(stretch)
    return found
