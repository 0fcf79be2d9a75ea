"""Server, scheduler and two workers as processes of their own on PostgreSQL, and one process that does all on SQLite: the same books."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.app import open_app
from engine.scheduler import Scheduler
from tests import stories
from tests.faults import by_key
from tests.web.server import CLIENTS, TOKENS, Client, event, running

ROOT = Path(__file__).parents[2]
SCHEDULE = """
schedule:
  - {name: monthly, run: bill, cron: 30 6 1 * *, zone: Europe/Amsterdam, as: ada, reason: monthly bill}
  - {name: post, run: deliver, cron: 0 7 1 * *, zone: Europe/Amsterdam, as: ada, reason: delivery}
runs: {partition_size: 1}
"""
MOMENTS = (datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 2, 1, 8, tzinfo=UTC))
ENQUEUE = f"""
import sys
from datetime import datetime
from pathlib import Path
from engine.app import open_app
from engine.scheduler import Scheduler
with open_app(Path("config.yaml"), {{"database.url": sys.argv[1]}}) as app:
    for text in {[moment.isoformat() for moment in MOMENTS]}:
        Scheduler(app, "ada", "test", lambda _: None, clock=lambda: datetime.fromisoformat(text)).once()
"""
MAIN = "from engine.cli.main import main; main()"
COMPARED = (
    *("account", "contract", "contract_line", "subscription", "subscription_event", "usage_event", "message"),
    *("invoice", "invoice_line", "entry", "posting", "ledger_total", "billing_mark", "effect"),
)


def company(folder: Path) -> Path:
    """The company of the stories with a schedule, and a client that sends usage and messages."""
    folder.mkdir()
    stories.write(folder)
    clients = CLIENTS.replace("may: [ingest, trigger]", "may: [ingest, exchange]")
    with (folder / "config.yaml").open("a") as file:
        file.write(f"api:{clients}{SCHEDULE}")
    return folder


def month(client: Client) -> None:
    """What comes in over HTTP in a small month: an account with an order, and usage."""
    account = {
        "entity": "E1",
        "key": "A7",
        "name": "Seven",
        "country": "NL",
        "currency": "EUR",
        "zone": "Europe/Amsterdam",
    }
    items = [{"subscription": "S7", "plan": "team", "quantity": "4", "starts_on": "2026-01-10"}]
    order = {"entity": "E1", "key": "C7", "account": "A7", "signed_on": "2026-01-09", "items": items}
    for kind, data in (("account", account), ("order", order)):
        content = {"id": f"{kind}-7", "kind": kind, "version": "1.0", "data": data}
        said = client.send(json.dumps(content).encode(), path="/v1/messages")
        assert said.status == 200, said.body
    assert client.post([event(f"u{n}", n + 1) for n in range(5)]).status == 200


def books(url: str) -> dict[str, Any]:
    """What is compared of the books."""
    return {name: rows for name, rows in by_key.snapshot(url).items() if name in COMPARED}


@contextmanager
def started(folder: Path, url: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A verb in a process of its own, which is told to stop at the end."""
    command = [sys.executable, "-c", MAIN, "--config", "config.yaml", "--set", f"database.url={url}", *words]
    environment = {**os.environ, **TOKENS, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=60)
        assert child.returncode == 0, said


def until(met: Callable[[], bool]) -> None:
    """Wait for what other processes bring about."""
    last = datetime.now(UTC) + timedelta(seconds=60)
    while not met():
        assert datetime.now(UTC) < last, "it did not come about"
        time.sleep(0.3)


@pytest.mark.capability("A1.1")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_workers_and_the_embedded_shape_give_the_same_books(tmp_path: Path, database_url: str) -> None:
    whole = f"sqlite:///{tmp_path / 'books.db'}"
    with running(company(tmp_path / "one"), whole) as server:
        month(server.client())
        for moment in MOMENTS:
            Scheduler(server.app, "ada", "test", lambda _: None, clock=lambda now=moment: now).once()
        done = []
        while worked := server.app.work(stories.CHANGE, "embedded"):
            done.append(worked.request)
    assert [(one.schedule, one.state) for one in done] == [("monthly", "done"), ("post", "done")]

    folder, health = company(tmp_path / "many"), tmp_path / "health.json"
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
    with started(folder, database_url, "serve", "--port", "0") as serving:
        assert serving.stderr is not None
        address = serving.stderr.readline().removeprefix("listening at ").strip()
        month(Client(address, TOKENS["ERP_TOKEN"]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", ENQUEUE, database_url], cwd=folder, env=environment, check=True)
    person = ("--as", "ada", "--reason", "test")
    with (
        started(folder, database_url, "work", "--health-file", str(health), *person),
        started(folder, database_url, "work", *person),
        open_app(folder / "config.yaml", {"database.url": database_url}) as app,
    ):
        until(lambda: not app.schedules(MOMENTS[1], 9)[1]["waiting"])
        said = json.loads(health.read_text())
        assert said["state"] in ("working", "waiting")
    assert not health.exists()
    with stories.opened(folder, database_url) as app:
        app.deliver(
            stories.CHANGE, limit=1_000
        )  # a delivery that another worker did beside the bill run came too early
        states = {one.name: [request.state for request in one.requests] for one in app.schedules(MOMENTS[1], 9)[0]}
        assert states == {"monthly": ["done"], "post": ["done"]}
        assert {name: found for name, found in app.verify().items() if found} == {}
    assert by_key.differences(books(whole), books(database_url)) == []
