"""Usage control: what becomes of bills where usage is not what its source says, or did not come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.billing.completeness import ControlFacts, tolerated
from engine.model.decision import Decision, Family

_SCOPES = ["usage", "subscription", "entity", "warn"]
_WAITS = (
    "usage (the charges that count the meter on those days), subscription (all of a subscription that has such a charge), entity "
    "(everything of the legal entity), or warn (nothing)"
)


def results(decision: Decision, facts: Any) -> Mapping[str, Any]:
    """For rule cases: ``within``, whether what arrived is near enough to the total."""
    return {"within": tolerated(decision, facts)}


FAMILY = Family(
    name="usage_control",
    doc="How far usage may differ from the control totals of its source, and what waits where it does or is missing.",
    facts=ControlFacts,
    selected_by="first day of the control total or delivery",
    answers="all",
    outcome={
        "tolerance": {
            "type": "decimal",
            "default": 0,
            "min": 0,
            "meta": {"description": "the quantity by which a total and what arrived may differ, more or less"},
        },
        "tolerance_percent": {
            "type": "percent",
            "default": "0 %",
            "min": 0,
            "max": 1,
            "meta": {"description": "the share of a total by which quantity and events may differ, where that is more"},
        },
        "tolerance_events": {
            "type": "integer",
            "default": 0,
            "min": 0,
            "meta": {"description": "the number of events by which a total and what arrived may differ"},
        },
        "on_difference": {
            "type": "string",
            "allowed": _SCOPES,
            "default": "usage",
            "meta": {"description": f"what waits while a total differs by more: {_WAITS}"},
        },
        "on_missing": {
            "type": "string",
            "allowed": _SCOPES,
            "default": "usage",
            "meta": {"description": f"what waits while a delivery is missing: {_WAITS}"},
        },
        "owner": {
            "type": "string",
            "default": "",
            "maxlength": 100,
            "meta": {"description": "who gets the item of the worklist; nobody where it is empty"},
        },
    },
    results=results,
)
