"""Purchase orders: what becomes of invoices whose purchase order is missing, used up, or not for them."""

from __future__ import annotations

from engine.model.decision import Family
from engine.model.order import OrderFacts

FAMILY = Family(
    name="purchase_orders",
    doc="Whether an invoice is made on its purchase order, held back, or made with a warning.",
    facts=OrderFacts,
    selected_by="invoice date",
    answers="all",
    outcome={
        "action": {
            "type": "string",
            "required": True,
            "allowed": ["pass", "warn", "hold"],
            "meta": {
                "description": "pass: nothing is said; warn: the invoice is made, and a finding says so; hold: nothing of the "
                "account is invoiced, and what is owed stays owed for the next run"
            },
        },
        "why": {
            "type": "string",
            "default": "",
            "meta": {"description": "why, for the person who reads the finding; the rule itself where empty"},
        },
    },
)
