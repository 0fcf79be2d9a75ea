"""Conditions: what has to hold before a bill run starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.model.condition import CHECKS, ConditionFacts
from engine.model.decision import Family, Flaw

_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "acts": ("approvals",),
    "kinds": ("quality",),
    "most": ("quality",),
    "imports": ("imports-fresh",),
    "max_age": ("imports-fresh", "tax-ids-fresh"),
}
"""Fields that mean something to some checks only."""


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What one check has no use for is not said with it, and what it needs is."""
    for name, owners in _OF.items():
        if terms[name] and terms["check"] not in owners:
            what = f"{name} means nothing to the check {terms['check']!r}"
            yield Flaw((name,), what, f"leave it out, or check {' or '.join(owners)}")
    if terms["check"] == "imports-fresh" and not terms["imports"]:
        yield Flaw(("check",), "does not say which imports have to be fresh", "add imports: [rates]")


def _names(description: str) -> dict[str, Any]:
    return {"type": "list", "default": [], "schema": {"type": "string"}, "meta": {"description": description}}


FAMILY = Family(
    name="conditions",
    doc="What has to hold before a bill run starts; while it does not, the run is not started, and a scheduled one waits.",
    facts=ConditionFacts,
    selected_by="business date of the run",
    answers="all",
    collects=True,
    outcome={
        "check": {
            "type": "string",
            "required": True,
            "allowed": [*CHECKS],
            "meta": {
                "description": "what has to hold: " + "; ".join(f"{name}: {text}" for name, text in CHECKS.items())
            },
        },
        "acts": _names("with approvals: the acts that must not wait for a second person; all where empty"),
        "kinds": _names("with quality: the kinds of items of the worklist that count; all where empty"),
        "most": {
            "type": "integer",
            "default": 0,
            "min": 0,
            "meta": {"description": "with quality: how many such items there may be"},
        },
        "imports": _names("with imports-fresh: import files by name without ending, such as rates"),
        "max_age": {
            "type": "days",
            "default": "0 days",
            "min": 0,
            "max": 3650,
            "meta": {
                "description": "with imports-fresh: how old the newest of each may be; 0 is loaded on the same day; with tax-ids-fresh: how old an answer may be"
            },
        },
    },
    check=check,
)
