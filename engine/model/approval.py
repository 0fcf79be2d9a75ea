"""What one person has proposed and another one decides."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

PENDING: Final = "pending"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
LAPSED: Final = "lapsed"

State = Literal["pending", "approved", "rejected", "lapsed"]


class Approval(msgspec.Struct, frozen=True):
    """A proposed act.  Natural key: (tenant, key); one of an act and its subject is pending at a time.

    Attributes:
        id: number by which people name it.
        key: act, subject and how often that was proposed, such as ``open-period/E1/2026-01/1``.
        act: one of the acts that may need two persons.
        subject: natural key of what it acts on.
        content: what is to be done, and the state of the world that it relies on, as canonical JSON.
        sha256: of tenant, act, subject, maker and content: what is approved is what was proposed.
        maker: who proposed it; ``reason`` and ``made_at`` say why and when.
        state: pending, then once and for ever approved (it is done), rejected, or lapsed (it could not be done any more).
        checker: who decided, with ``checked_at`` and ``check_reason``; empty while it is pending.
    """

    id: int
    tenant: str
    key: str
    act: str
    subject: str
    content: str
    sha256: str
    maker: str
    made_at: datetime
    reason: str
    state: State = "pending"
    checker: str = ""
    checked_at: datetime | None = None
    check_reason: str = ""
