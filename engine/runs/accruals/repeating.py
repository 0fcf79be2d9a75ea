"""Runs that may be done more than once for the same day or month, and post what is new each time."""

from __future__ import annotations

from itertools import count
from typing import Final

from engine.runs.run import Parts
from engine.store.records import Run
from engine.store.writer import Writer

FIRST: Final = "all"
"""The scope of the first run of a period: whoever posts for the period holds it."""
AGAIN: Final = "again-"
"""The scope of a later run of it, before its number."""


def begin(parts: Parts, writer: Writer, kind: str, period: str) -> Run:
    """The first run of a period, new or as it is, locked until the transaction ends."""
    rules = parts.rules
    writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
    return writer.lock_run(writer.start_run(parts.tenant, kind, period, FIRST, rules.release).id)


def again(parts: Parts, writer: Writer, kind: str, period: str) -> Run:
    """A further run of a period whose first run is done, and is held."""
    for number in count(2):
        run = writer.start_run(parts.tenant, kind, period, f"{AGAIN}{number}", parts.rules.release)
        if run.new:
            break
    return run
