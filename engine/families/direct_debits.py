"""Direct debits: what is collected under a mandate, how long before the debtor is told, and what comes of a return."""

from __future__ import annotations

from engine.model.decision import Family
from engine.model.direct_debit import DirectDebitFacts

FAMILY = Family(
    name="direct_debits",
    doc="Whether an open document is collected by direct debit, when, how the debtor is told of it, and how often it is tried.",
    facts=DirectDebitFacts,
    selected_by="business date",
    answers="all",
    outcome={
        "collect": {
            "type": "boolean",
            "default": True,
            "meta": {"description": "whether it is collected; otherwise the customer pays it by other means"},
        },
        "notice": {
            "type": "string",
            "allowed": ["invoice", "letter"],
            "default": "invoice",
            "meta": {
                "description": "what tells the debtor: the invoice, once it is delivered, or a letter of its own, which goes as the "
                "collection is planned, once it is delivered or recorded with `tollbook direct-debit notify`"
            },
        },
        "notice_channel": {
            "type": "string",
            "allowed": ["email", "post", "portal"],
            "default": "email",
            "meta": {"description": "how a letter of its own goes; routing names the adapter for port delivery and it"},
        },
        "notice_days": {
            "type": "integer",
            "min": 0,
            "max": 60,
            "default": 14,
            "meta": {
                "description": "days from then to the collection; 14 unless another term was agreed with the debtor"
            },
        },
        "send_days": {
            "type": "integer",
            "min": 1,
            "max": 14,
            "default": 2,
            "meta": {"description": "days of settlement before the collection on which it goes to the provider"},
        },
        "first": {
            "type": "string",
            "allowed": ["FRST", "RCUR"],
            "default": "RCUR",
            "meta": {"description": "what the first collection under a mandate is called; some banks still want FRST"},
        },
        "wait_days": {
            "type": "integer",
            "min": 1,
            "max": 90,
            "default": 7,
            "meta": {"description": "days after a collection came back before it is tried again"},
        },
    },
)
