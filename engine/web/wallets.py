"""``/v1/wallets``: what is in a wallet, and movements of it; whatever is acknowledged is committed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.app import Asked, Moved, WalletDesk
from engine.base.errors import Finding, TollbookError
from engine.config.api import Client
from engine.model.journal import Change
from engine.web import bodies, problems
from engine.web.access import Access
from engine.web.throttle import Throttle

DRAW: Final = "draw"
GRANT: Final = "grant"
AT_ONCE: Final = 4
"""Movements that one process writes at a time; those of one wallet wait for each other in any case."""
LARGEST: Final = Decimal(10) ** 12
MEGABYTES: Final = 1
MOST: Final = 1_000
"""Movements that one answer lists."""

Work = Callable[[], Any]


class Draw(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=DRAW, tag_field="kind"):
    """A draw as it is sent."""

    key: str
    amount: Decimal
    entity: str = ""
    on: date | None = None


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=GRANT, tag_field="kind"):
    """A grant as it is sent."""

    key: str
    amount: Decimal | None = None
    units: Decimal | None = None
    promotional: bool = False
    cost: Decimal | None = None
    entity: str = ""
    on: date | None = None
    expires_on: date | None = None
    priority: int = 1


class Refused(Exception):
    """A request that is refused for one reason, with the headers of the answer."""

    def __init__(self, finding: Finding, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(finding.what)
        self.finding, self.headers = finding, headers or {}


class Wallets:
    """What a process of the server needs to answer about wallets."""

    def __init__(self, desk: Callable[[], WalletDesk], access: Access, throttle: Throttle, waiting: int) -> None:
        self._desk, self._access, self._throttle, self._places = desk, access, throttle, waiting
        self._pool = ThreadPoolExecutor(AT_ONCE, "wallets")
        self._inside = 0

    def close(self) -> None:
        """End the threads, when no request is under way any more."""
        self._pool.shutdown()

    async def move(self, request: Request, wallet: str) -> Response:
        """The answer to a movement."""
        try:
            client, headers = self._passed(request, 1)
            asked = await _asked(request)
            call = DRAW if isinstance(asked, Draw) else GRANT
            if call not in client.may:
                raise Refused(_may_not(client, call))
            change = Change(f"client/{client.name}", datetime.now(UTC), f"{call} over HTTP")
            return await self._answer(lambda: _told(self._moved(wallet, asked, change)), headers)
        except Refused as refused:
            return problems.problem(refused.finding, refused.headers)
        except ClientDisconnect:
            return problems.problem(problems.found(problems.SLOW, "the body was broken off"))
        except TollbookError as error:
            return problems.refusal(error)

    async def look(self, request: Request, wallet: str) -> Response:
        """The answer to the question what is in a wallet."""
        try:
            client, headers = self._passed(request, 0)
            if not {DRAW, GRANT} & client.may:
                raise Refused(_may_not(client, DRAW))
            given = request.query_params
            after, limit = _number(given.get("after", "0"), 0, 2**62), _number(given.get("limit", "100"), 0, MOST)
            today, entity = datetime.now(UTC).date(), _word(given.get("entity", ""), "entity", least=0)
            return await self._answer(lambda: _view(self._desk().shown(wallet, today, entity, after, limit)), headers)
        except Refused as refused:
            return problems.problem(refused.finding, refused.headers)
        except TollbookError as error:
            return problems.refusal(error)

    def _passed(self, request: Request, count: int) -> tuple[Client, Mapping[str, str]]:
        """Who asks, and the headers that say how they stand."""
        client = self._access.client(request.headers.get("authorization", ""))
        if client is None:
            why, mend = "no client of the server has it", "send Authorization: Bearer TOKEN"
            finding = problems.found(problems.UNAUTHORIZED, "the token is missing or unknown", why, mend)
            raise Refused(finding, {"WWW-Authenticate": "Bearer"})
        verdict = self._throttle.take(client, count, datetime.now(UTC).date())
        if verdict.refused is not None:
            raise Refused(verdict.refused, verdict.headers)
        if self._inside >= self._places:
            why, mend = "the books are slower than what comes in", "send it again in a second"
            raise Refused(problems.found(problems.BUSY, "as many requests wait as may", why, mend), verdict.headers)
        return client, verdict.headers

    async def _answer(self, work: Work, headers: Mapping[str, str]) -> Response:
        """What ``work`` says, done in another thread."""
        self._inside += 1
        try:
            content = await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TollbookError as error:
            return problems.refusal(error, headers)
        finally:
            self._inside -= 1
        return problems.answer(content, 200, headers)

    def _moved(self, wallet: str, asked: Draw | Grant, change: Change) -> Moved:
        desk = self._desk()
        if isinstance(asked, Draw):
            return desk.draw(wallet, asked.key, asked.amount, change, asked.entity, asked.on)
        kind = "promotional" if asked.promotional else "paid"
        lot = (asked.key, asked.amount, asked.units, kind, asked.cost, asked.on, asked.expires_on, asked.priority)
        return desk.grant_at_once(wallet, Asked(*lot), change, asked.entity)


async def _asked(request: Request) -> Draw | Grant:
    """The movement in a body.

    Raises:
        Refused: it is none.
        TollbookError: ``web.media-type``, ``web.too-large``, ``web.slow``.
    """
    if bodies.form_of(request) != "json":
        raise Refused(problems.found(problems.MEDIA_TYPE, "a movement is sent as application/json"))
    text = bodies.text_of(await bodies.whole(request, MEGABYTES, lambda size: None))
    try:
        values = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise Refused(problems.found(problems.BROKEN, f"the body is no JSON: {error}")) from None
    try:
        asked: Draw | Grant = msgspec.convert(values, Draw | Grant)
    except msgspec.ValidationError as error:
        raise Refused(problems.found(problems.NO_MOVEMENT, str(error), "", "send what the API describes")) from None
    _word(asked.key, "key")
    _word(asked.entity, "entity", least=0)
    _in_bounds(asked)
    return asked


def _in_bounds(asked: Draw | Grant) -> None:
    for name in ("amount", "units", "cost"):
        value = getattr(asked, name, None)
        if value is not None and not (value.is_finite() and 0 <= value < LARGEST and value.as_tuple().exponent >= -12):
            what = f"{name} {value} is no amount from 0 to {LARGEST:f}"
            raise Refused(problems.found(problems.NO_MOVEMENT, what, "", "send what was meant"))
    if isinstance(asked, Grant) and not 0 <= asked.priority <= 1000:
        raise Refused(problems.found(problems.NO_MOVEMENT, f"priority {asked.priority}", "", "send 0 to 1000"))


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _word(text: str, name: str, least: int = 1) -> str:
    if not least <= len(text) <= 100 or not text.isprintable():
        what = f"{name} is empty, longer than 100 characters, or has some that cannot be printed"
        raise Refused(problems.found(problems.NO_MOVEMENT, what, "", "send another one"))
    return text


def _number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        what = f"{text!r} is no number from {least} to {most}"
        raise Refused(problems.found(problems.NO_MOVEMENT, what, "", "correct the query"))
    return int(text)


def _may_not(client: Client, call: str) -> Finding:
    what = f"client {client.name!r} may not {call}"
    return problems.found(problems.FORBIDDEN, what, "", f"add {call} to what it may, under api.clients")


def _told(moved: Moved) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(moved, findings=()))
    del said["findings"]
    if moved.findings:
        said["warnings"] = [{"code": str(f.code), "detail": f.what, "reason": f.why} for f in moved.findings]
    return said


def _view(view: Any) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(view)
    return said
