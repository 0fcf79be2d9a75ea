"""Lateness: how long the bill of usage waits, and what becomes of usage that comes after it."""

from __future__ import annotations

from engine.billing.grace import LatenessFacts
from engine.model.decision import Family

FAMILY = Family(
    name="lateness",
    doc="How long the bill of usage waits for events that come late, and what becomes of those that come after it.",
    facts=LatenessFacts,
    selected_by="day after the last day of the service",
    answers="all",
    outcome={
        "grace": {
            "type": "span",
            "default": "0 days",
            "min": 0,
            "max": 87_600,
            "meta": {
                "description": "how long after the end of the cycle, or of the service, usage is not billed yet, so that what comes "
                "within it is not late: days, by the date of the run, or hours, by the moment at which it begins and from the "
                "midnight where the account is"
            },
        },
        "policy": {
            "type": "string",
            "allowed": ["next_bill", "credit_and_rebill", "drop", "reopen"],
            "default": "next_bill",
            "meta": {
                "description": "what becomes of late events: the next bill has the difference; or the lines that were billed are given "
                "back whole and billed anew with all usage; or the events are not billed; or they enter the draft that is under review, which "
                "is reviewed anew (where there is none, the next bill has the difference). What a source takes back is given back "
                "in any case"
            },
        },
        "drop_under": {
            "type": "price",
            "nullable": True,
            "default": None,
            "min": 0,
            "meta": {
                "description": "an amount before tax; late events that come to less than it are dropped, whatever the policy; never "
                "in a currency that has no amount"
            },
        },
        "documents": {
            "type": "string",
            "allowed": ["together", "apart"],
            "default": "together",
            "meta": {
                "description": "with credit_and_rebill: whether what is given back stands on the bill with what is billed anew, or apart "
                "on a credit note of its own"
            },
        },
    },
)
