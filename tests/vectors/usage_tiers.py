"""Runs the sections of a file of usage: what usage costs, which days it is counted over, and what is billed when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import ZERO, round_to
from engine.base.period import FOREVER, Period, local_day
from engine.billing.counting import Counting
from engine.billing.job import Job
from engine.billing.pricing import Part
from engine.billing.pricing.blocks import added
from engine.billing.timeline import stints
from engine.model.catalog import Charge, Meter
from engine.model.invoice import BilledLine, RatedCharge
from tests.unit.billing.simulator import ENTITY, charge
from tests.vectors.outcome import Case, Document, Outcome, Runner, judged, unsupported
from tests.vectors.usage_timelines import timeline
from tests.vectors.usage_world import Price, Taken, Terms, book, priced, tier_terms, unit_terms

PLAN, KEY = "full", "usage"


def number(value: Any) -> Decimal:
    """A number of a vector."""
    return Decimal(str(value))


def _charge(units: Sequence[str], key: str = KEY) -> Charge:
    return charge(key, "usage", "arrears", PLAN, meter=units[0], meters=";".join(units) if len(units) > 1 else "")


def _parts(
    then: Terms, units: Sequence[str], used: Mapping[str, Any], currency: str
) -> tuple[tuple[Part, ...], Decimal]:
    """Parts and rounded price of quantities by unit."""
    rules = book([Price(PLAN, KEY, then)])
    quantities = {unit: number(used.get(unit) or 0) for unit in units}
    parts, made = priced(rules, _charge(units), quantities, currency)
    return parts, round_to(sum((part.amount for part in parts), ZERO), currency, made.terms["rounding"])


def _currency(case: Case, document: Document) -> str:
    currency: str = case.get("currency", document["currency"])
    return currency


def _lines(lines: Sequence[Mapping[str, Any]], currency: str) -> list[Any]:
    return [(line["unit"], line["tier"], number(line["blocks"]), _cents(line["amount"], currency)) for line in lines]


def _made(parts: Sequence[Part], currency: str) -> list[Any]:
    return [(part.meter, part.tier, part.quantity, _cents(part.amount, currency)) for part in parts]


def _cents(amount: Any, currency: str) -> Decimal:
    """A part of an item as tables print it: only the item is rounded, its parts may have more digits."""
    return round_to(number(amount), currency)


def _same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether both hold the same, numbers compared as numbers."""
    rest = list(right)
    for one in left:
        if one not in rest:
            return False
        rest.remove(one)
    return not rest


def rating(case: Case, document: Document) -> Outcome:
    """Blocks and amounts by unit and tier, and the total."""
    currency, units = _currency(case, document), list(case["units"])
    then = unit_terms(case["tier_mode"], case["units"], currency)
    parts, total = _parts(then, units, case["usage"], currency)
    expect = case["expect"]
    made = _made(parts, currency)
    wanted = _lines(expect["lines"], currency) if "lines" in expect else made
    same = _same(wanted, made) and total == number(expect["total"])
    return judged(case, (wanted, expect["total"]), (made, total), same=same)


def _limits(tiers: Sequence[Mapping[str, Any]], *more: Mapping[str, Any]) -> list[str]:
    return sorted({unit for tier in tiers for unit in tier["limits"]} | {unit for used in more for unit in used})


def capacity(case: Case, document: Document) -> Outcome:
    """The price, and the tier that it is of."""
    currency, peaks = _currency(case, document), case.get("peaks") or {}
    units = _limits(case["tiers"], peaks)
    parts, total = _parts(tier_terms("CAPACITY", "", case["tiers"], currency), units, peaks, currency)
    tier, expect = max((part.tier for part in parts), default=None), case["expect"]
    made = {"price": total, "tier": tier}
    wanted = {key: number(value) if key == "price" else value for key, value in expect.items()}
    return judged(case, wanted, {key: made[key] for key in wanted})


def increments(case: Case, document: Document) -> Outcome:
    """What is charged above what was charged already for the same period and meter."""
    if case["model"] == "MATCHING":
        return _matching(case)
    currency, expect = _currency(case, document), case["expect"]
    if case["model"] == "CAPACITY":
        used = case["peaks"]
        units = _limits(case["tiers"], used)
        then = tier_terms("CAPACITY", "", case["tiers"], currency)
    else:
        used, units = case["usage"], list(case["units"])
        then = unit_terms(case["tier_mode"], case["units"], currency)
    parts, rated = _parts(then, units, used, currency)
    before = [_part(line) for line in case.get("already_charged_lines") or ()]
    charged = number(case.get("already_charged") or 0)
    items = [(KEY, case["period"], charged)] if charged else []
    item = _billed_above(then, units, used, items, Period(case["period"]["from"], case["period"]["to"]), currency)
    more = added(parts, before) if item else ()
    made: dict[str, Any] = {
        "rated": rated,
        "charge": item.amount if item else ZERO,
        "item_created": item is not None,
        "lines": _made(more, currency),
        "detail": [(part.meter, part.tier, part.quantity) for part in parts],
    }
    wanted: dict[str, Any] = {**expect, **{key: number(expect[key]) for key in ("rated", "charge") if key in expect}}
    if "lines" in expect:
        wanted["lines"] = _lines(expect["lines"], currency)
    if "detail" in expect:
        wanted["detail"] = [(line["unit"], line["tier"], number(line["peak"])) for line in expect["detail"]]
    same = all(
        _same(value, made[key]) if isinstance(value, list) else value == made[key] for key, value in wanted.items()
    )
    return judged(case, wanted, made, same=same)


def _part(line: Mapping[str, Any]) -> Part:
    quantity, amount = number(line["blocks"]), number(line.get("amount") or 0)
    return Part(line["tier"], quantity, ZERO, ZERO, amount, meter=line.get("unit", ""))


def _billed_above(
    then: Terms,
    units: Sequence[str],
    used: Mapping[str, Any],
    items: Sequence[tuple[str, Mapping[str, Any], Decimal]],
    period: Period,
    currency: str,
    kinds: Sequence[str] = (),
) -> RatedCharge | None:
    """The line that a run writes for a period, with some lines billed before; the subscription has just that period."""
    mine = _charge(units)
    meters = {unit: Meter("t", unit, "unit", "max" if then["method"] == "capacity" else "sum") for unit in units}
    rules = book([Price(PLAN, KEY, then)], late_cycles=None)
    sub = Taken([mine], meters, rules, period.end.day, currency)
    sub.know("start", period.start, PLAN, 1)
    sub.know("cancel", period.end)
    for unit, quantity in used.items():
        if number(quantity):
            sub.use(period.start, str(quantity), unit)
    for place, (key, days, amount) in enumerate(items, 1):
        kind = kinds[place - 1] if kinds else "usage"
        first = days["from"]
        sub.lines.append(BilledLine(place, _old(sub, key, kind, Period(first, days.get("to") or FOREVER), amount)))
    found = [line for line in sub.run(period.end) if line.charge == KEY and not line.credits]
    assert len(found) <= 1
    return found[0] if found else None


def _old(sub: Taken, key: str, kind: str, days: Period, amount: Decimal) -> RatedCharge:
    owner = sub.account
    what = (owner.key, owner.id, sub.subscription.id, sub.subscription.key, "", 0, PLAN, key, 11, kind, key, "", "")
    when = (days.start, days.end, days.start, days.end)
    return RatedCharge(*what, *when, owner.currency, ZERO, amount, "1", amount, 1, 0)


def _matching(case: Case) -> Outcome:
    """What of earlier items counts as charged already: those of exactly the same period and meter."""
    expect = case["expect"]
    if "blocks_per_tier" in expect:
        billed = added([_part(line) for line in case["existing_lines"]], ())
        tiers = {part.tier: part.quantity for part in billed}
        made = [tiers.get(tier, ZERO) for tier in range(1, max(tiers, default=0) + 1)]
        return judged(case, [number(count) for count in expect["blocks_per_tier"]], made)
    price = Decimal(1_000_000)
    then: Terms = {"method": "flat", "price": f"{price} USD"}
    items = [
        (KEY if item.get("meter") == case["meter"] else item.get("meter", "fixed"), item, number(item["amount"]))
        for item in case["existing_items"]
    ]
    kinds = ["one_time" if item.get("kind") == "FIXED" else "usage" for item in case["existing_items"]]
    period = Period(case["period"]["from"], case["period"]["to"])
    line = _billed_above(then, [case["meter"]], {case["meter"]: 1}, items, period, "USD", kinds)
    return judged(case, number(expect["already_charged"]), price - (line.amount if line else ZERO))


def rollups(case: Case, document: Document) -> Outcome:
    """Readings added up, or their peaks, by period of service."""
    expect = case["expect"]
    units = sorted({reading["unit"] for reading in case["readings"]})
    meters = {unit: Meter("t", unit, "unit", case["aggregate"].lower()) for unit in units}
    cuts = [_day(cut) for cut in case.get("period_cuts") or ()]
    months = 120 if cuts else 1  # longer than any period, so that nothing but the cuts ends one
    charges = [charge(unit, "usage", "arrears", PLAN, months=months, meter=unit) for unit in units]
    free = {"method": "flat", "price": "0 USD"}
    rules = book([Price(PLAN, unit, free) for unit in units])
    start = cuts[0] if cuts else _day(case["service_start"])
    sub = Taken(charges, meters, rules, case.get("bcd") or start.day, "USD")
    sub.know("start", start, PLAN, 1)
    for cut in cuts[1:]:  # each moves the anchor to itself, so that a cycle begins there
        sub.know("anchor", cut, anchor_day=cut.day)
    if case.get("cancelled_at"):
        sub.know("cancel", _day(case["cancelled_at"]))
    for reading in case["readings"]:
        sub.use(_day(reading.get("at") or reading["day"]), str(reading["qty"]), reading["unit"])
    until = cuts[-1] if cuts else max(_day(period["to"]) for period in expect)
    made: dict[Period, dict[str, Decimal]] = {}
    for line in sub.run(until):
        if line.quantity:
            made.setdefault(Period(line.service_from, line.service_to), {})[line.charge] = line.quantity
    wanted = {
        Period(_day(one["from"]), _day(one["to"])): {
            unit: number(value) for unit, value in one.items() if unit not in ("from", "to") and number(value)
        }
        for one in expect
    }
    wanted = {period: quantities for period, quantities in wanted.items() if quantities}
    return judged(case, wanted, made)


def _day(value: Any) -> date:
    """The local day of an instant or a day; instants are in UTC."""
    if isinstance(value, datetime):
        return local_day(value, "UTC")
    if isinstance(value, date):
        return value
    return (
        local_day(datetime.fromisoformat(str(value).replace("Z", "+00:00")), "UTC")
        if "T" in str(value)
        else date.fromisoformat(str(value))
    )


def cuts(case: Case, document: Document) -> Outcome:
    """Days up to the target on which periods of usage begin or end."""
    rules = book([Price(plan, KEY, {"method": "flat", "price": "1 USD"}) for plan in ("full", "other")])
    charges = [
        charge(KEY, "usage", "arrears", plan, meter="unit", months={"MONTHLY": 1}[case["period"]])
        for plan in ("full", "other")
    ]
    sub = Taken(charges, {"unit": Meter("t", "unit", "unit")}, rules, case["bcd"], "USD")
    sub.know("start", case["start"], "full", 1)
    since = date.min
    for event in case["later_events"]:
        if event["kind"] == "CHANGE_SAME_METER":
            sub.know("change", event["day"], "other")
        elif event["kind"] == "CANCEL":
            sub.know("cancel", event["day"])
        elif event["kind"] == "READINGS_START_AFTER_END":
            since = event["day"]
        else:
            return unsupported(case, event["kind"])
    due = msgspec.structs.replace(sub.due(), window=since)
    job = Job(ENTITY, sub.plans, sub.meters, sub.decide, case["target"], 99, 99)
    found: set[date] = set()
    for stretch in Counting(job, sub.account, due, stints(due.events), ()).stretches():
        found.update(day for day in (stretch.days.start, stretch.days.end) if since <= day <= case["target"])
    return judged(case, case["expect"], sorted(found))


RUNNERS: Mapping[str, Runner] = {
    "rating": rating,
    "capacity": capacity,
    "increments": increments,
    "rollups": rollups,
    "cuts": cuts,
    "timelines": timeline,
}
