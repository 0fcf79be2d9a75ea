"""Answers that say no: RFC 9457 problems, made of findings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from engine.base.errors import Code, Finding, TollbookError, Where

UNAUTHORIZED = Code("web.unauthorized", "A call without a token, or with one that no client has.")
FORBIDDEN = Code("web.forbidden", "A call that the client may not make.")
TOO_LARGE = Code("web.too-large", "A body larger than the setting api.largest_body allows.")
TOO_MANY = Code("web.too-many", "A request with more events than the rules of the family limits allow.")
TOO_FAST = Code("web.too-fast", "A request over the limit of its client, or of the tenant; nothing of it is taken.")
BUSY = Code("web.busy", "A request while as many wait to be written as may; nothing of it is taken.")
SLOW = Code("web.slow", "A request whose body did not come in time.")
MEDIA_TYPE = Code("web.media-type", "A body of a kind that is not read.")
NOTHING = Code("web.nothing", "A request without a single event.")
NO_PAGE = Code("web.no-page", "An address, or a method of it, that the API does not have.")
BROKEN = Code("web.broken", "A body that is no JSON.")
NO_MOVEMENT = Code(
    "web.no-movement", "A movement of a wallet, or a question about one, that is not as the API wants it."
)
NO_QUESTION = Code("web.no-question", "A question about an inbox that is not as the API wants it.")
FAULT = Code("web.fault", "A fault of the program while it answered; it is in the server's log.")
SOME_REFUSED = Code("web.some-refused", "Some events of a request were refused; the others are in the books.")
ALL_REFUSED = Code("web.all-refused", "No event of a request was taken.")

STATUS: Final[Mapping[str, int]] = {
    UNAUTHORIZED: 401,
    FORBIDDEN: 403,
    SLOW: 408,
    "intake.key-conflict": 409,
    "wallet.key-conflict": 409,
    "wallet.below-floor": 409,
    "wallet.overdrawn": 409,
    "wallet.needs-second-person": 403,
    "wallet.unknown": 404,
    "exchange.other-body": 409,
    "inbox.no-document": 404,
    "payment.unsigned-event": 400,
    "payment.no-events": 404,
    "adapter.unknown": 404,
    BROKEN: 400,
    TOO_LARGE: 413,
    TOO_MANY: 413,
    MEDIA_TYPE: 415,
    NO_PAGE: 404,
    "intake.broken-row": 400,
    "intake.not-utf8": 400,
    NOTHING: 400,
    TOO_FAST: 429,
    BUSY: 503,
    "store.unavailable": 503,
    "store.cannot-open": 503,
    "store.not-migrated": 503,
    FAULT: 500,
    SOME_REFUSED: 207,
}
"""Codes with a status of their own."""
UNFIT: Final = 422
"""The status of every other code: the body is read, and what it says cannot be."""
RETRY_SECONDS: Final = "1"
"""When a refused client may come again where nothing tells it better."""
PROBLEM: Final = "application/problem+json"
LISTED: Final = 100
"""Refused events that one answer names; the others are counted."""


def status_of(code: str) -> int:
    """The HTTP status of a code."""
    return STATUS.get(code, UNFIT)


def body(finding: Finding, status: int, more: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as a problem; ``more`` are further members."""
    made = {
        "type": f"urn:tollbook:error:{finding.code}",
        "title": getattr(finding.code, "meaning", str(finding.code)),
        "status": status,
        "detail": finding.what,
        "code": str(finding.code),
        "reason": finding.why,
        "mend": finding.mend,
        **more,
    }
    return {name: value for name, value in made.items() if value != ""}


def answer(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    kind = "application/json" if status < 400 else PROBLEM
    return Response(json.dumps(content), status, headers, kind)


def problem(finding: Finding, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """The answer that a request is refused for one reason."""
    status = status_of(finding.code)
    given = {"Retry-After": RETRY_SECONDS} if status == 503 else {}
    return answer(body(finding, status, more), status, {**given, **(headers or {})})


def refusal(error: TollbookError, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """The answer to an error of the engine, by its first finding."""
    return problem(error.findings[0], headers, **more)


def found(code: Code, what: str, why: str = "", mend: str = "") -> Finding:
    """A finding about a request."""
    return Finding(code, Where(), what, why, mend)


def events(problems: Iterable[Any]) -> list[dict[str, Any]]:
    """Refused events as an answer lists them: position, key, field, and why."""
    return [
        body(
            one.finding,
            status_of(one.finding.code),
            {"position": one.position, "key": one.key, "field": one.field, "kept": one.kept},
        )
        for one in problems
    ]


def none_of(problems: Sequence[Any], count: int, single: bool, more: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and content where none of ``count`` events was taken: of a ``single`` one its own problem, else a summary."""
    listed = events(problems)
    if single:
        return listed[0]["status"], {**listed[0], **more, "errors": listed}
    conflicts = all(one.conflict for one in problems)
    status = 409 if conflicts else 400 if all(row["status"] == 400 for row in listed) else UNFIT
    head = found(ALL_REFUSED, f"none of {count} events was taken", mend="errors says why, event by event")
    return status, {**body(head, status, more), "errors": listed}
