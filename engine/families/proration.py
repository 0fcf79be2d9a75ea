"""Proration: what a part of a cycle is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.billing import proration
from engine.model.decision import Decision, Family, Method


def results(decision: Decision, facts: Any) -> Mapping[str, Any]:
    """For rule cases: ``share``, as a fraction such as ``17/31``."""
    return {"share": str(proration.share_of(decision, facts))}


_DAYS_A_MONTH = {
    "days_a_month": {
        "type": "integer",
        "default": 30,
        "min": 1,
        "max": 31,
        "meta": {"description": "days that every month counts as"},
    }
}

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
        "digits": {
            "type": "integer",
            "nullable": True,
            "default": None,
            "min": 1,
            "max": 12,
            "meta": {
                "description": "digits after the point to which a share is rounded half up before the price is applied; exact where absent"
            },
        },
        "netting": {
            "type": "string",
            "allowed": ["lines", "net"],
            "default": "lines",
            "meta": {
                "description": "what a change of a charge within its cycle is billed as: lines gives back the old price and charges the new one, each rounded; net is one line for the difference, rounded once"
            },
        },
        "credit_of": {
            "type": "string",
            "allowed": ["billed", "price"],
            "default": "billed",
            "meta": {
                "description": "what is given back a share of, never more than is left of it: billed is what was billed, as rounded; price is the price of the whole cycle that was billed, less credits on the whole line"
            },
        },
        "unused": {
            "type": "string",
            "allowed": ["back", "rule"],
            "default": "back",
            "meta": {
                "description": "what becomes of a line no day of which is owed any more, as when a service is cancelled on its first day: back gives it back whole, rule goes by credit"
            },
        },
        "pause": {
            "type": "string",
            "allowed": ["stop", "extend"],
            "default": "stop",
            "meta": {
                "description": "what a pause does to the cycle in which it begins: stop ends the service, and credit says whether the rest is given back; extend gives nothing back, and cycles end as much later as the pause lasted"
            },
        },
        "anchor": {
            "type": "string",
            "allowed": ["keep", "interval", "plan"],
            "default": "keep",
            "meta": {
                "description": "on which changes of plan cycles begin anew on the day of the change: on none, on one to another length of cycle, on all"
            },
        },
    },
    methods={
        "actual_days": Method(
            proration.actual_days,
            {
                "of": {
                    "type": "string",
                    "allowed": ["cycle", "period"],
                    "default": "cycle",
                    "meta": {
                        "description": "what the days are a share of: their cycle, or a whole period that ends with a stretch that begins late in its cycle and begins with any other"
                    },
                }
            },
        ),
        "d30_360": Method(proration.d30_360, {}),
        "fixed_days": Method(proration.fixed_days, _DAYS_A_MONTH),
        "equal_months": Method(proration.equal_months, _DAYS_A_MONTH),
        "seconds": Method(proration.seconds, {}),
        "none": Method(
            proration.none,
            {
                "part": {
                    "type": "string",
                    "allowed": ["whole", "nothing"],
                    "default": "whole",
                    "meta": {"description": "what a part of a cycle costs: as much as the whole, or nothing"},
                }
            },
            proration.check_none,
        ),
    },
    results=results,
)
