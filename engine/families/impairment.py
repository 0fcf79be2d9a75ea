"""Impairment: which share of what customers owe will not be paid."""

from __future__ import annotations

from engine.model.decision import Family
from engine.model.impairment import ImpairmentFacts

FAMILY = Family(
    name="impairment",
    doc="Which share of what customers owe is expected never to be paid, over the whole life of the debt.",
    facts=ImpairmentFacts,
    selected_by="day that the allowance is for",
    answers="all",
    outcome={
        "rate": {
            "type": "percent",
            "required": True,
            "min": 0,
            "max": 1,
            "meta": {"description": "share of the amount that is expected to be lost, from 0 % to 100 %"},
        },
        "specific": {
            "type": "boolean",
            "default": False,
            "meta": {"description": "whether it is about this customer alone, and not of the matrix"},
        },
    },
)
