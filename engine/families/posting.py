"""Posting: GL account determination."""

from __future__ import annotations

from engine.ledger.posting import PostingFacts
from engine.model.decision import Family

FAMILY = Family(
    name="posting",
    doc="Which GL account one side of an entry goes to.",
    facts=PostingFacts,
    selected_by="posting date",
    answers="all",
    outcome={
        "account": {
            "type": "string",
            "required": True,
            "regex": "[A-Za-z0-9._:-]+",
            "meta": {"description": "code of the GL account"},
        },
        "valued": {
            "type": "string",
            "allowed": ["historical", "closing", "refundable"],
            "default": "historical",
            "meta": {
                "description": "how `ledger revalue` takes the account in foreign currency: it keeps its rates (historical), it is "
                "money that will be received or paid (closing), or it is that where wallets give it back (refundable)"
            },
        },
    },
)
