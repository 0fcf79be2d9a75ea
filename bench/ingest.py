"""Usage that comes in: events with keys against what the database can do at most, and events a second over HTTP."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from bench import company
from bench.measured import DAY, change, opened
from bench.postgres import database
from engine.app import App
from engine.runs.import_run import run_import
from engine.runs.intake.columns import Block

ACCOUNTS, EVENTS, BATCH, SECONDS, CONNECTIONS = 1_000, 100_000, 5_000, 6.0, 32
TOKEN = "token-of-the-measurement"
LIMITS = """
ruleset: limits/default
effective: {from: 2000-01-01}
rules: [{id: all, when: true, then: {events_per_second: 10000000, burst: 100000000, largest_batch: 1000000}}]
"""
COLUMNS = "(id bigint, tenant text, entity text, source text, key text, subscription_id bigint, meter text," + (
    " at timestamptz, day date, quantity numeric(19, 6), dimensions text)"
)


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    with tempfile.TemporaryDirectory() as name, database() as url:
        folder = Path(name)
        company.write(folder, ACCOUNTS, plan="one")
        (folder / "data" / "meters.csv").write_text("key,unit,aggregation\ncalls,call,sum\n")
        (folder / "rules" / "limits").mkdir()
        (folder / "rules" / "limits" / "default.yaml").write_text(LIMITS)
        with (folder / "config.yaml").open("a") as file:
            file.write('api: {waiting: 10000, clients: [{name: bench, token: "${BENCH_TOKEN}"}]}\n')
        app = opened(folder, url)
        try:
            run_import(app.books, app.tenant, folder / "data", change(), DAY)
            yield from _against_copy(app, url)
        finally:
            app.close()
        with _serving(folder, url) as address:
            yield from _over_http(address)
        app = opened(folder, f"sqlite:///{folder / 'books.db'}")
        try:
            run_import(app.books, app.tenant, folder / "data", change(), DAY)
            yield from _against_copy(app, f"sqlite:///{folder / 'books.db'}")
        finally:
            app.close()


def _event(number: int, kind: str) -> dict[str, Any]:
    """An event; keys grow, moments and quantities hardly ever repeat."""
    subscription = f"SA{number % ACCOUNTS:07d}-0"
    day, rest = divmod(number * 37, 86_400)
    time_of = f"2026-01-{1 + day % 28:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}Z"
    return {
        "key": f"{kind}-{number:09d}",
        "entity": "E1",
        "subscription": subscription,
        "meter": "calls",
        "time": time_of,
        "quantity": (number * 7919 % 100_000) / 100,
    }


def _batches(kind: str) -> list[bytes]:
    starts = range(0, EVENTS, BATCH)
    return [json.dumps([_event(n, kind) for n in range(start, start + BATCH)]).encode() for start in starts]


def _against_copy(app: App, url: str) -> Iterator[str]:
    door, now = app.usage_door(), datetime.now(UTC)

    def judged(body: bytes) -> Block:
        return door.judge(door.read(body, "json", {}), "bench", now, 3600).good

    assert door.write("bench", [judged(_batches("warm")[0])], now)[0].taken == BATCH
    blocks = [judged(body) for body in _batches("block")]
    began = time.perf_counter()
    told = [door.write("bench", [block], now)[0] for block in blocks]
    writing = time.perf_counter() - began
    bodies = _batches("json")
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as reading:  # the next batch is read while one is written, as the server does
        coming = reading.submit(judged, bodies[0])
        for body in [*bodies[1:], None]:
            block = coming.result()
            if body is not None:
                coming = reading.submit(judged, body)
            told += door.write("bench", [block], now)
    reading_too = time.perf_counter() - began
    assert sum(one.taken for one in told) == 2 * EVENTS
    limit, what = _limit(app, url)
    yield f"## Usage, {EVENTS:,} events with keys in transactions of {BATCH:,}, {app.books.dialect}"
    yield ""
    yield f"| what | events/s | against {what} |"
    yield "|---|---|---|"
    yield f"| {what} | {EVENTS / limit:,.0f} | 1 |"
    yield f"| into the books | {EVENTS / writing:,.0f} | {limit / writing:.2f} |"
    yield f"| from JSON into the books | {EVENTS / reading_too:,.0f} | {limit / reading_too:.2f} |"
    yield ""


def _limit(app: App, url: str) -> tuple[float, str]:
    """Seconds that the same number of events takes at least, and how."""
    if app.books.dialect == "postgresql":
        return _copied(url), "COPY of the same rows, no keys"
    return _executed(sa.make_url(url).database or ""), "executemany of the same rows, ordered keys"


def _executed(path: str) -> float:
    """Seconds of ``executemany`` into a SQLite table with nothing but a key, in as large transactions."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(f"SELECT * FROM usage_event ORDER BY id DESC LIMIT {EVENTS}").fetchall()[::-1]
        names = [column[1] for column in connection.execute("PRAGMA table_info(usage_event)")]
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"CREATE TABLE bare ({', '.join(names)}, UNIQUE (tenant, entity, source, key))")
        connection.commit()
        began = time.perf_counter()
        for start in range(0, EVENTS, BATCH):
            connection.executemany(
                f"INSERT INTO bare VALUES ({', '.join('?' * len(names))})", rows[start : start + BATCH]
            )
            connection.commit()
        return time.perf_counter() - began


def _copied(url: str) -> float:
    """Seconds that a COPY of the events in the books takes, out of memory, into a table without any key."""
    address = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        buffer = io.BytesIO()
        with connection.cursor().copy(
            f"COPY (SELECT * FROM usage_event ORDER BY id DESC LIMIT {EVENTS}) TO STDOUT"
        ) as out:
            for block in out:
                buffer.write(block)
        connection.execute(f"CREATE TABLE bare {COLUMNS}")
        connection.commit()
        began = time.perf_counter()
        with connection.cursor().copy("COPY bare FROM STDIN") as copy:
            copy.write(buffer.getvalue())
        connection.commit()
        return time.perf_counter() - began


class _serving:
    """A server with one process, for the length of a block."""

    def __init__(self, folder: Path, url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        tollbook = Path(sys.executable).parent / "tollbook"
        command = [tollbook, "--config", folder / "config.yaml", "--set", f"database.url={url}", "serve"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], env=os.environ | {"BENCH_TOKEN": TOKEN}, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> int:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self.port
            time.sleep(0.1)
        raise TimeoutError

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def _request(events: Any) -> bytes:
    body = json.dumps(events).encode()
    head = "POST /v1/events HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _client(port: int, requests: Iterator[tuple[float, bytes]], told: list[float]) -> None:
    """Send requests one after the other, none before its moment; seconds from that moment to the answer are told."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    for due, request in requests:
        await asyncio.sleep(max(0.0, due - loop.time()))
        began = max(due, 0.0) or loop.time()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        told.append(loop.time() - began)
    writer.close()


async def _many(port: int, make: Callable[[int], Iterator[tuple[float, bytes]]]) -> list[float]:
    told: list[float] = []
    await asyncio.gather(*(_client(port, make(number), told) for number in range(CONNECTIONS)))
    return told


def _over_http(port: int) -> Iterator[str]:
    yield f"## Usage over HTTP, one process, {CONNECTIONS} connections, PostgreSQL"
    yield ""
    yield "| request | events/s at saturation | p50 ms at half of it | p99 ms at half of it |"
    yield "|---|---|---|---|"
    for size in (1, 100, 1_000):
        rate = _saturated(port, size)
        paced = _paced(port, size, rate / 2)
        name = "one event" if size == 1 else f"{size:,} events"
        yield f"| {name} | {rate * size:,.0f} | {_quantile(paced, 0.5):.1f} | {_quantile(paced, 0.99):.1f} |"
    yield ""


def _saturated(port: int, size: int) -> float:
    """Requests a second where each connection sends as soon as it is answered."""

    def make(number: int) -> Iterator[tuple[float, bytes]]:
        last, turn = time.monotonic() + SECONDS, 0
        while time.monotonic() < last:
            yield 0.0, _request([_event(turn * size + n, f"s{size}-{number}") for n in range(size)])
            turn += 1

    began = time.perf_counter()
    told = asyncio.run(_many(port, make))
    return len(told) / (time.perf_counter() - began)


def _paced(port: int, size: int, rate: float) -> list[float]:
    """Seconds from the moment at which each request was due, at an even rate, to its answer."""

    def make(number: int) -> Iterator[tuple[float, bytes]]:
        start, gap = asyncio.get_running_loop().time(), CONNECTIONS / rate
        for turn in range(max(1, int(SECONDS / gap))):
            request = _request([_event(turn * size + n, f"p{size}-{number}") for n in range(size)])
            yield start + gap * (turn + number / CONNECTIONS), request

    return asyncio.run(_many(port, make))


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000
