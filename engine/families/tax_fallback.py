"""Fallback of tax: what is charged while an adapter does not answer, and how the difference is made up for later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.tax_correction import FallbackFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """An order names nothing twice, and nothing after holding."""
    order = terms["order"]
    if len(set(order)) < len(order):
        yield Flaw(("order",), "the order names something twice", "name each once")
    if "hold" in order[:-1]:
        yield Flaw(("order",), "nothing comes after hold", "name hold last")


FAMILY = Family(
    name="tax_fallback",
    doc="What is charged where a tax adapter does not answer, and how what it says later reaches the buyer.",
    facts=FallbackFacts,
    selected_by="tax point",
    answers="all",
    outcome={
        "order": {
            "type": "list",
            "minlength": 1,
            "default": ["table"],
            "schema": {"type": "string", "allowed": ["last_good", "table", "hold"]},
            "meta": {
                "description": "what is tried, in this order: last_good, the rate that an adapter quoted last for the same payer, "
                "jurisdiction and tax code; table, the rules of family tax; hold, the payer is held and what is owed stays owed. "
                "Where none has an answer the payer is held"
            },
        },
        "max_age": {
            "type": "days",
            "default": "92 days",
            "min": 0,
            "max": 3650,
            "meta": {"description": "how old the rate of last_good may be, in days before the tax point"},
        },
        "true_up": {
            "type": "string",
            "allowed": ["document", "next_bill"],
            "default": "document",
            "meta": {
                "description": "how a difference that is found later reaches the buyer: document, a credit note or corrected invoice "
                "that names the original; next_bill, a line of the next bill"
            },
        },
    },
    check=check,
)
