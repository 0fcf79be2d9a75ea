"""The acts of a close that need two persons: letting a finding go, and opening a month again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from engine.model.close import DONE, REOPEN, CloseFinding
from engine.store.closing import history
from engine.store.reader import Reader
from engine.store.writer import Writer

Given = Mapping[str, Any]


def month_of(given: Given) -> date:
    """The first day of the month that an act is about."""
    return date.fromisoformat(f"{given['month']}-01")


def finding_of(given: Given) -> CloseFinding:
    """The finding that is to be let go."""
    return msgspec.convert(given["finding"], CloseFinding)


def given_of(entity: str, month: str, one: CloseFinding, who: str, reason: str) -> dict[str, Any]:
    """What a waiver is asked with, as JSON values; an age says nothing about a finding."""
    plain = msgspec.to_builtins(msgspec.structs.replace(one, age=None))
    return {"entity": entity, "month": month, "finding": plain, "by": who, "why": reason}


def subject(given: Given) -> str:
    """Natural key of what is let go: a finding that says something else is another one."""
    one = finding_of(given)
    return f"{given['entity']}/{given['month']}/{one.check}/{one.subject}/{one.digest[:12]}"


def text(given: Given) -> str:
    """What it does, in words that follow "to"."""
    one = finding_of(given)
    return f"close {given['month']} of {given['entity']} though {one.what}"


def relies(reader: Reader, tenant: str, given: Given) -> Given:
    """Nothing but its own words: a finding that says something else is not let go by it."""
    return {}


def always(given: Given) -> bool:
    """It needs two persons, whatever the configuration says."""
    return True


def waive(writer: Writer, tenant: str, given: Given) -> bool:
    """Let it go; False where that was done."""
    who, why = given["by"], given["why"]
    return writer.waive_finding(tenant, given["entity"], month_of(given), finding_of(given), who, why)


def reopen(writer: Writer, tenant: str, given: Given) -> bool:
    """Open a month again; a close of it that was begun begins anew.  False where it is open."""
    entity, month = given["entity"], month_of(given)
    begun = history.steps(writer.reader, tenant, entity, month)
    opened = writer.open_period(tenant, entity, month)
    if opened and begun:
        writer.note_close_step(tenant, entity, month, REOPEN, DONE, writer.change.reason, {})
    return opened
