"""A vendor's system on a loopback address: quotes tax, takes documents once for each key, and fails as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIGITS = {"JPY": 0, "KWD": 3}
SECRET = "s3cret/Tök+n"


class Vendor:
    """The service.  ``fault`` is how it fails now; ``seen`` has the path of each request, ``arrived`` each document."""

    def __init__(self) -> None:
        self.fault: str = ""
        self.slow = threading.Event()
        self.seen: list[str] = []
        self.documents: dict[str, Any] = {}
        self.arrived: list[str] = []
        self.lock = threading.Lock()
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the port of before."""
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.vendor = self
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

    def quotes(self, body: Any) -> Any:
        """19 % on each line."""
        return {"lines": [self.quote(line) for line in body["lines"]]}

    def quote(self, line: dict[str, Any]) -> dict[str, str]:
        """19 % of a line, in its minor units."""
        unit = Decimal(1).scaleb(-DIGITS.get(line["currency"], 2))
        amount, rate = Decimal(line["net"]), Decimal("0.19")
        net = (amount / (1 + rate)).quantize(unit, ROUND_HALF_UP) if line.get("included") else amount
        tax = amount - net if line.get("included") else (net * rate).quantize(unit, ROUND_HALF_UP)
        return {"id": line["id"], "rate": "0.19", "tax": str(tax), "country": line["country"]}

    def take(self, items: Any) -> Any:
        """Each key once."""
        return [self.taken(item["key"], item["document"]) for item in items]

    def taken(self, key: str, document: Any) -> dict[str, Any]:
        """What becomes of one document."""
        with self.lock:
            if key not in self.documents:
                self.documents[key] = document
                self.arrived.append(document["number"])
            elif self.documents[key] != document:
                return {"key": key, "state": "rejected", "reason": "the key was used for another document"}
        return {"key": key, "state": "accepted", "evidence": {"receipt": f"R-{document['number']}"}}

    def status(self, items: Any) -> Any:
        """What is known of keys."""
        return [
            self.taken(item["key"], self.documents[item["key"]])
            if item["key"] in self.documents
            else {"key": item["key"], "state": "retry", "reason": "never seen"}
            for item in items
        ]


class Server(ThreadingHTTPServer):
    """What listens."""

    daemon_threads = True
    block_on_close = False
    vendor: Vendor


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_POST(self) -> None:
        """Answer it, or fail."""
        text = self.rfile.read(int(self.headers["Content-Length"]))
        vendor, fault = self.server.vendor, self.server.vendor.fault
        vendor.seen.append(self.path)
        work = {"/quotes": vendor.quotes, "/documents": vendor.take, "/status": vendor.status}[self.path]
        token = self.headers.get("Authorization", self.headers.get("X-Password", ""))
        if fault in ("busy", "error"):
            return self._say(503 if fault == "busy" else 500, "come again")
        if fault == "denied":
            return self._say(401, f"not with {token}")
        answer = json.dumps(work(json.loads(text)))
        if fault == "slow":
            vendor.slow.wait(60)
        if fault == "broken-off":
            return self.connection.close()
        return self._say(200, "<html>" if fault == "malformed" else answer)

    def _say(self, status: int, text: str) -> None:
        data = text.encode()
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass  # whoever asked is gone

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def vendor() -> Iterator[Vendor]:
    """The service, running."""
    made = Vendor()
    try:
        yield made
    finally:
        made.stop()
