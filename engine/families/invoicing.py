"""Invoicing: how what is owed becomes invoices."""

from __future__ import annotations

from engine.billing.invoicing import InvoicingFacts
from engine.model.decision import Family

FAMILY = Family(
    name="invoicing",
    doc="Which charges share an invoice, when it is due, and what holds it back.",
    facts=InvoicingFacts,
    selected_by="invoice date",
    answers="all",
    outcome={
        "group_by": {
            "type": "string",
            "allowed": ["payer", "account", "contract", "subscription"],
            "default": "payer",
            "meta": {"description": "charges with the same value share an invoice"},
        },
        "due": {
            "type": "days",
            "nullable": True,
            "default": None,
            "meta": {"description": "days until it is due; the contract's where absent"},
        },
        "early_payment": {
            "type": "dict",
            "nullable": True,
            "default": None,
            "schema": {
                "discount": {
                    "type": "percent",
                    "required": True,
                    "min": 0,
                    "meta": {"description": "share of what is open that need not be paid then"},
                },
                "within": {
                    "type": "days",
                    "required": True,
                    "meta": {"description": "days from the date of the invoice in which the money has to come"},
                },
            },
            "meta": {
                "description": "what a payer may take off who pays early, such as 2 % within 10 days; the run that matches money "
                "grants it. None where absent"
            },
        },
        "hold": {
            "type": "string",
            "default": "",
            "meta": {"description": "why nothing is invoiced now; what is owed stays owed for the next run"},
        },
        "advances": {
            "type": "string",
            "allowed": ["deduct", "keep"],
            "default": "deduct",
            "meta": {
                "description": "whether advances that were invoiced are taken off, the oldest first, or kept for later"
            },
        },
        "review": {
            "type": "string",
            "default": "",
            "meta": {
                "description": "why somebody has to approve the bill before it is issued; nobody has to where empty"
            },
        },
    },
)
