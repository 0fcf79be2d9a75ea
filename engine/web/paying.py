"""``POST /v1/payments/{adapter}/events``: what payment providers tell by themselves.

There is no token: whether a message is the provider's says its signature, which the adapter checks.  A message is acknowledged
once it is in the books, so that the provider sends again what was not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.app import PaymentDesk
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.web import bodies, problems

MEGABYTES: Final = 1
"""The largest body."""

SCHEMAS: Final[dict[str, Any]] = {
    "PaymentEvents": {
        "type": "object",
        "description": "What became of the events of a message: each counts once, however often it comes.",
        "required": ["events"],
        "properties": {
            "events": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"},
                        "kind": {"type": "string"},
                        "known": {"type": "boolean", "description": "Whether it came before."},
                    },
                },
            }
        },
    },
}

BODY: Final[dict[str, Any]] = {
    "required": True,
    "description": "The message as the provider sends it, with the headers that sign it.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}


def answers(common: Mapping[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Answers to a message; problems are described as those of usage are."""
    whole = {"application/json": {"schema": {"$ref": "#/components/schemas/PaymentEvents"}}}
    told = {
        400: "The signature is missing, too old or not good; nothing of it is taken.",
        404: "There is no such adapter, or it hears nothing.",
        422: "The books cannot take it now, for the reason that is said; it may come again.",
    }
    problem = common[400]["content"]
    return {
        200: {"description": "It is in the books: now, or from before.", "content": whole},
        **{status: one for status, one in common.items() if status in (408, 413, 500, 503)},
        **{status: {"description": text, "content": problem} for status, text in told.items()},
    }


class Paying:
    """What a process of the server needs to hear of payments."""

    def __init__(self, desk: Callable[[], PaymentDesk], waiting: int) -> None:
        """``waiting`` is how many messages may wait to be written."""
        self._desk, self._most, self._inside = desk, waiting, 0
        self._pool = ThreadPoolExecutor(1, "payments")
        self._held = bodies.Held(8 * bodies.MEGABYTE)

    async def hear(self, request: Request, adapter: str) -> Response:
        """The answer to a message."""
        if self._inside >= self._most:
            why, mend = "as many messages wait as may", "send it again in a second"
            return problems.problem(problems.found(problems.BUSY, "the message was not taken", why, mend))
        self._inside += 1
        try:
            body = await self._body(request)
            change = Change(f"adapter/{adapter}", datetime.now(UTC), "message of the payment provider")
            work = asyncio.get_running_loop().run_in_executor
            headers = dict(request.headers)
            heard = await work(self._pool, lambda: self._desk().hear(adapter, body, headers, change))
        except ClientDisconnect:
            return problems.problem(problems.found(problems.SLOW, "the body was broken off"))
        except TollbookError as error:
            return problems.refusal(error)
        finally:
            self._inside -= 1
        return problems.answer({"events": [{"id": one.id, "kind": one.kind, "known": one.known} for one in heard]})

    def close(self) -> None:
        """End the thread, when no request is under way any more."""
        self._pool.shutdown()

    async def _body(self, request: Request) -> bytes:
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            self._held.add(size)
            mine += size

        try:
            return await bodies.whole(request, MEGABYTES, hold)
        finally:
            self._held.bytes -= mine
