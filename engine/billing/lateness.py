"""Usage that is late: what becomes of what comes after the bill.

A late event is one that became known after a run had looked at the stretch that it belongs to.  The rule is asked once for all
late events of a stretch (and of other stretches that count the same events): they are billed with the difference, or the lines
that were billed are given back and billed anew, or the events are dropped and count no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.billing.billed import Open, service
from engine.billing.discounts import applying
from engine.billing.grace import lateness_facts, was_due
from engine.billing.job import Job, Owed, Stretch, key_of
from engine.billing.metering import told_by_days
from engine.billing.netting import Back, Due, net_usage
from engine.billing.timeline import touching
from engine.model.account import Account
from engine.model.decision import Decision
from engine.model.due import SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.lateness import Disposition, Ended, Late, LateUsage, Policy
from engine.model.usage import UsageDay

DROPPED = Code("usage.dropped", "Late usage that a lateness rule does not bill.")
NOT_DROPPED = Code("usage.not-dropped", "Late usage that a lateness rule would drop, of a charge that a pool counts.")

Key = tuple[str, str, date, date]
"""Plan, charge, first day and day after the last of a stretch."""
Owes = Callable[[frozenset[int]], Sequence[Owed]]
"""What usage owes without late events of some ids."""


class Judged(msgspec.Struct, frozen=True):
    """What becomes of the late usage of a subscription: how each event ends, ids of those dropped, the stretches that are
    given back and billed anew, and which of their lines are given back on a document of their own."""

    ended: tuple[Ended, ...] = ()
    dropped: frozenset[int] = frozenset()
    anew: frozenset[Key] = frozenset()
    apart: frozenset[Key] = frozenset()
    findings: tuple[Finding, ...] = ()

    def lines_apart(self, billed: Iterable[Open]) -> frozenset[int]:
        """Ids of the billed lines that are given back on a document of their own."""
        if not self.apart:
            return frozenset()
        return frozenset(one.line.id for one in billed if _line_key(one.line.charge) in self.apart)


NOTHING_LATE = Judged()


def _line_key(charge: RatedCharge) -> Key:
    return charge.plan, charge.charge, charge.service_from, charge.service_to


class _Group:
    """Stretches that the same late events count in, with what all of them come to."""

    def __init__(self, stretch: Stretch, usage: Iterable[LateUsage], difference: Decimal | None) -> None:
        self.stretches, self.difference = [stretch], difference
        self.usage = {one.id: one for one in usage}

    def takes(self, other: _Group) -> bool:
        """Whether another group shares an event with this one, which then has all of it."""
        if not self.usage.keys() & other.usage.keys():
            return False
        self.stretches += other.stretches
        self.usage |= other.usage
        if other.difference is not None:
            self.difference = (self.difference or ZERO) + other.difference
        return True


def judge(
    job: Job,
    account: Account,
    due: SubscriptionDue,
    stretches: Iterable[Stretch],
    too_late: Sequence[Stretch],
    owes: Owes,
    billed: Sequence[Open],
) -> Judged:
    """How the late usage of a subscription ends: the rule's word for each group of stretches that it counts in.

    Of charges that daily sums do not tell, the amount of a group is what all usage owes with its events less what it owes without
    them: a level goes on beyond its stretch.

    ``too_late`` are stretches that a metering rule leaves alone.  Usage of a stretch that a subscription event changed since
    it was billed is not late, nor that of one all of whose lines were given back: both are billed as if for the first time.

    Raises:
        TollbookError: ``rule.no-answer``.
    """
    late, mark = due.late, due.mark
    if late is None or mark is None or mark.billed_on is None:
        return NOTHING_LATE
    amounts: dict[Key, Decimal] = {}
    owed = owes(frozenset())
    for one in owed:  # of usage that is priced by group there are several
        amounts[key_of(one)] = amounts.get(key_of(one), ZERO) + one.amount
    groups: list[_Group] = []
    for stretch in stretches:
        if stretch.held or not was_due(stretch, mark, account.zone) or _changed(job, account, due, stretch):
            continue
        mine = _of(late, stretch)
        lines = [one for one in billed if _line_key(one.line.charge) == key_of(stretch)]
        if mine and (not lines or any(one.stands or not one.line.charge.amount for one in lines)):
            amount = amounts.get(key_of(stretch))
            standing = sum((x.left - x.adjusted for x in lines if x.stands), ZERO)
            difference = None if amount is None else amount - standing
            _join(groups, _Group(stretch, mine, difference))
    judged = _Verdict(job, account, due)
    for group in groups:
        gone = frozenset(one.id for one in group.usage.values() if not one.back)
        if gone and due.recount is not None and group.difference is not None and judged.measures(group):
            group.difference = _sum(owed) - _sum(owes(gone))
        judged.on(group)
    for stretch in too_late:
        judged.alone(stretch, _of(late, stretch))
    return judged.done()


def _sum(owed: Iterable[Owed]) -> Decimal:
    return sum((one.amount for one in owed), ZERO)


def _of(late: Late, stretch: Stretch) -> list[LateUsage]:
    counted, meters = stretch.counted or stretch.days, stretch.charge.counted
    return [one for one in late.usage if one.meter in meters and one.day in counted]


def _changed(job: Job, account: Account, due: SubscriptionDue, stretch: Stretch) -> bool:
    """Whether a subscription event that became known since changes the stretch; a coupon does where it applies to the charge."""
    seen = due.mark.events_seen if due.mark else 0
    if touching(due.events, seen, stretch.days):
        return True
    new = (event for event in due.events if event.id > seen and event.kind == "redeem" and event.on <= stretch.days.end)
    days = ((event, max(event.on, stretch.days.start)) for event in new)
    return any(
        (one.coupon.key, one.on) == (event.coupon, event.on)
        for event, day in days
        if day in stretch.cycle
        for one, _ in applying(job, account, due, stretch.charge, stretch.plan, stretch.cycle, day)
    )


def _join(groups: list[_Group], new: _Group) -> None:
    for other in [group for group in groups if new.takes(group)]:
        groups.remove(other)
    groups.append(new)


class _Verdict:
    """Gathers what rules say of groups of late usage."""

    def __init__(self, job: Job, account: Account, due: SubscriptionDue) -> None:
        self.job, self.account, self.due = job, account, due
        self.ended: dict[int, Ended] = {}
        self.dropped: set[int] = set()
        self.anew: set[Key] = set()
        self.apart: set[Key] = set()
        self.findings: list[Finding] = []

    def on(self, group: _Group) -> None:
        """Ask the rule about a group, and note what it says.  What a source takes back is never dropped."""
        first = min(group.stretches, key=key_of)
        usage = group.usage.values()
        policy: Policy = "next_bill"
        decision: Decision | None = None
        if self.job.reconciling.asks:
            sources = {one.source for one in usage}
            source = next(iter(sources)) if len(sources) == 1 else None
            facts = lateness_facts(self.job, self.account, first, source, self._days(first), group.difference)
            decision = self.job.decide("lateness", facts, first.days.end)
            policy = self._policy(decision, group)
            if policy == "drop" and any(key_of(stretch) in self.due.pooled for stretch in group.stretches):
                policy = "next_bill"
                self.findings.append(_kept(self.due, first))
        keys = frozenset(map(key_of, group.stretches))
        if policy == "credit_and_rebill":
            self.anew |= keys
            if decision is not None and decision.terms["documents"] == "apart":
                self.apart |= keys
        lost = [one for one in usage if policy == "drop" and not one.back]
        for one in usage:
            disposition: Disposition = policy if policy != "drop" or not one.back else "next_bill"
            self._end(one, first, disposition, group.difference, decision.id if decision else 0)
        if lost:
            self.dropped |= {one.id for one in lost}
            self.findings.append(_dropped(self.due, first, lost, group.difference, self.account.currency))

    def alone(self, stretch: Stretch, usage: Iterable[LateUsage]) -> None:
        """Note late usage that a metering rule leaves alone."""
        for one in usage:
            if one.id not in self.ended:
                self._end(one, stretch, "too_late", None, 0)

    def done(self) -> Judged:
        """What was noted, in the order in which the events became known."""
        ended = tuple(self.ended[ident] for ident in sorted(self.ended))
        return Judged(ended, frozenset(self.dropped), frozenset(self.anew), frozenset(self.apart), tuple(self.findings))

    def _policy(self, decision: Decision, group: _Group) -> Policy:
        terms: Any = decision.terms
        policy: Policy = terms["policy"] if terms["policy"] != "reopen" else "next_bill"  # what is billed is no draft
        least = (terms["drop_under"] or {}).get(self.account.currency)
        if least is not None and group.difference is not None and abs(group.difference) < least:
            policy = "drop"
        return "next_bill" if policy == "drop" and all(one.back for one in group.usage.values()) else policy

    def measures(self, group: _Group) -> bool:
        """Whether something of a group is counted otherwise than by the sums of its days."""
        counted = ((one.charge, self.job.meters.get(key)) for one in group.stretches for key in one.charge.counted)
        return not all(meter is None or told_by_days(charge, meter) for charge, meter in counted)

    def _days(self, stretch: Stretch) -> int:
        return max((self.job.on - stretch.days.end).days, 0)

    def _end(
        self, one: LateUsage, stretch: Stretch, disposition: Disposition, amount: Decimal | None, decision: int
    ) -> None:
        self.ended[one.id] = Ended(
            one,
            self.due.subscription.id,
            stretch.plan,
            stretch.charge.key,
            stretch.days.start,
            stretch.days.end,
            self._days(stretch),
            disposition,
            amount,
            self.account.currency,
            decision,
        )


def _dropped(
    due: SubscriptionDue, stretch: Stretch, lost: Sequence[LateUsage], amount: Decimal | None, currency: str
) -> Finding:
    subject = f"subscription/{due.subscription.key}"
    worth = "" if amount is None else f", worth {amount.normalize():f} {currency},"
    return Finding(
        DROPPED,
        Where(subject),
        f"{len(lost)} late events of {stretch.charge.key} of {stretch.days}{worth} are dropped",
        "a lateness rule does not bill them; `tollbook usage late` lists them",
        "let the rule say another policy before the next events come late",
        level="info",
        subject=subject,
    )


def _kept(due: SubscriptionDue, stretch: Stretch) -> Finding:
    subject = f"subscription/{due.subscription.key}"
    return Finding(
        NOT_DROPPED,
        Where(subject),
        f"late events of {stretch.charge.key} of {stretch.days} are billed, though a lateness rule drops them",
        "a pool has counted them for all of its members: what one of them owes cannot be told without the others",
        "let the rule give next_bill or credit_and_rebill for this charge",
        level="warning",
        subject=subject,
    )


def without(due: SubscriptionDue, dropped: frozenset[int]) -> SubscriptionDue:
    """The same subscription as if some late events had never been."""
    assert due.late is not None
    gone = {(one.meter, one.day) for one in due.late.usage if one.id in dropped}
    days = []
    for total in due.usage:
        if (total.meter, total.day) in gone:
            left = [
                one
                for one in due.late.around
                if (one.meter, one.day) == (total.meter, total.day) and one.id not in dropped
            ]
            quantities = [one.quantity for one in left]
            total = UsageDay(
                total.subscription_id,
                total.meter,
                total.day,
                sum(quantities, ZERO),
                len(left),
                total.last_id,
                max(quantities, default=ZERO),
            )
        days.append(total)
    singles = tuple(one for one in due.singles if one.id not in dropped)
    measured = due.recount(dropped) if due.recount is not None else due.measured
    return msgspec.structs.replace(due, usage=tuple(days), singles=singles, measured=measured)


def net_with_late(
    owed: Sequence[Owed],
    billed: Sequence[Open],
    currency: str,
    stays: Callable[[RatedCharge], bool],
    anew: frozenset[Key],
) -> Iterable[Due | Back]:
    """As :func:`engine.billing.netting.net_usage`, but stretches ``anew`` are given back whole and charged whole again.

    A line all of whose money was given back by hand has nothing more to give back: it stands, and counts as billed.
    """
    if not owed and not billed:
        return ()
    if not anew:
        return net_usage(owed, billed, currency, stays)
    again = [one for one in billed if one.left and _line_key(one.line.charge) in anew]
    backs = [
        Back(one.line, service(one.line), Fraction(one.line.charge.share), -one.left, 0, one.line.charge.full, one.left)
        for one in again
    ]
    others = (one for one in billed if not one.left or _line_key(one.line.charge) not in anew)
    return [*backs, *net_usage(owed, others, currency, stays)]
