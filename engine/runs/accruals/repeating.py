"""Runs that may be done more than once for the same day or month, and post what is new each time."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Final

from engine.base.errors import Code, did_you_mean, refuse
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.records import Run
from engine.store.writer import Writer

UNKNOWN_ENTITY = Code("accrual.unknown-entity", "A run at the end of a month of a legal entity that is not there.")

FIRST: Final = "all"
"""The scope of the first run of a period of all legal entities; that of one has the scope of its key."""
AGAIN: Final = "again-"
"""The scope of a later run of it, before its number."""


def only_of(reader: Reader, tenant: str, entity: str) -> None:
    """Refuse a run of one legal entity that is not there; an empty key means all.

    Raises:
        TollbookError: ``accrual.unknown-entity``.
    """
    known = reader.entities(tenant)
    if entity and entity not in known:
        mend = did_you_mean(entity, known) or f"one of {', '.join(sorted(known)) or '-'}"
        raise refuse(UNKNOWN_ENTITY, f"there is no legal entity {entity!r}", mend=mend)


def begin(parts: Parts, writer: Writer, kind: str, on: date, period: str, entity: str = "") -> Run:
    """The first run of a period, new or as it is, of one legal entity or of all; it is locked until the transaction ends, and so are
    the months of ``on`` in the books of the legal entities, as a run of one and a run of all post the same."""
    rules = parts.rules
    for one in [entity] if entity else sorted(writer.reader.entities(parts.tenant)):
        writer.lock_close(parts.tenant, one, on)
    writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
    return writer.lock_run(writer.start_run(parts.tenant, kind, period, entity or FIRST, rules.release).id)


def again(parts: Parts, writer: Writer, kind: str, period: str, entity: str = "") -> Run:
    """A further run of a period whose first run is done, and is held."""
    before = f"{entity}/" if entity else ""
    for number in count(2):
        run = writer.start_run(parts.tenant, kind, period, f"{before}{AGAIN}{number}", parts.rules.release)
        if run.new:
            break
    return run
