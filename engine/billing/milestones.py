"""One-time charges that wait: for the go-live, or, part by part, for milestones that are accepted.  Net, as all else: what
was accepted and is not billed is billed once; what was billed and is revoked is given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to
from engine.base.period import Period
from engine.billing.billed import Open, service
from engine.billing.elsewhere import once_elsewhere
from engine.billing.job import Job, Owed, Stretch
from engine.billing.netting import Back, Due
from engine.billing.pricing import times
from engine.billing.rating import cycles_of, plan_of, rate, stretches, subscribed_on
from engine.billing.timeline import Stint, payer_on
from engine.billing.waiting import gone_live, in_force
from engine.model.catalog import Charge
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.milestone import Milestone, in_order
from engine.model.subscription import SubscriptionEvent

OVER_WHOLE = Code("milestone.over-whole", "Milestones of a charge that come to more than its price.")

MARK: Final = "milestone/"
"""Before the key of the milestone that a line bills, in what the line says it counts."""
DAY: Final = timedelta(days=1)

Make = Callable[[Due], RatedCharge]


class Held(msgspec.Struct, frozen=True):
    """Lines of charges that waited, prices that were decided, and what is wrong."""

    lines: tuple[RatedCharge, ...] = ()
    prices: frozenset[int] = frozenset()
    findings: tuple[Finding, ...] = ()


class Waiting(msgspec.Struct, frozen=True):
    """What waits, and for what: ``reason`` is go_live, milestone (``milestone`` is its key), unplanned (the part of a price
    that no milestone is planned for) or cycle_end (what a running cycle in arrears has come to).

    ``amount`` is before tax, of a recurring charge that waits for its go-live that of one cycle; None where no price answers.
    ``since`` is the day on which it was ordered, or on which the cycle began.
    """

    account: str
    subscription: str
    plan: str
    charge: str
    reason: str
    milestone: str
    name: str
    amount: Decimal | None
    currency: str
    since: date
    expected: date | None = None


NOTHING: Final = Held()


def triggered(
    job: Job,
    owner: AccountDue,
    due: SubscriptionDue,
    served: Sequence[Stint],
    billed: Sequence[Open],
    make_due: Make,
    make_back: Callable[[Back], RatedCharge],
) -> Held:
    """The lines of the one-time charges of a subscription that wait for something; nothing where its plans have none."""
    subject = f"subscription/{due.subscription.key}"
    for stint in served:
        for charge in plan_of(stint.plan, job.plans, subject).charges:
            if charge.starts_on != "subscription" and charge.kind == "one_time":
                return Triggered(job, owner, due, served).held(billed, make_due, make_back)
    return NOTHING


class Triggered:
    """The one-time charges of one subscription that wait, in one run."""

    def __init__(self, job: Job, owner: AccountDue, due: SubscriptionDue, served: Sequence[Stint]) -> None:
        self.job, self.owner, self.due, self.served = job, owner, due, served
        self.subject = f"subscription/{due.subscription.key}"
        self.accepted = in_force(due.events, "accept")
        self.prices: set[int] = set()
        self.findings: list[Finding] = []

    def held(self, billed: Sequence[Open], due: Make, back: Callable[[Back], RatedCharge]) -> Held:
        """What is to be charged and given back; ``billed`` are the open lines of one-time charges."""
        mine = {(plan, charge.key) for _, plan, charge in self._ordered()}
        lines = [one for one in billed if (one.line.charge.plan, one.line.charge.charge) in mine]
        known = [*lines, *once_elsewhere(self.due)]
        made: list[RatedCharge] = []
        for stint, plan, charge in self._ordered():
            there = [one for one in known if one.is_of(plan, charge.key)]
            if charge.starts_on == "go_live":
                made += self._live(stint, charge, there, due)
            else:
                made += self._parts(stint, charge, there, due)
        for one in lines:
            if one.left and self._taken_back(one):
                whole = one.line.charge
                item = Back(one.line, service(one.line), Fraction(whole.share), -one.left, 0, whole.full, one.left)
                made.append(back(item))
        return Held(tuple(made), frozenset(self.prices), tuple(self.findings))

    def _ordered(self) -> Iterator[tuple[Stint, str, Charge]]:
        """Each one-time charge that waits, with the stint in which its plan begins; a charge once."""
        before, seen = "", set[tuple[str, str]]()
        for stint in self.served:
            begins = stint.began_by == "start" or stint.plan != before
            before = stint.plan
            for charge in plan_of(stint.plan, self.job.plans, self.subject).charges if begins else ():
                waiting = charge.kind == "one_time" and charge.starts_on != "subscription"
                if waiting and (stint.plan, charge.key) not in seen:
                    seen.add((stint.plan, charge.key))
                    yield stint, stint.plan, charge

    def _due_day(self, stint: Stint, event: SubscriptionEvent | None) -> date | None:
        """The day on which what an event triggers is owed; None where it is not, not yet, or was compared or billed elsewhere
        before."""
        opening = self.due.opening
        if event is None or (opening is not None and event.id <= opening.events_seen):
            return None
        day = max(event.on, stint.days.start)
        ended = self.served[-1].days.end
        return day if self.due.window <= day <= self.job.on and day < ended and self._pays(day) else None

    def _pays(self, day: date) -> bool:
        """Whether what is owed on a day is looked at."""
        return self.due.paying is None or self.due.pays(payer_on(self.served, day))

    def _live(self, stint: Stint, charge: Charge, there: Sequence[Open], due: Make) -> Iterator[RatedCharge]:
        day = self._due_day(stint, gone_live(self.due.events, charge.key))
        if day is not None and not there:
            owed = self._rated(stint, charge, day)
            if owed is not None and (owed.amount or charge.zero_lines):
                yield due(Due(owed, owed.days, owed.share, owed.quantity, owed.amount, owed.proration, 0, 0))

    def _parts(self, stint: Stint, charge: Charge, there: Sequence[Open], due: Make) -> Iterator[RatedCharge]:
        planned = [one for one in in_order(self.due.milestones) if one.charge == charge.key]
        reached = ((one, self._due_day(stint, self.accepted.get(one.key))) for one in planned)
        wanted = [(one, day) for one, day in reached if day is not None]
        if not wanted:
            return
        owed = self._rated(stint, charge, stint.days.start)
        if owed is None:
            return
        billed = {one.line.charge.exact.removeprefix(MARK): one.left - one.adjusted for one in there}
        worth = parts(owed.amount, planned, billed, self.owner.account.currency)
        if worth is None:
            self.findings.append(self._over(charge, owed.amount))
            return
        for milestone, day in wanted:
            amount = worth[milestone.key]
            if milestone.key not in billed and amount:
                days = Period(day, day + DAY)
                named = msgspec.structs.replace(charge, name=f"{charge.name}: {milestone.name}")
                share = Fraction(amount) / Fraction(owed.amount) if owed.amount else Fraction(1)
                part = msgspec.structs.replace(owed, charge=named, days=days, amount=amount, share=share)
                line = due(Due(part, days, share, owed.quantity, amount, owed.proration, 0, 0))
                yield msgspec.structs.replace(line, exact=MARK + milestone.key)

    def _taken_back(self, one: Open) -> bool:
        """Whether what a line bills was taken back since."""
        charge = one.line.charge
        if charge.exact.startswith(MARK):
            return charge.exact.removeprefix(MARK) not in self.accepted
        known = self.job.plans[charge.plan].charges
        waits_for = next(one.starts_on for one in known if one.key == charge.charge)
        revoked = any(event.kind == "revoke" for event in self.due.events)
        return waits_for == "go_live" and revoked and gone_live(self.due.events, charge.charge) is None

    def _rated(self, stint: Stint, charge: Charge, day: date) -> Owed | None:
        """The whole price of a charge, by the rule of a day."""
        days = Period(day, day + DAY)
        stretch = Stretch(charge, stint.plan, days, days, stint.quantity, "anchor", "anchor", True)
        owed = self._price(stretch)
        if owed is not None:
            self.prices.add(owed.pricing)
        return owed

    def _price(self, stretch: Stretch) -> Owed | None:
        contract = self.owner.contracts.get(self.due.subscription.contract or "")
        return rate(self.job, self.due, subscribed_on(self.due), self.owner.account, contract, stretch)

    def _over(self, charge: Charge, whole: Decimal) -> Finding:
        return Finding(
            OVER_WHOLE,
            Where(self.subject),
            f"milestones of {charge.key} come to more than its price, {whole} {self.owner.account.currency}",
            "a fixed price is billed once, in parts",
            "correct the amounts or shares of the milestones; none of them is billed until then",
            subject=self.subject,
        )

    # What waits

    def waiting(self) -> Iterator[Waiting]:
        """What has been ordered by the run's date and waits for something that has not come by then."""
        if not self.served or self.served[-1].days.end <= self.job.on:
            return
        for stint, _, charge in self._ordered():
            if stint.days.start <= self.job.on:
                found = self._waits_live if charge.starts_on == "go_live" else self._waits_milestones
                yield from found(stint, charge)
        last = [stint for stint in self.served if stint.days.start <= self.job.on][-1:]
        for stint in last:
            for charge in plan_of(stint.plan, self.job.plans, self.subject).charges:
                if charge.kind == "recurring" and charge.starts_on == "go_live":
                    yield from self._waits_live(stint, charge)
        yield from self._running()

    def _running(self) -> Iterator[Waiting]:
        """What the days of running cycles that are billed in arrears have come to, by their number."""
        billed = [(one.charge.plan, one.charge.charge, service(one)) for one in self.due.billed]
        for stretch in stretches(self.job, self.due, self.served):
            charge, days = stretch.charge, stretch.days
            there = any((stretch.plan, charge.key) == (p, c) and days.meet(s) is not None for p, c, s in billed)
            if charge.timing == "advance" or there or stretch.due(self.job.on) or days.start >= self.job.on:
                continue
            owed = self._price(stretch)
            if owed is not None:
                done = Fraction((min(self.job.on, days.end) - days.start).days, (days.end - days.start).days)
                amount = round_to(times(owed.amount, done), self.owner.account.currency)
                stint = Stint(days, stretch.plan, stretch.quantity, stretch.began_by, stretch.ended_by)
                yield self._wait(stint, charge, "cycle_end", "", charge.name, amount, stretch.cycle.end)

    def _waits_live(self, stint: Stint, charge: Charge) -> Iterator[Waiting]:
        event = gone_live(self.due.events, charge.key)
        if event is None or event.on > self.job.on:
            expected = event.on if event else self._expected(charge)
            yield self._wait(stint, charge, "go_live", "", charge.name, self._amount(stint, charge), expected)

    def _expected(self, charge: Charge) -> date | None:
        days = [one.expected for one in self.due.milestones if one.charge == charge.key and one.expected]
        return min(days, default=None)

    def _waits_milestones(self, stint: Stint, charge: Charge) -> Iterator[Waiting]:
        planned = [one for one in in_order(self.due.milestones) if one.charge == charge.key]
        whole = self._amount(stint, charge)
        worth = parts(whole, planned, {}, self.owner.account.currency) if whole is not None else None
        for one in planned:
            event = self.accepted.get(one.key)
            if event is None or event.on > self.job.on:
                amount = worth[one.key] if worth is not None else None
                yield self._wait(stint, charge, "milestone", one.key, one.name, amount, one.expected)
        rest = whole - sum(worth.values(), ZERO) if whole is not None and worth is not None else None
        if rest or not planned:
            yield self._wait(stint, charge, "unplanned", "", charge.name, rest if planned else whole, None)

    def _amount(self, stint: Stint, charge: Charge) -> Decimal | None:
        """The price of a one-time charge, or of one cycle of a recurring one."""
        days = Period(stint.days.start, stint.days.start + DAY)
        if charge.kind == "recurring":
            origin, anchor = subscribed_on(self.due), self.due.subscription.anchor_day
            days = next(cycles_of(charge, stint, anchor, origin, days))
        owed = self._price(Stretch(charge, stint.plan, days, days, stint.quantity, "anchor", "anchor", True))
        return owed.full if owed is not None else None

    def _wait(
        self,
        stint: Stint,
        charge: Charge,
        reason: str,
        milestone: str,
        name: str,
        amount: Decimal | None,
        expected: date | None,
    ) -> Waiting:
        account = self.owner.account
        return Waiting(
            account.key,
            self.due.subscription.key,
            stint.plan,
            charge.key,
            reason,
            milestone,
            name,
            amount,
            account.currency,
            stint.days.start,
            expected,
        )


def parts(
    whole: Decimal, planned: Sequence[Milestone], billed: Mapping[str, Decimal], currency: str
) -> dict[str, Decimal] | None:
    """What each milestone is worth, by key; None where they come to more than the whole.

    Shares are rounded one by one.  Where the milestones are the whole, to the cent, the last of those that are not ``billed`` yet takes
    what the others leave of it, so that no cent is lost or added whatever their order.
    """
    exact = {one.key: one.amount if one.amount is not None else whole * (one.share or ZERO) for one in planned}
    total = round_to(sum(exact.values(), ZERO), currency)
    if total > whole:
        return None
    left = [one.key for one in planned if one.key not in billed]
    for mode in ("half_up", "down"):
        worth = {key: billed.get(key, round_to(amount, currency, mode)) for key, amount in exact.items()}
        others = sum((amount for key, amount in worth.items() if key not in left[-1:]), ZERO)
        if others <= whole:
            break  # so small a price that rounding up would take more than there is is rounded down
    if left and total == whole:
        worth[left[-1]] = whole - others
    return worth
