"""What is read where allowance is carried over, or usage is priced in pools: sums of earlier days, and lines of other cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date

import msgspec

from engine.base.errors import TollbookError
from engine.billing.job import Job
from engine.billing.looking_back import sums_wanted
from engine.billing.pool_rollover import looked_at_from
from engine.billing.pools import Sharing, low_of
from engine.billing.rollover import carried_from
from engine.model.due import AccountDue, PayerDue, SubscriptionDue
from engine.model.invoice import BilledLine
from engine.store.pools import payers_of_families
from engine.store.reader import Reader
from engine.store.window_sums import Span, window_sums

Owned = tuple[AccountDue, SubscriptionDue]


def with_shared(reader: Reader, job: Job, dues: Sequence[PayerDue]) -> list[PayerDue]:
    """The same with what rules with ``rollover`` or ``pool`` look at; untouched where the release has none."""
    if job.turning is None or not (job.turning.rollovers or job.turning.pools):
        return list(dues)
    lows: dict[str, date] = {}
    for payer in dues if job.turning.pools else ():
        low = low_of(job, _used(job, payer))
        if low is not None:
            lows[payer.payer.key] = low
    dues = _with_sums(reader, job, dues, lows)
    if not lows:
        return list(dues)
    firsts = _firsts(job, dues, lows)
    if firsts:
        known = _with_sums(reader, job, [one for one in dues if one.payer.key in firsts], firsts)
        more = {one.payer.key: one for one in known}
        dues = [more.get(one.payer.key, one) for one in dues]
    return _with_pools(reader, job, dues, lows, firsts)


def _firsts(job: Job, dues: Sequence[PayerDue], lows: Mapping[str, date]) -> dict[str, date]:
    """By payer, the first day of the cycles that decide what pools carry over, where that is earlier than what is known."""
    if job.turning is None or not job.turning.pooled:
        return {}
    some = [(payer.payer.key, _used(job, payer)) for payer in dues if payer.payer.key in lows]
    found = {key: looked_at_from(job, used, lows[key]) for key, used in some}
    return {key: day for key, day in found.items() if day < lows[key]}


def _used(job: Job, payer: PayerDue) -> list[Owned]:
    """The subscriptions of a payer that have, or had, a plan with usage."""
    return [(owner, one) for owner in payer.accounts for one in owner.subscriptions if _has_usage(job, one)]


def _has_usage(job: Job, due: SubscriptionDue) -> bool:
    plans = (job.plans[event.plan] for event in due.events if event.plan and event.plan in job.plans)
    return any(charge.kind == "usage" for plan in plans for charge in plan.charges)


def _with_sums(reader: Reader, job: Job, dues: Sequence[PayerDue], lows: Mapping[str, date]) -> list[PayerDue]:
    """The same with sums of the days before those that are read one by one."""
    assert job.turning is not None
    spans: list[Span] = []
    for payer in dues:
        for owner, one in _used(job, payer):
            with suppress(TollbookError):  # rating it says so
                first = lows.get(payer.payer.key, one.usage_from)
                if job.turning.rollovers:
                    first = min(first, carried_from(job, owner, one) or first)
                spans += [(one.subscription.id, *days) for days in sums_wanted(job, owner, one, first)]
    sums = window_sums(reader, spans, job.usage_seen)
    return [_each(payer, {key: {"sums": some} for key, some in sums.items()}) for payer in dues] if sums else list(dues)


def _with_pools(
    reader: Reader, job: Job, dues: Sequence[PayerDue], lows: Mapping[str, date], firsts: Mapping[str, date]
) -> list[PayerDue]:
    """The same with the other subscriptions of each payer, and lines of cycles that are looked at for them alone."""
    earlier: dict[int, date] = {}
    for payer in dues:
        low = lows.get(payer.payer.key)
        for _, one in _used(job, payer) if low else ():
            if low is not None and one.window > low:
                earlier[one.subscription.id] = low
    lines = reader.billed_since(earlier) if earlier else {}
    apart = _families(reader, job, dues)
    return [_shared(reader, job, payer, lows, firsts, lines, apart.get(payer.payer.key, ())) for payer in dues]


def _shared(
    reader: Reader,
    job: Job,
    payer: PayerDue,
    lows: Mapping[str, date],
    firsts: Mapping[str, date],
    lines: Mapping[int, Sequence[BilledLine]],
    apart: Sequence[str],
) -> PayerDue:
    low, key = lows.get(payer.payer.key), payer.payer.key
    if low is None:
        return payer
    members = _used(job, payer)
    sharing = Sharing(job, key, members, low, frozenset(apart), firsts.get(key))

    def more(one: SubscriptionDue) -> dict[str, object]:
        known = {line.id for line in one.billed}
        found = [line for line in lines.get(one.subscription.id, ()) if line.id not in known]
        if one.paying is not None:
            found = list(reader.of_view(one, found)[0])
        return {"sharing": sharing, "settled": tuple(line for line in found if line.charge.kind == "usage")}

    return _each(payer, {one.subscription.id: more(one) for _, one in members})


def _families(reader: Reader, job: Job, dues: Sequence[PayerDue]) -> dict[str, list[str]]:
    """By payer, the parent accounts for some of whose accounts another one pays; none where no rule asks."""
    assert job.turning is not None
    if "parent" not in job.turning.pools:
        return {}
    parents = {payer.payer.key: set(_parents(payer)) for payer in dues}
    wanted = {parent for some in parents.values() for parent in some}
    payers = payers_of_families(reader, job.entity.tenant, job.entity.key, wanted)
    return {key: [one for one in sorted(some) if payers[one] != {key}] for key, some in parents.items()}


def _parents(payer: PayerDue) -> Iterator[str]:
    return (owner.account.parent or owner.account.key for owner in payer.accounts)


def _each(payer: PayerDue, fields: Mapping[int, Mapping[str, object]]) -> PayerDue:
    """The same with more fields of some subscriptions."""
    replace = msgspec.structs.replace

    def of(one: SubscriptionDue) -> SubscriptionDue:
        more = fields.get(one.subscription.id)
        return replace(one, **more) if more else one

    accounts = (replace(owner, subscriptions=tuple(map(of, owner.subscriptions))) for owner in payer.accounts)
    return replace(payer, accounts=tuple(accounts))
