"""What stands between an adapter and the system it calls over HTTP, and makes trouble on the way."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

GARBAGE: Final = b"\x00\xfe\xff<garbage {\x1f]"
HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "proxy-connection"})
"""Headers that are those of one connection."""
WAIT: Final = 60.0
"""Seconds that an answer is held back at most."""

Said = tuple[int, list[tuple[str, str]], bytes]


class Proxy:
    """Hands on what it is asked.  ``trouble`` says what goes wrong meanwhile; ``release`` lets go of what it holds back."""

    def __init__(self, target: str) -> None:
        self.host, self.trouble = urlsplit(target).netloc, ""
        self.release = threading.Event()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.proxy = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        """Listen no more."""
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(WAIT)

    def ask(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Said:
        """What the system behind it answers."""
        connection = http.client.HTTPConnection(self.host, timeout=WAIT)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", self.host)
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in HOP]
            return reply.status, kept, reply.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: Proxy


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _hand_on(self) -> None:
        proxy, trouble = self.server.proxy, self.server.proxy.trouble
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in HOP]
        try:
            said = proxy.ask(self.command, self.path, headers, body)
            if trouble == "dup":
                said = proxy.ask(self.command, self.path, headers, body)
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return
        if trouble in ("timeout", "late"):
            proxy.release.wait(WAIT)
        if trouble == "timeout":
            self.connection.close()
            return
        self._say(*said, trouble)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _hand_on

    def _say(self, status: int, headers: list[tuple[str, str]], body: bytes, trouble: str) -> None:
        status, body = (200, GARBAGE) if trouble == "garbage" else (status, body)
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) or (1 if trouble == "partial" else 0)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if trouble == "partial" else body)
            if trouble == "partial":
                self.wfile.flush()
                self.connection.close()
        except OSError:
            pass  # whoever asked is gone

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def proxied(target: str) -> Iterator[Proxy]:
    """A proxy before an address, until the end of the block."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.stop()
