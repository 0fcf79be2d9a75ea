"""Allowance that a pool leaves unused and its later cycles may use.

What all members leave together is the pool's, whoever brought it: who leaves does not take units along, and who joins finds
them.  As for a single subscription (:mod:`engine.billing.rollover`) no balance is kept: what came into a cycle is a function of
what all members used in the cycles before it.  Units go on with the part of the pool that is priced by the same terms;
where no such part is there any more, with the first one by other terms that begins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Final

import msgspec

from engine.base.errors import TollbookError
from engine.base.period import Period
from engine.billing.job import Job, Stretch
from engine.billing.looking_back import counts_of, served_of, stretches_from
from engine.billing.metering import together
from engine.billing.pool_parts import Group, Member, Together
from engine.billing.rating import asked, subscribed_on
from engine.billing.rollover import SUBSCRIPTION, Left, Used, after, alive
from engine.billing.windows import holding
from engine.model.due import AccountDue, SubscriptionDue

ALWAYS: Final = date.min


class _Chain(msgspec.Struct):
    """The cycles of one part of a pool so far: the days of the last one, how many were counted, and what is left."""

    days: Period
    number: int
    left: Sequence[Left]


def carried_into(job: Job, groups: Mapping[Group, Sequence[Member]]) -> dict[Group, list[Left]]:
    """What came into each cycle of pools whose rules carry allowance over; members are in their order.

    Raises:
        TollbookError: what proration refuses.
    """
    pools: dict[Group, list[Group]] = defaultdict(list)
    for group in groups:
        pool, scope, whose, _, currency, _ = group
        pools[pool, scope, whose, currency].append(group)
    found: dict[Group, list[Left]] = {}
    for parts in pools.values():
        if any(groups[one][0].pricing.terms["rollover"] is not None for one in parts):
            parts.sort(key=lambda one: (one[3].start, one[3].end, groups[one][0].order))
            found.update(_walk(job, groups, parts))
    return found


def _walk(
    job: Job, groups: Mapping[Group, Sequence[Member]], parts: Sequence[Group]
) -> Iterator[tuple[Group, list[Left]]]:
    """What came into each cycle of the parts of one pool, which are in order of time."""
    chains: dict[str, _Chain] = {}
    for group in parts:
        rule, common = groups[group][0].pricing.terms, group[5]
        terms = rule["rollover"]
        some = [one for one in groups[group] if not one.billed_elsewhere]
        if not some:
            continue
        made = Together.of(job, some)
        chain = chains.get(common) or _taken_over(chains, parts, group)
        left: Sequence[Left] = ()
        if chain is not None and terms is not None and not _lapsed(terms["within"], chain, made.days, some):
            left = chain.left
        number = chain.number + 1 if chain else 1
        there = alive(left, number)
        yield group, there
        if terms is None:
            chains[common] = _Chain(made.days, number, ())
            continue
        used = Used(
            group[3], number, made.quantity, made.fresh(rule), terms["order"], terms["cycles"], terms["limit"],
            made.days != group[3], terms["from_parts"],
        )  # fmt: skip
        chains[common] = _Chain(made.days, number, after(there, used))


def _taken_over(chains: dict[str, _Chain], parts: Sequence[Group], group: Group) -> _Chain | None:
    """The cycles of parts that are not there any more when a cycle by other terms begins, as those that go before it."""
    start = group[3].start
    there = {one[5] for one in parts if one[3].start <= start < one[3].end}
    gone = [chains.pop(one) for one in sorted(chains) if one not in there and chains[one].days.end <= start]
    if not gone:
        return None
    number = max(one.number for one in gone)
    left = [
        msgspec.structs.replace(unit, number=unit.number + number - one.number) for one in gone for unit in one.left
    ]
    left.sort(key=lambda unit: (unit.number, unit.cycle.start))
    return _Chain(max((one.days for one in gone), key=lambda days: days.end), number, left)


def _lapsed(within: str, last: _Chain, days: Period, some: Iterable[Member]) -> bool:
    """Whether nothing that was there after one cycle comes into the next: all of its members began after it did, or it is of
    another window."""
    if all(any(last.days.start < day <= one.stretch.days.start for day in one.starts) for one in some):
        return True
    return within != SUBSCRIPTION and last.days.start < holding(within, ALWAYS, days.start).start


def looked_at_from(job: Job, subscriptions: Sequence[tuple[AccountDue, SubscriptionDue]], low: date) -> date:
    """The first day of the cycles that decide what is carried into cycles from ``low`` on, of the subscriptions of a payer;
    ``low`` where nothing is carried."""
    windows = job.turning.pooled if job.turning is not None else ()
    if not windows or not any(_carries(job, owner, due, low) for owner, due in subscriptions):
        return low
    if SUBSCRIPTION in windows:
        return ALWAYS
    first = min(holding(one, ALWAYS, low).start for one in windows)
    begins = [first, low]
    for owner, due in subscriptions:
        with suppress(TollbookError):  # pricing the pool says so
            begins += [one.cycle.start for one in _stretches(job, owner, due, first)]
    return min(begins)


def _carries(job: Job, owner: AccountDue, due: SubscriptionDue, low: date) -> bool:
    """Whether a rule puts usage of a subscription on days from ``low`` on, which are known, into a pool that carries over."""
    job = job.attributes.within(job, due) if job.attributes is not None else job
    contract, since = owner.contracts.get(due.subscription.contract or ""), subscribed_on(due)
    with suppress(TollbookError):  # pricing the pool says so
        for one in _stretches(job, owner, due, low):
            counts = counts_of(job, due, one)
            quantity = together(counts.values()).quantity
            terms = asked(job, owner.account, contract, one, since, quantity, counts)[2].terms
            if terms["pool"] is not None and terms["rollover"] is not None:
                return True
    return False


def _stretches(job: Job, owner: AccountDue, due: SubscriptionDue, first: date) -> Sequence[Stretch]:
    known = job.attributes.within(job, due) if job.attributes is not None else job
    contract = owner.contracts.get(due.subscription.contract or "")
    return stretches_from(known, owner.account, contract, due, served_of(known, owner.account, due), first)
