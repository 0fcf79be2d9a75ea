"""What a cycle of a charge costs: steps on the quantity, the methods of the pricing family, steps on the money.

``facts`` holds what all methods share, ``units``, ``tiers``, ``blocks``, ``weighted``, ``events`` and ``matrix`` the methods by kind,
``steps`` what a rule does before and after its method.  Every method takes the rule's terms, the facts and the ``share``
of the cycle by which tiers, allowances and flat parts shrink (1 unless the proration rule says ``applies_to: tiers``), and
returns the parts that add up to the price.  Nothing is rounded here: rounding is the caller's one declared step.
"""

from __future__ import annotations

from engine.billing.pricing.events import NO_EVENTS
from engine.billing.pricing.facts import (
    NO_PRICE_IN_CURRENCY,
    WHOLE,
    Part,
    PricingFacts,
    Terms,
    in_currency,
    times,
)
from engine.billing.pricing.matrix import NO_ROW
from engine.billing.pricing.steps import (
    EACH_EVENT,
    NO_WINDOWS,
    OTHER_CHARGES,
    WEIGHTS,
    Price,
    billable,
    less_coupons,
    priced,
    shrinking,
)
from engine.billing.pricing.tiers import BEYOND_LAST_TIER
from engine.billing.pricing.trueup import NOT_COUNTED
from engine.billing.pricing.units import NO_AGREED_PRICE, NO_NUMBER

__all__ = [
    "BEYOND_LAST_TIER",
    "EACH_EVENT",
    "NOT_COUNTED",
    "NO_AGREED_PRICE",
    "NO_EVENTS",
    "NO_NUMBER",
    "NO_PRICE_IN_CURRENCY",
    "NO_ROW",
    "NO_WINDOWS",
    "OTHER_CHARGES",
    "WEIGHTS",
    "WHOLE",
    "Part",
    "Price",
    "PricingFacts",
    "Terms",
    "billable",
    "in_currency",
    "less_coupons",
    "priced",
    "shrinking",
    "times",
]
