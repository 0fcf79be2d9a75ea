"""Releases of rules: what happened to them, and which one is in force on a day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

PROPOSED: Final = "proposed"
AGREED: Final = "agreed"
APPROVED: Final = "approved"
SCHEDULED: Final = "scheduled"
ROLLED_BACK: Final = "rolled-back"
LAPSED: Final = "lapsed"

DEVELOPMENT: Final = "development"
"""The rules on disk, whoever has looked at them; and what runs by them say of themselves."""
BY_APPROVAL: Final = "approved"
"""The release that is in force on the day of the run; and what runs by it say of themselves."""

ANYBODY: Final = ""
"""The role of whoever may approve."""
OWNER: Final = "owner"
"""In the roles of a rule: the owner that the changed rule set names."""

State = Literal["stored", "proposed", "rejected", "lapsed", "approved"]


class ReleaseEvent(msgspec.Struct, frozen=True):
    """Something that happened to a release; events are only ever added.

    Attributes:
        event: proposed, agreed (by somebody in ``role``), approved (by all), scheduled, rolled-back, or lapsed.
        day: the first day on which the release is in force; of a proposal, the day that is asked for.
        withdraws: of a rollback, the release that is in force no more from ``day`` on; ``release`` is in its place.
        content: of a proposal, where its files came from, what it is compared with, and who has to agree.
    """

    id: int
    tenant: str
    release: str
    event: str
    role: str
    day: date | None
    withdraws: str
    who: str
    reason: str
    at: datetime
    content: Mapping[str, Any]


class Origin(msgspec.Struct, frozen=True):
    """Where a folder of rules came from: the commit of its working copy, and whether files differ from it.

    ``commit`` is empty and ``dirty`` null where the folder is in no working copy, or git is not there to tell.
    """

    folder: str
    commit: str = ""
    dirty: bool | None = None


class Touched(msgspec.Struct, frozen=True, order=True):
    """A rule set that a release changes, or ``plugins`` and ``attributes``, which are no rule sets.

    ``start`` is the first day on which the rule set is in force, None where it is in force always.
    """

    family: str
    ruleset: str
    owner: str
    change: str
    start: date | None = None


class ApprovalFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of approval may look at: a rule set that a proposed release changes."""

    family: Annotated[
        str, Meta(description="the family of the rule set; attributes and plugins are changed like families")
    ]
    ruleset: Annotated[str, Meta(description="the rule set that is changed")]
    owner: Annotated[str, Meta(description="its owner, as the file says; empty where it says none")]
    change: Annotated[
        Literal["added", "removed", "changed", "parameters"],
        Meta(description="what happens to it; parameters: nothing but values of its parameters"),
    ]
    day: Annotated[date, Meta(description="day of the proposal; selects the rule in force")]


class Changed(msgspec.Struct, frozen=True):
    """One difference between two releases.

    Attributes:
        family, ruleset, rule: where it is; ``rule`` is empty where it is about the whole rule set.
        kind: added, removed, moved, condition, outcome, parameter, or the part of the file that changed.
        what: the difference in words.
        before, after: the two values as they are written; empty where there is none.
        where: file and line in the newer release, in the older one of what is removed.
    """

    family: str
    ruleset: str
    rule: str
    kind: str
    what: str
    before: str = ""
    after: str = ""
    where: str = ""


class Difference(msgspec.Struct, frozen=True):
    """How one release differs from another: what changed, and the rule sets that are touched by it."""

    before: str
    after: str
    changes: tuple[Changed, ...]
    touched: tuple[Touched, ...]


class Content(msgspec.Struct, frozen=True):
    """What a release is made of: files by label, values of parameters by rule set, versions of plug-ins."""

    release: str
    files: Mapping[str, bytes]
    overrides: Mapping[str, Mapping[str, Any]] = {}
    plugins: Mapping[str, str] = {}


EMPTY: Final = Content("", {})
"""What the first release is compared with."""


class Stretch(msgspec.Struct, frozen=True):
    """Days on which one release is in force: from ``start`` up to, not including, ``end`` (null: without end)."""

    release: str
    start: date
    end: date | None
    event: int


def release_name(hashes: Mapping[str, str], overrides: Mapping[str, Any], plugins: Mapping[str, str]) -> str:
    """The name of a release, drawn from its content: ``r-`` and 16 hexadecimal digits.

    ``hashes`` are the SHA-256 of its files by label.
    """
    content = {"files": dict(hashes), "overrides": overrides, "plugins": plugins}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return "r-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def starts(events: Iterable[ReleaseEvent], but: Collection[str] = ()) -> list[ReleaseEvent]:
    """The events that put a release in force and that no later rollback has undone, in the order of their days.

    ``but`` leaves out some releases, as if they had never been in force.
    """
    listed = sorted(events, key=lambda event: event.id)
    back = [event for event in listed if event.event == ROLLED_BACK]
    standing = [
        event
        for event in listed
        if event.event in (SCHEDULED, ROLLED_BACK)
        and event.day is not None
        and event.release not in but
        and not any(
            one.id > event.id and one.withdraws == event.release and one.day is not None and one.day <= event.day
            for one in back
        )
    ]
    return sorted(standing, key=lambda event: (event.day, event.id))


def in_force(events: Iterable[ReleaseEvent], on: date, but: Collection[str] = ()) -> str:
    """The release that is in force on a day; empty where there is none.  Of two that start on one day the later word counts."""
    before = [event.release for event in starts(events, but) if event.day is not None and event.day <= on]
    return before[-1] if before else ""


def withdrawn(events: Iterable[ReleaseEvent]) -> set[str]:
    """Releases that were rolled back and have not been put in force again since."""
    found: set[str] = set()
    for event in sorted(events, key=lambda event: event.id):
        if event.event in (SCHEDULED, ROLLED_BACK):
            found.discard(event.release)
            found.update({event.withdraws} - {""})
    return found


def stretches(events: Sequence[ReleaseEvent]) -> list[Stretch]:
    """Which release is in force from when to when, without gaps once the first one has begun."""
    days: dict[date, ReleaseEvent] = {event.day: event for event in starts(events) if event.day is not None}
    merged: list[Stretch] = []
    for day, event in sorted(days.items()):
        if merged and merged[-1].release == event.release:
            continue
        if merged:
            merged[-1] = msgspec.structs.replace(merged[-1], end=day)
        merged.append(Stretch(event.release, day, None, event.id))
    return merged


def proposal(events: Iterable[ReleaseEvent], release: str = "") -> ReleaseEvent | None:
    """The newest proposal, of one release or of all."""
    made = [event for event in events if event.event == PROPOSED and (not release or event.release == release)]
    return max(made, key=lambda event: event.id, default=None)


def agreed(events: Iterable[ReleaseEvent], proposed: ReleaseEvent) -> dict[str, str]:
    """Who has agreed to a proposal, by role."""
    mine = (e for e in events if e.event == AGREED and e.release == proposed.release and e.id > proposed.id)
    return {event.role: event.who for event in mine}


def is_approved(events: Iterable[ReleaseEvent], release: str) -> bool:
    """Whether all who have to have agreed to a release, at some time."""
    return any(event.event == APPROVED and event.release == release for event in events)


def newest_approved(events: Iterable[ReleaseEvent]) -> str:
    """The release that was approved last; empty where none was."""
    last = _approved_last(events)
    return last.release if last else ""


def made_at(events: Sequence[ReleaseEvent]) -> datetime | None:
    """When the release that was approved last had been proposed, and so got its content; None where none was approved."""
    last = _approved_last(events)
    made = [event for event in events if last and event.id < last.id]
    found = proposal(made, last.release) if last else None
    return found.at if found else None


def _approved_last(events: Iterable[ReleaseEvent]) -> ReleaseEvent | None:
    return max((event for event in events if event.event == APPROVED), key=lambda event: event.id, default=None)
