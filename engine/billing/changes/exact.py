"""Recurring charges of subscriptions whose time is not simply counted in days: see :mod:`engine.billing.changes.scale`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, time
from decimal import Decimal

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.period import MIDNIGHT, Period
from engine.billing.billed import Open, billed_in_part, open_lines
from engine.billing.changes.anchors import decided, reanchored
from engine.billing.changes.scale import DAY, Scale
from engine.billing.changes.worth import exact_values
from engine.billing.discounts import discounted
from engine.billing.elsewhere import beside
from engine.billing.job import Job, Owed, Stretch
from engine.billing.netting import Back, Due, ShowsZero, net_recurring
from engine.billing.opened import NOTHING, Before, Opened
from engine.billing.rating import cycle_of, cycles_of, plan_of, rate, subscribed_on
from engine.billing.timeline import Stint, counted, moment_of, stints
from engine.billing.turning import cut_at, turns_of
from engine.billing.waiting import live
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.contract import Contract
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.subscription import SubscriptionEvent

TRUE_UP_NOT_IN_DAYS = Code(
    "billing.true-up-not-in-days",
    "A charge that is priced by what others owe, of a subscription whose time is not counted in days.",
)


def scale_of(job: Job, owner: AccountDue, due: SubscriptionDue) -> Scale | None:
    """How the time of a subscription is counted; None where its days say it all, as they nearly always do."""
    instants = due.subscription.anchor_time is not None
    paused = False
    for event in counted(due.events):
        instants = instants or event.at is not None
        paused = paused or event.kind == "pause"
    if not instants and not paused:
        return None
    at = time.fromisoformat(due.subscription.anchor_time) if due.subscription.anchor_time else MIDNIGHT
    scale = Scale(owner.account.zone if instants else "", at)
    if paused:
        moved = tuple(_moved(job, owner, due, scale))
        scale = Scale(scale.zone, at, moved) if moved else scale
    return scale if instants or scale.moved else None


def _moved(job: Job, owner: AccountDue, due: SubscriptionDue, scale: Scale) -> Iterator[Period]:
    """The pauses that time stands still for, as the proration rule says of the first recurring charge of the plan."""
    plan, since = "", None
    for event in sorted(counted(due.events), key=lambda e: (*moment_of(e), e.id)):
        point = scale.happened(event)
        if event.kind == "pause":
            day = scale.day(point)
            on = Stint(Period(day, day + DAY), plan, Decimal(0), "pause", "pause")
            decision = decided(job, owner.account, due, on, "pause")
            since = point if decision is not None and decision.terms["pause"] == "extend" else None
        elif event.kind in ("start", "resume", "cancel") and since is not None:
            if since < point:
                yield Period(since, point)
            since = None
        plan = event.plan or plan
    if since is not None:
        yield Period(since, scale.forever)


class Exact:
    """The recurring charges of one subscription on a run's date."""

    def __init__(self, job: Job, owner: AccountDue, due: SubscriptionDue, scale: Scale) -> None:
        self.job, self.owner, self.due, self.scale = job, owner, due, scale
        self.window = scale.window(due.window)
        lines = [scale.read(line) for line in due.billed if line.charge.kind == "recurring"]
        last = scale.last(job.on)
        opens = open_lines(lines)
        self.billed: list[Open] = [one for one in opens if one.line.charge.service_from <= last]
        self.ahead: list[Open] = [one for one in opens if one.line.charge.service_from > last]
        self.owed: list[Owed] = []
        self.pending = last

    def items(self, before: Before | None, shows_zero: ShowsZero) -> Sequence[Due | Back]:
        """What is to be charged and given back, in counted time; notes what is owed, and from where on nothing is yet.

        Raises:
            TollbookError: ``billing.true-up-not-in-days``, and what rating refuses.
        """
        due, scale, since = self.due, self.scale, subscribed_on(self.due)
        account, contract = self.owner.account, self.owner.contracts.get(due.subscription.contract or "")
        rated: list[tuple[Stretch, Owed]] = []
        times: list[Stretch] = []
        for stretch in self._turned(account, contract):
            days = self._in_days(stretch)
            if before is not None and before.left(days) is None:
                continue
            if not stretch.due(scale.last(self.job.on)) and not billed_in_part(
                stretch.plan, stretch.charge.key, stretch.days, self.billed
            ):
                self.pending = min(self.pending, stretch.days.start)
                continue
            owed = rate(self.job, due, since, account, contract, days)
            if owed is None:
                raise self._not_in_days(stretch)
            rated.append((days, owed))
            times.append(stretch)
        when = [one.days for one in times]
        made = (
            discounted(self.job, due, since, account, contract, rated, when)
            if due.redemptions
            else (o for _, o in rated)
        )
        for stretch, owed in zip(times, made, strict=True):
            self.owed.append(msgspec.structs.replace(owed, cycle=stretch.cycle, days=stretch.days))
        value = exact_values(self.job, self.owner, due, scale)
        others = [scale.read(line) for line in due.elsewhere if line.charge.kind == "recurring"]
        opened = self._opened(before.opened) if before else NOTHING
        opened = beside(due, self._served(), opened, others, value) if others or due.named else opened
        window = Period(self.window, scale.forever)
        return net_recurring(
            self.owed,
            self.billed,
            window,
            account.currency,
            value,
            opened,
            self.ahead,
            shows_zero,
        )

    def _not_in_days(self, stretch: Stretch) -> TollbookError:
        subject = f"subscription/{self.due.subscription.key}"
        return refuse(
            TRUE_UP_NOT_IN_DAYS,
            f"{stretch.plan}/{stretch.charge.key} is priced by what other charges owe",
            why="the subscription is counted to the second, or a pause extends its cycles, and usage is counted in days",
            mend="put the true-up into a subscription of its own that is counted in days",
            subject=subject,
        )

    @property
    def mark(self) -> date:
        """The day from which the next run has to read."""
        return self.scale.mark(self.pending)

    def _served(self) -> tuple[Stint, ...]:
        due, scale = self.due, self.scale
        events = [event for event in counted(due.events) if not self._stands_still(event)]
        served = stints(events, f"subscription/{due.subscription.key}", scale.at, scale.forever)
        return reanchored(self.job, self.owner.account, due, served, scale)

    def _stands_still(self, event: SubscriptionEvent) -> bool:
        """Whether an event only begins or ends a pause that time stands still for."""
        point = self.scale.happened(event)
        if event.kind == "pause":
            return any(point == hole.start for hole in self.scale.moved)
        return event.kind == "resume" and any(point == hole.end for hole in self.scale.moved)

    def _turned(self, account: Account, contract: Contract | None) -> Iterator[Stretch]:
        """Every stretch, cut where its price turns: a coupon, a phase or an age begins with its day, at the anchor time."""
        scale, due = self.scale, self.due
        for stretch in self._stretches():
            if self.job.turning is None and not due.redemptions:
                yield stretch
                continue
            start, end = scale.calendar(stretch.days.start), scale.calendar(stretch.days.end, ends=True)
            days = Period(scale.day(start), scale.day(end) + DAY)
            counted = msgspec.structs.replace(stretch, cycle=scale.days(stretch.cycle))
            turns = turns_of(self.job, account, contract, due, counted, days)
            points = sorted({scale.counted(scale.point(day, scale.anchor_time)) for day in turns})
            yield from cut_at(stretch, [one for one in points if stretch.days.start < one < stretch.days.end])

    def _stretches(self) -> Iterator[Stretch]:
        """Every stretch of recurring charges, in counted time, that the window meets and that begins by the run's date."""
        subject, scale = f"subscription/{self.due.subscription.key}", self.scale
        looked_at = Period(self.window, scale.last(self.job.on) + scale.least)
        for stint in self._served():
            within = stint.days.meet(looked_at) if looked_at.start < looked_at.end else None
            if within is None or not self.due.pays(stint.payer):
                continue
            for charge in plan_of(stint.plan, self.job.plans, subject).charges:
                if charge.kind != "recurring":
                    continue
                served = stint if charge.starts_on == "subscription" else live(stint, charge, self.due.events, scale.at)
                looked = served.days.meet(within) if served is not None else None
                if served is not None and looked is not None:
                    yield from self._pieces(served, charge, looked)

    def _pieces(self, stint: Stint, charge: Charge, within: Period) -> Iterator[Stretch]:
        point = within.start
        while point < within.end:
            cycle = self._cycle(stint, charge, point)
            days = cycle.meet(stint.days)
            if days is not None:
                last = days.end == stint.days.end
                yield Stretch(
                    charge,
                    stint.plan,
                    cycle,
                    days,
                    stint.quantity,
                    stint.began_by if days.start == stint.days.start != cycle.start else "anchor",
                    stint.ended_by if last and days.end != cycle.end else "anchor",
                    last and (stint.ended_by == "cancel" or charge.cycles_from == "terms"),
                )
            point = cycle.end

    def _cycle(self, stint: Stint, charge: Charge, point: date) -> Period:
        """The cycle of a charge that holds a point of counted time."""
        taken, scale, origin = self.due.subscription, self.scale, subscribed_on(self.due)
        moved = stint.anchor_day != 0
        in_days = msgspec.structs.replace(stint, days=scale.days(stint.days))
        if moved:
            in_days = msgspec.structs.replace(in_days, anchored=scale.day(stint.anchored))

        def of(day: date) -> Period:
            one = Period(day, day + DAY)
            return next(cycles_of(charge, in_days, taken.anchor_day, origin, one, cycle_of(taken)))

        return scale.cycle(point, of, stint.anchored if moved else None)

    def _in_days(self, stretch: Stretch) -> Stretch:
        """The same stretch as days are counted, with the day that selects its rules, and its seconds."""
        scale = self.scale
        part, whole = scale.seconds(stretch.days), scale.seconds(stretch.cycle)
        known = (part, whole) if part is not None and whole is not None and stretch.days != stretch.cycle else None
        return msgspec.structs.replace(
            stretch,
            cycle=scale.days(stretch.cycle),
            days=scale.days(stretch.days),
            day=scale.day(scale.calendar(stretch.days.start)),
            seconds=known,
        )

    def _opened(self, opened: Opened) -> Opened:
        """What another system billed, in counted time."""
        lines = []
        for one, gone in opened.lines:
            line = self.scale.read(one.line)
            moved = msgspec.structs.replace(
                one,
                line=line,
                now=line.charge,
                days=tuple(map(self._points, one.days)),
                covered=tuple(map(self._points, one.covered)),
            )
            lines.append((moved, tuple(map(self._points, gone))))
        taken = {key: tuple(map(self._points, days)) for key, days in opened.taken.items()}
        return Opened(tuple(lines), taken)

    def _points(self, days: Period) -> Period:
        return Period(self.scale.point(days.start), self.scale.point(days.end))
