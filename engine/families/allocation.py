"""Allocation: which open invoices money of a customer settles, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.settlement import AllocationFacts
from engine.receivables.open_items import KINDS, ORDER, ORDERS


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """Nothing is named twice, and nothing comes after what takes all the rest."""
    for name in ("to", "order"):
        if len(set(terms[name])) < len(terms[name]):
            yield Flaw((name,), f"{name} names something twice", "name each once")
    if ("kind" in terms["order"]) != bool(terms["priority"]):
        what = "kinds without an order by kind" if terms["priority"] else "an order by kind that names no kinds"
        yield Flaw(
            ("priority",) if terms["priority"] else ("order",), what, "give order: [kind, ...] and priority together"
        )
    if "account_credit" in terms["to"][:-1]:
        yield Flaw(("to",), "account_credit takes all that is left", "name it last")


FAMILY = Family(
    name="allocation",
    doc="Which open invoices a payment, a credit note or the credit on an account settles, and in which order.",
    facts=AllocationFacts,
    selected_by="day of the payment, credit note or invoice",
    answers="all",
    outcome={
        "to": {
            "type": "list",
            "default": ["original", "open", "account_credit"],
            "schema": {"type": "string", "allowed": ["original", "open", "account_credit"]},
            "meta": {
                "description": "where it goes, one after the other: original (the documents that a credit note gives back, if they "
                "are not paid), open (any open invoice of the account in that currency), account_credit (it is used on later "
                "invoices). Where nothing takes it, a credit note stays open, and credit stays on the account"
            },
        },
        "order": {
            "type": "list",
            "minlength": 1,
            "default": list(ORDER),
            "schema": {"type": "string", "allowed": [*ORDERS]},
            "meta": {
                "description": "order of the open invoices: due (soonest first), oldest, newest, smallest, largest, kind (as "
                "priority says), disputed_last"
            },
        },
        "priority": {
            "type": "list",
            "default": [],
            "schema": {"type": "string", "allowed": [*KINDS]},
            "meta": {
                "description": "kinds of documents, those that are paid first before the others; for order: [kind, ...]"
            },
        },
        "way": {
            "type": "string",
            "allowed": ["in_order", "pro_rata"],
            "default": "in_order",
            "meta": {
                "description": "one document after the other (in_order), or each the same share of what is open of it (pro_rata)"
            },
        },
    },
    check=check,
)
