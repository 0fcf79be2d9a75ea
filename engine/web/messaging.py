"""``POST /v1/messages``: what CRM, ERP and provisioning say; a message that is acknowledged is committed.

``GET /v1/messages/schemas`` has the schemas of all messages, the ones that go out among them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.app import ExchangeDesk, NotTaken, message_schemas
from engine.base.errors import TollbookError
from engine.config.api import Client
from engine.model.journal import Change
from engine.web import bodies, problems
from engine.web.access import Access
from engine.web.throttle import Throttle

EXCHANGE: Final = "exchange"
"""What a client needs to be allowed."""
MEGABYTES: Final = 1
"""The largest body."""

SCHEMAS: Final[dict[str, Any]] = {
    "MessageAnswer": {
        "type": "object",
        "required": ["id", "kind", "version", "state"],
        "properties": {
            "id": {"type": "string"},
            "kind": {"type": "string"},
            "version": {"type": "string"},
            "state": {
                "enum": ["taken", "known", "proposed"],
                "description": "taken now, known from before, or proposed: a second person has to approve it.",
            },
        },
    },
    "Message": {
        "description": "A message: its kind says what its data are.",
        "type": "object",
        "required": ["id", "kind", "version", "data"],
        "properties": {
            "id": {"type": "string", "minLength": 1, "maxLength": 200},
            "kind": {"enum": ["account", "order", "activation", "suspension", "payment"]},
            "version": {"type": "string"},
            "at": {"type": "string", "format": "date-time"},
            "data": {"type": "object", "description": "As GET /v1/messages/schemas says of the kind."},
        },
    },
}
BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}},
}


def answers(common: Mapping[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Answers to a message; problems are described as those of usage are."""
    whole = {"application/json": {"schema": {"$ref": "#/components/schemas/MessageAnswer"}}}
    told = {
        409: "Another message was taken under the id; both are kept.",
        422: "The message is not as its schema says, or the books cannot take it: errors says why, field by field.",
    }
    problem = common[400]["content"]
    return {
        200: {"description": "It is in the books: now, or from before.", "content": whole},
        **{status: one for status, one in common.items() if status not in (200, 207)},
        **{status: {"description": text, "content": problem} for status, text in told.items()},
    }


class Messaging:
    """What a process of the server needs to take messages."""

    def __init__(self, desk: Callable[[], ExchangeDesk], access: Access, throttle: Throttle, waiting: int) -> None:
        self._desk, self._access, self._throttle, self._places = desk, access, throttle, waiting
        self._pool = ThreadPoolExecutor(1, "messages")
        self._held = bodies.Held(8 * bodies.MEGABYTE)
        self._inside = 0

    def close(self) -> None:
        """End the thread, when no request is under way any more."""
        self._pool.shutdown()

    async def message(self, request: Request) -> Response:
        """The answer to a message."""
        headers: Mapping[str, str] = {}
        try:
            client = self._client(request)
            verdict = self._throttle.take(client, 1, datetime.now(UTC).date())
            headers = verdict.headers
            if verdict.refused is not None:
                return problems.problem(verdict.refused, headers)
            text = await self._text(request)
            change = Change(f"client/{client.name}", datetime.now(UTC), "message over HTTP")
            taken = await self._work(lambda: self._desk().take(text, client.name, change))
        except ClientDisconnect:
            return problems.problem(problems.found(problems.SLOW, "the body was broken off"), headers)
        except NotTaken as error:
            errors = [_field(flaw.finding, flaw.field) for flaw in error.flaws]
            return problems.refusal(error, headers, field=errors[0]["field"], errors=errors)
        except TollbookError as error:
            first = error.findings[0]
            field = first.where.file
            return problems.refusal(error, headers, field=field, errors=[_field(first, field)] if field else [])
        return problems.answer(msgspec.to_builtins(taken), 200, headers)

    async def schemas(self, request: Request) -> Response:
        """The schemas of all messages."""
        try:
            self._client(request)
        except TollbookError as error:
            return problems.refusal(error, {"WWW-Authenticate": "Bearer"})
        return problems.answer(message_schemas())

    def _client(self, request: Request) -> Client:
        client = self._access.client(request.headers.get("authorization", ""))
        if client is None:
            mend = "send Authorization: Bearer TOKEN"
            raise TollbookError(problems.found(problems.UNAUTHORIZED, "the token is missing or unknown", "", mend))
        if EXCHANGE not in client.may:
            what = f"client {client.name!r} may not exchange messages"
            mend = f"add {EXCHANGE} to what it may, under api.clients"
            raise TollbookError(problems.found(problems.FORBIDDEN, what, "", mend))
        return client

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

    async def _work(self, work: Callable[[], Any]) -> Any:
        """Do it in the thread of messages, unless as many wait as may."""
        if self._inside >= self._places:
            why, mend = f"{self._places} messages wait", "send it again in a second"
            raise TollbookError(problems.found(problems.BUSY, "as many messages wait as may", why, mend))
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._inside -= 1


def _field(finding: Any, field: str) -> dict[str, Any]:
    return problems.body(finding, problems.status_of(finding.code), {"field": field})
