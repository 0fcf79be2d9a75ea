"""Interest: what paying a document late costs."""

from __future__ import annotations

from typing import Any, Final

from engine.model.decision import Family, Method
from engine.model.dunning import InterestFacts
from engine.receivables.interest import COUNTS, check_base, fixed, from_table, nothing, over_base

_BASE: Final[dict[str, Any]] = {
    "margin": {
        "type": "percent",
        "required": True,
        "meta": {"description": "percentage points over the base rate, such as 8 %"},
    },
    "base": {
        "type": "list",
        "required": True,
        "minlength": 1,
        "schema": {
            "type": "dict",
            "schema": {
                "from": {"type": "date", "required": True, "meta": {"description": "first day of the rate"}},
                "rate": {"type": "percent", "required": True, "meta": {"description": "the base rate"}},
            },
        },
        "meta": {"description": "base rates in the order of their days; or table: a CSV file with from and rate"},
    },
    "months": {
        "type": "integer",
        "default": 6,
        "min": 0,
        "max": 1200,
        "meta": {
            "description": "months for which a base rate counts before it is called old; 0: it counts until the next"
        },
    },
}
_RATE: Final[dict[str, Any]] = {
    "rate": {"type": "percent", "required": True, "min": 0, "meta": {"description": "rate of a year"}}
}


def _price(text: str) -> dict[str, Any]:
    return {"type": "price", "nullable": True, "default": None, "min": 0, "meta": {"description": text}}


FAMILY = Family(
    name="interest",
    doc="What paying a document late costs: interest for each day, and a sum once for each document.",
    facts=InterestFacts,
    selected_by="due date of the document",
    answers="all",
    methods={
        "over_base": Method(over_base, _BASE, check_base, table=from_table),
        "fixed": Method(fixed, _RATE),
        "none": Method(nothing, {}),
    },
    outcome={
        "day_count": {
            "type": "string",
            "allowed": [*COUNTS],
            "default": "act/365",
            "meta": {"description": "what share of a year days are"},
        },
        "free": {
            "type": "days",
            "default": "0 days",
            "meta": {"description": "days after the due date that bear no interest"},
        },
        "minimum": _price("interest of a document below this is not asked for, by currency"),
        "compensation": _price("sum that is owed once for each late document, by currency"),
        "text": {
            "type": "string",
            "default": "",
            "meta": {"description": "what the claim rests on, as the letter names it"},
        },
    },
)
