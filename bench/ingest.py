"""Usage that comes in: events with keys against a COPY without keys, and events a second over HTTP."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
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

ACCOUNTS, EVENTS, BATCH, SECONDS, CONNECTIONS = 1_000, 100_000, 5_000, 6.0, 32
TOKEN = "token-of-the-measurement"
LIMITS = """
ruleset: limits/default
effective: {from: 2000-01-01}
rules: [{id: all, when: true, then: {events_per_second: 10000000, burst: 100000000, largest_batch: 1000000}}]
"""
COLUMNS = "(id bigint, tenant text, entity text, source text, key text, subscription_id bigint, meter text," + (
    " at timestamptz, day date, quantity numeric(19, 6))"
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


def _event(number: int, kind: str) -> dict[str, Any]:
    subscription = f"SA{number % ACCOUNTS:07d}-0"
    time_of = f"2026-01-{1 + number % 28:02d}T{number % 24:02d}:00:00Z"
    key = f"{kind}-{number:09d}"
    return {
        "key": key,
        "entity": "E1",
        "subscription": subscription,
        "meter": "calls",
        "time": time_of,
        "quantity": 1.25,
    }


def _against_copy(app: App, url: str) -> Iterator[str]:
    door, now = app.usage_door(), datetime.now(UTC)
    starts = range(0, EVENTS, BATCH)
    bodies = [json.dumps([_event(n, "copy") for n in range(start, start + BATCH)]) for start in starts]
    began = time.perf_counter()
    judged = [door.judge(door.rows(body, "json", {}), "bench", now, 3600) for body in bodies]
    judging = time.perf_counter() - began
    began = time.perf_counter()
    told = [door.write("bench", [one.good], now)[0] for one in judged]
    writing = time.perf_counter() - began
    assert sum(one.taken for one in told) == EVENTS
    limit = _copied(url)
    yield f"## Usage, {EVENTS:,} events with keys in transactions of {BATCH:,}, PostgreSQL"
    yield ""
    yield "| what | events/s | against COPY without keys |"
    yield "|---|---|---|"
    yield f"| COPY of the same rows, no keys | {EVENTS / limit:,.0f} | 1 |"
    yield f"| into the books | {EVENTS / writing:,.0f} | {limit / writing:.2f} |"
    yield f"| from JSON into the books | {EVENTS / (writing + judging):,.0f} | {limit / (writing + judging):.2f} |"
    yield ""


def _copied(url: str) -> float:
    """Seconds that a COPY of the events in the books takes, out of memory, into a table without any key."""
    address = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        buffer = io.BytesIO()
        with connection.cursor().copy("COPY usage_event TO STDOUT") as out:
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
