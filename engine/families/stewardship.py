"""Stewardship: which changes of master data have to be confirmed before invoices use them, by whom, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.stewardship import StewardshipFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What has to be confirmed has somebody who does."""
    if terms["confirm"] and not terms["steward"]:
        yield Flaw(("confirm",), "does not say who confirms it", "add steward: ROLE")
    if not terms["confirm"] and terms["steward"]:
        yield Flaw(("steward",), "nothing is to be confirmed", "leave it out, or write confirm: true")


FAMILY = Family(
    name="stewardship",
    doc="Which changes of master data that come in count only once a steward has confirmed them; bills of those accounts wait.",
    facts=StewardshipFacts,
    selected_by="day of the import",
    answers="all",
    outcome={
        "confirm": {
            "type": "boolean",
            "required": True,
            "meta": {"description": "whether somebody has to confirm the change"},
        },
        "steward": {
            "type": "string",
            "default": "",
            "meta": {"description": "the role of the configuration whose people may confirm or reject it"},
        },
        "within": {
            "type": "days",
            "default": "5 days",
            "min": 0,
            "max": 366,
            "meta": {"description": "how long that may take; from then on it is listed as overdue"},
        },
        "hold_ahead": {
            "type": "days",
            "default": "31 days",
            "min": 0,
            "max": 3_660,
            "meta": {
                "description": "how long before the day for which the change holds the bills of the accounts concerned wait for it"
            },
        },
    },
    check=check,
)
