"""How long the bill of usage waits: for usage that comes late, or because what a source delivered is not complete.

A grace of days is counted by the date of the run.  One of hours is counted from the midnight, where the account is, at which the
cycle or the service ends, to the moment at which the run begins; a run that is made on another day than its own counts to the
moment of its day that is nearest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.base.errors import Code, Finding, Where, refuse
from engine.base.period import Period, instant_of, local_day
from engine.base.period import zone as zone_of
from engine.base.units import Span
from engine.billing.billed import Open, billed_in_part
from engine.billing.job import Job, Stretch
from engine.model.account import Account
from engine.model.due import SubscriptionDue
from engine.model.entity import LegalEntity
from engine.model.lateness import Hold
from engine.model.subscription import BillingMark

DAY = timedelta(days=1)

USAGE_HELD = Code("usage.held", "Usage that is not billed, because what its source delivered is not complete.")


class LatenessFacts(msgspec.Struct, frozen=True, gc=False):
    """What a lateness rule may look at: usage of one charge, and how late some of it is."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that uses the service")]
    plan: Annotated[str, Meta(description="plan key")]
    charge: Annotated[str, Meta(description="key of the charge that bills the usage")]
    meter: Annotated[str, Meta(description="meter key; the first one of a charge that bills several")]
    source: Annotated[
        str | None,
        Meta(description="the system that counted the late events; null for the grace, or where several did"),
    ]
    days_late: Annotated[
        int, Meta(description="days from the end of the service to the run; 0 for the grace", extra={"least": 0})
    ]
    difference: Annotated[
        Decimal | None,
        Meta(
            description="what the late events come to before tax, negative where they are taken back; null for the grace"
        ),
    ]
    cycle_end: Annotated[date, Meta(description="day after the last day of the service; selects the rule in force")]


def lateness_facts(
    job: Job,
    account: Account,
    stretch: Stretch,
    source: str | None = None,
    days_late: int = 0,
    difference: Decimal | None = None,
) -> LatenessFacts:
    """What a rule sees of a stretch: of its late usage, or for its grace where nothing is said of that."""
    charge, end = stretch.charge, stretch.days.end
    meter = charge.counted[0] if charge.counted else ""
    return LatenessFacts(job.entity, account, stretch.plan, charge.key, meter, source, days_late, difference, end)


def grace(job: Job, account: Account, stretch: Stretch) -> Span:
    """For how long after its end the bill of a stretch waits for usage."""
    span: Span = job.decide("lateness", lateness_facts(job, account, stretch), stretch.days.end).terms["grace"]
    return span


def _end(stretch: Stretch) -> date:
    """The day with which the wait for the usage of a stretch begins."""
    return stretch.days.end if stretch.ended else stretch.cycle.end


def over_on(stretch: Stretch, span: Span, zone: str) -> date:
    """The first day of which some run may bill a stretch."""
    if span.whole_days is not None:
        return _end(stretch) + span.whole_days * DAY
    return local_day(_until(stretch, span, zone), zone)


def over_at(stretch: Stretch, span: Span, zone: str) -> str:
    """When the wait is over, as people say it: a day, or a day and the time where the account is."""
    if span.whole_days is not None:
        return str(over_on(stretch, span, zone))
    until = _until(stretch, span, zone)
    return f"{local_day(until, zone)} {until.astimezone(zone_of(zone)):%H:%M}"


def _until(stretch: Stretch, span: Span, zone: str) -> datetime:
    return instant_of(_end(stretch), zone) + timedelta(hours=span)


def moment_on(on: date, at: datetime | None, zone: str) -> datetime:
    """The moment to which a run of a day counts hours: ``at``, or what is nearest to it of that day there; the end of the day
    where nothing is known."""
    begin, end = instant_of(on, zone), instant_of(on + DAY, zone)
    return end if at is None else min(max(at, begin), end)


def waiting(job: Job, account: Account, stretch: Stretch, span: Span) -> Stretch:
    """A stretch with the days that its bill waits, as far as this run can see."""
    if span.whole_days is not None:
        return msgspec.structs.replace(stretch, wait=span.whole_days)
    zone = account.zone
    until = _until(stretch, span, zone)
    wait = (local_day(until, zone) - _end(stretch)).days
    if over_on(stretch, span, zone) == job.on and moment_on(job.on, job.reconciling.at, zone) < until:
        wait += 1
    return msgspec.structs.replace(stretch, wait=wait, until=until)


def was_due(stretch: Stretch, mark: BillingMark, zone: str) -> bool:
    """Whether a stretch was due in the run that left a mark."""
    if mark.billed_on is None:
        return False
    if stretch.until is None:
        return stretch.due(mark.billed_on)
    waited = moment_on(mark.billed_on, mark.billed_at, zone) >= stretch.until
    return waited and msgspec.structs.replace(stretch, wait=0).due(mark.billed_on)


def reconciled(
    job: Job, account: Account, due: SubscriptionDue, stretch: Stretch, billed: Sequence[Open], held: list[Finding]
) -> Stretch:
    """A stretch of usage with the days that its bill waits for late usage, or held where what was delivered is not complete.

    Raises:
        TollbookError: ``usage.held`` where the whole subscription waits.
    """
    known = job.reconciling
    if known.waits:
        span = grace(job, account, stretch)
        if span:
            stretch = waiting(job, account, stretch, span)
    for hold in known.holds:
        if concerns(hold, stretch):
            before = billed_in_part(stretch.plan, stretch.charge.key, stretch.days, billed)
            if not before and not stretch.due(job.on):
                continue
            subject = f"subscription/{due.subscription.key}"
            if hold.scope == "subscription" or (before and due.late):
                what, why, mend = _held(hold, "nothing of the subscription is billed")
                raise refuse(USAGE_HELD, what, why=why, mend=mend, subject=subject)
            what, why, mend = _held(hold, f"{stretch.charge.key} of {stretch.days} waits")
            held.append(Finding(USAGE_HELD, Where(subject), what, why, mend, level="warning", subject=subject))
            return msgspec.structs.replace(stretch, held=True)
    return stretch


def concerns(hold: Hold, stretch: Stretch) -> bool:
    """Whether what is held is counted in a stretch."""
    counted = stretch.counted or stretch.days
    return (not hold.meter or hold.meter in stretch.charge.counted) and hold.days.meet(counted) is not None


def _held(hold: Hold, waits: str) -> tuple[str, str, str]:
    mend = "`tollbook worklist list` shows it; a run bills what waits once it is settled"
    return f"{waits}: {hold.what}", "a rule of usage_control holds bills of usage that is not complete", mend


def covers(waiting: Iterable[Stretch], days: Period) -> bool:
    """Whether some stretch that waits ends within these days, so that what counts on it has to wait, too."""
    return any(days.start < one.days.end <= days.end for one in waiting)
