"""``POST /v1/triggers``: what was accepted, went live or was revoked; whatever is acknowledged is committed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.app import Recorded, TriggerDesk
from engine.base.errors import Finding, TollbookError
from engine.model.journal import Change
from engine.web import bodies, problems
from engine.web.access import Access
from engine.web.throttle import Throttle

TRIGGER: Final = "trigger"
"""What a client needs to be allowed."""
MOST: Final = 100
"""Triggers of one request."""
MEGABYTES: Final = 1
"""The largest body."""


class Triggering:
    """What a process of the server needs to take triggers."""

    def __init__(self, desk: TriggerDesk, access: Access, throttle: Throttle) -> None:
        self._desk, self._access, self._throttle = desk, access, throttle
        self._pool = ThreadPoolExecutor(1, "triggers")
        self._held = bodies.Held(8 * bodies.MEGABYTE)

    async def triggers(self, request: Request) -> Response:
        """The answer to triggers."""
        client = self._access.client(request.headers.get("authorization", ""))
        if client is None:
            mend = "send Authorization: Bearer TOKEN"
            unknown = problems.found(problems.UNAUTHORIZED, "the token is missing or unknown", "", mend)
            return problems.problem(unknown, {"WWW-Authenticate": "Bearer"})
        if TRIGGER not in client.may:
            what = f"client {client.name!r} may not send triggers"
            mend = f"add {TRIGGER} to what it may, under api.clients"
            return problems.problem(problems.found(problems.FORBIDDEN, what, "", mend))
        try:
            rows = self._desk.rows(await self._text(request))
            if not rows:
                return problems.problem(_nothing())
            if len(rows) > MOST:
                return problems.problem(_too_many(len(rows)))
            now = datetime.now(UTC)
            verdict = self._throttle.take(client, len(rows), now.date())
            if verdict.refused is not None:
                return problems.problem(verdict.refused, verdict.headers)
            change = Change(f"client/{client.name}", now, "triggers over HTTP")
            work = asyncio.get_running_loop().run_in_executor
            told = await work(self._pool, self._desk.record, rows, change, client.name)
        except ClientDisconnect:
            return problems.problem(problems.found(problems.SLOW, "the body was broken off"))
        except TollbookError as error:
            return problems.refusal(error)
        return _answer(told, len(rows), dict(verdict.headers))

    def close(self) -> None:
        """End the thread, when no request is under way any more."""
        self._pool.shutdown()

    async def _text(self, request: Request) -> str:
        if bodies.form_of(request) != "json":
            what = f"a body of type {request.headers.get('content-type', '')!r} is not read"
            raise TollbookError(problems.found(problems.MEDIA_TYPE, what, "", "send application/json, in UTF-8"))
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            self._held.add(size)
            mine += size

        try:
            return bodies.text_of(await bodies.whole(request, MEGABYTES, hold))
        finally:
            self._held.bytes -= mine


def _answer(told: Recorded, count: int, headers: dict[str, str]) -> Response:
    refused = len({problem.position for problem in told.problems})
    content: dict[str, Any] = {"taken": told.taken, "known": told.known, "refused": refused, "through": count}
    if not told.problems:
        return problems.answer(content, 200, headers)
    if told.taken or told.known:
        return problems.answer({**content, "errors": problems.events(told.problems)}, 207, headers)
    status, content = problems.none_of(told.problems, refused, count == 1, content)
    return problems.answer(content, status, headers)


def _nothing() -> Finding:
    return problems.found(problems.NOTHING, "the list is empty", "", "send at least one trigger")


def _too_many(count: int) -> Finding:
    what, why = f"a request of {count} triggers", f"at most {MOST} come in one request"
    return problems.found(problems.TOO_MANY, what, why, "send several requests")
