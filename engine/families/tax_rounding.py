"""Rounding of tax: line by line, or for each category and rate of a document."""

from __future__ import annotations

from engine.billing.tax_rounding import TaxRoundingFacts
from engine.model.decision import Family

FAMILY = Family(
    name="tax_rounding",
    doc="Whether tax is rounded line by line, or for each category and rate of a document, as EN 16931 reckons it.",
    facts=TaxRoundingFacts,
    selected_by="tax point",
    answers="all",
    outcome={
        "by": {
            "type": "string",
            "allowed": ["line", "breakdown"],
            "default": "line",
            "meta": {
                "description": "line: each line keeps the tax that was quoted for it; breakdown: the lines of one category and rate "
                "add up to the rate of their net sum, and the largest of them bears the difference"
            },
        },
    },
)
