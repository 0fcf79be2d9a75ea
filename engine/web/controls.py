"""``/v1/control-totals``: what sources say they have counted comes in, and what is missing is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.app import ControlDesk
from engine.base.errors import Code, Finding, TollbookError
from engine.config.api import Client
from engine.model.journal import Change
from engine.web import bodies, problems
from engine.web.access import Access
from engine.web.throttle import INGEST, Throttle

BAD_QUERY = Code("web.bad-query", "A question whose parameters are not as the API wants them.")

MOST: Final = 1_000
"""Totals of one request."""
MEGABYTES: Final = 1
"""The largest body."""
LISTED: Final = 1_000
"""Differences that one answer lists; it says how many there are."""


class Controls:
    """What a process of the server needs to take control totals, and to say what is missing."""

    def __init__(self, desk: Callable[[], ControlDesk], access: Access, throttle: Throttle, waiting: int) -> None:
        self._desk, self._access, self._throttle, self._places = desk, access, throttle, waiting
        self._pool = ThreadPoolExecutor(1, "controls")
        self._held = bodies.Held(8 * bodies.MEGABYTE)
        self._inside = 0

    def close(self) -> None:
        """End the thread, when no request is under way any more."""
        self._pool.shutdown()

    async def totals(self, request: Request) -> Response:
        """The answer to control totals."""
        headers: Mapping[str, str] = {}
        try:
            client = self._client(request)
            rows = self._desk().rows(await self._text(request))
            if not rows:
                raise TollbookError(
                    problems.found(problems.NOTHING, "the list is empty", "", "send at least one total")
                )
            if len(rows) > MOST:
                what, why = f"a request of {len(rows)} totals", f"at most {MOST} come in one request"
                raise TollbookError(problems.found(problems.TOO_MANY, what, why, "send several requests"))
            headers = self._pass(client, len(rows))
            change = Change(f"client/{client.name}", datetime.now(UTC), "control totals over HTTP")
            told = await self._work(lambda: self._desk().receive(rows, change, client.name))
        except ClientDisconnect:
            return problems.problem(problems.found(problems.SLOW, "the body was broken off"), headers)
        except Refused as refused:
            return problems.problem(refused.finding, refused.headers)
        except TollbookError as error:
            return problems.refusal(error, headers)
        refused_rows = len({problem.position for problem in told.problems})
        content: dict[str, Any] = {
            "taken": told.taken,
            "known": told.known,
            "refused": refused_rows,
            "through": len(rows),
        }
        if not told.problems:
            return problems.answer(content, 200, headers)
        if told.taken or told.known:
            return problems.answer({**content, "errors": problems.events(told.problems)}, 207, headers)
        status, content = problems.none_of(told.problems, refused_rows, len(rows) == 1, content)
        return problems.answer(content, status, headers)

    async def missing(self, request: Request) -> Response:
        """The answer to the question what is missing, or differs."""
        try:
            client = self._client(request)
            given = request.query_params
            on = _day(given["on"]) if "on" in given else datetime.now(UTC).date()
            headers = self._pass(client, 1)
            change = Change(f"client/{client.name}", datetime.now(UTC), "what is missing, over HTTP")
            of = (given.get("entity", ""), given.get("source", ""))
            found = await self._work(lambda: self._desk().lacking(on, change, *of))
        except Refused as refused:
            return problems.problem(refused.finding, refused.headers)
        except TollbookError as error:
            return problems.refusal(error)
        listed = [msgspec.to_builtins(one) for one in found[:LISTED]]
        return problems.answer({"on": on.isoformat(), "count": len(found), "missing": listed}, 200, headers)

    def _client(self, request: Request) -> Client:
        client = self._access.client(request.headers.get("authorization", ""))
        if client is None:
            mend = "send Authorization: Bearer TOKEN"
            unknown = problems.found(problems.UNAUTHORIZED, "the token is missing or unknown", "", mend)
            raise Refused(unknown, {"WWW-Authenticate": "Bearer"})
        if INGEST not in client.may:
            what = f"client {client.name!r} may not send usage, nor ask what is missing of it"
            mend = f"add {INGEST} to what it may, under api.clients"
            raise Refused(problems.found(problems.FORBIDDEN, what, "", mend))
        return client

    def _pass(self, client: Client, count: int) -> Mapping[str, str]:
        verdict = self._throttle.take(client, count, datetime.now(UTC).date())
        if verdict.refused is not None:
            raise Refused(verdict.refused, verdict.headers)
        if self._inside >= self._places:
            why, mend = "the books are slower than what comes in", "send it again in a second"
            raise Refused(problems.found(problems.BUSY, "as many requests wait as may", why, mend), verdict.headers)
        return verdict.headers

    async def _work(self, work: Callable[[], Any]) -> Any:
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._inside -= 1

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


class Refused(Exception):
    """A request that is refused for one reason, with the headers of the answer."""

    def __init__(self, finding: Finding, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(finding.what)
        self.finding, self.headers = finding, headers or {}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(problems.found(BAD_QUERY, f"on is {text!r}, no day", "", "write it as 2026-01-31")) from None
