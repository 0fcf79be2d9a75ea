"""Workers: requests are run in the name of their person, failures stay alone, what a dead worker left is done once."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.app import App, Worked
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.model.request import RunRequest
from engine.runs.billing import run as bill_run
from engine.runs.run import Parts
from engine.runs.scheduling import work
from tests import stories
from tests.unit.runs.test_queue import CHECK, MONTHLY, POST, at, look, scheduled

WORKER = Change("ada", at("2026-04-20 12:00Z"), "worker")
ALL = (MONTHLY, POST, CHECK)


def loaded(app: App, folder: Path, first: str = "2026-01-15 12:00Z", until: str = "2026-02-01 12:00Z") -> None:
    """A company with what was due between two moments in its queue."""
    stories.load(app, folder / "data")
    look(app, first)
    look(app, until)


def all_worked(app: App, holder: str = "w") -> list[Worked]:
    found = []
    while (worked := app.work(WORKER, holder)) is not None:
        found.append(worked)
    return found


def requests(app: App) -> dict[str, RunRequest]:
    with app.books.reader() as reader:
        return {f"{r.schedule} {r.on}": r for r in reader.run_requests("acme")}


def test_the_queue_is_worked_off(tmp_path: Path, database_url: str) -> None:
    """A bill run, a delivery and a check, each in the name of its person, with the results of the same verbs."""
    with scheduled(tmp_path, database_url, *ALL) as app:
        loaded(app, tmp_path)
        done = all_worked(app)
        assert [(w.request.schedule, w.request.state, w.findings) for w in done] == [
            ("check", "done", ()),
            ("monthly", "done", ()),
            ("post", "done", ()),
        ]
        monthly = requests(app)["monthly 2026-02-01"]
        run = app.runs()[0]
        assert (run.id, run.period, run.who, run.reason) == (monthly.run_id, "2026-02-01", "ada", "monthly bill")
        assert monthly.summary["invoices"] == run.summary["counts"]["invoices"] > 0
        assert requests(app)["post 2026-02-01"].summary == {
            "accepted": monthly.summary["invoices"],
            "rejected": 0,
            "retry": 0,
        }
        assert done[1].met == app.report(run.id).findings
        assert all_worked(app) == []
        billed = stories.invoices(app)
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'by-hand.db'}") as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        assert stories.invoices(app) == billed


@pytest.mark.on_sqlite
def test_a_failing_request_is_recorded_and_stops_nothing(tmp_path: Path, database_url: str) -> None:
    """Billed in its order: without a company nothing can be billed, and the rest of the queue goes on."""
    with scheduled(tmp_path, database_url, *ALL) as app:
        look(app, "2026-01-15 12:00Z")
        look(app, "2026-03-01 12:00Z")
        done = all_worked(app)
        states = {f"{w.request.schedule} {w.request.on}": w.request.state for w in done}
        assert states == {
            "monthly 2026-02-01": "failed",
            "monthly 2026-03-01": "failed",
            "check 2026-03-01": "done",
            "post 2026-03-01": "done",
        }
        failed = requests(app)["monthly 2026-02-01"]
        assert failed.error == "tenant acme has no legal entity [run.no-entity]"
        (finding,) = done[0].findings
        assert (finding.code, finding.subject) == ("schedule.request-failed", "schedule/monthly")
        listed, queue = app.schedules(at("2026-03-01 12:00Z"), 1)
        assert [(s.name, s.next, s.requests[0].state) for s in listed] == [
            ("monthly", at("2026-04-01 04:30Z"), "failed"),
            ("post", at("2026-03-01 13:00Z"), "done"),
            ("check", at("2026-03-02 01:30Z"), "done"),
        ]
        assert queue == {"waiting": 0, "scheduler": "s", "urgent": []}


@pytest.mark.on_sqlite
def test_a_fault_of_the_program_is_an_error_of_the_request(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(engine: object, request: RunRequest) -> work.Done:
        raise ZeroDivisionError("oh")

    monkeypatch.setitem(work.KINDS, "bill", broken)  # type: ignore[arg-type]
    with scheduled(tmp_path, database_url, *ALL) as app:
        loaded(app, tmp_path)
        assert [w.request.error for w in all_worked(app)] == ["", "ZeroDivisionError: oh", ""]


def test_books_that_are_not_whole_fail_the_check(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scheduled(tmp_path, database_url, CHECK) as app:
        loaded(app, tmp_path)
        stories.bill(app, "2026-02-01")
        with app.books._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE posting SET amount = amount + 1 WHERE number = 1")
        (worked,) = all_worked(app)
        assert worked.request.state == "failed"
        assert worked.request.error.startswith("the books are not whole: ")
        assert worked.request.summary == {name: len(found) for name, found in app.verify().items() if found}
        assert len(worked.met) == sum(worked.request.summary.values())


@pytest.mark.on_sqlite
def test_the_person_of_a_schedule_must_still_be_allowed(tmp_path: Path, database_url: str) -> None:
    """Rights, rules and settings are those of the moment at which it is run."""
    with scheduled(tmp_path, database_url, MONTHLY) as app:
        loaded(app, tmp_path)
        config = tmp_path / "config.yaml"
        config.write_text(config.read_text().replace("ada: [operator]", "ada: [auditor], cleo: [operator]"))
        (worked,) = all_worked(app)
        assert worked.request.state == "failed"
        assert "[config.not-theirs]" in worked.request.error
        assert [run.kind for run in app.runs()] == ["import"]


@pytest.mark.capability("A3.2")
@pytest.mark.on_sqlite
def test_a_run_that_is_early_starts_by_itself(tmp_path: Path, database_url: str) -> None:
    """While its period is closed a bill run waits and says why; it is run once the period is open, after no-one's word."""
    with scheduled(tmp_path, database_url, *ALL, scheduler__lease="2") as app:
        loaded(app, tmp_path)
        assert app.ledger.set_period("E1", date(2026, 2, 1), "closed", WORKER).done
        waiting = {w.request.schedule: w for w in all_worked(app)}["monthly"]
        assert (waiting.request.state, waiting.request.attempts) == ("waiting", 0)
        assert waiting.request.error == "2026-02 is closed in E1 [period.closed]"
        assert [f.code for f in waiting.findings] == ["schedule.waiting-for"]
        assert requests(app)["post 2026-02-01"].state == "done"
        assert app.ledger.set_period("E1", date(2026, 2, 1), "open", WORKER).done
        worked = None
        for _ in range(100):
            if (worked := app.work(WORKER, "w")) is not None:
                break
            threading.Event().wait(0.1)
        assert worked is not None
        assert (worked.request.state, worked.request.error) == ("done", "")


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request of a worker that died in the middle is taken again, even with other rules on disk meanwhile."""
    whole = bill_run.bill_partition
    with scheduled(tmp_path, database_url, MONTHLY, runs__partition_size="1") as app:
        loaded(app, tmp_path)
        with app.books.writer(WORKER) as writer:
            taken = writer.take_request("acme", "dead", timedelta(minutes=1))
        assert taken is not None
        done: list[int] = []

        def stopping(parts: Parts, pinned: Any, number: int) -> Any:
            if done:
                raise RuntimeError("killed")
            done.append(number)
            return whole(parts, pinned, number)

        monkeypatch.setattr(bill_run, "bill_partition", stopping)
        with pytest.raises(RuntimeError):
            stories.bill(app, "2026-02-01")
        monkeypatch.setattr(bill_run, "bill_partition", whole)
        (tmp_path / "rules" / "pricing" / "acme.yaml").write_text(stories.PRICES.replace("31 EUR", "32 EUR"))
        (worked,) = all_worked(app)
        assert (worked.request.state, worked.request.attempts, worked.request.id) == ("done", 2, taken.id)
        billed = stories.invoices(app)
    (tmp_path / "rules" / "pricing" / "acme.yaml").write_text(stories.PRICES)
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'once.db'}") as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        assert stories.invoices(app) == billed


def test_a_worker_that_is_slow_keeps_its_request(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it is alive while it works; longer than its lease is no silence."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(engine: object, request: RunRequest) -> work.Done:
        begun.set()
        assert go_on.wait(60)
        return work.Done(run_id=5)

    monkeypatch.setitem(work.KINDS, "bill", slow)  # type: ignore[arg-type]
    with scheduled(tmp_path, database_url, MONTHLY, scheduler__lease="2") as app:
        loaded(app, tmp_path)
        worked: list[Worked | None] = []
        thread = threading.Thread(target=lambda: worked.append(app.work(WORKER, "slow")))
        thread.start()
        assert begun.wait(30)
        with app.books.reader() as reader:
            first = reader.run_requests("acme")[0].until
        assert first is not None
        for _ in range(300):
            threading.Event().wait(0.1)
            with app.books.reader() as reader:
                now = reader.run_requests("acme")[0].until
            if now is not None and now > first + timedelta(seconds=1):
                break
        assert app.work(WORKER, "other") is None
        go_on.set()
        thread.join(60)
        (done,) = worked
        assert done is not None
        assert (done.request.state, done.request.run_id, done.request.attempts, done.findings) == ("done", 5, 1, ())


def test_a_worker_that_was_thought_dead_says_so(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scheduled(tmp_path, database_url, MONTHLY) as app:
        loaded(app, tmp_path)

        def stolen(engine: object, request: RunRequest) -> work.Done:
            assert request.until is not None
            later = Change("ada", request.until, "the other worker")
            with app.books.writer(later) as writer:
                assert writer.take_request("acme", "other", timedelta(minutes=1)) is not None
            return work.Done(run_id=5)

        monkeypatch.setitem(work.KINDS, "bill", stolen)  # type: ignore[arg-type]
        worked = app.work(WORKER, "slow")
        assert worked is not None
        assert [f.code for f in worked.findings] == ["schedule.taken-away"]
        assert (worked.request.state, worked.request.holder, worked.request.run_id) == ("taken", "other", 0)


@pytest.mark.on_sqlite
def test_who_may_not_schedule_does_not_work(tmp_path: Path, database_url: str) -> None:
    with scheduled(tmp_path, database_url, MONTHLY) as app, pytest.raises(TollbookError) as caught:
        app.change("bob", "schedule", "x")
    assert [f.code for f in caught.value.findings] == ["config.not-allowed"]
