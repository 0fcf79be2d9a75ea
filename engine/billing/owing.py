"""All that a subscription owes on the date of a run: every stretch that is due, and last those priced by what the others owe."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.base.period import Period
from engine.billing.billed import Open, billed_in_part, service
from engine.billing.discounts import discounted
from engine.billing.grace import covers
from engine.billing.grouping import by_group
from engine.billing.job import Job, Owed, Stretch, key_of
from engine.billing.opened import Before
from engine.billing.rating import Counted, rate, subscribed_on
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.due import AccountDue, SubscriptionDue

COMMITMENT_CLOSED = Code(
    "pricing.commitment-closed",
    "Something changed within a commitment that was settled, and not all that counts towards it is looked at again.",
)


class Owing(msgspec.Struct, frozen=True):
    """What is owed by kind of charge, the first day of what is not due yet, and warnings.

    ``counting`` is what is priced by what others owe: it is compared with what was billed by whole stretches, as usage is.
    ``counted`` are ids of billed lines of such charges, ``settled`` of those among them that stay as they are; so do lines of
    usage that was billed early, until its cycle has ended.
    """

    owed: dict[str, list[Owed]]
    pending: date
    counting: tuple[Owed, ...] = ()
    counted: frozenset[int] = frozenset()
    settled: frozenset[int] = frozenset()
    findings: tuple[Finding, ...] = ()

    def prices(self) -> frozenset[int]:
        """The ids of all pricing decisions."""
        return frozenset([one.pricing for group in (*self.owed.values(), self.counting) for one in group])


def owing(
    job: Job,
    owner: AccountDue,
    due: SubscriptionDue,
    stretched: Iterable[Stretch],
    billed: Sequence[Open],
    before: Before | None,
    sealed: Collection[tuple[str, str, date, date]] = (),
    past: Sequence[Stretch] = (),
) -> Owing:
    """Everything that is owed of some stretches, or is pending; ``sealed`` are stretches of usage that are not looked at and
    stay as they were billed, as are those ``past``, which were cut off by a price that turned before the window.

    Raises:
        TollbookError: whatever :func:`engine.billing.rating.rate` refuses.
    """
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    since = subscribed_on(due)
    owed: dict[str, list[Owed]] = {"recurring": [], "usage": [], "one_time": []}
    pending, later, rated = job.on, list[Stretch](), list[tuple[Stretch, Owed]]()
    waiting, early = list[Stretch](), set[int]()
    for found in stretched:
        stretch = before.left(found) if before else found
        if stretch is None:
            continue
        put_off, stay = _put_off(job, stretch, billed) if stretch.held or not stretch.due(job.on) else (False, ())
        if put_off:
            pending = min(pending, stretch.days.start)
            early.update(stay)
            if stretch.held or stretch.wait:
                waiting.append(stretch)
            continue
        if stretch.charge.kind == "usage" and job.early and not stretch.due(job.on):
            pending = min(pending, stretch.days.start)
            stretch = msgspec.structs.replace(stretch, zero_line=False)  # nothing used is said when the cycle ends
        if stretch.charge.group_by:
            items = by_group(job, due, since, account, contract, stretch)
            if due.redemptions:
                rated += [(stretch, item) for item in items]
            else:
                owed["usage"] += items
            continue
        item = rate(job, due, since, account, contract, stretch)
        if item is None:
            later.append(stretch)
        elif due.redemptions and key_of(stretch) not in due.pooled:
            rated.append((stretch, item))
        else:
            owed[stretch.charge.kind].append(item)
    for item in discounted(job, due, since, account, contract, rated) if rated else ():
        owed[item.charge.kind].append(item)
    if waiting and later:
        late = [one for one in later if covers(waiting, one.days) and not _begun(one, billed)]
        pending = min([pending, *(one.days.start for one in late)])
        later = [one for one in later if one not in late]
    made = Owing(owed, pending)
    if later:
        stays = [one for one in billed if one.line.charge.kind == "usage" and _key(one) in sealed] if sealed else []
        made = _with_counting(job, owner, due, billed, made, later, stays, past)
    return msgspec.structs.replace(made, counted=made.counted | early, settled=made.settled | early) if early else made


def _key(one: Open) -> tuple[str, str, date, date]:
    charge = one.line.charge
    return charge.plan, charge.charge, charge.service_from, charge.service_to


def counting(owed: Sequence[Owed], stays: Sequence[Open] = ()) -> Counted:
    """How the charges of a subscription count towards a commitment: by what their stretches owe that end on its days, or by what
    is left of lines that ``stays``; one-time charges only where they are named."""

    def owed_by(keys: Sequence[str], days: Period) -> Decimal:
        now = [
            one.amount
            for one in owed
            if (one.charge.key in keys if keys else one.charge.kind != "one_time")
            and days.start < one.days.end <= days.end
        ]
        before = [
            one.left - one.adjusted
            for one in stays
            if (not keys or one.line.charge.charge in keys) and days.start < one.line.charge.service_to <= days.end
        ]
        return sum((*now, *before), ZERO)

    return owed_by


def _put_off(job: Job, stretch: Stretch, billed: Sequence[Open]) -> tuple[bool, Sequence[int]]:
    """Whether a stretch that is held or not due waits for a later run, and ids of the lines that have billed it early and stay
    until it is due."""
    if stretch.held:
        return True, ()
    if stretch.charge.kind == "usage":
        if job.early:
            return False, []
        early = _billed_early(stretch, billed)
        if early:
            return True, early
    return not _begun(stretch, billed), []


def _billed_early(stretch: Stretch, billed: Sequence[Open]) -> list[int]:
    """Ids of the lines that have billed exactly that stretch before it is due: they stay until it is."""
    return [
        one.line.id
        for one in billed
        if one.is_of(stretch.plan, stretch.charge.key) and service(one.line) == stretch.days
    ]


def _begun(stretch: Stretch, billed: Sequence[Open]) -> bool:
    return billed_in_part(stretch.plan, stretch.charge.key, stretch.days, billed)


def _with_counting(
    job: Job,
    owner: AccountDue,
    due: SubscriptionDue,
    billed: Sequence[Open],
    found: Owing,
    later: Sequence[Stretch],
    stays: Sequence[Open],
    past: Sequence[Stretch],
) -> Owing:
    """The same with stretches that are priced by what the others owe, by lines of them that stay, or what is past."""
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    before = _past(job, due, account, contract, past)
    counted = counting([one for kind in (*found.owed.values(), before or ()) for one in kind], stays)
    made: list[Owed] = []
    settled: set[int] = set()
    findings: list[Finding] = []
    for stretch in later:
        if not _in_view(job, due, stretch) or (before is None and covers(past, stretch.days)):
            settled |= {one.line.id for one in billed if _bills(one, stretch)}
            findings.append(_closed(due, stretch))
            continue
        item = rate(job, due, subscribed_on(due), account, contract, stretch, counted)
        assert item is not None
        made.append(item)
    keys = {(stretch.plan, stretch.charge.key) for stretch in later}
    lines = {one.line.id for one in billed if (one.line.charge.plan, one.line.charge.charge) in keys}
    return Owing(found.owed, found.pending, tuple(made), frozenset(lines), frozenset(settled), tuple(findings))


def _past(
    job: Job, due: SubscriptionDue, account: Account, contract: Contract | None, past: Sequence[Stretch]
) -> list[Owed] | None:
    """What stretches that are past owe; None where it takes more than their own usage to know."""
    turning = job.turning
    shared = turning is not None and (turning.rollovers or turning.pools)
    if past and (shared or due.redemptions or due.opening):
        return None
    since, made = subscribed_on(due), list[Owed | None]()
    for stretch in past:
        if stretch.charge.group_by:
            made += by_group(job, due, since, account, contract, stretch)
        else:
            made.append(rate(job, due, since, account, contract, stretch))
    return [one for one in made if one is not None]


def _in_view(job: Job, due: SubscriptionDue, stretch: Stretch) -> bool:
    """Whether all that counts towards a commitment is looked at: a window that begins later cuts shorter cycles off."""
    if due.window <= stretch.days.start:
        return True
    others = (c for c in job.plans[stretch.plan].charges if c.kind != "one_time")
    return all(charge.months >= stretch.charge.months for charge in others)


def _bills(one: Open, stretch: Stretch) -> bool:
    return one.is_of(stretch.plan, stretch.charge.key) and service(one.line).meet(stretch.days) is not None


def _closed(due: SubscriptionDue, stretch: Stretch) -> Finding:
    subject = f"subscription/{due.subscription.key}"
    return Finding(
        COMMITMENT_CLOSED,
        Where(subject),
        f"{stretch.plan}/{stretch.charge.key} of {stretch.days} stays as it was billed, though something of it changed",
        "the commitment is longer than the cycles that count towards it, and only the cycles that changed are billed again",
        "settle the difference by hand where it matters",
        level="warning",
        subject=subject,
    )
