"""Triggers: what is invoiced when it happens, and what waits for the next run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.trigger import TriggerFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """A threshold and waiting for one belong together."""
    if (terms["when"] == "threshold") != (terms["threshold"] is not None):
        what = (
            "says when: threshold without an amount"
            if terms["threshold"] is None
            else "has an amount that nothing asks for"
        )
        yield Flaw(("when",), what, "write when: threshold together with threshold: 500 EUR, or neither")
    if terms["when"] == "nightly" and terms["within"] is not None:
        yield Flaw(
            ("within",), "promises minutes for what waits for the next run", "leave within out, or write another when"
        )


FAMILY = Family(
    name="triggers",
    doc="Whether an account is invoiced as soon as something happens, or by the next run that is scheduled.",
    facts=TriggerFacts,
    selected_by="day on which it became known",
    answers="all",
    outcome={
        "when": {
            "type": "string",
            "required": True,
            "allowed": ["nightly", "milestone", "threshold", "at_once"],
            "meta": {
                "description": "nightly: by the next run; milestone: at once for milestones, go-lives and what is revoked, "
                "nightly for usage; threshold: at once when what is unbilled reaches it; at_once: at once whatever it is"
            },
        },
        "threshold": {
            "type": "price",
            "nullable": True,
            "default": None,
            "min": 0,
            "meta": {"description": "what has to be unbilled before tax, in the currency of the invoice"},
        },
        "within": {
            "type": "minutes",
            "nullable": True,
            "default": None,
            "min": 1,
            "meta": {
                "description": "minutes from when it became known until the invoice is out; none is promised where absent"
            },
        },
    },
    check=check,
)
