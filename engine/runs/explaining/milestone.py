"""The price of a line that bills a part of a fixed price: the whole of it, and the milestone's part."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec

from engine.base.money import round_to, written
from engine.billing.milestones import MARK
from engine.billing.pricing import priced, times
from engine.runs.explaining.price import facts_of, shown, told
from engine.runs.explaining.words import Step, TracingRules, long, tried
from engine.store.reader import Reader
from engine.store.tracing import LineRecord


def milestone_price(
    reader: Reader, tenant: str, rules: TracingRules, record: LineRecord
) -> tuple[Step, Decimal] | None:
    """The step, and what the line comes out as; None where no rule gives the whole price."""
    charge = record.charge
    facts = msgspec.structs.replace(facts_of(reader, tenant, record, charge.quantity), day=charge.cycle_from)
    trace = rules.trace("pricing", facts, charge.cycle_from)
    decision = trace.decision
    if decision is None or decision.method is None:
        return None
    made, currency = priced(decision, facts), charge.currency
    whole = round_to(made.amount, currency, decision.terms["rounding"])
    amount = round_to(times(whole, Fraction(charge.share)), currency)
    details = [*tried(trace), *shown(facts, decision), *(told(part, currency) for part in made.parts)]
    details += [
        ("whole", f"{long(made.amount)} -> {written(whole, currency)}, by the rule of {charge.cycle_from}"),
        ("milestone", f"{charge.exact.removeprefix(MARK)}: {charge.share} of the whole = {written(amount, currency)}"),
    ]
    text = f"rule {decision.rule} of {decision.ruleset} at {decision.where}, method {decision.terms['method']}"
    return Step("price", text, tuple(details)), amount
