"""The usage behind a line whose charge filters, groups or measures it: counted again as the line's run knew it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Final

import msgspec

from engine.base.errors import TollbookError
from engine.base.money import ZERO, round_to
from engine.base.period import Period
from engine.billing.aggregating import fitting, group_of
from engine.billing.grouping import in_parts, read
from engine.billing.metering import Group, Metered, buckets, told_by_days, windows
from engine.billing.pricing import Part, Price, PricingFacts, priced
from engine.billing.windows import NOTHING_USED
from engine.model.account import Account
from engine.model.catalog import Charge, Meter
from engine.model.decision import Decision
from engine.model.invoice import RatedCharge
from engine.model.measure import OVER_TIME, Found, Measure
from engine.model.usage import UsageDay
from engine.runs.billing.measuring import ask, measure_of, window_of
from engine.runs.explaining.words import number
from engine.store import measuring as store
from engine.store import tracing
from engine.store.late import dropped_of
from engine.store.reader import Reader

Row = Mapping[str, Any]
_DECIDES: Final[Mapping[str, Callable[[Row], Any]]] = {
    "max": lambda row: (row["quantity"], row["at"], row["id"]),
    "min": lambda row: (-row["quantity"], row["at"], row["id"]),
    "latest": lambda row: (row["at"], row["id"]),
}
"""The greatest of the events by this is the one that gives the quantity."""


def measure_for(sold: Charge, meters: Mapping[str, Meter], key: str) -> Measure | None:
    """How a charge measures a meter; None where daily sums tell it, or where it no longer can."""
    meter = meters.get(key)
    if meter is None or told_by_days(sold, meter):
        return None
    try:
        return measure_of(sold, meter)
    except TollbookError:
        return None


def counted_again(reader: Reader, charge: RatedCharge, measure: Measure) -> tuple[Found, ...]:
    """What the stretch of a line had by what its run knew, of the line's group alone where it is of one.

    Usage of the day on which the service was cancelled counts where without it there are less events than the lines say.
    """
    return _again(reader, charge, measure)[0]


def counted_in_window(
    reader: Reader, charge: RatedCharge, measure: Measure, first: date, over: Period
) -> dict[Group, tuple[Metered, Metered]]:
    """What a window that begins on a day had up to the end of the stretch of a line, and before it, by what its run knew: by group
    of the stretch, or of the line alone where it is of one.  Levels are averaged ``over`` the whole window."""
    found, more = _again(reader, charge, measure)
    zone = tracing.version(reader, Account, charge.account_id).zone
    end = charge.service_to + timedelta(days=more)
    days = [Period(first, end), *([Period(first, charge.service_from)] if first < charge.service_from else [])]
    windows = [window_of(charge.subscription_id, one, over, zone) for one in days]
    asked = ask(reader, measure, windows, charge.usage_to, dropped_of(reader, charge.subscription_id))
    upto, before = ({one.group: Metered(one.quantity, one.events, 0) for one in some} for some in (*asked, ())[:2])
    return {one.group: (upto.get(one.group, NOTHING_USED), before.get(one.group, NOTHING_USED)) for one in found}


def counted_by_part(
    reader: Reader, charge: RatedCharge, measure: Measure, per: str
) -> dict[Group, tuple[Decimal, ...]]:
    """What each day, week or month of the stretch of a line had by what its run knew, by group as above."""
    found, more = _again(reader, charge, measure)
    zone = tracing.version(reader, Account, charge.account_id).zone
    days = Period(charge.service_from, charge.service_to + timedelta(days=more))
    windows = [window_of(charge.subscription_id, part, whole, zone) for part, whole in buckets(days, per)]
    asked = ask(reader, measure, windows, charge.usage_to, dropped_of(reader, charge.subscription_id))
    parts = [{one.group: one.quantity for one in some} for some in asked]
    return {one.group: tuple(part.get(one.group, ZERO) for part in parts) for one in found}


def in_windows(
    reader: Reader, meters: Mapping[str, Meter], charge: RatedCharge, facts: PricingFacts, per: str,
    summed: Callable[[str], Sequence[UsageDay]],
) -> PricingFacts:  # fmt: skip
    """The facts of a stretch that is priced by day, week or month, with the quantity of each, all meters together; ``summed`` are
    the daily sums of a meter."""
    days, each = Period(charge.service_from, charge.service_to), list[Sequence[Decimal]]()
    names = tuple(facts.group.get(name) for name in facts.charge.grouped)
    for key in facts.charge.counted:
        measure = measure_for(facts.charge, meters, key)
        if measure is None:
            each.append(windows(summed(key), meters[key], days, per))
        else:
            each.append(counted_by_part(reader, charge, measure, per).get(names, ()))
    quantities = tuple(sum(some, ZERO) for some in zip_longest(*each, fillvalue=ZERO))
    return msgspec.structs.replace(facts, windows=quantities, metered={})


def _again(reader: Reader, charge: RatedCharge, measure: Measure) -> tuple[tuple[Found, ...], int]:
    """What the stretch of a line had, and how many days after it count as well."""
    lines = [one for one in tracing.lines_of_stretch(reader, charge) if not one.charge.credits]
    events = sum(one.charge.events for one in lines if one.charge.usage_to <= charge.usage_to)
    zone = tracing.version(reader, Account, charge.account_id).zone
    found: tuple[Found, ...] = ()
    gone = dropped_of(reader, charge.subscription_id)
    for more in (0, 1):
        days = Period(charge.service_from, charge.service_to + timedelta(days=more))
        window = window_of(charge.subscription_id, days, Period(charge.cycle_from, charge.cycle_to), zone)
        ((*all_of_it,),) = ask(reader, measure, [window], charge.usage_to, gone)
        found = tuple(one for one in all_of_it if not charge.grouped or one.group == _group(charge, measure))
        if sum(one.events for one in found) >= events:
            break
    return found, more


def _group(charge: RatedCharge, measure: Measure) -> Group:
    held = read(charge.grouped)
    return tuple(held.get(name) for name in measure.group_by)


def grouped_facts(
    reader: Reader, meters: Mapping[str, Meter], charge: RatedCharge, facts: PricingFacts
) -> list[PricingFacts]:
    """The facts of each group of usage that a line bills; none where its charge has no groups."""
    sold = facts.charge
    if not sold.group_by:
        return []
    if charge.grouped:
        return [msgspec.structs.replace(facts, group=_named(read(charge.grouped)))]
    measure = measure_for(sold, meters, sold.counted[0])
    found = counted_again(reader, charge, measure) if measure else ()
    return [
        msgspec.structs.replace(
            facts, quantity=one.quantity, group=_named(dict(zip(sold.grouped, one.group, strict=True)))
        )
        for one in found
    ]


def _named(group: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in group.items() if value is not None}


def priced_again(decision: Decision, groups: Sequence[PricingFacts], *how: Any) -> Price:
    """The price of all groups of a line, each by itself; the parts say which."""
    amount, parts = Decimal(0), list[Part]()
    for facts in _less_coupons(decision, groups):
        made = priced(decision, facts, *how)
        amount += made.amount
        label = ", ".join(facts.group.values()) or "-"
        parts += [
            msgspec.structs.replace(part, step=f"{label}, {part.step}" if part.step else label) for part in made.parts
        ]
    return Price(amount, tuple(parts))


def _less_coupons(decision: Decision, groups: Sequence[PricingFacts]) -> Sequence[PricingFacts]:
    """The same with what coupons take off each of several groups, where a line has money off for all of them."""
    if len(groups) < 2 or not any(one.amount for one in groups[0].discounts):
        return groups
    currency, replace = groups[0].account.currency, msgspec.structs.replace
    whole = [priced(decision, replace(facts, discounts=())).amount for facts in groups]
    fulls = [round_to(amount, currency, decision.terms["rounding"]) for amount in whole]
    parts = in_parts(groups[0].discounts, fulls, currency)
    return [replace(facts, discounts=mine) for facts, mine in zip(groups, parts, strict=True)]


def counts(charge: RatedCharge, sold: Charge, meters: Mapping[str, Meter], event: Row) -> bool:
    """Whether a line counts an event of its days and meters."""
    measure = measure_for(sold, meters, event["meter"])
    if measure is None:
        return True
    seen = fitting(measure, event["quantity"], event["dimensions"])
    return seen is not None and (not charge.grouped or group_of(measure, seen) == _group(charge, measure))


def told(reader: Reader, charge: RatedCharge, sold: Charge, meters: Mapping[str, Meter]) -> list[tuple[str, str]]:
    """How the quantity of a line comes of its events, as details; nothing for those that simply add up."""
    said: list[tuple[str, str]] = []
    for key in sold.counted:
        measure = measure_for(sold, meters, key)
        if measure is None:
            continue
        said.append(("measured", _words(measure)))
        said += [("filter", formula.text) for formula in measure.filters]
        if measure.aggregation in OVER_TIME:
            said += _carried(reader, charge, measure)
        said += _decided(reader, charge, sold, meters, measure)
    return said


def _words(measure: Measure) -> str:
    more = {
        "unique": f" values of {measure.dimension}",
        "percentile": f" {number(measure.percentile)}, by nearest rank",
        "time_weighted": ": each level by the seconds that it held, over the cycle",
        "weighted_sum": ": each event by the seconds that were left of the cycle from it on, over the cycle",
        "expression": f" {measure.value.text}, of each event" if measure.value else "",
    }.get(measure.aggregation, "")
    return f"{measure.aggregation}{more} of meter {measure.meter}"


def _carried(reader: Reader, charge: RatedCharge, measure: Measure) -> list[tuple[str, str]]:
    """The level that held when a stretch began."""
    zone = tracing.version(reader, Account, charge.account_id).zone
    days = Period(charge.service_from, charge.service_to)
    window = window_of(charge.subscription_id, days, Period(charge.cycle_from, charge.cycle_to), zone)
    try:
        held = store.carried(reader, measure, window, charge.usage_to)
    except store.NotHere:
        return []
    mine = {g: level for g, level in held.items() if not charge.grouped or g == _group(charge, measure)}
    return [
        ("carried over", f"{number(level)} from before{''.join(f', {part}' for part in group)}")
        for group, level in sorted(mine.items(), key=str)
    ]


def _decided(
    reader: Reader, charge: RatedCharge, sold: Charge, meters: Mapping[str, Meter], measure: Measure
) -> list[tuple[str, str]]:
    """The event that gives the quantity, where one does."""
    if measure.aggregation not in (*_DECIDES, "percentile") or (sold.group_by and not charge.grouped):
        return []
    whole = msgspec.structs.replace(charge, usage_after=0)
    rows = [
        row for row in tracing.usage_events(reader, whole, (measure.meter,), None) if counts(charge, sold, meters, row)
    ]
    if not rows:
        return []
    if measure.aggregation == "percentile":
        place = -(-int(measure.percentile * 10_000) * len(rows) // 1_000_000)
        row = sorted(rows, key=lambda one: (one["quantity"], one["id"]))[place - 1]
        return [("decided by", f"{number(row['quantity'])}  {row['key']}, number {place} of {len(rows)} by size")]
    row = max(rows, key=_DECIDES[measure.aggregation])
    return [("decided by", f"{number(row['quantity'])}  {row['key']}")]
