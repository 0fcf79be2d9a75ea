"""What the desk of releases tells, and what it needs of those who know the language of rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

import msgspec

from engine.base.errors import Finding
from engine.model.release import Content, Difference, Origin, ReleaseEvent, State, Stretch
from engine.runs.approvals import Outcome


class Drafted(msgspec.Struct, frozen=True):
    """The rules of the folders, compiled, checked and with every case passed."""

    content: Content
    origins: tuple[Origin, ...]
    cases: int
    warnings: tuple[Finding, ...]


class Workshop(Protocol):
    """What the desk needs of those who know the language of rules."""

    def drafted(self, overrides: Mapping[str, Mapping[str, Any]]) -> Drafted: ...
    def on_disk(self, overrides: Mapping[str, Mapping[str, Any]]) -> Content: ...
    def compare(self, before: Content, after: Content) -> Difference: ...
    def roles(self, judge: Content, difference: Difference, day: date) -> list[str]: ...


class Proposal(msgspec.Struct, frozen=True):
    """What was proposed: the release, how it differs from the one before, who has to agree, and the approvals of that."""

    release: str
    base: str
    day: date | None
    roles: tuple[str, ...]
    difference: Difference
    cases: int
    origins: tuple[Origin, ...]
    outcomes: tuple[Outcome, ...]
    findings: tuple[Finding, ...] = ()
    known: bool = False


class Shown(msgspec.Struct, frozen=True):
    """A release: how it stands, what happened to it, what it is made of."""

    release: str
    state: State
    files: Mapping[str, int]
    overrides: Mapping[str, Mapping[str, Any]]
    plugins: Mapping[str, str]
    origins: tuple[Origin, ...]
    stretches: tuple[Stretch, ...]
    roles: Mapping[str, str]
    events: tuple[ReleaseEvent, ...]
    whole: bool


class Status(msgspec.Struct, frozen=True):
    """How things stand: which rules a run of a day uses, what is proposed and waits for whom, what is on disk."""

    mode: str
    day: date
    in_force: str
    ahead: tuple[Stretch, ...]
    proposed: str
    proposed_day: date | None
    state: str
    waits: Mapping[str, tuple[str, ...]]
    disk: str
