"""Metering: over which days usage is counted, and what becomes of usage that comes late or that nothing bills."""

from __future__ import annotations

from engine.billing.counting import MeteringFacts
from engine.model.decision import Family

FAMILY = Family(
    name="metering",
    doc="Over which days usage is counted, when it is billed, and what becomes of late and unknown usage.",
    facts=MeteringFacts,
    selected_by="first day of the stretch, or day of the usage",
    answers="all",
    outcome={
        "through_changes": {
            "type": "boolean",
            "default": False,
            "meta": {
                "description": "whether a count goes on where the plan changes, if the new plan has a charge with the same key, "
                "meters and cycle; such a stretch is priced by the plan of its first day"
            },
        },
        "last_day": {
            "type": "boolean",
            "default": False,
            "meta": {"description": "whether usage of the day on which the service is cancelled is billed with it"},
        },
        "at_once": {
            "type": "boolean",
            "default": False,
            "meta": {
                "description": "whether a count that a change or pause ends is billed then; otherwise when its cycle has ended. "
                "A cancelled service is billed at once in any case"
            },
        },
        "at_prices": {
            "type": "boolean",
            "default": False,
            "meta": {
                "description": "whether a count ends where another pricing rule comes into force within a cycle; otherwise the rule "
                "of its first day prices it whole"
            },
        },
        "zero_line": {
            "type": "boolean",
            "default": False,
            "meta": {"description": "whether a stretch whose usage costs nothing gets a line all the same"},
        },
        "give_back": {
            "type": "boolean",
            "default": True,
            "meta": {
                "description": "whether what was billed for a stretch that is no longer owed is given back; "
                "where not, only usage of exactly the same stretch counts as billed"
            },
        },
        "late_cycles": {
            "type": "integer",
            "nullable": True,
            "default": None,
            "min": 0,
            "meta": {
                "description": "how many cycles back usage that becomes known late is still billed, not counting the one that has "
                "just ended; any number where null"
            },
        },
        "unknown": {
            "type": "string",
            "allowed": ["report", "hold"],
            "default": "report",
            "meta": {
                "description": "what becomes of a subscription in service with usage of a meter that its plan has no charge for: "
                "a finding, or nothing of it is billed"
            },
        },
    },
)
