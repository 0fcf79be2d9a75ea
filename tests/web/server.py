"""A server over a small company, in a thread of the test, and a client that speaks HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.app import App
from engine.base.errors import Finding
from engine.store.tables import USAGE_EVENT
from engine.web.server import Server
from tests import stories

TOKENS = {"ERP_TOKEN": "erp-token-of-the-tests-1", "APP_TOKEN": "app-token-of-the-tests-2", "EYE_TOKEN": "e" * 24}
CLIENTS = """
  clients:
    - {name: erp, token: "${ERP_TOKEN}", may: [ingest, trigger]}
    - {name: app, token: "${APP_TOKEN}"}
    - {name: eye, token: "${EYE_TOKEN}", may: []}
"""


class Said(NamedTuple):
    """An answer: status, headers in small letters, what its body says."""

    status: int
    headers: Mapping[str, str]
    body: Any


def event(key: str | None, quantity: Any = 1, **changed: Any) -> dict[str, Any]:
    """A usage event of the company; a value of None takes a field out."""
    made = {
        "key": key,
        "entity": "E1",
        "subscription": "S5",
        "meter": "calls",
        "time": "2026-01-20T10:00:00Z",
        "quantity": quantity,
        **changed,
    }
    return {name: value for name, value in made.items() if value is not None}


class Client:
    """Sends to one address with one token."""

    def __init__(self, address: str, token: str) -> None:
        self.host, self.token = address.removeprefix("http://"), token

    def send(
        self,
        body: bytes | Iterator[bytes] | None,
        kind: str = "application/json",
        *,
        method: str = "POST",
        path: str = "/v1/events",
        **headers: str,
    ) -> Said:
        """The answer to one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            if self.token:
                given.setdefault("Authorization", f"Bearer {self.token}")
            connection.request(method, path, body, {"Content-Type": kind, **given} if kind else given)
            answer = connection.getresponse()
            text = answer.read()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Said(answer.status, named, json.loads(text) if text else None)
        finally:
            connection.close()

    def post(self, content: Any, kind: str = "application/json", **headers: str) -> Said:
        """The answer to a value as JSON."""
        return self.send(json.dumps(content).encode(), kind, **headers)

    def lines(self, events: Sequence[Any]) -> Said:
        """The answer to events, one a line."""
        text = "".join(f"{json.dumps(one)}\n" for one in events)
        return self.send(text.encode(), "application/x-ndjson")


class Running(NamedTuple):
    """A server that answers."""

    app: App
    address: str
    said: list[Finding]

    def client(self, name: str = "erp") -> Client:
        """A client of the configuration."""
        return Client(self.address, TOKENS[f"{name.upper()}_TOKEN"])

    def usage(self) -> dict[str, str]:
        """Quantities of the usage that came over HTTP, by source and key."""
        with self.app.books.reader() as reader:
            column = USAGE_EVENT.c
            rows = reader.rows(sa.select(column.source, column.key, column.quantity).order_by(column.id))
        return {f"{source}/{key}": f"{quantity.normalize():f}" for source, key, quantity in rows if source != "import"}


def company(folder: Path, rules: str = "", api: str = "") -> Path:
    """A company whose configuration names clients; ``rules`` replaces the limits."""
    stories.write(folder, rules={"limits/default.yaml": rules} if rules else None)
    with (folder / "config.yaml").open("a") as file:
        file.write(f"api:\n  largest_body: 1\n{api}{CLIENTS}")
    return folder


def limits(client: int, burst: int, tenant: int = 1_000_000, largest: int = 0) -> str:
    """Rules that let a client send so many events a second, and so many at once."""
    whole = f"burst: {burst}, largest_batch: {largest or burst}, ahead_seconds: 60"
    return f"""
ruleset: limits/default
effective: {{from: 2000-01-01}}
rules:
  - {{id: client, when: bucket == "client", then: {{events_per_second: {client}, {whole}}}}}
  - id: tenant
    when: bucket == "tenant"
    then: {{events_per_second: {tenant}, burst: {tenant}, largest_batch: 1}}
"""


@contextmanager
def running(folder: Path, url: str, clock: Callable[[], float] = time.monotonic) -> Iterator[Running]:
    """A server over a company that is imported into the books at ``url``; limits are counted by ``clock``."""
    with stories.opened(folder, url) as app:
        stories.load(app, folder / "data")
        told: list[Finding] = []
        server = Server(app, "127.0.0.1", 0, 1, TOKENS, told.append, clock)
        end, hold = os.pipe()
        thread = threading.Thread(target=server.answer, args=(end,), daemon=True)
        thread.start()
        try:
            yield Running(app, server.address, told)
        finally:
            os.close(hold)
            thread.join(30)
            os.close(end)
            server.close()


def until(truth: Any, seconds: float = 20) -> None:
    """Wait until something is so."""
    last = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < last, "it did not come about"
        time.sleep(0.02)
