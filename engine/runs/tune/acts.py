"""Setting a parameter as an act of two persons: what is approved is in force from then on, in the next release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.base.errors import Code, refuse
from engine.store.reader import Reader
from engine.store.tuned import ACT, overrides
from engine.store.writer import Writer

TWO_PERSONS = Code(
    "tune.two-persons", "A parameter that one person alone would set, because approvals are switched off."
)


def subject(given: Mapping[str, Any]) -> str:
    """The parameter."""
    return f"{given['ruleset']}.{given['parameter']}"


def text(given: Mapping[str, Any]) -> str:
    """What is done, in words that follow "to"."""
    return f"set {subject(given)} to {given['value']} (now {given['now']})"


def relies(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a setting relies on: that nobody has set the parameter since."""
    return {"set": overrides(reader, tenant).get(given["ruleset"], {}).get(given["parameter"], "")}


def perform(writer: Writer, tenant: str, given: Mapping[str, Any]) -> bool:
    """Nothing beside the approval itself, which is the record.

    Raises:
        TollbookError: ``tune.two-persons``.
    """
    if writer.reader.pending_approval(tenant, ACT, subject(given)) is None:
        mend = "remove approvals_off from config.yaml, or write the value into the rule file"
        raise refuse(TWO_PERSONS, f"nobody else would approve {subject(given)} = {given['value']}", mend=mend)
    return True
