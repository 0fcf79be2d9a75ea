"""Routing: which adapter is asked or told."""

from __future__ import annotations

from engine.model.decision import Family
from engine.model.routing import RoutingFacts

FAMILY = Family(
    name="routing",
    doc="Which adapter serves a port for one entity and country.",
    facts=RoutingFacts,
    selected_by="business date",
    names={"adapter": "adapter"},
    outcome={
        "adapter": {
            "type": "string",
            "required": True,
            "meta": {"description": "name of an adapter in config.yaml; 'none' where no adapter serves"},
        },
        "others": {
            "type": "list",
            "default": [],
            "schema": {"type": "string"},
            "meta": {
                "description": "psp only: adapters that may take a payment as well, in order; one that has not declared the method, "
                "currency, country or amount is left out"
            },
        },
        "choose": {
            "type": "string",
            "allowed": ["first", "cheapest", "fastest"],
            "default": "first",
            "meta": {
                "description": "psp only: which of the adapters that can take it: the first, the one with the lowest declared cost, or "
                "the one that pays out soonest; the earlier one where they are alike"
            },
        },
    },
)
