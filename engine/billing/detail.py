"""Facts that are dear to get, and are there only for the rules that ask for them: single events, and weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ZERO
from engine.base.period import Period
from engine.billing.metering import told_by_days
from engine.billing.pricing import EACH_EVENT, WEIGHTS, PricingFacts
from engine.model.catalog import Meter
from engine.model.decision import Decision
from engine.model.usage import UsageDay, UsageSingle

NOT_SUMMED = Code(
    "pricing.not-summed",
    "A price that looks at single events or weights of a meter that does not simply sum, count or peak.",
)
BY_METER = Code(
    "pricing.windows-by-meter", "A price of each day, week or month that has terms for each of several meters."
)

MANY_METERS: Final = ("block_tiers", "capacity")
"""Methods that price every meter of a charge by itself."""


def detailed(
    pricing: Decision,
    facts: PricingFacts,
    meter: Meter,
    days: Period,
    cycle: Period,
    usage: Sequence[UsageDay],
    singles: Iterable[UsageSingle],
) -> PricingFacts:
    """The facts of a stretch of usage with what the method looks at beside the quantity.

    Weights are those of units that stay from their day on to the end of the stretch, over the days of the cycle; each cycle
    begins without any.  Units of one day weigh the same, so that daily sums stand for their events.

    Raises:
        TollbookError: ``pricing.not-summed``.
    """
    if not told_by_days(facts.charge, meter):
        raise refuse(
            NOT_SUMMED,
            f"rule {pricing.rule} looks at single events, or weights, of {facts.plan}/{facts.charge.key}",
            why=f"meter {meter.key}, or the charge, filters, groups or measures them otherwise",
            mend="use a method that looks at the quantity alone",
        )
    replace = msgspec.structs.replace
    if pricing.needs == WEIGHTS:
        added = [
            (one.quantity, one.day) for one in usage if one.meter == meter.key and days.start <= one.day < days.end
        ]
        units = tuple(quantity for quantity, _ in added)
        weights = tuple(prorated(quantity, (days.end - day).days, cycle.days) for quantity, day in added)
        return replace(facts, quantity=_sum(weights), full_quantity=_sum(units), events=units, weights=weights)
    if pricing.needs == EACH_EVENT:
        inside = (one for one in singles if one.meter == meter.key and days.start <= one.day < days.end)
        return replace(facts, events=tuple(one.quantity for one in inside))
    return facts


def refuse_by_meter(pricing: Decision, facts: PricingFacts) -> None:
    """Refuse a price of each day, week or month whose method looks at every meter of several by itself.

    Raises:
        TollbookError: ``pricing.windows-by-meter``.
    """
    if facts.metered and pricing.terms.get("method") in MANY_METERS:
        raise refuse(
            BY_METER,
            f"rule {pricing.rule} prices {facts.plan}/{facts.charge.key} per {pricing.terms['per']} and by meter",
            why="of each window the sum of its meters is known",
            mend="leave per out, or give each meter a charge of its own",
        )


def _sum(units: Iterable[Decimal]) -> Decimal:
    return sum(units, ZERO)


def prorated(units: Decimal, days: Decimal | int, period_days: int) -> Decimal:
    """Units weighted by the days that they were active of the days of the period."""
    return CONTEXT.divide(units * days, Decimal(period_days))
