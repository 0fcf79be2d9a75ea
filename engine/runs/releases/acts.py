"""Acts about releases that need two persons: to agree to one, to put it in force, to go back to an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from engine.base.errors import Code, refuse
from engine.model.release import (
    AGREED,
    ANYBODY,
    APPROVED,
    ROLLED_BACK,
    SCHEDULED,
    ReleaseEvent,
    agreed,
    is_approved,
    newest_approved,
    proposal,
)
from engine.store.reader import Reader
from engine.store.writer import Writer

NOT_PROPOSED = Code(
    "release.not-proposed", "A release to be agreed to that nobody has proposed, or that was proposed anew."
)
NOT_APPROVED = Code(
    "release.not-approved", "A release to be put in force to which not everybody has agreed who has to."
)
ALTERED = Code("release.altered", "A release whose stored files are not those that its name was drawn from.")
IN_THE_PAST = Code(
    "release.in-the-past", "A day from which a release is to be in force, before days that are billed already."
)

AGREE = "approve-release"
START = "schedule-release"
BACK = "roll-back-release"


def agree_subject(given: Mapping[str, Any]) -> str:
    """Natural key of an agreement: the release and the role in which somebody agrees."""
    return f"{given['release']}/{given['role'] or 'anybody'}"


def agree_text(given: Mapping[str, Any]) -> str:
    """What agreeing does, in words."""
    role = f" for {given['role']}" if given["role"] else ""
    day = f", in force from {given['day']}" if given["day"] else ""
    return f"agree to release {given['release']}{role}{day}{_past(given)}"


def _past(given: Mapping[str, Any]) -> str:
    return f", which bills days before that again by {', '.join(given['past'])}" if given.get("past") else ""


def agree_roles(given: Mapping[str, Any]) -> Sequence[str]:
    """The role that the second person has to have; none where anybody may who approves."""
    return (given["role"],) if given["role"] != ANYBODY else ()


def agree_relies(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an agreement rests on: that this is the newest proposal, and what it was compared with is what counts."""
    events = reader.release_events(tenant)
    newest = proposal(events)
    if newest is None or newest.release != given["release"]:
        now = newest.release if newest else "nothing"
        raise refuse(
            NOT_PROPOSED,
            f"release {given['release']} is not what is proposed now; that is {now}",
            mend="look at `tollbook release status`, and propose it again if it is wanted",
        )
    return {"proposal": newest.id, "approved before": newest_approved(events)}


def agree(writer: Writer, tenant: str, given: Mapping[str, Any]) -> bool:
    """Keep that somebody agrees; with the last one the release is approved, and put in force where a day was proposed.

    Raises:
        TollbookError: ``release.altered``, ``release.not-proposed``, ``release.in-the-past``.
    """
    release, reader = given["release"], writer.reader
    writer.lock_release(tenant, release)
    whole(reader, tenant, release)
    events = reader.release_events(tenant)
    proposed = proposal(events, release)
    if proposed is None:
        raise refuse(NOT_PROPOSED, f"nobody has proposed release {release}", mend="tollbook release propose")
    if given["role"] in agreed(events, proposed):
        return False
    writer.note_release(tenant, release, AGREED, role=given["role"])
    missing = {*proposed.content["roles"]} - {*agreed(events, proposed), given["role"]}
    if not missing:
        writer.note_release(tenant, release, APPROVED)
        if proposed.day is not None:
            not_past(reader, tenant, proposed.day)
            writer.note_release(tenant, release, SCHEDULED, day=proposed.day)
    return True


def whole(reader: Reader, tenant: str, release: str) -> None:
    """Nothing, where a release is as it was stored.

    Raises:
        TollbookError: ``release.altered``.
    """
    content = reader.release_content(tenant, release)
    if content is None or content.release != release:
        raise refuse(
            ALTERED,
            f"the books do not keep release {release} as it was stored",
            why="its name is drawn from its content, and what is there gives another name",
            mend="look who has changed it with `tollbook verify`, and propose the rules again",
            subject=f"release/{release}",
        )


def not_past(reader: Reader, tenant: str, day: date) -> None:
    """Nothing, where a release may be in force from a day on: rules never change for days that are billed.

    Raises:
        TollbookError: ``release.in-the-past``.
    """
    last = reader.last_billed(tenant)
    if last is not None and day < last:
        raise refuse(
            IN_THE_PAST,
            f"{day} is before {last}, the day of the newest bill run",
            why="what is billed was decided by the rules that were in force then",
            mend=f"name {last} or a later day; what was wrong is mended by `tollbook void`, `rerate` or credit notes",
        )


def start_subject(given: Mapping[str, Any]) -> str:
    """Natural key of putting a release in force."""
    return f"{given['release']}/{given['day']}"


def start_text(given: Mapping[str, Any]) -> str:
    """What scheduling does, in words."""
    return f"put release {given['release']} in force from {given['day']}{_past(given)}"


def start_relies(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What scheduling rests on: that the release is approved, and the day is not past."""
    _approved(reader.release_events(tenant), given["release"])
    not_past(reader, tenant, date.fromisoformat(given["day"]))
    return {}


def start(writer: Writer, tenant: str, given: Mapping[str, Any]) -> bool:
    """Put a release in force from a day on."""
    writer.lock_release(tenant, given["release"])
    whole(writer.reader, tenant, given["release"])
    start_relies(writer.reader, tenant, given)
    writer.note_release(tenant, given["release"], SCHEDULED, day=date.fromisoformat(given["day"]))
    return True


def back_text(given: Mapping[str, Any]) -> str:
    """What a rollback does, in words."""
    return f"put release {given['release']} in the place of {given['withdraws']} from {given['day']}{_past(given)}"


def back(writer: Writer, tenant: str, given: Mapping[str, Any]) -> bool:
    """Put an earlier release in the place of another one, from a day on."""
    writer.lock_release(tenant, given["release"])
    whole(writer.reader, tenant, given["release"])
    start_relies(writer.reader, tenant, given)
    day = date.fromisoformat(given["day"])
    writer.note_release(tenant, given["release"], ROLLED_BACK, day=day, withdraws=given["withdraws"])
    return True


def _approved(events: Sequence[ReleaseEvent], release: str) -> None:
    if not is_approved(events, release):
        raise refuse(
            NOT_APPROVED,
            f"release {release} is not approved",
            why="only what others have agreed to is put in force",
            mend="see `tollbook release status` for who has to agree; `tollbook release approve`",
            subject=f"release/{release}",
        )
