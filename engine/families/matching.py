"""Matching: how sure it is that a payment pays some documents, and what becomes of what is between them."""

from __future__ import annotations

from engine.model.decision import Family, Method
from engine.model.matching import MatchingFacts
from engine.receivables.matching import fitting

RESIDUAL = {
    "residual": {
        "type": "string",
        "default": "",
        "regex": "[a-z0-9_]*",
        "meta": {"description": "what the difference is called, such as late_discount or small_difference"},
    }
}

FAMILY = Family(
    name="matching",
    doc="How sure one possible fit of a payment to open documents is, and whether it is applied without a person.",
    facts=MatchingFacts,
    selected_by="day on which the bank booked the payment",
    answers="all",
    outcome={
        "band": {
            "type": "string",
            "required": True,
            "allowed": ["auto", "suggest", "none"],
            "meta": {
                "description": "auto: it is applied, unless another fit is as good; suggest: a person is asked, with this fit as a "
                "proposal; none: it is no fit"
            },
        },
        "score": {
            "type": "decimal",
            "required": True,
            "min": 0,
            "max": 1,
            "meta": {
                "description": "how sure it is, from 0 to 1; of the fits of a payment the highest counts, equal ones are asked about"
            },
        },
        "tolerance": {
            "type": "dict",
            "nullable": True,
            "default": None,
            "schema": {
                "absolute": {
                    "type": "price",
                    "nullable": True,
                    "default": None,
                    "min": 0,
                    "meta": {
                        "description": "most difference by currency; none is tolerated in a currency without an amount"
                    },
                },
                "percent": {
                    "type": "percent",
                    "nullable": True,
                    "default": None,
                    "min": 0,
                    "meta": {"description": "most difference as a share of what is open"},
                },
            },
            "meta": {
                "description": "how large the difference may be for auto, by amount and by share, both where both are given; any "
                "where absent. What is larger is suggested"
            },
        },
        "window": {
            "type": "dict",
            "nullable": True,
            "default": None,
            "schema": {
                "before": {
                    "type": "days",
                    "default": "0 days",
                    "meta": {"description": "days before the issue of the latest document on which money may come"},
                },
                "after": {
                    "type": "days",
                    "nullable": True,
                    "default": None,
                    "meta": {"description": "days after it; any number where absent"},
                },
            },
            "meta": {
                "description": "when the money may come for auto; whenever where absent. Outside of it, it is suggested"
            },
        },
    },
    methods={"close": Method(fitting.close, RESIDUAL), "leave": Method(fitting.leave, RESIDUAL)},
)
