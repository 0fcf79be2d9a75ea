"""The ingestion server, or its database, that is killed while events come in: what was acknowledged is in the books."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest
import sqlalchemy as sa

from engine.store.tables import USAGE_EVENT
from tests import stories
from tests.faults.test_database_lost import Server
from tests.web.server import TOKENS, Client, company, event, until

TOLLBOOK = Path(sys.executable).parent / "tollbook"


class Serving:
    """A ``tollbook serve`` in processes of its own."""

    def __init__(self, folder: Path, url: str, workers: int) -> None:
        self.log: IO[bytes] = (folder / "serve.log").open("w+b")
        command = [TOLLBOOK, "--config", folder / "config.yaml", "--set", f"database.url={url}"]
        command += ["serve", "--port", "0", "--workers", str(workers)]
        self.process = subprocess.Popen(
            command, env=os.environ | TOKENS, stdout=self.log, stderr=self.log, start_new_session=True
        )
        until(lambda: b"listening at" in self.said() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.said()
        self.address = self.said().split(b"listening at ")[1].split()[0].decode()

    def said(self) -> bytes:
        """What it has printed."""
        return Path(self.log.name).read_bytes()

    def children(self) -> list[int]:
        """Its processes that answer."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(number) for number in listed.split()]

    def stop(self) -> int:
        """Tell it to stop; its exit code."""
        self.process.terminate()
        return self.process.wait(40)

    def end(self) -> None:
        """See to it that nothing of it is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


@contextmanager
def serving(folder: Path, url: str, workers: int) -> Iterator[Serving]:
    with stories.opened(folder, url) as app:
        stories.load(app, folder / "data")
    one = Serving(folder, url, workers)
    try:
        yield one
    finally:
        one.end()


def keys(url: str, source: str) -> list[str]:
    """Keys of the events of a source in the books."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        mine = sa.select(USAGE_EVENT.c.key).where(USAGE_EVENT.c.source == source).order_by(USAGE_EVENT.c.id)
        return list(connection.execute(mine).scalars())


class Sender(threading.Thread):
    """Sends small batches one after the other, whatever happens, and notes what was acknowledged."""

    def __init__(self, address: str, name: str) -> None:
        super().__init__(daemon=True)
        self.client, self.source = Client(address, TOKENS["ERP_TOKEN"]), name
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self.over = threading.Event()

    def run(self) -> None:
        """Send until told that it is over."""
        number = 0
        while not self.over.is_set():
            batch = [event(f"k{number + n:06}", source=self.source) for n in range(5)]
            number += 5
            try:
                said = self.client.post(batch)
            except (OSError, ValueError, EOFError):
                time.sleep(0.05)
                continue
            except Exception:  # the connection broke in the middle of an answer
                continue
            if said.status == 200:
                self.acknowledged += [one["key"] for one in batch]
            else:
                self.refused.append(said.status)
                time.sleep(0.05)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL that flushes what is committed, as one in use does."""
    with tempfile.TemporaryDirectory(prefix="tollbook-ingest-") as name:
        Path(name).chmod(0o755)  # the server drops root
        one = Server(Path(name))
        yield one
        one.close()


@pytest.mark.capability("A2.2")
def test_postgresql_is_killed_while_events_come_in(server: Server, tmp_path: Path) -> None:
    """Clients are told 503; when the database is back they go on, and nothing that was acknowledged is lost."""
    url = server.address
    with serving(company(tmp_path), url, 2) as one:
        senders = [Sender(one.address, name) for name in ("left", "right")]
        for sender in senders:
            sender.start()
        for _ in range(2):
            before = [len(sender.acknowledged) for sender in senders]
            until(
                lambda before=before: all(len(s.acknowledged) > n + 50 for s, n in zip(senders, before, strict=True)),
                60,
            )
            server.stop()
            until(lambda: all(sender.refused for sender in senders), 60)
            server.start()
        before = [len(sender.acknowledged) for sender in senders]
        until(lambda: all(len(s.acknowledged) > n for s, n in zip(senders, before, strict=True)), 60)
        for sender in senders:
            sender.over.set()
            sender.join(60)
            assert set(sender.refused) == {503}
            there = keys(url, sender.source)
            assert set(sender.acknowledged) - set(there) == set()
            assert len(there) == len(set(there))
        assert one.stop() == 0


@pytest.mark.capability("A2.2")
def test_the_server_is_killed_in_the_middle_of_a_stream(tmp_path: Path, database_url: str) -> None:
    """What was committed of the stream is whole chunks; the same stream again ends in each event once."""
    with serving(company(tmp_path), database_url, 1) as one:
        more = threading.Event()

        def body() -> Iterator[bytes]:
            for number in range(3_000):
                yield json.dumps(event(f"k{number:06}", source="stream")).encode() + b"\n"
            more.wait(60)
            yield b"\n"

        broken: list[Any] = []

        def send() -> None:
            try:
                broken.append(Client(one.address, TOKENS["ERP_TOKEN"]).send(body(), "application/x-ndjson"))
            except Exception as error:
                broken.append(error)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        until(lambda: len(keys(database_url, "stream")) >= 1_000, 60)
        os.kill(one.process.pid, signal.SIGKILL)
        one.process.wait()
        more.set()
        thread.join(60)
        assert isinstance(broken[0], Exception)
        there = keys(database_url, "stream")
        assert len(there) % 1_000 == 0
        again = Serving(tmp_path, database_url, 1)
        try:
            said = Client(again.address, TOKENS["ERP_TOKEN"]).send(body(), "application/x-ndjson")
            assert (said.body["taken"], said.body["known"]) == (3_000 - len(there), len(there))
            assert len(keys(database_url, "stream")) == 3_000
            assert again.stop() == 0
        finally:
            again.end()


def test_a_process_that_dies_is_replaced_and_all_leave_together(tmp_path: Path, database_url: str) -> None:
    with serving(company(tmp_path), database_url, 2) as one:
        until(lambda: len(one.children()) == 2)
        victim = one.children()[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(one.children()) == 2 and victim not in one.children(), 60)
        client = Client(one.address, TOKENS["ERP_TOKEN"])
        assert client.post(event("k")).status == 200
        assert b"[web.process-died]" in one.said()
        children = one.children()
        assert one.stop() == 0
        assert b"the server has stopped" in one.said()
        assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_the_children_leave_when_the_parent_is_killed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'books.db'}"
    with serving(company(tmp_path), url, 2) as one:
        until(lambda: len(one.children()) == 2)
        children = one.children()
        os.kill(one.process.pid, signal.SIGKILL)

        def gone(pid: int) -> bool:
            stat = Path(f"/proc/{pid}/stat")
            try:
                return stat.read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                return True

        until(lambda: all(gone(pid) for pid in children), 60)
        assert [pid for pid in children if not gone(pid)] == []
