"""Intercompany: which other legal entities have a share in what one has billed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.impairment import IntercompanyFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """Shares come to no more than the whole, and each legal entity has one."""
    partners = terms["partners"]
    if sum(one["share"] for one in partners) > 1:
        yield Flaw(
            ("partners",), "the shares come to more than 100 %", "leave the legal entity that bills what is its own"
        )
    names = [one["entity"] for one in partners]
    for place, name in enumerate(names):
        if name in names[:place]:
            yield Flaw(("partners", place, "entity"), f"{name} has two shares", "give it one that is the sum of both")


FAMILY = Family(
    name="intercompany",
    doc="Which legal entities of the group have a share in what another one has billed.",
    facts=IntercompanyFacts,
    selected_by="date of the document",
    answers="all",
    outcome={
        "partners": {
            "type": "list",
            "default": [],
            "schema": {
                "type": "dict",
                "schema": {
                    "entity": {
                        "type": "string",
                        "required": True,
                        "meta": {"description": "key of the legal entity that has the share"},
                    },
                    "share": {
                        "type": "percent",
                        "required": True,
                        "min": 0,
                        "max": 1,
                        "meta": {"description": "its share of the net amount, from 0 % to 100 %"},
                    },
                },
            },
            "meta": {"description": "who has a share; none: all of it is of the legal entity that bills"},
        },
    },
    check=check,
)
