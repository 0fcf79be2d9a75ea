"""Exceptions: who looks at money that could not be put to use, until when, and what is proposed."""

from __future__ import annotations

from engine.model.cash import ExceptionFacts
from engine.model.decision import Family

FAMILY = Family(
    name="exceptions",
    doc="Who looks at money that could not be put to use by itself, until when, and what may become of it.",
    facts=ExceptionFacts,
    selected_by="day of the run",
    answers="all",
    outcome={
        "owner": {
            "type": "string",
            "default": "",
            "maxlength": 100,
            "meta": {"description": "who gets the item of the worklist; nobody where it is empty"},
        },
        "days": {
            "type": "integer",
            "default": 5,
            "min": 0,
            "max": 3650,
            "meta": {"description": "days from its booking after which it is overdue"},
        },
        "resolution": {
            "type": "string",
            "allowed": ["wait", "keep", "allocate"],
            "default": "wait",
            "meta": {
                "description": "what the run does by itself: wait for a person, keep it as credit of the account that has paid, or "
                "allocate it as the rules of allocation say; both want to know who has paid"
            },
        },
        "suggest": {
            "type": "list",
            "default": ["apply", "return"],
            "schema": {"type": "string", "allowed": ["apply", "refund", "transfer", "keep", "return"]},
            "meta": {"description": "what is proposed to the person, the likeliest first"},
        },
    },
)
