"""Approval: who has to agree to a release before it may be in force, by what it changes."""

from __future__ import annotations

from engine.model.decision import Family
from engine.model.release import ApprovalFacts

FAMILY = Family(
    name="approval",
    doc="Who has to agree to a release of rules, for each rule set that it changes; the rules in force decide, not those proposed.",
    facts=ApprovalFacts,
    selected_by="day of the proposal",
    answers="all",
    outcome={
        "roles": {
            "type": "list",
            "default": [],
            "schema": {"type": "string", "empty": False},
            "meta": {
                "description": "roles of the configuration, somebody in each of which has to agree; owner: the role that the rule set "
                "names as its owner; none: anybody who may approve"
            },
        },
    },
)
