"""The price of a line, computed again from its rule, its facts and the usage behind it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec

from engine.base.money import ZERO
from engine.base.period import Period
from engine.billing.detail import detailed
from engine.billing.pricing import OTHER_CHARGES, Part, PricingFacts
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.contract import ContractLine
from engine.model.decision import Decision
from engine.model.invoice import RatedCharge
from engine.model.usage import UsageDay, UsageSingle
from engine.runs.explain_words import long, number
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.tracing import LineRecord


def facts_of(reader: Reader, tenant: str, record: LineRecord, quantity: Decimal) -> PricingFacts:
    """What the pricing rules were asked about: the line's own versions of all records, with a quantity."""
    charge = record.charge
    account = tracing.version(reader, Account, charge.account_id)
    sold = tracing.version(reader, Charge, charge.charge_id)
    line = tracing.version(reader, ContractLine, charge.contract_line_id) if charge.contract_line_id else None
    return PricingFacts(
        reader.entities(tenant)[account.entity],
        account,
        sold,
        charge.plan,
        quantity,
        line.unit_price if line else None,
        line.currency if line else None,
        tracing.subscribed_on(reader, charge.subscription_id),
        charge.service_from,
        charge.kind != "usage" or charge.service_to <= record.head["invoice_date"],
        metered=_metered(reader, tenant, charge, sold) if charge.kind == "usage" else {},
    )


def facts_before(
    reader: Reader, tenant: str, family: Sequence[LineRecord], record: LineRecord, facts: PricingFacts
) -> PricingFacts | None:
    """The facts by which the line before was priced, of lines for the same stretch of usage; None where there is none."""
    before = [one for one in family if one.id < record.id]
    if not before or record.charge.kind != "usage":
        return None
    quantity = sum((one.charge.quantity for one in before), ZERO)
    totals = _metered(reader, tenant, before[-1].charge, facts.charge)
    return msgspec.structs.replace(facts, quantity=quantity, metered=totals)


def _metered(reader: Reader, tenant: str, charge: RatedCharge, sold: Charge) -> dict[str, Decimal]:
    """The quantity of each meter of a charge that prices several."""
    if len(sold.counted) < 2:
        return {}
    found, meters = tracing.usage_totals(reader, charge, sold.counted), reader.meters(tenant)
    totals = {}
    for key in sold.counted:
        total, count, peak = found.get(key, (ZERO, 0, ZERO))
        totals[key] = {"sum": total, "count": Decimal(count), "max": peak}[meters[key].aggregation]
    return totals


def with_details(
    reader: Reader, tenant: str, record: LineRecord, pricing: Decision, facts: PricingFacts
) -> PricingFacts:
    """The facts with what the rule's method looks at beside the quantity."""
    charge = record.charge
    if pricing.needs == OTHER_CHARGES:
        return msgspec.structs.replace(facts, counted=_counted(reader, record, pricing.terms["counts"]))
    meter = reader.meters(tenant).get(facts.charge.meter or "")
    if charge.kind != "usage" or meter is None or not (pricing.needs or pricing.terms["per"] != "period"):
        return facts
    singles = _singles(reader, charge, meter.key)
    days, cycle = Period(charge.service_from, charge.service_to), Period(charge.cycle_from, charge.cycle_to)
    return detailed(pricing, facts, meter, days, cycle, _by_day(singles), singles)


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
    said = []
    if facts.counted is not None:
        said.append(("counts", f"{number(facts.counted)} of other charges for the same days"))
    if not facts.complete and any("minimum" in step or step.get("true_up") for step in pricing.terms["after"]):
        said.append(("not over", "the stretch was still going on, so that minimums wait"))
    return said
