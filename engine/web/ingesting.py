"""``POST /v1/events``: from a request to an answer; whatever is acknowledged is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.app import Ingested, Judged, UsageDoor
from engine.base.errors import Finding, TollbookError
from engine.config.api import Client
from engine.web import bodies, problems
from engine.web.access import Access
from engine.web.throttle import INGEST, Throttle
from engine.web.writing import Full, Writing

IN_LINE: Final = 100_000
"""Bytes of a body that are read without leaving the loop; longer ones are read beside it."""
HELD: Final = 8
"""Bodies of the largest size that may be in memory at once; smaller ones are more."""
STREAM: Final = 1_000
"""Lines of a stream that are written at a time."""


class Sum(msgspec.Struct):
    """What became of the events of one request so far; ``through`` is the last position that is dealt with."""

    taken: int = 0
    known: int = 0
    refused: int = 0
    through: int = 0
    problems: list[Any] = []
    warnings: list[Finding] = []
    unread: set[str] = set()

    def add(self, judged: Judged, told: Ingested, last: int) -> None:
        """Add what became of further events, of which ``last`` is the last."""
        found = sorted([*judged.problems, *told.problems], key=lambda one: one.position)
        self.taken += told.taken
        self.known += told.known
        self.refused += len({one.position for one in found})
        self.problems += found[: problems.LISTED - len(self.problems)]
        self.warnings += told.warnings[: problems.LISTED - len(self.warnings)]
        self.unread |= judged.unread
        self.through = last

    def members(self) -> dict[str, Any]:
        """What an answer says of it."""
        said: dict[str, Any] = {"taken": self.taken, "known": self.known, "refused": self.refused}
        said["through"] = self.through
        if self.unread:
            said["ignored"] = sorted(self.unread)
        if self.warnings:
            said["warnings"] = [{"code": str(f.code), "detail": f.what, "reason": f.why} for f in self.warnings]
        return said


class Ingesting:
    """What a process of the server needs to answer."""

    def __init__(self, door: UsageDoor, access: Access, throttle: Throttle, waiting: int, megabytes: int) -> None:
        self._door, self._access, self._throttle, self._megabytes = door, access, throttle, megabytes
        self._pool = ThreadPoolExecutor(1, "writing")
        self._reading = ThreadPoolExecutor(2, "reading")
        self._held = bodies.Held(HELD * megabytes * bodies.MEGABYTE)
        self._writing = Writing(door, waiting, len(access.clients), self._pool)

    async def events(self, request: Request) -> Response:
        """The answer to usage events."""
        client = self._access.client(request.headers.get("authorization", ""))
        refused = _may(client)
        if refused is not None or client is None:
            return problems.problem(refused or _unknown(), {} if client else {"WWW-Authenticate": "Bearer"})
        total = Sum()
        headers: Mapping[str, str] = {}
        try:
            form = bodies.form_of(request)
            now = datetime.now(UTC)
            first = self._throttle.take(client, 0, now.date())
            headers = first.headers
            if first.refused is not None:
                return problems.problem(first.refused, headers)
            if not self._writing.room(client.name):
                raise Full
            if form == bodies.LINES:
                headers = await self._stream(request, client, total)
            else:
                headers = await self._body(request, client, form, total)
        except Full:
            return problems.problem(_busy(), headers, **_so_far(total))
        except Over as over:
            return problems.problem(over.finding, over.headers, **_so_far(total))
        except ClientDisconnect:
            return problems.problem(problems.found(problems.SLOW, "the body was broken off"), headers, **_so_far(total))
        except TollbookError as error:
            return problems.refusal(error, headers, **_so_far(total))
        return _answer(total, headers)

    async def ready(self) -> None:
        """Nothing, where the books can be read.  Raises TollbookError."""
        await asyncio.get_running_loop().run_in_executor(self._reading, self._door.ready)

    def close(self) -> None:
        """End the threads, when no request is under way any more."""
        self._pool.shutdown()
        self._reading.shutdown()

    async def _body(self, request: Request, client: Client, form: str, total: Sum) -> Mapping[str, str]:
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            self._held.add(size)
            mine += size

        try:
            body = await bodies.whole(request, self._megabytes, hold)
            return await self._events(request, client, form, body, total)
        finally:
            self._held.bytes -= mine

    async def _events(self, request: Request, client: Client, form: str, body: bytes, total: Sum) -> Mapping[str, str]:
        now = datetime.now(UTC)
        limit = self._throttle.limit(client.name, now.date())
        long = len(body) > IN_LINE
        sent = await self._beside(long, self._door.read, body, form, request.headers)
        if not sent:
            raise TollbookError(problems.found(problems.NOTHING, "the list is empty", "", "send at least one event"))
        if len(sent) > limit.largest:
            what, why = f"a request of {len(sent)} events", f"at most {limit.largest} come in one request"
            mend = "send smaller batches, or a stream of lines as application/x-ndjson"
            raise TollbookError(problems.found(problems.TOO_MANY, what, why, mend))
        headers = self._pass(client, len(sent), now.date())
        judged = await self._beside(long, self._door.judge, sent, client.name, now, limit.ahead)
        await self._write(client, judged, total, len(sent))
        return headers

    async def _stream(self, request: Request, client: Client, total: Sum) -> Mapping[str, str]:
        limit = self._throttle.limit(client.name, datetime.now(UTC).date())
        headers: Mapping[str, str] = {}
        async for batch in bodies.batches_of_lines(request, min(STREAM, limit.largest)):
            now = datetime.now(UTC)
            headers = self._pass(client, len(batch), now.date())
            numbers, lines = zip(*batch, strict=True)
            sent = await self._beside(True, self._door.lines, lines)
            judged = await self._beside(True, self._door.judge, sent, client.name, now, limit.ahead, numbers)
            await self._write(client, judged, total, numbers[-1])
        if not total.through:
            raise TollbookError(problems.found(problems.NOTHING, "the stream is empty", "", "send at least one event"))
        return headers

    async def _write(self, client: Client, judged: Judged, total: Sum, last: int) -> None:
        told = await self._writing.put(client.name, judged.good) if len(judged.good) else Ingested()
        total.add(judged, told, last)

    async def _beside(self, long: bool, work: Any, *arguments: Any) -> Any:
        """The result of ``work``, done in another thread where it takes long."""
        if not long:
            return work(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._reading, work, *arguments)

    def _pass(self, client: Client, events: int, day: date) -> Mapping[str, str]:
        verdict = self._throttle.take(client, events, day)
        if verdict.refused is not None:
            raise Over(verdict.refused, verdict.headers)
        return verdict.headers


class Over(Exception):
    """Events over a limit."""

    def __init__(self, finding: Finding, headers: Mapping[str, str]) -> None:
        super().__init__(finding.what)
        self.finding, self.headers = finding, headers


def _unknown() -> Finding:
    why, mend = "no client of the server has it", "send Authorization: Bearer TOKEN"
    return problems.found(problems.UNAUTHORIZED, "the token is missing or unknown", why, mend)


def _may(client: Client | None) -> Finding | None:
    if client is None:
        return _unknown()
    if INGEST not in client.may:
        what = f"client {client.name!r} may not send usage events"
        return problems.found(problems.FORBIDDEN, what, "", f"add {INGEST} to what it may, under api.clients")
    return None


def _busy() -> Finding:
    why, mend = "the books are slower than what comes in", "send it again in a second"
    return problems.found(problems.BUSY, "as many requests wait to be written as may", why, mend)


def _so_far(total: Sum) -> dict[str, Any]:
    """How far a stream came before it was refused."""
    return {**total.members(), "errors": problems.events(total.problems)}


def _answer(total: Sum, headers: Mapping[str, str]) -> Response:
    content = total.members()
    if not total.problems:
        return problems.answer(content, 200, headers)
    if total.taken or total.known:
        return problems.answer({**content, "errors": problems.events(total.problems)}, 207, headers)
    status, content = problems.none_of(total.problems, total.refused, total.through == 1, content)
    return problems.answer(content, status, headers)
