"""Wallets: which prepaid money pays for what, in which order, and what becomes of what expires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.billing.wallets import ORDER, ORDERS
from engine.model.decision import Family, Flaw
from engine.model.wallet import WalletFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """An order names nothing twice, and no two that contradict each other."""
    order = terms["order"]
    if len(set(order)) < len(order):
        yield Flaw(("order",), "the order names something twice", "name each once")
    for one, other in (("promotional", "paid"), ("oldest", "newest")):
        if one in order and other in order:
            yield Flaw(("order",), f"the order names {one} and {other}", "name one of them")


FAMILY = Family(
    name="wallets",
    doc="Which wallets pay for a line and in which order, and what becomes of prepaid money that expires.",
    facts=WalletFacts,
    selected_by="invoice date, or day on which a lot expires",
    answers="all",
    outcome={
        "use": {
            "type": "boolean",
            "default": True,
            "meta": {"description": "whether the wallet pays for the line, of its amount with tax"},
        },
        "priority": {
            "type": "integer",
            "nullable": True,
            "default": None,
            "min": 0,
            "max": 1000,
            "meta": {"description": "order among wallets, the lowest first; that of the wallet where null"},
        },
        "order": {
            "type": "list",
            "minlength": 1,
            "default": list(ORDER),
            "schema": {"type": "string", "allowed": [*ORDERS]},
            "meta": {
                "description": "order of the lots in a wallet: priority (lowest number first), expiring (soonest first), promotional "
                "or paid (those first), oldest or newest"
            },
        },
        "expired": {
            "type": "string",
            "allowed": ["breakage", "refundable"],
            "default": "breakage",
            "meta": {
                "description": "what becomes of paid money that expires: revenue (breakage), or money of the customer that no invoice "
                "has taken (refundable); what cost nothing is just gone"
            },
        },
        "return_expired": {
            "type": "boolean",
            "default": False,
            "meta": {
                "description": "whether what is given back of a paid line goes back to a lot that has expired since; where not, it is a "
                "credit of the customer like any other"
            },
        },
    },
    check=check,
)
