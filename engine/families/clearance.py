"""Clearance: which documents an authority has to answer for before their buyers get them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.clearance import NEW_NUMBER, SAME_NUMBER, ClearanceFacts
from engine.model.decision import Family, Flaw


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What is needed has an adapter, and an adapter is named only for what is needed."""
    if terms["needed"] and terms["adapter"] is None:
        yield Flaw(("needed",), "names nobody who is asked", "add adapter: NAME, an adapter of the port clearance")
    if not terms["needed"] and terms["adapter"] is not None:
        yield Flaw(("adapter",), "is never asked", "write needed: true, or leave adapter out")


FAMILY = Family(
    name="clearance",
    doc="Whether an authority has to clear a document before its buyer gets it, and what a rejection means for its number.",
    facts=ClearanceFacts,
    selected_by="invoice date",
    answers="all",
    names={"adapter": "adapter"},
    outcome={
        "needed": {
            "type": "boolean",
            "required": True,
            "meta": {"description": "whether the document waits for an authority"},
        },
        "adapter": {
            "type": "string",
            "nullable": True,
            "default": None,
            "meta": {"description": "name of the adapter of the port clearance that asks the authority"},
        },
        "on_rejection": {
            "type": "string",
            "allowed": [SAME_NUMBER, NEW_NUMBER],
            "default": SAME_NUMBER,
            "meta": {
                "description": "same_number: a document that is rejected counts as not issued, and is submitted again with its number "
                "once what is wrong is mended; new_number: its number is spent, so it is voided in the books and billed anew under "
                "another one"
            },
        },
    },
    check=check,
)
