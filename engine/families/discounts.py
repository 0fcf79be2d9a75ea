"""Discounts: which coupons apply to a charge, in which order, and where they stand beside the steps of its price."""

from __future__ import annotations

from engine.billing.discounts import DiscountFacts
from engine.model.decision import Family

FAMILY = Family(
    name="discounts",
    doc="Whether a coupon applies to a charge, in which order, and before or after the steps of its price.",
    facts=DiscountFacts,
    selected_by="first day of the stretch of service",
    answers="all",
    outcome={
        "applies": {
            "type": "boolean",
            "default": True,
            "meta": {"description": "whether it takes anything off this charge"},
        },
        "order": {
            "type": "integer",
            "default": 0,
            "min": 0,
            "meta": {"description": "its turn among several; the lower number is taken off first"},
        },
        "alone": {
            "type": "boolean",
            "default": False,
            "meta": {
                "description": "whether it bears no others: if its turn is the first it is the only one, else it does not apply"
            },
        },
        "place": {
            "type": "string",
            "allowed": ["first", "last"],
            "default": "last",
            "meta": {
                "description": "where it is taken off: first is before the steps of after, so that minimum, cap and commitment look at what is left; last is after them"
            },
        },
    },
)
