"""Tax: what to charge where no adapter answers."""

from __future__ import annotations

from engine.model.decision import Family
from engine.model.tax import TaxRequest

FAMILY = Family(
    name="tax",
    doc="The tax on a line where the tax adapter gives no answer, or none is routed to.",
    facts=TaxRequest,
    selected_by="tax point",
    outcome={
        "rate": {"type": "percent", "required": True, "meta": {"description": "share of the net amount, such as 19 %"}},
        "category": {
            "type": "string",
            "allowed": ["S", "Z", "E", "AE", "K", "G", "O"],
            "default": "S",
            "meta": {"description": "EN 16931 VAT category"},
        },
        "place": {
            "type": "string",
            "allowed": ["buyer", "seller"],
            "default": "buyer",
            "meta": {"description": "whose country levies it: the buyer's, or the seller's"},
        },
        "reason": {"type": "string", "default": "", "meta": {"description": "why there is no tax, as printed"}},
    },
)
