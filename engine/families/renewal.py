"""Renewal: what follows a term, and what a cancellation inside it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from engine.billing.renewing import RenewalFacts
from engine.model.decision import Family, Flaw


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """A fee needs a plan that charges it, and nothing else does."""
    if (terms["early"] == "fee") != (terms["fee_plan"] is not None):
        what = (
            "a fee without a plan that charges it"
            if terms["early"] == "fee"
            else "a plan for a fee that is not charged"
        )
        yield Flaw(("fee_plan",) if terms["fee_plan"] else ("early",), what, "give early: fee and fee_plan together")


FAMILY = Family(
    name="renewal",
    doc="What follows the term of a subscription, and what a cancellation inside the term comes to.",
    facts=RenewalFacts,
    selected_by="day after the term, or day of the cancellation",
    answers="all",
    outcome={
        "action": {
            "type": "string",
            "allowed": ["renew", "month_to_month", "end"],
            "default": "renew",
            "meta": {"description": "what follows the term: another one, one month after the other, or nothing"},
        },
        "months": {
            "type": "integer",
            "nullable": True,
            "default": None,
            "min": 1,
            "max": 240,
            "meta": {"description": "length of the next term; the renewal_months that were agreed where null"},
        },
        "notice": {
            "type": "integer",
            "nullable": True,
            "default": None,
            "min": 0,
            "max": 3660,
            "meta": {"description": "days of notice for the end of the next term; those that were agreed where null"},
        },
        "uplift": {
            "type": "percent",
            "default": Decimal(0),
            "meta": {"description": "by how much agreed prices of the plan rise with the next term"},
        },
        "ahead": {
            "type": "integer",
            "default": 30,
            "min": 0,
            "max": 3660,
            "meta": {"description": "days before the last day for notice from which it is reported"},
        },
        "early": {
            "type": "string",
            "allowed": ["refused", "end_of_term", "fee", "allowed"],
            "default": "end_of_term",
            "meta": {
                "description": "what a cancellation inside the term, or without notice in time, comes to: refused; it takes effect "
                "at the end of the term; at once, with a fee; or at once"
            },
        },
        "fee_plan": {
            "type": "string",
            "nullable": True,
            "default": None,
            "meta": {
                "description": "plan whose one-time charges are the fee; its quantity is the months that are left of the term"
            },
        },
    },
    check=check,
)
