"""Write-off: which differences and debts are given up, by whom, and where they are booked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.cash import WriteOffFacts
from engine.model.decision import Family, Flaw


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """A refusal says why, and nothing else does."""
    if (terms["decision"] == "refuse") != (terms["why"] is not None):
        what = "a refusal that says no reason" if terms["why"] is None else "a reason for a refusal that is none"
        yield Flaw(("why",) if terms["why"] else ("decision",), what, "give decision: refuse and why together")


FAMILY = Family(
    name="writeoff",
    doc="Which differences and debts are given up, by a run, one person or two, and where they are booked.",
    facts=WriteOffFacts,
    selected_by="day of the write-off",
    answers="all",
    outcome={
        "decision": {
            "type": "string",
            "allowed": ["allow", "approve", "refuse"],
            "default": "refuse",
            "meta": {
                "description": "given up at once (allow), once a second person approves it, or not at all (refuse): then it stays open"
            },
        },
        "why": {
            "type": "string",
            "nullable": True,
            "default": None,
            "meta": {"description": "why it is refused"},
        },
        "role": {
            "type": "string",
            "allowed": [
                "small_difference",
                "discount_taken",
                "bank_fee",
                "bad_debt",
                "write_off",
                "withholding_receivable",
            ],
            "default": "small_difference",
            "meta": {
                "description": "role of the posting rules that it is booked to; bad_debt goes through the allowance, and "
                "withholding_receivable is owed by the tax authority until its certificate is there"
            },
        },
        "tax": {
            "type": "string",
            "allowed": ["keep", "adjust"],
            "default": "keep",
            "meta": {
                "description": "whether the tax of the document stays as it is (keep), or is lowered by the same share (adjust)"
            },
        },
    },
    check=check,
)
