"""Usage of several subscriptions that is priced together: added up, priced once, and the money divided over them.

Who is in a pool is what pricing rules say of each subscription of a payer.  Stretches of one cycle whose rules name the same
pool, and differ in nothing but the allowance that each brings, are one pool; the subscription that began first is its first
member, and shares are cut in that order, so that no cent is lost.  Whatever changes what one of them used or bears is
compared for all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.billing.billed import Open, open_lines
from engine.billing.job import Job, Owed, Stretch, key_of
from engine.billing.looking_back import counts_of, served_of, stretches_from
from engine.billing.metering import together
from engine.billing.pool_parts import Group, Member, common_of, divided
from engine.billing.pool_rollover import carried_into
from engine.billing.pricing import WHOLE
from engine.billing.pricing.allowance import allowance
from engine.billing.rating import asked, shrunk, subscribed_on
from engine.billing.rollover import Left
from engine.billing.timeline import Stint
from engine.billing.unsummed import refuse_unsummed
from engine.model.decision import Decision
from engine.model.due import AccountDue, StretchKey, SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.subscription import Subscription

NO_CONTRACT = Code("pricing.pool-without-contract", "A pool of a contract, and a subscription that has none.")
CROSSES_PAYERS = Code(
    "pricing.pool-crosses-payers", "A pool of a parent account and its children, not all of whom one account pays for."
)
INCOMPLETE = Code("pricing.pool-incomplete", "A pool of which one subscription cannot be rated.")
_OTHERS_USE: Final = "what a payer owes must not depend on what another one uses"
APART = Code(
    "pricing.pool-apart",
    "Subscriptions of one pool that are not priced together, as cycles, currencies or prices differ.",
)


Share = tuple[Stretch, Owed | TollbookError]
"""A pooled stretch, and what it owes, or why it cannot be priced."""


class Sharing:
    """The subscriptions of one payer that may share pools, as a run has read them; ``low`` is the first day that any of them
    has to be compared from, ``apart`` are parent accounts some of whose accounts another one pays for.  Cycles from ``first`` on
    decide what is carried into those from ``low`` on."""

    def __init__(
        self, job: Job, payer: str, subscriptions: Sequence[tuple[AccountDue, SubscriptionDue]], low: date,
        apart: Collection[str] = (), first: date | None = None,
    ) -> None:  # fmt: skip
        self.job, self.payer, self.low, self.apart = job, payer, low, apart
        self.first = low if first is None else first
        self.subscriptions = subscriptions
        self._read = {due.subscription.id: due for _, due in subscriptions}
        self._common: dict[int, str] = {}
        self._notes: dict[date, dict[int, list[Finding]]] = {}
        self._members: dict[tuple[date, int], tuple[Member, ...] | TollbookError] = {}
        self._shares: dict[date, dict[int, dict[StretchKey, Share]]] = {}

    def of(self, on: date, owner: AccountDue, due: SubscriptionDue) -> Mapping[StretchKey, Share]:
        """What pooled stretches of a subscription owe on a day, or why they cannot be priced; the subscription may be another
        than was read."""
        mine = due.subscription.id
        known = self._read.get(mine)
        if known is not None and known.events == due.events and known.usage == due.usage:
            if on not in self._shares:
                self._shares[on] = self._shared(self._all(on))
            return self._shares[on].get(mine, {})
        others = [one for one in self._all(on) if one[0] != mine]
        return self._shared([*others, (mine, self._found(on, owner, due))]).get(mine, {})

    def notes(self, on: date, ident: int) -> Iterable[Finding]:
        """Warnings about subscriptions that are in one pool and are not priced together, with one of them."""
        if on not in self._notes:
            self._notes[on] = defaultdict(list)
            for whose, finding in self._apart(on):
                self._notes[on][whose].append(finding)
        return self._notes[on].get(ident, ())

    def _apart(self, on: date) -> Iterator[tuple[int, Finding]]:
        groups: dict[Group, list[Group]] = defaultdict(list)
        firsts: dict[Group, Subscription] = {}
        for _, found in self._all(on):
            for member in found if not isinstance(found, TollbookError) else ():
                group = self._group(member)
                if group not in firsts and member.stretch.cycle.start >= self.low:
                    firsts[group] = member.due.subscription
                    groups[group[:3]].append(group)
        for (pool, _, whose), some in groups.items():
            unlike = [one for one in some if any(one != other and one[3].meet(other[3]) for other in some)]
            if unlike:
                first = min((firsts[one] for one in unlike), key=lambda one: one.key)
                yield first.id, _said_apart(first, pool, whose, len(unlike))

    def _all(self, on: date) -> list[tuple[int, tuple[Member, ...] | TollbookError]]:
        found = []
        for owner, due in self.subscriptions:
            key = on, due.subscription.id
            if key not in self._members:
                self._members[key] = self._found(on, owner, due)
            found.append((due.subscription.id, self._members[key]))
        return found

    def _found(self, on: date, owner: AccountDue, due: SubscriptionDue) -> tuple[Member, ...] | TollbookError:
        try:
            return tuple(members(msgspec.structs.replace(self.job, on=on), owner, due, self.first))
        except TollbookError as error:
            return error

    def _group(self, member: Member) -> Group:
        """What a member is priced together with."""
        terms = member.pricing.terms["pool"]
        account = member.owner.account
        whose = {"payer": self.payer, "account": account.key, "parent": account.parent or account.key}.get(
            terms["scope"]
        )
        if whose is None:
            whose = f"{account.key}/{member.due.subscription.contract}"
        common = self._common.get(member.pricing.id)
        if common is None:
            common = self._common[member.pricing.id] = common_of(member.pricing.terms)
        return terms["key"], terms["scope"], whose, member.stretch.cycle, account.currency, common

    def _shared(
        self, known: Iterable[tuple[int, tuple[Member, ...] | TollbookError]]
    ) -> dict[int, dict[StretchKey, Share]]:
        """What each pooled stretch owes, by subscription."""
        groups: dict[Group, list[Member]] = defaultdict(list)
        failed: list[tuple[int, TollbookError]] = []
        for ident, found in known:
            if isinstance(found, TollbookError):
                failed.append((ident, found))
                continue
            for member in found:
                groups[self._group(member)].append(member)
        for some in groups.values():
            some.sort(key=lambda one: one.order)
        carried: Mapping[Group, Sequence[Left]] = {}
        unknown: TollbookError | None = None
        try:
            carried = carried_into(self.job, groups) if not failed else {}
        except TollbookError as error:
            unknown = error
        shares: dict[int, dict[StretchKey, Share]] = defaultdict(dict)
        for group, some in groups.items():
            if group[3].start < self.low:
                continue
            owed: Sequence[Owed | TollbookError]
            try:
                self._refuse(group, some, failed)
                if unknown is not None:
                    raise unknown
                came = [(one.cycle, one.units) for one in carried.get(group, ())]
                owed = list(divided(self.job, group, some, came))
            except TollbookError as error:
                owed = [error] * len(some)
            for member, one in zip(some, owed, strict=True):
                shares[member.due.subscription.id][key_of(member.stretch)] = member.stretch, one
        return shares

    def _refuse(self, group: Group, some: Sequence[Member], failed: Sequence[tuple[int, TollbookError]]) -> None:
        """Refuse to price a pool that is not what its rule says.

        Raises:
            TollbookError: ``pricing.pool-incomplete``, ``pricing.pool-without-contract``, ``pricing.pool-crosses-payers``.
        """
        pool, scope, whose = group[:3]
        if failed:
            raise refuse(
                INCOMPLETE,
                f"pool {pool} of {whose} waits for subscription {self._read[failed[0][0]].subscription.key}",
                why=f"what it used cannot be told: {failed[0][1].findings[0].what}",
                mend="correct that subscription; the next run bills all of them",
            )
        if scope == "contract" and any(not one.due.subscription.contract for one in some):
            what = f"pool {pool} is of a contract, and subscription {some[0].due.subscription.key} has none"
            raise refuse(NO_CONTRACT, what, mend="give it a contract, or let the rule say another scope")
        if scope == "parent" and whose in self.apart:
            raise refuse(
                CROSSES_PAYERS,
                f"pool {pool} is of {whose} and its children, but {self.payer} does not pay for all of them",
                why=_OTHERS_USE,
                mend="let one account pay for all of them, or let the rule say scope: payer",
            )


def _said_apart(first: Subscription, pool: str, whose: str, parts: int) -> Finding:
    subject = f"subscription/{first.key}"
    return Finding(
        APART,
        Where(subject),
        f"pool {pool} of {whose} is priced in {parts} parts on the same days",
        "only stretches of the same cycle, currency and prices can be added up",
        "give them the same anchor day, and rules that differ in nothing but the allowance",
        level="warning",
        subject=subject,
    )


def members(job: Job, owner: AccountDue, due: SubscriptionDue, low: date) -> Iterator[Member]:
    """The pooled stretches of a subscription in cycles that begin on a day or after it.

    Raises:
        TollbookError: ``pricing.pool-not-of-sums``, and whatever rating them refuses.
    """
    if job.attributes is not None:
        job = job.attributes.within(job, due)
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    since = subscribed_on(due)
    served = served_of(job, account, due)
    starts = tuple(stint.days.start for stint in served if stint.began_by == "start")
    for stretch in stretches_from(job, account, contract, due, served, low):
        if stretch.cycle.start < low:
            continue
        counts = counts_of(job, due, stretch)
        count = together(counts.values())
        line, facts, pricing = asked(job, account, contract, stretch, since, count.quantity, counts)
        if pricing.terms["pool"] is None:
            continue
        refuse_unsummed(job.meters, stretch.charge, pricing)
        if due.paying is not None and not _pays(due, served, stretch, pricing):
            continue
        proration, share = shrunk(job, account, stretch, pricing)
        tiers = proration is not None and proration.terms["applies_to"] == "tiers"
        brings = allowance(pricing.terms, share, share if tiers else WHOLE)
        old = due.opening is not None and stretch.days.start < due.opening.on
        yield Member(owner, due, since, stretch, count, facts, pricing, line.id if line else 0, brings, starts, old)


def _pays(due: SubscriptionDue, served: Sequence[Stint], stretch: Stretch, pricing: Decision) -> bool:
    """Whether a stretch of a subscription for which events name payers is in the pool of the payer that is looked at.

    Raises:
        TollbookError: ``pricing.pool-crosses-payers`` where the pool is not of a payer.
    """
    pool = pricing.terms["pool"]
    if pool["scope"] != "payer":
        what = (
            f"pool {pool['key']} is of a {pool['scope']}, and subscription {due.subscription.key} has payers of its own"
        )
        mend = "let the rule say scope: payer, or leave the subscription to the payer of its account"
        raise refuse(CROSSES_PAYERS, what, why=_OTHERS_USE, mend=mend)
    return any(due.pays(stint.payer) and stint.days.meet(stretch.days) is not None for stint in served)


def pooling(
    on: date, owner: AccountDue, due: SubscriptionDue, used: Iterable[Stretch], sealed: Collection[StretchKey]
) -> SubscriptionDue:
    """The same with what its pooled stretches owe; ``beyond`` are those that are not ``used``, and not ``sealed`` either."""
    sharing: Sharing | None = due.sharing
    if sharing is None:
        return due
    found = sharing.of(on, owner, due)
    there = {*map(key_of, used), *sealed}
    beyond = tuple(stretch for key, (stretch, _) in found.items() if key not in there)
    return msgspec.structs.replace(due, pooled={key: owed for key, (_, owed) in found.items()}, beyond=beyond)


def settled(due: SubscriptionDue) -> list[Open]:
    """The lines of pooled stretches that the window of a subscription does not show."""
    lines = [one for one in due.settled if not one.charge.credits and _key(one.charge) in due.pooled]
    there = {line.id for line in lines}
    return open_lines([*lines, *(one for one in due.settled if one.charge.credits in there)]) if lines else []


def _key(charge: RatedCharge) -> StretchKey:
    return charge.plan, charge.charge, charge.service_from, charge.service_to


def notes(on: date, due: SubscriptionDue) -> Iterable[Finding]:
    """Warnings about the pools of a subscription."""
    sharing: Sharing | None = due.sharing
    return sharing.notes(on, due.subscription.id) if sharing is not None else ()


def low_of(job: Job, subscriptions: Iterable[tuple[AccountDue, SubscriptionDue]]) -> date | None:
    """The first day of the cycles that have to be compared, of any of the subscriptions of a payer; None where there is none."""
    some = [one for one in subscriptions if one[1].events]
    if not some:
        return None
    low = min(max(due.window, subscribed_on(due)) for _, due in some)
    begins = [low]
    for owner, due in some:
        with suppress(TollbookError):  # pricing the pool says so
            known = job.attributes.within(job, due) if job.attributes is not None else job
            contract = owner.contracts.get(due.subscription.contract or "")
            served = served_of(known, owner.account, due)
            found = stretches_from(known, owner.account, contract, due, served, low)
            begins += [one.cycle.start for one in found]
    return min(begins)
