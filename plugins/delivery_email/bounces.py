"""Reports of failures that come back by e-mail (delivery status notifications, RFC 3464), read from a Maildir."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from engine.ports.hookspecs.delivery import Receipt

State = Literal["delivered", "bounced", "delayed"]

ACTIONS: Final[dict[str, State]] = {
    "failed": "bounced",
    "delayed": "delayed",
    "delivered": "delivered",
    "relayed": "delivered",
}
"""What the words of RFC 3464 (section 2.3.3) mean here; ``expanded`` tells nothing of a single recipient."""

LARGEST: Final = 1_000_000
"""Bytes of a report; longer ones are read so far."""


class Bounce(msgspec.Struct, frozen=True):
    """What a report says: of the message with that Message-ID."""

    message_id: str
    state: State
    at: datetime
    status: str
    reason: str
    recipient: str


def reports(folder: Path, after: str, limit: int, sent: Callable[[str], str | None]) -> tuple[list[Receipt], str, bool]:
    """Receipts of the reports in a Maildir after a cursor, the new cursor, and whether there are more.

    ``sent`` gives the key of a message by its Message-ID.  Files are taken in the order in which they arrived: by the time of the
    file, then by name.  Mail that is no report, or of a message that is not ours, is passed over.
    """
    found: list[Receipt] = []
    waiting = [(mark, path) for mark, path in _arrived(folder) if mark > after]
    for count, (mark, path) in enumerate(waiting, 1):
        with path.open("rb") as file:
            report = email.message_from_bytes(file.read(LARGEST), policy=email.policy.default)
        for one in bounces(report):
            key = sent(one.message_id)
            if key is not None:
                evidence = {
                    "report": path.name,
                    "status": one.status,
                    "to": one.recipient,
                    "message_id": one.message_id,
                }
                found.append(Receipt(key, one.state, one.at, one.reason, evidence))
        after = mark
        if len(found) >= limit:
            return found[:limit], after, count < len(waiting)
    return found, after, False


def _arrived(folder: Path) -> list[tuple[str, Path]]:
    """Files of a Maildir with a mark that sorts as they came; the part of a name after a colon changes when mail is read."""
    files = [path for part in ("new", "cur") if (folder / part).is_dir() for path in (folder / part).iterdir()]
    return sorted((f"{path.stat().st_mtime_ns:020d}/{path.name.partition(':')[0]}", path) for path in files)


def bounces(report: Message) -> Iterator[Bounce]:
    """What a message reports, nothing where it is no report: one for the first recipient that it tells of."""
    if report.get_content_type() != "multipart/report":
        return
    status: Message | None = None
    original = ""
    for part in report.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status" and status is None:
            groups = part.get_payload()
            told = (
                [one for one in groups if isinstance(one, Message) and one["Action"]]
                if isinstance(groups, list)
                else []
            )
            status = told[0] if told else None
        elif kind in ("message/rfc822", "text/rfc822-headers") and not original:
            original = _message_id(part)
    action = str(status["Action"]).strip().lower() if status is not None else ""
    if status is None or not original or action not in ACTIONS:
        return
    said = " ".join(str(status["Diagnostic-Code"] or status["Status"] or action).split())
    recipient = str(status["Final-Recipient"] or "").partition(";")[2].strip()
    yield Bounce(original, ACTIONS[action], _when(report), str(status["Status"] or ""), said[:500], recipient)


def _message_id(part: Message) -> str:
    """The Message-ID of the message, or of the headers, that a report returns."""
    inner = part.get_payload()
    if isinstance(inner, list) and inner and isinstance(inner[0], Message):
        return str(inner[0]["Message-ID"] or "").strip()
    return str(email.message_from_string(str(inner))["Message-ID"] or "").strip()


def _when(report: Message) -> datetime:
    try:
        at = parsedate_to_datetime(str(report["Date"]))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
