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
    },
)
