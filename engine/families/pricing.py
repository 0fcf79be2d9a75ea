"""Pricing: what a cycle of a charge costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.base.money import ROUNDING, ZERO, round_to
from engine.billing import windows
from engine.billing.pricing import (
    allowance,
    blocks,
    events,
    indexing,
    matrix,
    phases,
    steps,
    tiers,
    trueup,
    units,
    weighted,
)
from engine.billing.pricing.facts import PricingFacts
from engine.families.pricing_terms import (
    BLOCK_TIERS,
    CAPACITY,
    COMMITMENT,
    INCLUDED,
    MATRIX,
    OUTCOME,
    PERCENT_TIERS,
    PRICE,
    STEP_TIERS,
    TIERS,
    decimal,
    price,
)
from engine.model.decision import Decision, Family, Flaw, Method


def results(decision: Decision, facts: Any) -> Mapping[str, Any]:
    """For rule cases: ``amount``, the whole cycle's price as rounded on the line, with its currency; ``exact``, the same
    before it is rounded; ``billable``, the quantity after the steps before the method."""
    exact = windows.priced_in_window(decision, facts)
    currency = facts.account.currency
    return {
        "amount": {currency: round_to(exact, currency, decision.terms["rounding"])},
        "exact": {currency: exact},
        "billable": steps.billable(decision, facts),
    }


def check_events(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What percentages of single events can be."""
    yield from events.check_percentage(terms)
    yield from steps.check_single(terms)


def check_weighted(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What tiers of single events can be."""
    yield from tiers.check_tiers(terms)
    yield from steps.check_single(terms)


def check_terms(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What the fields of all rules can be."""
    yield from steps.check_steps(terms)
    yield from phases.check_ramp(terms)
    yield from windows.check_window(terms)
    yield from indexing.check_index(terms)
    yield from allowance.check_sharing(terms)


FAMILY = Family(
    name="pricing",
    doc="What a whole cycle of a charge costs.",
    facts=PricingFacts,
    selected_by="first day of the stretch of service",
    outcome=OUTCOME,
    methods={
        "flat": Method(units.flat, {"price": PRICE}),
        "per_unit": Method(units.per_unit, {"unit": PRICE, "included": INCLUDED}),
        "graduated": Method(tiers.graduated, TIERS, tiers.check_tiers),
        "volume": Method(tiers.volume, TIERS, tiers.check_tiers),
        "package": Method(
            units.package,
            {
                "size": {"type": "decimal", "required": True, "meta": {"description": "units in a package"}},
                "price": PRICE,
                "included": INCLUDED,
                "round": {
                    "type": "string",
                    "allowed": [*ROUNDING, "none"],
                    "default": "up",
                    "meta": {
                        "description": "what a started package counts: up: whole, down: nothing, none: its part, or as rounding rounds"
                    },
                },
            },
            units.check_size,
        ),
        "agreed": Method(units.agreed, {}),
        "stairstep": Method(tiers.stairstep, STEP_TIERS, tiers.check_tiers),
        "graduated_percentage": Method(tiers.graduated_percentage, PERCENT_TIERS, tiers.check_tiers),
        "percentage": Method(
            events.percentage,
            {
                "rate": {
                    "type": "percent",
                    "required": True,
                    "min": ZERO,
                    "meta": {"description": "percentage of the money that each event carries"},
                },
                "per_event": price("fixed part of each event that pays; nothing where absent"),
                "free_events": {
                    "type": "integer",
                    "min": 0,
                    "meta": {"description": "events that cost nothing in each cycle; no such allowance where absent"},
                },
                "free_amount": decimal(
                    "money of events that costs nothing in each cycle; no such allowance where absent"
                ),
                "min_per_event": price("least that an event pays that pays at all"),
                "max_per_event": price("most that an event pays"),
            },
            check_events,
            steps.EACH_EVENT,
        ),
        "dynamic": Method(
            units.dynamic,
            {
                "multiplier": {
                    "type": "decimal",
                    "default": 1,
                    "min": 0,
                    "meta": {
                        "description": "what the money of the events is multiplied with, such as 1.2 for 20 % on top"
                    },
                }
            },
        ),
        "volume_prorated": Method(weighted.volume_prorated, TIERS, check_weighted, steps.WEIGHTS),
        "graduated_prorated": Method(weighted.graduated_prorated, TIERS, check_weighted, steps.WEIGHTS),
        "matrix": Method(matrix.matrix, MATRIX, matrix.check_matrix, table=matrix.from_table, prepare=matrix.prepared),
        "formula": Method(
            units.formula,
            {
                "value": {
                    "type": "formula",
                    "required": True,
                    "meta": {
                        "description": "a number computed of facts and parameters, such as quantity * 0.05 + charge.months"
                    },
                }
            },
        ),
        "true_up": Method(trueup.true_up, COMMITMENT, None, steps.OTHER_CHARGES),
        "block_tiers": Method(blocks.block_tiers, BLOCK_TIERS, blocks.check_blocks),
        "capacity": Method(blocks.capacity, CAPACITY, blocks.check_capacity),
    },
    results=results,
    check=check_terms,
)
