"""Proration: what a part of a cycle is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.billing import proration
from engine.model.decision import Decision, Family, Method


def results(decision: Decision, facts: Any) -> Mapping[str, Any]:
    """For rule cases: ``share``, as a fraction such as ``17/31``."""
    assert decision.method is not None
    return {"share": str(decision.method(decision.terms, facts))}


FAMILY = Family(
    name="proration",
    doc="What a part of a billing cycle is worth, and whether unused days are given back.",
    facts=proration.ProrationFacts,
    selected_by="first day of the stretch of service",
    answers="all",
    outcome={
        "applies_to": {
            "type": "string",
            "allowed": ["amount", "tiers"],
            "default": "amount",
            "meta": {
                "description": "usage only: tiers shrinks tiers, allowances and flat parts; usage itself is never shrunk, other charges are worth their share"
            },
        },
        "credit": {
            "type": "boolean",
            "default": True,
            "meta": {
                "description": "whether days that were billed and are no longer owed are given back; where not, what is new of the charge begins after them"
            },
        },
        "rounding": {
            "type": "rounding",
            "default": "half_up",
            "meta": {"description": "how what is given back is rounded to the currency's minor unit, once"},
        },
    },
    methods={
        "actual_days": Method(proration.actual_days, {}),
        "d30_360": Method(proration.d30_360, {}),
        "fixed_days": Method(
            proration.fixed_days,
            {
                "days_a_month": {
                    "type": "integer",
                    "default": 30,
                    "min": 1,
                    "max": 31,
                    "meta": {"description": "days that every month counts as"},
                }
            },
        ),
        "none": Method(proration.none, {}, proration.check_none),
    },
    results=results,
)
