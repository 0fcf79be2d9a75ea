"""Payment retry: what becomes of a payment that was declined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.payment_state import RetryFacts
from engine.receivables.retrying import WEEKDAYS


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What is tried again has attempts left, and what networks allow has both of its parts."""
    if terms["retry"] and terms["attempts"] < 2:
        yield Flaw(("attempts",), "leaves no attempt after the first", "write 2 or more, or retry: false")
    if terms["retry"] and terms["blocks"]:
        yield Flaw(("blocks",), "closes the method that is to be tried again", "write one of them")
    if bool(terms["scheme_attempts"]) is not bool(terms["scheme_days"]):
        yield Flaw(("scheme_attempts",), "needs scheme_days beside it", "write both, or neither")


FAMILY = Family(
    name="payment_retry",
    doc="Whether and when a payment that was declined is tried again, by the code of the decline.",
    facts=RetryFacts,
    selected_by="day of the decline",
    outcome={
        "retry": {
            "type": "boolean",
            "required": True,
            "meta": {"description": "whether it is tried again with the same method"},
        },
        "attempts": {
            "type": "integer",
            "default": 1,
            "min": 1,
            "max": 50,
            "meta": {"description": "most attempts in all, the first one counted"},
        },
        "after": {
            "type": "list",
            "minlength": 1,
            "default": [3],
            "schema": {"type": "integer", "min": 0, "max": 90},
            "meta": {"description": "days to wait after the first, the second, ... attempt; the last one holds on"},
        },
        "weekdays": {
            "type": "list",
            "default": [],
            "schema": {"type": "string", "allowed": list(WEEKDAYS)},
            "meta": {"description": "days of the week on which it is tried; none: any. The wait is only ever longer"},
        },
        "days_of_month": {
            "type": "list",
            "default": [],
            "schema": {"type": "integer", "min": 1, "max": 31},
            "meta": {"description": "days of the month on which it is tried, such as paydays; none: any"},
        },
        "scheme_attempts": {
            "type": "integer",
            "default": 0,
            "min": 0,
            "max": 1000,
            "meta": {"description": "most attempts with one method within scheme_days, as networks cap them; 0: any"},
        },
        "scheme_days": {
            "type": "integer",
            "default": 0,
            "min": 0,
            "max": 3660,
            "meta": {"description": "the days that scheme_attempts are counted over"},
        },
        "blocks": {
            "type": "boolean",
            "default": False,
            "meta": {
                "description": "whether the method is not used for anything any more, until it gets another token"
            },
        },
    },
    check=check,
)
"""What a rule of retries may look at and say."""
