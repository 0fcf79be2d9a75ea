"""Evidence for tax: as whom a buyer is taxed whose place or registration is not proved."""

from __future__ import annotations

from engine.model.decision import Family
from engine.model.tax_evidence import EvidenceFacts

FAMILY = Family(
    name="tax_evidence",
    doc="As whom a buyer is taxed, by the answers about its tax id and the evidence of where it is.",
    facts=EvidenceFacts,
    selected_by="tax point",
    answers="all",
    outcome={
        "treat": {
            "type": "string",
            "allowed": ["as_is", "consumer", "hold"],
            "default": "as_is",
            "meta": {
                "description": "as_is: as the account says; consumer: as if it had no tax id; hold: nothing is invoiced, and what is "
                "owed stays owed"
            },
        },
        "note": {
            "type": "string",
            "default": "",
            "meta": {
                "description": "a finding with this text is kept; a buyer that is not taxed as it says always has one"
            },
        },
    },
)
