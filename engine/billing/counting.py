"""Which days usage is counted over: stretches of usage charges, and what becomes of usage that comes late.

How usage is counted is decided by rules of the metering family, stretch by stretch: whether a count goes on where the plan
changes, whether the day on which the service ends belongs to it, when it is billed, and how late usage may come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.base.errors import Code, Finding, Where, refuse
from engine.base.money import ZERO
from engine.base.period import Period, cycles
from engine.billing.billed import Open
from engine.billing.grace import reconciled
from engine.billing.job import Job, Stretch
from engine.billing.pricing import PricingFacts
from engine.billing.rating import cycle_of, grid_of, plan_of, subscribed_on
from engine.billing.timeline import Stint, moments, touching
from engine.billing.turning import parts, usage_turns
from engine.model.account import Account
from engine.model.attribute import UNATTRIBUTED, UNCONTRACTED, Contracted, Subscribed
from engine.model.catalog import Charge
from engine.model.contract import Contract
from engine.model.decision import Decision
from engine.model.due import SubscriptionDue
from engine.model.entity import LegalEntity
from engine.model.invoice import RatedCharge
from engine.model.usage import UsageDay

TOO_LATE = Code("usage.too-late", "Usage that became known later than the metering rule bills it.")
UNMATCHED = Code("usage.unmatched", "Usage on a day, or of a meter, that nothing of the subscription bills.")
UNKNOWN_UNIT = Code(
    "usage.unknown-unit", "Usage of a meter that no charge of the plan has, where a rule holds such bills."
)

DAY = timedelta(days=1)


class MeteringFacts(msgspec.Struct, frozen=True, gc=False):
    """What a metering rule may look at: a meter under a plan."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that uses the service")]
    plan: Annotated[str, Meta(description="plan key")]
    meter: Annotated[str, Meta(description="meter key; the first one of a charge that bills several")]
    charge: Annotated[str | None, Meta(description="key of the charge that bills it; null where the plan has none")]
    day: Annotated[date, Meta(description="first day of the stretch or of the usage; selects the rule in force")]
    subscription: Annotated[Subscribed, Meta(description="the subscription that is charged")] = UNATTRIBUTED
    contract: Annotated[Contracted, Meta(description="the contract of the subscription")] = UNCONTRACTED


class _Count(msgspec.Struct, frozen=True, gc=False):
    """Days over which one usage charge is counted; ``stints`` are those that they were joined from."""

    charge: Charge
    stints: tuple[Stint, ...]
    days: Period

    @classmethod
    def over(cls, charge: Charge, *stints: Stint) -> _Count:
        """A count over stints that follow one another."""
        return cls(charge, stints, Period(stints[0].days.start, stints[-1].days.end))

    def at(self, day: date) -> Stint:
        """The stint of a day; the last one for the day on which the count ends."""
        return next((stint for stint in self.stints if day in stint.days), self.stints[-1])


class Counting:
    """The usage of one subscription in one run."""

    def __init__(
        self, job: Job, account: Account, due: SubscriptionDue, served: Sequence[Stint], billed: Sequence[Open],
        contract: Contract | None = None,
    ) -> None:  # fmt: skip
        self.job, self.account, self.due, self.served = job, account, due, served
        self.contract = contract
        self.billed = [one for one in billed if one.line.charge.kind == "usage"]
        self._cycle = cycle_of(due.subscription)
        self.sealed: set[tuple[str, str, date, date]] = set()
        self.too_late: list[Stretch] = []
        self.past: list[Stretch] = []
        self._held: list[Finding] = []
        self._last_days: set[tuple[str, date]] = set()
        self._billing: dict[str, frozenset[str]] = {}

    @property
    def _subject(self) -> str:
        return f"subscription/{self.due.subscription.key}"

    def stretches(self) -> Iterator[Stretch]:
        """Every stretch of usage charges that shares a day with the window and begins by the run's date.

        Stretches whose usage comes too late are left out, and are ``sealed``: what was billed for them stays as it is.  Parts of
        their cycles that end before the window are left out, too, and are ``past``.
        """
        for count in self._counts():
            for cycle in self._cycles(count) if self.due.pays(count.stints[0].payer) else ():
                days = cycle.meet(count.days) or count.days
                for part in self._parts(count, cycle, days):
                    stretch = self._stretch(count, cycle, part)
                    if stretch is not None:
                        yield stretch

    def stays(self, charge: RatedCharge) -> bool:
        """Whether a line for a stretch that is no longer owed is not given back."""
        if (charge.plan, charge.charge, charge.service_from, charge.service_to) in self.sealed:
            return True
        known = self.job.plans.get(charge.plan)
        meters = next((one.counted for one in known.charges if one.key == charge.charge), ()) if known else ()
        return not self._decide(charge.plan, charge.charge, meters, charge.service_from).terms["give_back"]

    def findings(self) -> Iterator[Finding]:
        """Usage that became known since the last run and that nothing bills, or that came too late; it is kept.

        Raises:
            TollbookError: ``usage.unknown-unit`` where a rule holds a subscription with usage of a meter that no charge has.
        """
        yield from self._held
        fresh = self._fresh()
        if not fresh:
            return
        lost: dict[str, list[UsageDay]] = {}
        for one in fresh:
            if not self._is_billed(one):
                lost.setdefault(one.meter, []).append(one)
        for meter, days in sorted(lost.items()):
            self._refuse_unknown(meter, days)
            yield unmatched(self._subject, meter, days)
        for stretch in self.too_late:
            counted, meters = stretch.counted or stretch.days, stretch.charge.counted
            new = [one for one in fresh if one.meter in meters and one.day in counted]
            if new:
                yield too_late(self._subject, stretch.charge.key, new)

    def _fresh(self) -> Sequence[UsageDay]:
        if not self.due.usage:
            return ()
        seen = self.due.mark.usage_seen if self.due.mark else 0
        return [one for one in self.due.usage if one.last_id > seen]

    def _is_billed(self, used: UsageDay) -> bool:
        """Whether a charge counts the meter on that day, in service or by the rule for its last day."""
        for stint in self.served:
            if used.day in stint.days:
                return not self.due.pays(stint.payer) or used.meter in self._meters(stint)
        return not self.due.pays("") or (used.meter, used.day) in self._last_days

    def _meters(self, stint: Stint) -> frozenset[str]:
        """The meters that the plan of a stint bills."""
        found = self._billing.get(stint.plan)
        if found is None:
            meters = (meter for one in self._sold(stint) for meter in (one.meter, *one.counted) if meter)
            found = self._billing[stint.plan] = frozenset(meters)
        return found

    def _refuse_unknown(self, meter: str, days: Sequence[UsageDay]) -> None:
        for one in days:
            stint = next((stint for stint in self.served if one.day in stint.days), None)
            if stint is None:
                continue
            facts = MeteringFacts(self.job.entity, self.account, stint.plan, meter, None, one.day)
            if self.job.decide("metering", facts, one.day).terms["unknown"] == "hold":
                raise refuse(
                    UNKNOWN_UNIT,
                    f"usage of {meter} on {one.day}, for which plan {stint.plan} has no charge",
                    why="a metering rule holds subscriptions with usage that nobody has priced",
                    mend="give the plan a charge for the meter, or let the rule say unknown: report",
                    subject=self._subject,
                )

    def _decide(self, plan: str, charge: str, meters: Sequence[str], day: date) -> Decision:
        facts = MeteringFacts(self.job.entity, self.account, plan, meters[0] if meters else "", charge, day)
        return self.job.decide("metering", facts, day)

    def _counts(self) -> Iterator[_Count]:
        """Stints joined, by usage charge, where quantity or anchor differ, and where a rule counts through a change of plan."""
        running: dict[str, _Count] = {}
        served = (*self.served, *self._moments())
        if len(served) == 1:
            for charge in self._sold(served[0]):
                yield _Count(charge, served, served[0].days)
            return
        for stint in served:
            now = {one.key: one for one in self._sold(stint)}
            for key in [key for key in running if key not in now]:
                yield running.pop(key)
            for key, charge in now.items():
                last = running.get(key)
                if last is None:
                    running[key] = _Count.over(charge, stint)
                elif self._goes_on(last, stint, charge):
                    running[key] = _Count.over(last.charge, *last.stints, stint)
                else:
                    yield last
                    running[key] = _Count.over(charge, stint)
        yield from running.values()

    def _sold(self, stint: Stint) -> tuple[Charge, ...]:
        """The usage charges of the plan of a stint."""
        known = self.job.usage.get(stint.plan)
        if known is None:
            charges = plan_of(stint.plan, self.job.plans, self._subject).charges
            known = self.job.usage[stint.plan] = tuple(one for one in charges if one.kind == "usage")
        return known

    def _goes_on(self, last: _Count, stint: Stint, charge: Charge) -> bool:
        before = last.stints[-1]
        if before.days.end != stint.days.start or stint.began_by == "start" or before.payer != stint.payer:
            return False
        if before.plan == stint.plan:
            return True
        same = (last.charge.counted, last.charge.months, last.charge.days) == (
            charge.counted,
            charge.months,
            charge.days,
        )
        return same and bool(
            self._decide(stint.plan, charge.key, charge.counted, stint.days.start).terms["through_changes"]
        )

    def _moments(self) -> tuple[Stint, ...]:
        if "cancel" not in [event.kind for event in self.due.events]:
            return ()
        return moments(self.due.events, self._subject)

    def _cycles(self, count: _Count) -> Iterator[Period]:
        """Cycles that share a day with the count and the window, up to the one that runs on the run's date."""
        days, horizon = count.days, self.job.on + DAY
        first = max(days.start, self._window(count))
        if days.start == days.end:
            if self.due.window < days.start <= self.job.on:
                yield self._cycle(days.start, *self._grid(count.stints[0], count.charge))
            return
        looked_at = Period(first, min(days.end, horizon))
        if looked_at.start >= looked_at.end:
            return
        grid = self._grid(count.stints[0], count.charge)
        if all(self._grid(stint, count.charge) == grid for stint in count.stints[1:]):
            yield from cycles(looked_at, *grid, self._cycle)
        else:
            yield from (cycle for cycle in self._moved(count, looked_at.end) if cycle.meet(looked_at))

    def _grid(self, stint: Stint, charge: Charge) -> tuple[int, int, date, int, bool]:
        return grid_of(charge, stint, self.due.subscription.anchor_day, subscribed_on(self.due))

    def _moved(self, count: _Count, end: date) -> Iterator[Period]:
        """Cycles of a count in which the anchor was moved: the cycle that runs then goes on to the next anchor day."""
        begin: date | None = None
        for stint in count.stints:
            grid = self._grid(stint, count.charge)
            home = self._cycle(stint.days.start, *grid)
            following = home.start if begin is None or home.start == stint.days.start else home.end
            final, upto = stint is count.stints[-1], min(stint.days.end, end)
            while following <= upto or (final and begin is not None and begin < upto):
                if begin is None or following > begin:
                    if begin is not None:
                        yield Period(begin, following)
                    begin = following
                following = self._cycle(following, *grid).end

    def _window(self, count: _Count) -> date:
        """The first day to compare: usage is compared by whole stretches, so it reaches back to where a line begins that the window cuts."""
        if not self.billed:
            return self.due.window
        plans = {stint.plan for stint in count.stints}
        mine = (one.line.charge for one in self.billed if one.stands)
        begins = [one.service_from for one in mine if one.charge == count.charge.key and one.plan in plans]
        return min([self.due.window, *begins])

    def _parts(self, count: _Count, cycle: Period, days: Period) -> Iterable[Period]:
        """The days of a count in a cycle, cut where a rule of pricing takes the place of another one, if metering says so, and
        where its price turns for the customer."""
        job = self.job
        turning = job.turning is not None or bool(self.due.redemptions)
        if not job.price_turns and not turning:
            return (days,)
        turns = {turn for turn in job.price_turns if days.start < turn < days.end and self._turns(count, turn)}
        if turning:
            plan = count.at(days.start).plan
            turns.update(usage_turns(job, self.account, self.contract, self.due, count.charge, plan, cycle, days))
        return parts(days, sorted(turns))

    def _turns(self, count: _Count, day: date) -> bool:
        stint = count.at(day)
        if not self._decide(stint.plan, count.charge.key, count.charge.counted, day).terms["at_prices"]:
            return False
        since = subscribed_on(self.due)

        def price(on: date) -> int:
            facts = PricingFacts(self.job.entity, self.account, count.charge, stint.plan, ZERO, None, None, since, on)
            return self.job.decide("pricing", facts, on).id

        return price(day - DAY) != price(day)

    def _stretch(self, count: _Count, cycle: Period, days: Period) -> Stretch | None:
        """The stretch of some days of a count in a cycle; None where it is not looked at."""
        whole = count.days
        stint = count.at(days.start)
        last, on = days.end == whole.end, self.job.on
        cut = days.end < min(cycle.end, whole.end)
        began_by = stint.began_by if days.start == whole.start != cycle.start else "anchor"
        ended_by = count.stints[-1].ended_by if last and days.end != cycle.end else "anchor"
        closed = cut or (last and count.stints[-1].ended_by != "anchor")
        if cycle.end > on and not closed:
            return Stretch(count.charge, stint.plan, cycle, days, stint.quantity, began_by, ended_by, False)
        terms = self._decide(stint.plan, count.charge.key, count.charge.counted, days.start).terms
        cancelled = last and count.stints[-1].ended_by == "cancel"
        counted = None
        if cancelled and terms["last_day"] and not any(days.end in other.days for other in self.served):
            counted = Period(days.start, days.end + DAY)
            self._last_days.update((meter, days.end) for meter in count.charge.counted)
        elif days.start == days.end:
            return None
        ended = cancelled or (closed and terms["at_once"])
        stretch = Stretch(
            count.charge,
            stint.plan,
            cycle,
            days,
            stint.quantity,
            began_by,
            ended_by,
            ended,
            counted,
            terms["zero_line"],
        )
        if cut and days.end <= self._window(count):
            self.past.append(stretch)  # its cycle is looked at, it is not: nobody read what was billed for it
            return None
        if terms["late_cycles"] is not None and self._is_late(stretch, terms["late_cycles"], count):
            self.sealed.add((stretch.plan, stretch.charge.key, days.start, days.end))
            self.too_late.append(stretch)
            return None
        if self.job.reconciling.waits or self.job.reconciling.holds:
            stretch = reconciled(self.job, self.account, self.due, stretch, self.billed, self._held)
            if stretch.held:
                self.sealed.add((stretch.plan, stretch.charge.key, days.start, days.end))
        return stretch

    def _is_late(self, stretch: Stretch, most: int, count: _Count) -> bool:
        """Whether a stretch was looked at by a run, and more than so many whole cycles have ended since it did.

        What an event touches that became known since then is not late: it was not looked at as it is now.
        """
        end, mark = stretch.days.end, self.due.mark
        if touching(self.due.events, mark.events_seen if mark else 0, stretch.days):
            return False
        key = (stretch.plan, stretch.charge.key, stretch.days.start, end)
        known = mark is not None and end <= mark.billed_to
        if not known and key not in {_key(one.line.charge) for one in self.billed}:
            return False
        grid = self._grid(count.at(end), count.charge)
        passed, following = 0, self._cycle(end, *grid).end
        while following <= self.job.on and passed <= most:
            passed, following = passed + 1, self._cycle(following, *grid).end
        return passed > most


def _key(charge: RatedCharge) -> tuple[Any, ...]:
    return charge.plan, charge.charge, charge.service_from, charge.service_to


def unmatched(subject: str, meter: str, days: Sequence[UsageDay]) -> Finding:
    """The finding that nothing bills some usage: it is kept."""
    return Finding(
        UNMATCHED,
        Where(subject),
        f"{sum(d.events for d in days)} {meter} events on {min(d.day for d in days)}..{max(d.day for d in days)} are billed by nothing",
        "the subscription was not in service then, or its plan has no charge for the meter",
        "correct the subscription's events or the plan; the usage is kept and will be billed",
        level="warning",
        subject=subject,
    )


def too_late(subject: str, charge: str, days: Sequence[UsageDay]) -> Finding:
    """The finding that usage came later than a metering rule bills it."""
    meters = ", ".join(sorted({one.meter for one in days}))
    return Finding(
        TOO_LATE,
        Where(subject),
        f"usage of {meters} on {min(d.day for d in days)}..{max(d.day for d in days)} came too late to be billed as {charge}",
        "a metering rule says how many cycles back late usage is billed",
        "bill it by hand, or let it go",
        level="warning",
        subject=subject,
    )
