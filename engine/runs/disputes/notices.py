"""What providers and people tell of disputes, as events: by file, and as the events of a payment provider are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from engine.base.errors import Code, TollbookError, Where, refuse
from engine.model.dispute import Event, Happening

UNREADABLE = Code("dispute.unreadable", "A notice of a dispute whose values cannot be read.")

Words = Mapping[str, str]
STATES: Final[Words] = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "evidence",
    "warning_closed": "won",
    "needs_response": "chargeback",
    "under_review": "evidence",
    "prevented": "won",
    "won": "won",
    "lost": "lost",
}
"""What happened, by the state in the provider's words; ``under_review`` there means that evidence was sent."""
KINDS: Final[Words] = {"dispute_won": "won", "dispute_lost": "lost", "dispute_opened": "chargeback"}
"""What happened, by the kind of a provider's event, where the state says nothing."""
_DECIDED: Final = ("won", "lost", "evidence")


class Part(msgspec.Struct, frozen=True):
    """An invoice that is named as contested; ``amount`` 0 for as much of it as was paid."""

    number: str
    amount: Decimal = Decimal(0)


class Contested(msgspec.Struct, frozen=True):
    """What is contested, as it is told: the shape of a provider's notice, and the invoices where they are known."""

    id: Annotated[str, Meta(min_length=1)]
    payment: str = ""
    amount: Decimal | None = None
    currency: str = ""
    reason: str = ""
    state: str = ""
    fee: Decimal | None = None
    due: Annotated[str, Meta(description="a day, or an instant, ISO 8601")] | None = None
    withdrawn: bool | None = None
    invoices: tuple[Part, ...] = ()
    account: str = ""
    entity: str = ""


class Notice(msgspec.Struct, frozen=True):
    """One thing that is told of a dispute: ``kind`` is that of a provider's event, or one of ours."""

    id: Annotated[str, Meta(min_length=1)]
    kind: str
    at: datetime
    dispute: Contested
    won: Annotated[Decimal | None, Meta(description="how much, where it is won or accepted only in part")] = None


def notice_of(content: Mapping[str, Any], payment: str = "") -> Notice | None:
    """A notice of what was kept of a provider's event; None where that is about no dispute.

    Args:
        content: the event as plain data.
        payment: key of the payment, where the books know it better than the event.

    Raises:
        TollbookError: ``dispute.unreadable``.
    """
    if not content.get("dispute"):
        return None
    try:
        notice = msgspec.convert(content, Notice, strict=False)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error), Where()) from None
    if not payment:
        return notice
    return msgspec.structs.replace(notice, dispute=msgspec.structs.replace(notice.dispute, payment=payment))


def read(path: Path) -> Iterator[tuple[Where, Notice | TollbookError]]:
    """The notices of a file: a JSON object a line, or one list of them; what cannot be read is the error that says why."""
    text = path.read_text("utf-8")
    found: list[tuple[Where, Any]]
    if text.lstrip().startswith("["):
        try:
            found = [(Where(f"{path.name}#{n}"), one) for n, one in enumerate(json.loads(text, parse_float=Decimal), 1)]
        except ValueError as error:
            found = [(Where(path.name), error)]
    else:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        found = [(Where(path.name, n), _json(line)) for n, line in lines]
    for where, one in found:
        yield where, _notice(one, where)


def _json(line: str) -> Any:
    try:
        return json.loads(line, parse_float=Decimal)
    except ValueError as error:
        return error


def _notice(one: Any, where: Where) -> Notice | TollbookError:
    if isinstance(one, ValueError):
        return _unreadable(f"no JSON: {one}", where)
    if not isinstance(one, dict) or "dispute" not in one:
        return _unreadable("no object with a dispute", where)
    try:
        notice = msgspec.convert(one, Notice, strict=False)
        kind_of(notice)
    except msgspec.ValidationError as error:
        return _unreadable(str(error), where)
    except TollbookError as error:
        return TollbookError(*(msgspec.structs.replace(finding, where=where) for finding in error.findings))
    return notice


def _unreadable(what: str, where: Where) -> TollbookError:
    mend = "write id, kind, at, and dispute with id, payment, amount, currency; the guide of disputes has an example"
    return refuse(UNREADABLE, what, mend=mend, where=where)


def kind_of(notice: Notice) -> str:
    """What happened, in our words.

    Raises:
        TollbookError: ``dispute.unreadable``.
    """
    if notice.kind in get_args(Happening):
        return notice.kind
    if notice.kind in ("dispute_won", "dispute_lost"):
        return KINDS[notice.kind]
    found = STATES.get(notice.dispute.state) or KINDS.get(notice.kind)
    if notice.kind not in (*KINDS, "dispute_updated") or found is None:
        words = ", ".join((*get_args(Happening), *KINDS, "dispute_updated"))
        what = f"{notice.kind} with state {notice.dispute.state!r}"
        raise refuse(UNREADABLE, what, mend=f"write a kind that is one of {words}")
    return found


def event_of(notice: Notice, zone: str) -> Event:
    """The event that a notice tells of, in days of a zone.

    Raises:
        TollbookError: ``dispute.unreadable``.
    """
    kind: Any = kind_of(notice)
    told = notice.dispute
    at = notice.at if notice.at.tzinfo else notice.at.replace(tzinfo=UTC)
    due = _day(told.due, zone) if told.due else None
    return Event(
        notice.id,
        kind,
        at,
        at.astimezone(ZoneInfo(zone)).date(),
        notice.won if kind in (*_DECIDED, "accepted") else told.amount,
        told.fee,
        None if kind in _DECIDED else due,
        None if kind in _DECIDED else told.withdrawn,
        told.reason,
    )


def _day(text: str, zone: str) -> date:
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _unreadable(f"due is {text!r}, which is no day", Where()) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone)).date()
