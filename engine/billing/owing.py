"""All that a subscription owes on the date of a run: every stretch that is due, and last those priced by what the others owe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.billing.billed import Open, billed_in_part, service
from engine.billing.opened import Before
from engine.billing.rating import Job, Owed, Stretch, counting, rate, subscribed_on
from engine.model.due import AccountDue, SubscriptionDue

COMMITMENT_CLOSED = Code(
    "pricing.commitment-closed",
    "Something changed within a commitment that was settled, and not all that counts towards it is looked at again.",
)


class Owing(msgspec.Struct, frozen=True):
    """What is owed by kind of charge, the first day of what is not due yet, and warnings.

    ``counting`` is what is priced by what others owe: it is compared with what was billed by whole stretches, as usage is.
    ``counted`` are ids of billed lines of such charges, ``settled`` of those among them that stay as they are.
    """

    owed: dict[str, list[Owed]]
    pending: date
    counting: tuple[Owed, ...] = ()
    counted: frozenset[int] = frozenset()
    settled: frozenset[int] = frozenset()
    findings: tuple[Finding, ...] = ()

    def prices(self) -> frozenset[int]:
        """The ids of all pricing decisions."""
        return frozenset(one.pricing for group in (*self.owed.values(), self.counting) for one in group)


def owing(
    job: Job,
    owner: AccountDue,
    due: SubscriptionDue,
    stretched: Iterable[Stretch],
    billed: Sequence[Open],
    before: Before | None,
) -> Owing:
    """Everything that is owed of some stretches, or is pending.

    Raises:
        TollbookError: whatever :func:`engine.billing.rating.rate` refuses.
    """
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    since = subscribed_on(due)
    owed: dict[str, list[Owed]] = {"recurring": [], "usage": [], "one_time": []}
    pending, later = job.on, list[Stretch]()
    for found in stretched:
        stretch = before.left(found) if before else found
        if stretch is None:
            continue
        if not (stretch.due(job.on) or billed_in_part(stretch.plan, stretch.charge.key, stretch.days, billed)):
            pending = min(pending, stretch.days.start)
            continue
        item = rate(job, due, since, account, contract, stretch)
        if item is None:
            later.append(stretch)
        else:
            owed[stretch.charge.kind].append(item)
    return _with_counting(job, owner, due, billed, Owing(owed, pending), later) if later else Owing(owed, pending)


def _with_counting(
    job: Job, owner: AccountDue, due: SubscriptionDue, billed: Sequence[Open], found: Owing, later: Sequence[Stretch]
) -> Owing:
    """The same with stretches that are priced by what the others owe."""
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    counted = counting([one for kind in found.owed.values() for one in kind])
    made: list[Owed] = []
    settled: set[int] = set()
    findings: list[Finding] = []
    for stretch in later:
        if not _in_view(job, due, stretch):
            settled |= {one.line.id for one in billed if _bills(one, stretch)}
            findings.append(_closed(due, stretch))
            continue
        item = rate(job, due, subscribed_on(due), account, contract, stretch, counted)
        assert item is not None
        made.append(item)
    keys = {(stretch.plan, stretch.charge.key) for stretch in later}
    lines = {one.line.id for one in billed if (one.line.charge.plan, one.line.charge.charge) in keys}
    return Owing(found.owed, found.pending, tuple(made), frozenset(lines), frozenset(settled), tuple(findings))


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
