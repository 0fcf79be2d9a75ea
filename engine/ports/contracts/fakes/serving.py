"""An HTTP service on a loopback address that answers JSON or XML, and fails as it is told."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

SWITCH = "/-/fail"
"""``POST /-/fail?fault=busy`` makes a service fail from now on; without a fault it works again."""


class Asked(NamedTuple):
    """A request: ``body`` is read from JSON with exact numbers, the fields of a form, or the bytes of XML; ``raw`` is as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any
    raw: bytes = b""


class Refused(Exception):
    """The answer to a request that cannot be done."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class Service:
    """What all fakes share.  ``fault`` is how it fails now; ``seen`` has method and path of each request.

    ``answer(asked)`` gives status and body, or raises :class:`Refused`; it runs under ``lock``.
    """

    spared: tuple[str, ...] = ()
    """Paths that no fault is for."""
    listens: ClassVar[int] = 0
    """The port that a new one listens on; 0: any that is free."""

    def __init__(self) -> None:
        self.fault = ""
        self.again_after = ""
        self.slow = threading.Event()
        self.seen: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.RLock()
        self.port = self.listens
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """What it answers."""
        raise NotImplementedError

    def garbled(self, answer: Any) -> Any:
        """The answer under a fault of its own; by default as it is."""
        return answer

    def start(self) -> None:
        """Listen, on the port of before."""
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.service = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self.slow.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(60)

    @contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        """A while in which it fails."""
        if fault == "refused":
            self.stop()
        self.fault = fault
        self.slow.clear()
        try:
            yield
        finally:
            self.fault = ""
            self.slow.set()
            if fault == "refused":
                self.start()

    @contextmanager
    def running(self) -> Iterator[Any]:
        """It, until the end of the block."""
        try:
            yield self
        finally:
            self.stop()


class Server(ThreadingHTTPServer):
    """What listens."""

    daemon_threads = True
    block_on_close = False
    service: Service


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def _handle(self) -> Any:
        service = self.server.service
        fault = "" if self.path in service.spared else service.fault
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        split = urlsplit(self.path)
        if split.path == SWITCH:
            service.fault = dict(parse_qsl(split.query)).get("fault", "")
            service.slow.clear()
            return self._say(200, {"fault": service.fault})
        path = unquote(split.path)
        service.seen.append(f"{self.command} {path}")
        service.headers.append(dict(self.headers))
        if fault in ("busy", "error", "limit"):
            return self._say({"busy": 503, "error": 500, "limit": 429}[fault], {"message": "come again"})
        if fault == "denied":
            said = f"not with {self.headers.get('Authorization') or self.headers.get('X-Password')}"
            return self._say(401, {"error": {"code": "AuthenticationException", "message": said}})
        kind = self.headers.get("Content-Type", "")
        body: Any = dict(parse_qsl(data.decode())) if "urlencoded" in kind else data if "xml" in kind else None
        if data and body is None:
            body = json.loads(data, parse_float=Decimal)
        asked = Asked(
            self.command, path, dict(parse_qsl(split.query)), cast(Mapping[str, str], self.headers), body, data
        )
        with service.lock:
            try:
                status, answer = service.answer(asked)
            except Refused as refused:
                status, answer = refused.status, refused.body
            answer = service.garbled(answer)
        if fault == "slow":
            service.slow.wait(60)
        if fault == "broken-off":
            return self.connection.close()
        return self._say(status, answer)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def _say(self, status: int, answer: Any) -> None:
        garbled = self.server.service.fault == "malformed" and self.path not in self.server.service.spared
        data = b"<html>" if garbled else answer if isinstance(answer, bytes) else to_json(answer)
        try:
            self.send_response(status)
            self.send_header("Content-Type", "text/xml" if isinstance(answer, bytes) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("x-correlation-id", str(uuid.uuid4()))
            if self.server.service.again_after:
                self.send_header("Retry-After", self.server.service.again_after)
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass  # whoever asked is gone

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def to_json(value: Any) -> bytes:
    """JSON in which a Decimal is a number with all its digits."""
    return ENCODER.encode(value)


ENCODER = msgspec.json.Encoder(decimal_format="number")
