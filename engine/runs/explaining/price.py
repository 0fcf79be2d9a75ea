"""The price of a line, computed again from its rule, its facts and the usage behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

import msgspec

from engine.base.money import ZERO, round_to
from engine.base.period import Period
from engine.billing.basis import granted, read_pool
from engine.billing.detail import detailed
from engine.billing.discounts import read
from engine.billing.grouping import in_parts
from engine.billing.metering import Metered
from engine.billing.pool_parts import pooled_facts, portion
from engine.billing.pricing import OTHER_CHARGES, WHOLE, Part, PricingFacts, priced
from engine.billing.pricing.indexing import with_index
from engine.billing.pricing.phases import aged
from engine.billing.windows import PERIOD, Spread, cancelled_on, holding, spread
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.contract import ContractLine
from engine.model.decision import Decision
from engine.model.invoice import RatedCharge
from engine.model.usage import UsageDay, UsageSingle
from engine.runs.explaining.attributes import attributes_told
from engine.runs.explaining.measure import (
    counted_again,
    counted_in_window,
    grouped_facts,
    in_windows,
    measure_for,
    priced_again,
)
from engine.runs.explaining.shared import pool_told
from engine.runs.explaining.words import TracingRules, long, number
from engine.store import tracing
from engine.store.index_values import known_values
from engine.store.reader import Reader
from engine.store.tracing import LineRecord


def facts_of(reader: Reader, tenant: str, record: LineRecord, quantity: Decimal) -> PricingFacts:
    """What the pricing rules were asked about: the line's own versions of all records, with a quantity."""
    charge = record.charge
    account = tracing.version(reader, Account, charge.account_id)
    sold = tracing.version(reader, Charge, charge.charge_id)
    line = tracing.version(reader, ContractLine, charge.contract_line_id) if charge.contract_line_id else None
    since, day = tracing.subscribed_on(reader, charge.subscription_id), charge.service_from
    cycle = Period(charge.cycle_from, charge.cycle_to)
    facts = PricingFacts(
        reader.entities(tenant)[account.entity],
        account,
        sold,
        charge.plan,
        quantity,
        line.unit_price if line else None,
        line.currency if line else None,
        since,
        day,
        charge.kind != "usage" or charge.service_to <= record.head["invoice_date"],
        metered=_metered(reader, tenant, charge, sold) if charge.kind == "usage" else {},
        discounts=read(charge.discounts),
        granted=granted(charge.basis),
        **aged(since, _signed_on(reader, tenant, account, charge.contract), sold, cycle, day),
    )
    groups = grouped_facts(reader, reader.meters(tenant), charge, facts) if sold.group_by else []
    return msgspec.structs.replace(facts, group=groups[0].group) if groups else facts


def _signed_on(reader: Reader, tenant: str, account: Account, key: str) -> date | None:
    """The contract date of a line; None without a contract."""
    found = reader.contracts(tenant, account.entity, [account.key]) if key else ()
    return next((contract.signed_on for contract in found if contract.key == key), None)


def facts_before(
    reader: Reader, tenant: str, family: Sequence[LineRecord], record: LineRecord, facts: PricingFacts
) -> PricingFacts | None:
    """The facts by which the line before was priced, of lines for the same stretch of usage; None where there is none."""
    before = [one for one in family if one.id < record.id]
    if not before or record.charge.kind != "usage":
        return None
    quantity = sum((one.charge.quantity for one in before), ZERO)
    totals = _metered(reader, tenant, before[-1].charge, facts.charge)
    return msgspec.structs.replace(facts, quantity=quantity, metered=totals, granted=granted(before[-1].charge.basis))


class Valued(msgspec.Struct, frozen=True):
    """What a line's price comes to before and after it is rounded, the parts of it, and what else there is to say."""

    exact: Decimal
    rounded: Decimal
    parts: tuple[Part, ...]
    said: tuple[tuple[str, str], ...] = ()


def valued(
    reader: Reader, tenant: str, rules: TracingRules, record: LineRecord, decision: Decision, facts: PricingFacts,
    share: Fraction, applies_to: str,
) -> Valued:  # fmt: skip
    """The price of a stretch computed again; of one that counts over a window, the difference that it makes there."""
    terms, currency = decision.terms, record.charge.currency
    pool = read_pool(record.charge.basis)
    if pool is not None:
        made = priced(decision, pooled_facts(facts, pool), share, applies_to)
        whole = round_to(made.amount, currency, terms["rounding"])
        mine = portion(whole, pool, currency)
        return Valued(mine, mine, made.parts, pool_told(pool, whole, currency))
    if terms["window"] == PERIOD:
        if facts.charge.group_by and not record.charge.grouped:
            groups = grouped_facts(reader, reader.meters(tenant), record.charge, facts)
            if terms["per"] != PERIOD:
                groups = [_in_windows(reader, tenant, record.charge, decision, one) for one in groups]
            made = priced_again(decision, groups, share, applies_to)
        else:
            made = priced(decision, facts, share, applies_to)
        return Valued(made.amount, round_to(made.amount, currency, terms["rounding"]), made.parts)
    every = list(_spreads(reader, tenant, rules, record, decision, facts))
    if len(every) != 1:
        return _of_groups(every, decision, currency)
    found = every[0]
    upto, before = found.prices(decision)
    rounded, exact = found.owes(decision, currency)
    window = holding(terms["window"], facts.subscribed_on, facts.day)
    said = (
        ("window", f"{terms['window']}: {window}, counted from {max(window.start, facts.subscribed_on)} on"),
        ("up to its end", f"{number(found.upto.quantity)} cost {long(upto.amount)} {currency}"),
        ("before it", f"{number(found.before.quantity)} cost {long(before.amount)} {currency}, which is taken off"),
    )
    return Valued(exact, rounded, (*upto.parts, *found.lowered(upto.amount - before.amount)[1]), said)


def _of_groups(every: Sequence[Spread], decision: Decision, currency: str) -> Valued:
    """The price of a line of several groups, each of which lies in the window by itself and bears its part of coupons."""
    exact, parts, said = ZERO, list[Part](), list[tuple[str, str]]()
    plain = [msgspec.structs.replace(one, discounts=()) for one in every]
    fulls = [one.owes(decision, currency, WHOLE)[0] for one in plain]
    off = in_parts(every[0].discounts, fulls, currency) if every else ()
    for one, mine in zip(every, off, strict=True):
        upto, before = one.prices(decision)
        amount, less = msgspec.structs.replace(one, discounts=mine).lowered(upto.amount - before.amount)
        exact += amount
        label = ", ".join(one.upto.group.values()) or "-"
        made = (*upto.parts, *less)
        parts += [msgspec.structs.replace(p, step=f"{label}, {p.step}" if p.step else label) for p in made]
        said.append((label, f"{number(one.upto.quantity)} up to its end, {number(one.before.quantity)} before it"))
    return Valued(exact, round_to(exact, currency, decision.terms["rounding"]), tuple(parts), tuple(said))


def _spreads(
    reader: Reader, tenant: str, rules: TracingRules, record: LineRecord, decision: Decision, facts: PricingFacts
) -> Iterator[Spread]:
    """How a line lies in its window, by the events that its run knew; each group of it where it has several."""
    charge, keys, meters = record.charge, facts.charge.counted, reader.meters(tenant)
    measures = {key: measure_for(facts.charge, meters, key) for key in keys}
    over = holding(decision.terms["window"], facts.subscribed_on, facts.day)
    first = max(over.start, facts.subscribed_on)
    whole = msgspec.structs.replace(charge, service_from=first)
    upto = tracing.usage_totals(reader, whole, keys, tracing.counted_until(reader, charge, keys))
    before = tracing.usage_totals(reader, whole, keys, charge.service_from)

    def metered(found: Mapping[str, Any], key: str) -> Metered:
        total, count, peak = found.get(key, (ZERO, 0, ZERO))
        return Metered({"sum": total, "count": Decimal(count), "max": peak}[meters[key].aggregation], count, 0)

    def decide(family: str, facts: Any, on: date) -> Decision:
        made = rules.trace(family, facts, on).decision
        assert made is not None
        return made

    run = reader.run(record.head["run_id"])
    known = run.parameters["events"] if run else 0
    ended = cancelled_on(tracing.cancelled(reader, charge.subscription_id, known))
    days, cycle = Period(charge.service_from, charge.service_to), Period(charge.cycle_from, charge.cycle_to)
    counts = {key: (metered(upto, key), metered(before, key)) for key in keys if measures[key] is None}
    groups: dict[tuple[str | None, ...], dict[str, tuple[Metered, Metered]]] = {}
    for key, measure in measures.items():
        for group, both in counted_in_window(reader, charge, measure, first, over).items() if measure else ():
            groups.setdefault(group, {})[key] = both
    for group, measured in (groups or {(): {}}).items():
        named = {name: value for name, value in zip(facts.charge.grouped, group, strict=False) if value is not None}
        given = msgspec.structs.replace(facts, group=named) if named else facts
        yield spread(decision, given, days, cycle, counts | measured, ended, decide)


def _metered(reader: Reader, tenant: str, charge: RatedCharge, sold: Charge) -> dict[str, Decimal]:
    """The quantity of each meter of a charge that prices several."""
    if len(sold.counted) < 2:
        return {}
    found, meters = tracing.usage_totals(reader, charge, sold.counted), reader.meters(tenant)
    totals = {}
    for key in sold.counted:
        measure = measure_for(sold, meters, key)
        if measure is not None:
            totals[key] = sum((one.quantity for one in counted_again(reader, charge, measure)), ZERO)
            continue
        total, count, peak = found.get(key, (ZERO, 0, ZERO))
        totals[key] = {"sum": total, "count": Decimal(count), "max": peak}[meters[key].aggregation]
    return totals


def with_details(
    reader: Reader, tenant: str, record: LineRecord, pricing: Decision, facts: PricingFacts
) -> PricingFacts:
    """The facts with what the rule's method looks at beside the quantity."""
    charge = record.charge
    if pricing.terms["indexed"]:
        facts = with_index(pricing.terms, facts, known_values(reader, tenant))
    if pricing.needs == OTHER_CHARGES:
        return msgspec.structs.replace(facts, counted=_counted(reader, record, pricing.terms["counts"]))
    meter = reader.meters(tenant).get(facts.charge.meter or "")
    if charge.kind != "usage" or meter is None:
        return facts
    if pricing.terms["per"] != PERIOD:
        return _in_windows(reader, tenant, charge, pricing, facts)
    if not pricing.needs:
        return facts
    singles = _singles(reader, charge, meter.key)
    days, cycle = Period(charge.service_from, charge.service_to), Period(charge.cycle_from, charge.cycle_to)
    return detailed(pricing, facts, meter, days, cycle, _by_day(singles), singles)


def _in_windows(
    reader: Reader, tenant: str, charge: RatedCharge, pricing: Decision, facts: PricingFacts
) -> PricingFacts:
    """The facts with the quantity of each day, week or month that is priced by itself."""

    def summed(key: str) -> list[UsageDay]:
        return _by_day(_singles(reader, charge, key))

    return in_windows(reader, reader.meters(tenant), charge, facts, pricing.terms["per"], summed)


def _singles(reader: Reader, charge: RatedCharge, meter: str) -> list[UsageSingle]:
    """All events of a stretch that were known when the line was made, in order of time."""
    all_of_it = msgspec.structs.replace(charge, usage_after=0)
    rows = tracing.usage_events(reader, all_of_it, (meter,), None)
    return [UsageSingle(charge.subscription_id, meter, row["day"], 0, row["quantity"]) for row in rows]


def _by_day(singles: Sequence[UsageSingle]) -> list[UsageDay]:
    days = []
    for day, found in groupby(sorted(singles, key=lambda one: one.day), lambda one: one.day):
        some = [one.quantity for one in found]
        first = singles[0]
        days.append(UsageDay(first.subscription_id, first.meter, day, sum(some, ZERO), len(some), 0, max(some)))
    return days


def _counted(reader: Reader, record: LineRecord, keys: Sequence[str]) -> Decimal:
    """What the lines of other charges say for stretches that end on the line's days, as far as they were known then."""
    own = record.charge
    return sum(
        (
            one.amount
            for one in tracing.lines_ending(reader, own, record.head["id"])
            if (one.charge in keys if keys else one.kind != "one_time" and one.charge != own.charge)
        ),
        ZERO,
    )


def told(part: Part, currency: str) -> tuple[str, str]:
    """A part of a price as a label and what it says."""
    tier = f"tier {part.tier}" if part.tier else ""
    label = ", ".join(filter(None, (part.step, tier))) or "price"
    label = f"{label} of {part.meter}" if part.meter else label
    if part.step and not part.tier and not part.quantity:
        return label, f"{'+' if part.amount > 0 else ''}{long(part.amount)} {currency}"
    if part.step and not part.amount and not part.unit:
        return label, f"leaves {long(part.quantity)}"
    flat = f" + {number(part.flat)}" if part.flat else ""
    return label, f"{long(part.quantity)} x {number(part.unit)}{flat} = {long(part.amount)} {currency}"


def shown(facts: Any, pricing: Decision) -> list[tuple[str, str]]:
    """What the price looks at beside the quantity, as details."""
    said = list(attributes_told(facts))
    if facts.index_values:
        said.append((f"index {pricing.terms['indexed']['index']}", facts.index_values))
    if facts.counted is not None:
        said.append(("counts", f"{number(facts.counted)} of other charges for the same days"))
    if not facts.complete and any("minimum" in step or step.get("true_up") for step in pricing.terms["after"]):
        said.append(("not over", "the stretch was still going on, so that minimums wait"))
    return said
