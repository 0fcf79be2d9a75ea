"""Delivery: by which adapters a document goes, what is only a copy, and what is told instead if one fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.delivering import DeliveryFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """An adapter brings a document once, something of it is required, and what is told instead is another adapter."""
    seen: set[str] = set()
    for place, one in enumerate(terms["channels"]):
        if one["adapter"] in seen:
            what = f"the adapter {one['adapter']!r} is named twice"
            yield Flaw(("channels", place, "adapter"), what, "an adapter brings a document once: leave one of them out")
        seen.add(one["adapter"])
        told = {one["adapter"]}
        for number, name in enumerate(one["fallback"]):
            if name in told:
                what = f"{name!r} is told already when {one['adapter']!r} has failed"
                yield Flaw(("channels", place, "fallback", number), what, "name another adapter, or leave it out")
            told.add(name)
    if terms["channels"] and all(one["role"] == "copy" for one in terms["channels"]):
        yield Flaw(("channels",), "every channel is a copy", "leave out role where the document has to arrive")


_CHANNEL = {
    "adapter": {
        "type": "string",
        "required": True,
        "meta": {
            "description": "name of an adapter of port delivery in config.yaml; 'inbox' puts it into the customer's inbox in the books"
        },
    },
    "role": {
        "type": "string",
        "allowed": ["required", "copy"],
        "default": "required",
        "meta": {"description": "required: a person looks at one that does not arrive; copy: it is only reported"},
    },
    "tries": {
        "type": "integer",
        "min": 1,
        "max": 1000,
        "default": 12,
        "meta": {
            "description": "attempts after which the first of fallback is told instead; without fallback it is tried on"
        },
    },
    "fallback": {
        "type": "list",
        "default": [],
        "schema": {"type": "string"},
        "meta": {
            "description": "adapters told instead, one after the other, of a document that is rejected, comes back, or was tried that often"
        },
    },
}

FAMILY = Family(
    name="delivery",
    doc="By which channels a document goes, each a delivery of its own, and which is told instead if one fails.",
    facts=DeliveryFacts,
    selected_by="invoice date",
    names={"channels.adapter": "adapter", "channels.fallback": "adapter"},
    outcome={
        "channels": {
            "type": "list",
            "default": [],
            "schema": {"type": "dict", "schema": _CHANNEL},
            "meta": {
                "description": "where the document goes; nowhere but to the adapter of the routing rules if empty"
            },
        },
    },
    check=check,
)
