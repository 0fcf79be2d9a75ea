"""Crediting: which credit and debit notes may be made by hand, what may be voided, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.billing.memos import CreditingFacts
from engine.model.decision import Family, Flaw


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """A refusal says why, and nothing else does."""
    if (terms["decision"] == "refuse") != (terms["why"] is not None):
        what = "a refusal that says no reason" if terms["why"] is None else "a reason for a refusal that is none"
        yield Flaw(("why",) if terms["why"] else ("decision",), what, "give decision: refuse and why together")


FAMILY = Family(
    name="crediting",
    doc="Which credit and debit notes may be made by hand, by one person or by two, what may be voided, and what comes of them.",
    facts=CreditingFacts,
    selected_by="date of the document",
    answers="all",
    outcome={
        "decision": {
            "type": "string",
            "allowed": ["allow", "approve", "refuse"],
            "default": "approve",
            "meta": {
                "description": "made at once (allow), once a second person approves it, or not at all (refuse); what is voided is allowed or refused"
            },
        },
        "why": {
            "type": "string",
            "nullable": True,
            "default": None,
            "meta": {"description": "why it is refused"},
        },
        "document": {
            "type": "string",
            "nullable": True,
            "allowed": ["credit_note", "corrected_invoice", "invoice", "debit_note", "advance_invoice"],
            "default": None,
            "meta": {
                "description": "kind of the document, which also chooses its series: credit_note (UNTDID 1001 code 381) or "
                "corrected_invoice (384) of a credit; invoice (380) or debit_note (383) of a debit; where null, credit_note, "
                "debit_note or, of an advance, advance_invoice (386)"
            },
        },
        "rebill": {
            "type": "boolean",
            "default": False,
            "meta": {
                "description": "whether what is given back is owed again, so that the next run bills it as it is then; of whole "
                "lines only"
            },
        },
        "revenue": {
            "type": "string",
            "allowed": ["price_concession", "correction"],
            "default": "price_concession",
            "meta": {
                "description": "what a credit is for revenue: a lower price (posted as the role concession), or revenue that never "
                "was (posted as the role revenue)"
            },
        },
    },
    check=check,
)
