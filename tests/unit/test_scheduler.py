"""The scheduler: one enqueues, the others wait; it survives its clock, its database and its own wake-ups."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.app import App
from engine.base.cron import read_cron
from engine.base.errors import NOWHERE, Finding, TollbookError
from engine.model.journal import Change
from engine.model.request import ScheduleMark
from engine.scheduler import Due, Scheduler
from tests import stories
from tests.unit.runs.test_queue import DAILY, MONTHLY, POST, at, in_books, look, scheduled
from tests.unit.runs.test_work import WORKER, loaded

ROOT = Path(__file__).parents[2]


class Clock:
    """A clock that a test moves."""

    def __init__(self, text: str) -> None:
        self.now = at(text)

    def __call__(self) -> datetime:
        return self.now


def wait_until(met: Callable[[], bool]) -> None:
    """Wait for what another thread or process will bring about."""
    pause = threading.Event()
    for _ in range(900):
        if met():
            return
        pause.wait(0.1)
    raise AssertionError("it did not come about")


@contextmanager
def running(app: App, clock: Clock, name: str, said: list[Finding]) -> Iterator[Scheduler]:
    """A scheduler at work in a thread."""
    stop, scheduler = threading.Event(), Scheduler(app, "ada", "test", said.append, clock=clock, holder=name)
    thread = threading.Thread(target=scheduler.run, args=(stop,))
    thread.start()
    try:
        yield scheduler
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def holder(app: App) -> str:
    with app.books.reader() as reader:
        lease = reader.lease(app.tenant, "scheduler")
    return lease.holder if lease else ""


def renewed(app: App, until: datetime) -> bool:
    with app.books.reader() as reader:
        lease = reader.lease(app.tenant, "scheduler")
    return lease is not None and lease.until == until


def codes(said: list[Finding]) -> list[str]:
    return [str(finding.code) for finding in said]


LEASE = timedelta(seconds=2)


def test_of_two_at_once_one_enqueues_and_the_other_takes_its_place(tmp_path: Path, database_url: str) -> None:
    clock, first, second = Clock("2026-01-01 09:59:59Z"), [], []
    given = {"scheduler__lease": "2"}
    with (
        scheduled(tmp_path, database_url, POST, **given) as one,
        scheduled(tmp_path, database_url, POST, **given) as two,
    ):
        with running(one, clock, "one", first):
            wait_until(lambda: holder(one) == "one")
            with running(two, clock, "two", second):
                wait_until(lambda: codes(second) == ["scheduler.waiting"])
                clock.now += timedelta(seconds=1)
                wait_until(lambda: len(in_books(one)) == 1)
                wait_until(lambda: renewed(one, clock.now + LEASE))
                assert (holder(one), codes(second)) == ("one", ["scheduler.waiting"])
        assert holder(one) == "", "who stops gives the lease back"
        with running(two, clock, "two", second):
            wait_until(lambda: holder(two) == "two")
        assert codes(first) == ["scheduler.enqueuing"]
        assert codes(second) == ["scheduler.waiting", "scheduler.enqueuing"]
        assert len(in_books(one)) == 1


def test_a_clock_that_is_put_to_and_fro(tmp_path: Path, database_url: str) -> None:
    clock, said = Clock("2026-01-01 09:30Z"), []
    with (
        scheduled(tmp_path, database_url, DAILY, scheduler__lease="2") as app,
        running(app, clock, "one", said),
    ):
        for moment, expected in (("01-01 09:30", 0), ("01-03 09:30", 2), ("01-01 09:30", 2), ("01-02 09:30", 2)):
            clock.now = at(f"2026-{moment}Z")
            wait_until(lambda: renewed(app, clock.now + LEASE))
            assert len(in_books(app)) == expected
        clock.now = at("2026-01-04 09:30Z")
        wait_until(lambda: renewed(app, clock.now + LEASE))
        assert len(in_books(app)) == 3
    assert codes(said) == ["scheduler.enqueuing"]


def test_a_database_that_is_away_is_waited_for(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, said = Clock("2026-01-01 09:30Z"), []
    with scheduled(tmp_path, database_url, POST, scheduler__lease="2") as app:
        whole = app.enqueue
        away = TollbookError(Finding("store.unavailable", NOWHERE, "the database gave up"))

        def enqueue(change: Change, name: str) -> object:
            if codes(said).count("store.unavailable") < 2:
                raise away
            return whole(change, name)

        monkeypatch.setattr(app, "enqueue", enqueue)
        with running(app, clock, "one", said):
            wait_until(lambda: holder(app) == "one")
        assert codes(said) == ["store.unavailable", "store.unavailable", "scheduler.enqueuing"]


def test_a_fault_in_a_wake_up_is_said(tmp_path: Path) -> None:
    said: list[Finding] = []
    with scheduled(tmp_path, f"sqlite:///{tmp_path / 'books.db'}", POST) as app:
        scheduler = Scheduler(app, "ada", "test", said.append)

        def broken() -> None:
            raise ZeroDivisionError("oh")

        waker = scheduler._waker()
        waker.add_job(broken, id="post")
        waker.start()
        wait_until(lambda: bool(said))
        waker.shutdown()
    (finding,) = said
    assert (finding.code, finding.level) == ("scheduler.wake-failed", "error")
    assert finding.what == "waking for schedule post: ZeroDivisionError: oh"


def test_a_wake_up_is_never_in_the_past() -> None:
    """What has gone by is the business of the books: after a month of sleep there is one wake-up, not thousands."""
    due = Due(read_cron("*/5 * * * *", "UTC"))
    assert due.get_next_fire_time(None, at("2026-01-01 10:00Z")) == at("2026-01-01 10:05Z")
    assert due.get_next_fire_time(at("2026-01-01 10:05Z"), at("2026-01-01 10:05:01Z")) == at("2026-01-01 10:10Z")
    assert due.get_next_fire_time(at("2026-01-01 10:05Z"), at("2026-02-01 10:07Z")) == at("2026-02-01 10:10Z")
    assert due.get_next_fire_time(at("2026-01-01 10:05Z"), at("2026-01-01 09:00Z")) == at("2026-01-01 10:10Z")


def test_it_is_woken_at_the_moments_of_its_schedules(tmp_path: Path) -> None:
    with scheduled(tmp_path, f"sqlite:///{tmp_path / 'books.db'}", POST, MONTHLY) as app:
        scheduler = Scheduler(app, "ada", "test", lambda finding: None)
        waker = scheduler._waker()
        scheduler._plan(waker)
        scheduler._plan(waker)
        waker.start(paused=True)
        expected = {schedule.name: schedule.cron for schedule in app.config.schedule}
        jobs = {job.id: job.next_run_time for job in waker.get_jobs()}
        waker.shutdown()
    now = datetime.now(UTC)
    assert jobs.keys() == expected.keys()
    assert all(
        jobs[name] in (cron.next_after(now), cron.next_after(now - timedelta(minutes=1)))
        for name, cron in expected.items()
    )


@pytest.mark.parametrize(("person", "reason"), [("bob", "x"), ("ada", "")])
def test_who_may_not_schedule_starts_nothing(tmp_path: Path, person: str, reason: str) -> None:
    with scheduled(tmp_path, f"sqlite:///{tmp_path / 'books.db'}", POST) as app, pytest.raises(TollbookError):
        Scheduler(app, person, reason, lambda finding: None)


# Real processes, and how they die


@contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A process of this Python."""
    command = [sys.executable, *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stderr=subprocess.PIPE) as started:
        try:
            yield started
        finally:
            started.kill()


MAIN = "import sys; from engine.cli.main import run; sys.exit(run(sys.argv[1:]))"


def test_when_the_scheduler_is_killed_another_takes_its_place(tmp_path: Path, database_url: str) -> None:
    now = datetime.now(UTC)
    settings = {"database.url": database_url, "schedule": f"[{DAILY}]", "scheduler.lease": "2"}
    given = [word for name, text in settings.items() for word in ("--set", f"{name}={text}")]
    words = ["-c", MAIN, "--config", str(tmp_path / "config.yaml"), *given, "scheduler", "run"]
    words += ["--as", "ada", "--reason", "test"]
    with scheduled(tmp_path, database_url, DAILY) as app:
        look(app, now - timedelta(days=3), "before")
        app.leave_scheduler(WORKER, "before")
        with process(*words) as one, process(*words) as two:
            by_pid = {str(started.pid): started for started in (one, two)}
            wait_until(lambda: len(in_books(app)) == 3)
            enqueuing = holder(app).split(":")[1]
            assert enqueuing in by_pid
            by_pid[enqueuing].send_signal(signal.SIGKILL)
            (other,) = by_pid.keys() - {enqueuing}
            wait_until(lambda: f":{other}:" in holder(app))
            with app.books.writer(WORKER) as writer:
                mark = writer.reader.schedule_marks("acme")["daily"]
                writer.settle_schedule(ScheduleMark("acme", "daily", mark.times, now - timedelta(days=5)))
            wait_until(lambda: len(in_books(app)) == 5)
            by_pid[other].send_signal(signal.SIGTERM)
            assert by_pid[other].wait(60) == 0
            assert "the scheduler has stopped" in by_pid[other].communicate()[1]
        assert holder(app) == ""
        assert len(in_books(app)) == len(set(in_books(app))) == 5


DYING = """
import os, signal, sys
from pathlib import Path
from engine.runs.billing import run as bill_run
from tests import stories
from tests.unit.runs.test_work import WORKER

whole, done = bill_run.bill_partition, []

def dying(parts, pinned, number):
    if len(done) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(number)
    return whole(parts, pinned, number)

bill_run.bill_partition = dying
settings = {"runs__partition_size": "1", "scheduler__lease": "2", "schedule": sys.argv[4]}
with stories.opened(Path(sys.argv[1]), sys.argv[2], **settings) as app:
    app.work(WORKER, "dead")
"""


@pytest.mark.capability("A1.2")
def test_what_a_killed_worker_left_is_done_once(tmp_path: Path, database_url: str) -> None:
    partitions = 2
    settings = {"runs__partition_size": "1", "scheduler__lease": "2"}
    with scheduled(tmp_path, database_url, MONTHLY, **settings) as app:
        loaded(app, tmp_path)
        words = [str(tmp_path), database_url, str(partitions), f"[{MONTHLY}]"]
        with process("-c", DYING, *words) as worker:
            assert worker.wait(120) == -signal.SIGKILL
        assert len(stories.invoices(app)) == partitions
        assert app.runs()[0].state == "running"
        done = []
        wait_until(lambda: (worked := app.work(WORKER, "alive")) is not None and done.append(worked) is None)
        request = done[0].request
        assert (request.state, request.attempts, request.holder) == ("done", 2, "alive")
        assert app.work(WORKER, "alive") is None
        billed = stories.invoices(app)
        assert not any(app.verify().values())
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'reference.db'}") as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        assert stories.invoices(app) == billed
