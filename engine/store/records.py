"""What the books say about themselves: outcomes of writes, runs, partitions, audit rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from engine.model.outbound import OutboundCall


class Outcome(msgspec.Struct, frozen=True):
    """What became of a batch of rows that were put in by natural key.

    Attributes:
        inserted: rows that are new.
        changed: rows that replaced an earlier version of the same record.
        same: rows that said what the books say already.
        conflicts: positions, in the batch, of rows that contradict what may not change; they were left out.
        repeats: positions of the rows that are counted as ``same``, where the writer tells them (events).
    """

    inserted: int = 0
    changed: int = 0
    same: int = 0
    conflicts: tuple[int, ...] = ()
    repeats: tuple[int, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        """Sums of counts; the positions of the other's rows stay those of its own batch."""
        return Outcome(
            self.inserted + other.inserted,
            self.changed + other.changed,
            self.same + other.same,
            self.conflicts + other.conflicts,
            self.repeats + other.repeats,
        )


class Run(msgspec.Struct, frozen=True):
    """A run of the engine.  Natural key: (tenant, kind, period, scope).  ``state``: running, done or failed.

    ``new`` is true only in what :meth:`Writer.start_run` returns, where the run was not there before.
    """

    id: int
    tenant: str
    kind: str
    period: str
    scope: str
    release: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    who: str
    reason: str
    parameters: Mapping[str, Any]
    summary: Mapping[str, Any]
    new: bool = False

    @property
    def rules(self) -> str:
        """Which kind of rules it pinned: development or approved; empty where it asked no rules."""
        return str(self.parameters.get("rules", ""))


class Partition(msgspec.Struct, frozen=True):
    """Payers ``low`` to ``high`` of one entity, worked off in one transaction.  ``state``: open or done."""

    run_id: int
    number: int
    entity: str
    low: str
    high: str
    state: str = "open"
    summary: Mapping[str, Any] = {}
    finished_at: datetime | None = None


class AuditRow(msgspec.Struct, frozen=True):
    """Who changed what, when and why, and what it was before and after."""

    id: int
    tenant: str
    at: datetime
    who: str
    reason: str
    action: str
    subject: str
    before: Any
    after: Any
    run_id: int


class Balance(msgspec.Struct, frozen=True, gc=False):
    """A line of the trial balance: the sum of the postings to one GL account in one currency."""

    account: str
    currency: str
    amount: Decimal
    functional_currency: str
    functional_amount: Decimal


class OutboxEffect(msgspec.Struct, frozen=True):
    """An effect as the outbox keeps it.  ``state``: pending, accepted or rejected."""

    id: int
    tenant: str
    entity: str
    port: str
    kind: str
    key: str
    payload: dict[str, Any]
    state: str
    adapter: str
    attempts: int
    next_at: datetime | None
    answer: Any
    run_id: int


class HeardReceipt(msgspec.Struct, frozen=True):
    """What was heard of a document after its adapter ``adapter`` had accepted it."""

    id: int
    tenant: str
    adapter: str
    effect_key: str
    state: str
    at: datetime
    reason: str
    evidence: dict[str, Any]
    heard_at: datetime


class LoggedCall(msgspec.Struct, frozen=True):
    """A call of the request log, by its number there."""

    id: int
    call: OutboundCall
