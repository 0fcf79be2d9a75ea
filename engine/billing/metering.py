"""From daily sums of usage to the quantity of a stretch of service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.base.period import Period
from engine.billing.timeline import Stint
from engine.model.catalog import Charge, Meter, Plan
from engine.model.due import SubscriptionDue
from engine.model.usage import UsageDay

UNMATCHED = Code("usage.unmatched", "Usage on a day, or of a meter, that nothing of the subscription bills.")


class Metered(msgspec.Struct, frozen=True, gc=False):
    """What a meter counted in a stretch: the quantity to be priced, how many events are behind it, the highest event id."""

    quantity: Decimal
    events: int
    last_id: int


def metered(days: Iterable[UsageDay], meter: Meter, stretch: Period) -> Metered:
    """The events of ``meter`` on the days of ``stretch``, aggregated as the meter says (sum, count or max)."""
    total, count, last, peak = ZERO, 0, 0, ZERO
    for day in days:
        if day.meter == meter.key and stretch.start <= day.day < stretch.end:
            total += day.quantity
            count += day.events
            last = max(last, day.last_id)
            peak = max(peak, day.peak)
    quantity = {"sum": total, "count": Decimal(count), "max": peak}[meter.aggregation]
    return Metered(quantity, count, last)


def unmatched(due: SubscriptionDue, served: Sequence[Stint], plans: Mapping[str, Plan]) -> list[Finding]:
    """Usage that became known since the last run and that no charge of the plan of its day bills: kept, and reported once."""
    seen = due.mark.usage_seen if due.mark else 0
    lost: dict[str, list[UsageDay]] = {}
    for day in due.usage:
        if day.last_id > seen and not any(
            day.day in stint.days and any(c.kind == "usage" and c.meter == day.meter for c in _charges(stint, plans))
            for stint in served
        ):
            lost.setdefault(day.meter, []).append(day)
    subject = f"subscription/{due.subscription.key}"
    return [
        Finding(
            UNMATCHED,
            Where(subject),
            f"{sum(d.events for d in days)} {meter} events on {min(d.day for d in days)}..{max(d.day for d in days)} are billed by nothing",
            "the subscription was not in service then, or its plan has no charge for the meter",
            "correct the subscription's events or the plan; the usage is kept and will be billed",
            level="warning",
            subject=subject,
        )
        for meter, days in sorted(lost.items())
    ]


def _charges(stint: Stint, plans: Mapping[str, Plan]) -> tuple[Charge, ...]:
    plan = plans.get(stint.plan)
    return plan.charges if plan else ()
