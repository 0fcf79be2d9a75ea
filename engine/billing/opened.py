"""What another system billed before the cut-over, as the algebra of net owed sees it.

Days that the old system billed count as billed, on the terms that the subscription had on them as far as was known at
the cut-over, whatever price and quantity stood on the old line.  Where those terms change afterwards, an old line gives
back its days at its own amount, as a line of ours would; days of which only a date is known are neither given back nor
billed again, and a finding names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.period import Period, subtract
from engine.billing.billed import Open, open_lines, service
from engine.billing.job import Stretch
from engine.billing.timeline import Stint, stints
from engine.model.catalog import Charge, Plan
from engine.model.due import Opening, SubscriptionDue

NOT_CREDITABLE = Code(
    "cutover.not-creditable",
    "Days that the old system billed and whose terms have changed since, though nobody knows at what amount.",
)
LATE_USAGE = Code(
    "cutover.late-usage", "Usage of days that the old system billed, which became known after the cut-over."
)


class Opened(msgspec.Struct, frozen=True):
    """Old lines with the days of them that are no longer owed, and by charge the days that may not be billed again."""

    lines: tuple[tuple[Open, tuple[Period, ...]], ...] = ()
    taken: Mapping[str, tuple[Period, ...]] = {}


NOTHING = Opened()


class Before:
    """The opening of one subscription on a run's date, beside what is known now."""

    def __init__(
        self, opening: Opening, due: SubscriptionDue, served: Sequence[Stint], plans: Mapping[str, Plan], on: date
    ) -> None:
        self.opening, self.due, self.served, self.plans, self.on = opening, due, served, plans, on
        self.eve = opening.on - timedelta(days=1)
        self._changed: dict[date, tuple[Period, ...]] = {}
        credits = [line for line in due.billed if line.charge.credits]
        self._open = [
            one
            for one in open_lines([*opening.lines, *credits])
            if one.line.charge.kind == "recurring" and one.line.charge.service_from <= on
        ]
        self.opened = Opened(
            tuple((one, tuple(_both(one.days, self._changed_for(one)))) for one in self._open), self._taken()
        )

    def through(self, charge: str) -> date:
        """The first day of a charge that the old system did not bill."""
        return self.opening.through.get(charge, self.opening.on)

    def left(self, stretch: Stretch) -> Stretch | None:
        """What of a stretch is to be looked at: usage from the day on which the old system stopped, nothing of what it billed."""
        key, days = stretch.charge.key, stretch.days
        if stretch.charge.kind == "one_time":
            return None if self._billed_once(key, days.start) else stretch
        if stretch.charge.kind == "recurring":
            return stretch if subtract([days], self.opened.taken.get(key, (self._sealed(key),))) else None
        start = self.through(key)
        if start <= days.start:
            return stretch
        if start >= days.end:
            return None
        counted = Period(start, stretch.counted.end) if stretch.counted else None
        return msgspec.structs.replace(stretch, days=Period(start, days.end), counted=counted, began_by="start")

    def _billed_once(self, key: str, day: date) -> bool:
        """Whether a one-time charge of a plan that began on a day is the old system's: all are that were known to it."""
        through = self.opening.through.get(key)
        if through is not None:
            return day < through
        return day < self.opening.on and not any(day in one for one in self.changed(self.eve))

    def changed(self, last: date) -> tuple[Period, ...]:
        """Days whose plan or quantity is not what was known of them at the cut-over, from events up to the day ``last``."""
        if last not in self._changed:
            self._changed[last] = tuple(_differ(self._then(last), self.served))
        return self._changed[last]

    def _then(self, last: date) -> tuple[Stint, ...]:
        """The subscription as it was known at the cut-over, from events up to the day ``last``."""
        seen = self.opening.events_seen
        events = [event for event in self.due.events if event.id <= seen and event.on <= last]
        return stints(events, f"subscription/{self.due.subscription.key}")

    def findings(self) -> Iterator[Finding]:
        """Days that would have to be given back or billed again, if anybody knew what the old system billed for them."""
        for key in sorted(self._charges(("recurring", "usage"))):
            lines = [service(one.line) for one in self._open if one.line.charge.charge == key]
            sold = self._sold(key)
            unknown = subtract(_both(_both([self._sealed(key)], self.changed(self.eve)), sold), lines)
            fresh = [days for days in unknown if self._is_news(days.start)]
            if fresh:
                yield self._not_creditable(key, fresh)
        yield from self._late()

    def _is_news(self, day: date) -> bool:
        """Whether something that took effect on a day was not looked at by a run on that day or later."""
        window = self.due.window
        return day <= self.on and (window < day or window == day == self.opening.on)

    def _sold(self, key: str) -> list[Period]:
        """Days on which a charge is, or was known to be, part of the plan."""
        mine = {plan for plan, known in self.plans.items() if any(charge.key == key for charge in known.charges)}
        then = [stint.days for stint in self._then(self.eve) if stint.plan in mine]
        return [*then, *subtract([stint.days for stint in self.served if stint.plan in mine], then)]

    def _sealed(self, charge: str) -> Period:
        return Period(date.min, self.through(charge))

    def _changed_for(self, one: Open) -> tuple[Period, ...]:
        return self.changed(max(self.eve, one.line.charge.service_from))

    def _taken(self) -> dict[str, tuple[Period, ...]]:
        """By charge, days that are not to be billed: those billed at an unknown amount, and what is left of old lines."""
        taken = {}
        for key in self._charges(("recurring",)):
            mine = [one for one in self._open if one.line.charge.charge == key]
            days = subtract([self._sealed(key)], [service(one.line) for one in mine])
            for one in mine:
                days.extend(subtract(one.days, self._changed_for(one)))
            taken[key] = tuple(days)
        return taken

    def _charges(self, kinds: Sequence[str]) -> set[str]:
        """Charges of the plans of the subscription, and of old lines."""
        plans = {event.plan for event in self.due.events if event.plan}
        known = [charge for plan in plans if plan in self.plans for charge in self.plans[plan].charges]
        old = {one.line.charge.charge for one in self._open if one.line.charge.kind in kinds}
        return old | {charge.key for charge in known if charge.kind in kinds}

    def _late(self) -> Iterator[Finding]:
        """Usage that became known since the cut-over, on days that the old system billed; reported once."""
        seen = max(self.opening.usage_seen, self.due.mark.usage_seen if self.due.mark else 0)
        lost: dict[str, list[date]] = {}
        for total in self.due.usage:
            charge = self._metering(total.meter, total.day)
            if total.last_id > seen and charge is not None and total.day < self.through(charge.key):
                lost.setdefault(charge.key, []).append(total.day)
        for key, days in sorted(lost.items()):
            subject = f"subscription/{self.due.subscription.key}"
            yield Finding(
                LATE_USAGE,
                Where(subject),
                f"account {self.due.subscription.account}: late usage on {_told(_joined(days))} is not billed as {key}",
                f"the old system billed this usage up to {self.through(key)}",
                "bill the difference by hand, or let it go",
                "warning",
                subject,
            )

    def _metering(self, meter: str, day: date) -> Charge | None:
        """The charge that bills a meter on a day."""
        plans = [self.plans[stint.plan] for stint in self.served if day in stint.days and stint.plan in self.plans]
        return next((c for plan in plans for c in plan.charges if c.kind == "usage" and meter in c.counted), None)

    def _not_creditable(self, key: str, days: Sequence[Period]) -> Finding:
        subject = f"subscription/{self.due.subscription.key}"
        return Finding(
            NOT_CREDITABLE,
            Where(subject),
            f"account {self.due.subscription.account}: charge {key} has changed on {_told(days)}, "
            "which the old system billed at an amount that the books do not have",
            "what is given back is taken from the line that was billed, and never guessed",
            "settle these days by hand; opening_lines of the old system would have let the run do it",
            "warning",
            subject,
        )


def _told(days: Iterable[Period]) -> str:
    return ", ".join(map(str, days))


def _joined(days: Iterable[date]) -> list[Period]:
    """Single days as periods."""
    joined: list[Period] = []
    for day in sorted(set(days)):
        following = day + timedelta(days=1)
        if joined and joined[-1].end == day:
            joined[-1] = Period(joined[-1].start, following)
        else:
            joined.append(Period(day, following))
    return joined


def _both(some: Iterable[Period], others: Sequence[Period]) -> list[Period]:
    """Days that both have, in order."""
    return sorted(days for one in some for other in others if (days := one.meet(other)))


def _differ(then: Sequence[Stint], now: Sequence[Stint]) -> list[Period]:
    """Days on which two histories of a subscription differ in plan or quantity, or in whether it is in service."""
    same = [
        days
        for one in then
        for other in now
        if (one.plan, one.quantity) == (other.plan, other.quantity) and (days := one.days.meet(other.days))
    ]
    served = [one.days for one in then]
    return sorted([*subtract(served, same), *subtract([one.days for one in now], served)])
