"""Escalation: who is in charge of a dispute that is not decided, after how many business days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.base.calendar import EVERY_DAY, holidays_of
from engine.base.errors import TollbookError
from engine.model.decision import Family, Flaw
from engine.model.dispute import EscalationFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """Names of steps differ, each step has one day to fall on, and the calendar is known."""
    names = [step["name"] for step in terms["steps"]]
    for number, step in enumerate(terms["steps"]):
        if step["name"] in names[:number]:
            yield Flaw(("steps", number, "name"), f"a second step is called {step['name']!r}", "rename one")
        if (step["after"] is None) == (step["before"] is None):
            yield Flaw(("steps", number), "a step has to fall on one day", "write either after or before")
    if terms["calendar"] not in ("entity", EVERY_DAY):
        try:
            holidays_of(terms["calendar"])
        except TollbookError as error:
            (finding,) = error.findings
            yield Flaw(("calendar",), finding.what, finding.mend)


def _days(text: str) -> dict[str, Any]:
    return {"type": "days", "nullable": True, "default": None, "meta": {"description": text}}


FAMILY = Family(
    name="escalation",
    doc="Who is put in charge of a dispute that is not decided, and after how many business days.",
    facts=EscalationFacts,
    selected_by="day on which the round of the dispute began",
    outcome={
        "steps": {
            "type": "list",
            "required": True,
            "schema": {
                "type": "dict",
                "schema": {
                    "name": {
                        "type": "string",
                        "required": True,
                        "empty": False,
                        "meta": {"description": "what the step is called"},
                    },
                    "after": _days("business days after the dispute, or its round, began"),
                    "before": _days("business days before evidence is due; not taken once it is sent"),
                    "to": {
                        "type": "string",
                        "required": True,
                        "empty": False,
                        "meta": {"description": "who is in charge from then on: the owner of the ticket"},
                    },
                },
            },
            "meta": {"description": "the ladder; each step is taken once a round; none: nobody else is put in charge"},
        },
        "calendar": {
            "type": "string",
            "default": "entity",
            "meta": {
                "description": "business days: of the country of the legal entity, of a country such as DE, a region such as DE-BY, of "
                "TARGET; none: all days"
            },
        },
        "closed": {
            "type": "list",
            "default": [],
            "schema": {"type": "date"},
            "meta": {"description": "further days that are no business days"},
        },
        "open": {
            "type": "list",
            "default": [],
            "schema": {"type": "date"},
            "meta": {"description": "days that are business days all the same"},
        },
    },
    check=check,
)
