"""Close: which checks and steps the close of a month has, and what is let go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.close import BLOCKER, OFF, USUAL, WARNING, CloseFacts
from engine.model.decision import Family, Flaw


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What is left out has no terms."""
    if terms["treat"] == OFF:
        for name in ("let_go", "owner", "accounts", "after", "from_day"):
            if terms[name]:
                yield Flaw((name,), f"{name} means nothing to what is left out", "leave it out, or treat it otherwise")


def _texts(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "list", "schema": {"type": "string"}, "meta": {"description": description}, **more}


FAMILY = Family(
    name="close",
    doc="Which checks keep a month from being closed, below which amounts they do not, and which steps the close has.",
    facts=CloseFacts,
    selected_by="last day of the month",
    outcome={
        "treat": {
            "type": "string",
            "allowed": [USUAL, BLOCKER, WARNING, OFF],
            "default": USUAL,
            "meta": {
                "description": "what a finding of the check does: blocker keeps the month from being closed, warning is shown, usual is "
                "what the check says; off leaves out the check, or the step"
            },
        },
        "let_go": {
            "type": "price",
            "nullable": True,
            "default": None,
            "min": 0,
            "meta": {
                "description": "amounts below which a finding of the check keeps nothing from being closed; it is shown with this rule. "
                "Never in a currency that has no amount"
            },
        },
        "owner": {
            "type": "string",
            "nullable": True,
            "default": None,
            "minlength": 1,
            "meta": {"description": "who sees to findings of the check, in the place of whom the check names"},
        },
        "accounts": _texts("GL accounts that the check clearing-not-zero looks at", default=[]),
        "after": _texts(
            "steps that have to be done before this one, in the place of the usual ones", nullable=True, default=None
        ),
        "from_day": {
            "type": "integer",
            "default": 0,
            "min": 0,
            "max": 366,
            "meta": {
                "description": "the business day after the month's end from which on the step is done; 0 is any day"
            },
        },
    },
    check=check,
)
