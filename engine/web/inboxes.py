"""``/v1/inbox``: the documents of the account whose token is sent, to be listed, fetched, and noted as read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from engine.app import InboxDesk
from engine.base.errors import TollbookError
from engine.config.api import Client
from engine.model.delivering import InboxDocument, InboxToken
from engine.model.journal import Change
from engine.web import problems
from engine.web.throttle import PLACE, Throttle

CLIENT: Final = "inbox"
"""Name of the client that rules of limits see, whatever token is sent."""
SPREAD: Final = 256
BUCKETS: Final = tuple(f"{CLIENT}{PLACE}{number}" for number in range(SPREAD))
"""Buckets that tokens are spread over."""
AT_ONCE: Final = 4
"""Requests that one process works on at a time."""
MOST: Final = 500
"""Documents that one answer lists."""

Work = Callable[[InboxDesk, InboxToken], Any]


class Inboxes:
    """What a process of the server needs to answer about inboxes."""

    def __init__(self, desk: Callable[[], InboxDesk], throttle: Throttle, waiting: int) -> None:
        self._desk, self._throttle, self._places = desk, throttle, waiting
        self._pool = ThreadPoolExecutor(AT_ONCE, "inboxes")
        self._inside = 0

    def close(self) -> None:
        """End the threads, when no request is under way any more."""
        self._pool.shutdown()

    async def listed(self, request: Request) -> Response:
        """The answer to the question what is in the inbox."""
        given = request.query_params

        def work(desk: InboxDesk, mine: InboxToken) -> Response:
            unread = _flag(given.get("unread", "false"))
            before, limit = _number(given.get("before", "0"), 2**62), _number(given.get("limit", "100"), MOST)
            found = desk.listed(mine.account, mine.entity, unread=unread, before=before, limit=limit)
            return problems.answer({"documents": [_view(one) for one in found]})

        return await self._answer(request, work)

    async def one(self, request: Request, number: str) -> Response:
        """The answer to the question what a document is."""
        return await self._answer(
            request, lambda desk, mine: problems.answer(_view(desk.one(mine.account, mine.entity, _ident(number))))
        )

    async def file(self, request: Request, number: str, name: str) -> Response:
        """A file of a document."""

        def work(desk: InboxDesk, mine: InboxToken) -> Response:
            found, content = desk.file(mine.account, mine.entity, _ident(number), name)
            named = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
            headers = {
                "Content-Disposition": named,
                "ETag": f'"{found.sha256}"',
                "Cache-Control": "private, no-store",
                "X-Content-Type-Options": "nosniff",
            }
            return Response(content, 200, headers, found.media_type)

        return await self._answer(request, work)

    async def read(self, request: Request, number: str) -> Response:
        """The answer to the note that a document was read."""

        def work(desk: InboxDesk, mine: InboxToken) -> Response:
            who = f"inbox/{mine.entity}/{mine.account}/{mine.name}"
            change = Change(who, datetime.now(UTC), "read over HTTP")
            done = desk.read(mine.account, mine.entity, _ident(number), mine.name, change)
            return problems.answer(_view(done))

        return await self._answer(request, work)

    async def _answer(self, request: Request, work: Work) -> Response:
        """What ``work`` says to the holder of the token, done in another thread."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return _unknown()
        if self._inside >= self._places:
            why, mend = "the books are slower than what comes in", "send it again in a second"
            return problems.problem(problems.found(problems.BUSY, "as many requests wait as may", why, mend))
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._done, token.strip(), work)
        finally:
            self._inside -= 1

    def _done(self, token: str, work: Work) -> Response:
        headers: Mapping[str, str] = {}
        try:
            desk = self._desk()
            mine = desk.holder(token)
            if mine is None:
                return _unknown()
            bucket = Client(BUCKETS[mine.id % SPREAD], "", frozenset())
            verdict = self._throttle.take(bucket, 1, datetime.now(UTC).date())
            headers = verdict.headers
            if verdict.refused is not None:
                return problems.problem(verdict.refused, headers)
            made: Response = work(desk, mine)
        except TollbookError as error:
            return problems.refusal(error, headers)
        made.headers.update(headers)
        return made


def _unknown() -> Response:
    why, mend = "no inbox is opened by it", "send Authorization: Bearer TOKEN"
    finding = problems.found(problems.UNAUTHORIZED, "the token is missing or unknown", why, mend)
    return problems.problem(finding, {"WWW-Authenticate": "Bearer"})


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise TollbookError(problems.found(problems.NO_QUESTION, f"unread is {text!r}", "", "send true or false"))
    return text == "true"


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        what = f"{text!r} is no number from 0 to {most}"
        raise TollbookError(problems.found(problems.NO_QUESTION, what, "", "correct the query"))
    return int(text)


def _ident(text: str) -> int:
    """The number of a document; 0, which none has, for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _view(one: InboxDocument) -> dict[str, Any]:
    files = [{"name": f.name, "media_type": f.media_type, "size": f.size, "sha256": f.sha256} for f in one.files]
    assert one.at is not None
    return {
        "id": one.id,
        "number": one.number,
        "kind": one.kind,
        **one.detail,
        "sha256": one.sha256,
        "files": files,
        "put_at": one.at.astimezone(UTC).isoformat(),
        "read_at": "" if one.read_at is None else one.read_at.astimezone(UTC).isoformat(),
    }
