"""Calls over HTTP for plug-ins: each failure in the class that is true of it, and answers read with exact numbers.

Needs httpx2, which comes with the extras of the adapters that call over HTTP.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx2
import msgspec

from engine.base.threads import ready_for_threads
from engine.ports.hookspecs.plugin import Permanent, Transient, Unknown
from engine.ports.hookspecs.telling import one_by_one as one_by_one

T = TypeVar("T")
R = TypeVar("R")

SHOWN: Final = 500
"""Characters of an answer that a failure repeats."""

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class Reply(msgspec.Struct, frozen=True):
    """What came back: status and body.  ``acts`` says whether the call may have changed something."""

    status: int
    body: bytes
    acts: bool = False

    def read(self, kind: type[T]) -> T:
        """The body as JSON of a kind; numbers become Decimal without passing through binary fractions, null is absent.

        Raises:
            Permanent, Unknown: it is no such JSON.
        """
        try:
            plain = json.loads(self.body, parse_float=Decimal, parse_constant=Decimal, object_hook=_present)
            return msgspec.convert(plain, kind)
        except (ValueError, ArithmeticError) as error:
            failure = Unknown if self.acts else Permanent
            raise failure(f"the service answered {self.status} with what cannot be read: {error}") from None


class Web:
    """The way to one service.  Threads may share it; connections are kept."""

    def __init__(
        self, url: str, wait: float, headers: Mapping[str, str] = {}, basic: tuple[str, str] | None = None
    ) -> None:
        """``wait`` is in seconds; ``basic`` is user and password of basic authentication."""
        plain = url.startswith("http://")  # certificates take long to read, and are of no use then
        self._client = httpx2.Client(
            base_url=url, timeout=wait, headers=dict(headers), auth=basic, trust_env=False, verify=not plain
        )

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = {},
        acts: bool = False,
    ) -> Reply:
        """Make a call.  Answers from 200 to 299, and refusals of what was sent, are returned.

        Args:
            method: GET, POST, PUT, DELETE.
            path: below the address of the service.
            body: what is sent as JSON; Decimal as numbers, with every digit.
            form: what is sent as a form instead.
            content: what is sent as it is instead; ``headers`` say what it is.
            query: parameters in the address.
            headers: more headers.
            acts: whether the call may change something, so that a broken connection leaves open what was done.

        Raises:
            Transient: no connection; too many calls (with what ``Retry-After`` says), or the service is not there for now.
            Permanent: the credentials are refused.
            Unknown: the connection broke after sending.
        """
        more = {**headers, **({"Content-Type": "application/json"} if body is not None else {})}
        content = content if body is None else _ENCODER.encode(body)
        try:
            reply = self._client.request(method, path, content=content, data=form, params=query, headers=more)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Transient(f"no connection: {error}") from None
        except httpx2.HTTPError as error:
            raise Unknown(f"the connection broke: {type(error).__name__}") from None
        return self._classed(Reply(reply.status_code, reply.content, acts), reply.headers.get("Retry-After", ""))

    def _classed(self, reply: Reply, later: str) -> Reply:
        if reply.status in (401, 403):
            raise Permanent(f"the service refused the credentials: {_text(reply)}")
        if reply.status in (429, 503):
            raise Transient(f"the service answered {reply.status}: {_text(reply)}", _seconds(later))
        if reply.status >= 500:
            failure = Unknown if reply.acts else Transient
            raise failure(f"the service answered {reply.status}: {_text(reply)}")
        return reply


def side_by_side(work: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    """What ``work`` gives for each item, in their order, with so many calls at once.  The first failure is raised."""
    if threads < 2 or len(items) < 2:
        return [work(item) for item in items]
    ready_for_threads()
    with ThreadPoolExecutor(min(threads, len(items)), "call") as pool:
        return [*pool.map(lambda pair: pair[0].run(work, pair[1]), [(contextvars.copy_context(), i) for i in items])]


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(reply: Reply) -> str:
    return reply.body[:SHOWN].decode(errors="replace")


def _seconds(later: str) -> float:
    """What ``Retry-After`` says: seconds, or a moment; 0 where it says nothing that is understood."""
    if later.isdigit():
        return float(later)
    try:
        return max((parsedate_to_datetime(later) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0
