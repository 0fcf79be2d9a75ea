"""The act of letting a condition go: for the bill runs of one day, and only as it was unmet when that was proposed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine.model.condition import Unmet
from engine.store.reader import Reader
from engine.store.writer import Writer


def subject(given: Mapping[str, Any]) -> str:
    """Natural key of what is let go."""
    return f"{given['date']}/{given['entity']}/{given['rule']}"


def text(given: Mapping[str, Any]) -> str:
    """What it does, in words that follow "to"."""
    return f"bill {given['entity']} on {given['date']} though {given['what']}"


def relies(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nothing but its own words: a condition that is unmet for another reason is not let go by it."""
    return {}


def perform(writer: Writer, tenant: str, given: Mapping[str, Any]) -> bool:
    """Let it go; False where somebody has."""
    unmet = Unmet(given["entity"], given["rule"], given["name"], given["what"])
    return writer.waive_condition(tenant, date.fromisoformat(given["date"]), unmet)
