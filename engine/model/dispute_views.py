"""Disputes as people see them: what became of what was told, and a dispute with everything about it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Finding
from engine.model.dispute import DisputeRecord, Position, Standing
from engine.model.dunning import Freeze


class Loss(msgspec.Struct, frozen=True):
    """What a lost part was made of: ``done`` as ``concession``, ``credit_loss``, ``rounding``, ``fee`` or ``claim``; or it waits for
    ``approval``.  ``document`` is the credit or debit note."""

    number: str
    what: str
    amount: Decimal
    done: bool
    document: str = ""
    approval: int = 0


class Climbed(msgspec.Struct, frozen=True):
    """A step that was taken, or would be: ``day`` is when it fell due."""

    dispute: str
    step: str
    day: date
    before: str
    to: str


class Told(msgspec.Struct, frozen=True):
    """What became of something that was told, or decided: how the dispute stands, and what was done about what it has cost."""

    dispute: DisputeRecord
    standing: Standing
    known: bool = False
    losses: tuple[Loss, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """A dispute with everything about it."""

    dispute: DisputeRecord
    standing: Standing
    position: Position
    rule: str
    events: tuple[dict[str, Any], ...]
    evidence: tuple[dict[str, Any], ...]
    missing: tuple[str, ...]
    settlements: tuple[dict[str, Any], ...]
    bookings: tuple[dict[str, Any], ...]
    freezes: tuple[Freeze, ...]
    ticket: int


class Frozen(msgspec.Struct, frozen=True):
    """A frozen part of a document, with whose it is."""

    entity: str
    account: str
    number: str
    currency: str
    freeze: Freeze


class DisputeRun(msgspec.Struct, frozen=True):
    """What a run of the desk did: disputes whose time was over, steps of ladders, and what was done about losses."""

    expired: tuple[str, ...]
    climbed: tuple[Climbed, ...]
    told: tuple[Told, ...]
    findings: tuple[Finding, ...] = ()
