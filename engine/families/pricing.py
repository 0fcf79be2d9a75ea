"""Pricing: what a cycle of a charge costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.base.money import ZERO, round_to
from engine.billing import pricing
from engine.model.decision import Decision, Family, Method

ROUNDING = {
    "rounding": {
        "type": "rounding",
        "default": "half_up",
        "meta": {"description": "how the line amount is rounded to the currency's minor unit, once"},
    },
}
_PRICE = {
    "type": "price",
    "required": True,
    "min": 0,
    "meta": {"description": "price, or a list of prices in several currencies"},
}
_INCLUDED = {
    "type": "decimal",
    "default": 0,
    "min": 0,
    "meta": {"description": "units that cost nothing in each cycle"},
}
_TIERS = {
    "tiers": {
        "type": "list",
        "required": True,
        "minlength": 1,
        "meta": {"description": "tiers in rising order; the last one has no up_to"},
        "schema": {
            "type": "dict",
            "schema": {
                "up_to": {
                    "type": "decimal",
                    "meta": {"description": "last unit that is in the tier; a fraction above it is in the next"},
                },
                "unit": {"type": "price", "min": 0, "meta": {"description": "price of each unit"}},
                "flat": {"type": "price", "min": 0, "meta": {"description": "price of reaching the tier at all"}},
            },
        },
    },
    "zero_usage": {
        "type": "string",
        "allowed": ["nothing", "first_tier"],
        "default": "nothing",
        "meta": {"description": "what a quantity of zero costs: nothing, or the flat part of the first tier"},
    },
}


def results(decision: Decision, facts: Any) -> Mapping[str, Any]:
    """For rule cases: ``amount``, the whole cycle's price as rounded on the line, with its currency."""
    assert decision.method is not None
    parts = decision.method(decision.terms, facts)
    amount = sum((part.amount for part in parts), ZERO)
    currency = facts.account.currency
    return {"amount": {currency: round_to(amount, currency, decision.terms["rounding"])}}


FAMILY = Family(
    name="pricing",
    doc="What a whole cycle of a charge costs.",
    facts=pricing.PricingFacts,
    selected_by="first day of the stretch of service",
    outcome=ROUNDING,
    methods={
        "flat": Method(pricing.flat, {"price": _PRICE}),
        "per_unit": Method(pricing.per_unit, {"unit": _PRICE, "included": _INCLUDED}),
        "graduated": Method(pricing.graduated, _TIERS, pricing.check_tiers),
        "volume": Method(pricing.volume, _TIERS, pricing.check_tiers),
        "package": Method(
            pricing.package,
            {
                "size": {"type": "decimal", "required": True, "meta": {"description": "units in a package"}},
                "price": _PRICE,
                "included": _INCLUDED,
                "round": {
                    "type": "string",
                    "allowed": ["up", "down"],
                    "default": "up",
                    "meta": {"description": "whether a started package counts whole or not at all"},
                },
            },
            pricing.check_size,
        ),
        "agreed": Method(pricing.agreed, {}),
    },
    results=results,
)
