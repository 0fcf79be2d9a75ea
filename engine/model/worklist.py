"""The worklist: differences that a person has to look at, each with an owner and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

OPEN: Final = "open"
ASSIGNED: Final = "assigned"
RESOLVED: Final = "resolved"
ACCEPTED: Final = "accepted"
CORRECTED: Final = "corrected"
GONE: Final = "gone"
"""How an item is resolved: the difference stands and is let go, its cause was mended and is looked at again, or a run saw that
there is none any more."""


class WorkItem(msgspec.Struct, frozen=True):
    """Something that a run could not settle by itself.  Natural key: (tenant, kind, subject) while it is not resolved.

    ``kind`` says what sort of difference it is, ``subject`` what it is about, ``difference`` what differs by how much, in
    words; ``detail`` is what the run that opened it needs to look again.  ``owner`` is whom a rule, or a person, gave it to; empty
    where nobody has it.  Items are never deleted.
    """

    id: int
    tenant: str
    entity: str
    kind: str
    subject: str
    difference: str
    detail: Mapping[str, Any]
    owner: str
    state: str
    resolution: str
    reason: str
    opened_at: datetime
    opened_run: int
    decision: int
    resolved_at: datetime | None
    resolved_by: str
    resolved_run: int


class Difference(msgspec.Struct, frozen=True):
    """What an item is opened with."""

    entity: str
    kind: str
    subject: str
    difference: str
    detail: Mapping[str, Any]
    owner: str
    decision: int
