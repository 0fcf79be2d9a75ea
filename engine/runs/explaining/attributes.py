"""The attributes of a line's account, subscription, charge and contract as they were when it was priced."""

from __future__ import annotations

from collections.abc import Iterator

from engine.billing.pricing import PricingFacts
from engine.model.attribute import OBJECTS
from engine.runs.attributes import attributes_of
from engine.runs.explaining.words import TracingRules
from engine.store.reader import Reader
from engine.store.tracing import LineRecord


def with_attributes_then(reader: Reader, rules: TracingRules, record: LineRecord, facts: PricingFacts) -> PricingFacts:
    """The facts with the attributes of the line's first day, from the values that its run had pinned."""
    run = reader.run(record.head["run_id"]) if rules.attributes else None
    if run is None:
        return facts
    charge, account = record.charge, facts.account
    keys = {
        "account": charge.account,
        "subscription": charge.subscription,
        "contract": charge.contract,
        "charge": f"{charge.plan}/{charge.charge}",
    }
    pinned = run.parameters.get("attributes", 0)
    seen = attributes_of(reader, rules.attributes, account.tenant, account.entity, keys, pinned)
    return seen.of(charge.account, charge.subscription, charge.contract).by(facts, charge.service_from)


def attributes_told(facts: PricingFacts) -> Iterator[tuple[str, str]]:
    """The attributes among the facts, as details."""
    for name in OBJECTS:
        holder = getattr(facts, name).attributes
        for key in holder.__struct_fields__:
            value = getattr(holder, key)
            yield f"{name}.attributes.{key}", "null" if value is None else str(value)
