"""Firings become requests: each once, missed ones caught up by kind, whatever clocks and schedulers do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app import App, Enqueued
from engine.config import VERB_OF
from engine.model.journal import Change
from engine.runs.scheduling import kinds, queue
from engine.store.books import Books
from tests import stories

MONTHLY = "{name: monthly, run: bill, cron: 30 6 1 * *, zone: Europe/Amsterdam, as: ada, reason: monthly bill}"
DAILY = "{name: daily, run: bill, cron: 0 0 * * *, zone: Europe/Amsterdam, as: ada, reason: daily bill}"
POST = "{name: post, run: deliver, cron: 0 * * * *, as: ada, reason: post}"
CHECK = "{name: check, run: verify, cron: 30 2 * * *, zone: Europe/Amsterdam, as: bob, reason: check}"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@contextmanager
def scheduled(folder: Path, url: str, *schedules: str, **given: str) -> Iterator[App]:
    """The application over a company with these schedules."""
    if not (folder / "config.yaml").exists():
        stories.write(folder)
    with stories.opened(folder, url, schedule=f"[{', '.join(schedules)}]", **given) as app:
        yield app


def look(app: App, moment: str | datetime, holder: str = "s") -> Enqueued:
    """A look of a scheduler at the clock."""
    now = at(moment) if isinstance(moment, str) else moment
    return app.enqueue(Change("ada", now, "scheduler"), holder)


def new(done: Enqueued) -> list[tuple[str, str]]:
    assert done.held
    return [(schedule, f"{due:%m-%d %H:%M}") for schedule, due in done.requests]


def in_books(app: App) -> list[tuple[str, datetime]]:
    with app.books.reader() as reader:
        return sorted((r.schedule, r.due) for r in reader.run_requests(app.tenant, limit=10_000))


def test_what_can_be_scheduled_is_what_can_be_run() -> None:
    assert VERB_OF.keys() == kinds.KINDS.keys() == queue.CATCH_UP.keys()


@pytest.mark.on_sqlite
def test_a_firing_becomes_one_request(tmp_path: Path, database_url: str) -> None:
    with scheduled(tmp_path, database_url, MONTHLY) as app:
        assert new(look(app, "2026-01-31 12:00Z")) == []
        assert new(look(app, "2026-02-01 05:29:59Z")) == []
        assert new(look(app, "2026-02-01 05:30Z")) == [("monthly", "02-01 05:30")]
        assert new(look(app, "2026-02-01 05:30Z")) == []
        assert new(look(app, "2026-02-01 05:31Z")) == []
        with app.books.reader() as reader:
            (request,) = reader.run_requests("acme")
        assert (request.kind, request.on.isoformat(), request.who, request.reason, request.state) == (
            "bill", "2026-02-01", "ada", "monthly bill", "queued"
        )  # fmt: skip


@pytest.mark.on_sqlite
def test_the_business_date_is_the_local_day(tmp_path: Path, database_url: str) -> None:
    with scheduled(tmp_path, database_url, DAILY) as app:
        look(app, "2026-01-31 12:00Z")
        assert new(look(app, "2026-01-31 23:00Z")) == [("daily", "01-31 23:00")]
        with app.books.reader() as reader:
            assert reader.run_requests("acme")[0].on.isoformat() == "2026-02-01"


@pytest.mark.on_sqlite
def test_a_schedule_begins_when_it_is_first_seen(tmp_path: Path, database_url: str) -> None:
    with scheduled(tmp_path, database_url, MONTHLY) as app:
        assert new(look(app, "2026-03-15 12:00Z")) == []
    other = MONTHLY.replace("30 6 1", "30 6 10")
    with scheduled(tmp_path, database_url, other) as app:
        assert new(look(app, "2026-05-15 12:00Z")) == [], "with other times it begins anew"
        assert new(look(app, "2026-06-15 12:00Z")) == [("monthly", "06-10 04:30")]
    with scheduled(tmp_path, database_url) as app:
        assert new(look(app, "2026-06-16 12:00Z")) == []
    with scheduled(tmp_path, database_url, other) as app:
        assert new(look(app, "2026-08-15 12:00Z")) == [], "one that was away begins anew"


@pytest.mark.on_sqlite
def test_what_was_missed_is_caught_up_by_kind(tmp_path: Path, database_url: str) -> None:
    """Every bill run in its order, of deliveries and checks the last one."""
    with scheduled(tmp_path, database_url, MONTHLY, POST, CHECK) as app:
        look(app, "2026-01-15 12:00Z")
        assert new(look(app, "2026-04-15 12:00Z")) == [
            ("monthly", "02-01 05:30"),
            ("monthly", "03-01 05:30"),
            ("monthly", "04-01 04:30"),
            ("post", "04-15 12:00"),
            ("check", "04-15 00:30"),
        ]


@pytest.mark.on_sqlite
def test_more_than_can_be_caught_up_is_a_finding(tmp_path: Path, database_url: str) -> None:
    with scheduled(tmp_path, database_url, DAILY) as app:
        look(app, "2026-01-01 12:00Z")
        done = look(app, "2028-01-01 12:00Z")
        assert len(done.requests) == queue.MOST_MISSED
        assert done.requests[-1][1] == at("2027-12-31 23:00Z")
        (finding,) = done.findings
        assert (finding.code, finding.subject) == ("schedule.too-many-missed", "schedule/daily")
        with app.books.reader() as reader:
            assert [f.code for f in reader.findings("acme", 0)] == ["schedule.too-many-missed"]


def test_days_on_which_clocks_are_changed(tmp_path: Path, database_url: str) -> None:
    """At half past two each night: an hour later where that does not exist, once where it exists twice."""
    with scheduled(tmp_path, database_url, CHECK) as app:
        found = []
        for start, end in (("2026-03-28", "2026-03-31"), ("2026-10-24", "2026-10-27")):
            moment = at(f"{start} 00:00Z")
            while moment < at(f"{end} 00:00Z"):
                found += new(look(app, moment))
                moment += timedelta(minutes=10)
        assert [due for _, due in found][:3] == ["03-28 01:30", "03-29 01:30", "03-30 00:30"]
        assert [due for _, due in found][-3:] == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


JUMPS = st.lists(st.integers(-72 * 60, 72 * 60), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JUMPS)
def test_whatever_the_clock_does_nothing_is_enqueued_twice(
    tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path, jumps: Sequence[int]
) -> None:
    """After jumps of hours and days to and fro each firing of the bill is there once, and none is missing."""
    folder = tmp_path_factory.mktemp("jumps")
    (folder / "books.db").write_bytes(_sqlite_template.read_bytes())
    with scheduled(folder, f"sqlite:///{folder / 'books.db'}", DAILY, POST) as app:
        start = now = first = at("2026-03-27 12:00Z")
        look(app, now)
        said: list[tuple[str, datetime]] = []
        for minutes in jumps:
            now += timedelta(minutes=minutes)
            said += look(app, now).requests
            start, first = max(start, now), min(first, now)
        assert len(said) == len(set(said))
        assert sorted(said) == in_books(app)
        daily = [due for schedule, due in said if schedule == "daily"]
        cron = app.config.schedule[0].cron
        assert set(cron.newest_first(at("2026-03-27 12:00Z"), start)) <= set(daily)
        assert set(daily) <= set(cron.newest_first(first, start))


def test_a_clock_that_was_put_back_misses_nothing(tmp_path: Path, database_url: str) -> None:
    """What a clock in the future did not enqueue because it was not the last is enqueued when its time comes."""
    with scheduled(tmp_path, database_url, POST) as app:
        look(app, "2026-01-01 10:30Z")
        assert new(look(app, "2026-01-01 14:30Z")) == [("post", "01-01 14:00")]
        assert new(look(app, "2026-01-01 10:31Z")) == []
        assert new(look(app, "2026-01-01 11:00Z")) == [("post", "01-01 11:00")]
        look(app, "2026-01-01 14:00Z")
        assert new(look(app, "2026-01-01 15:00Z")) == [("post", "01-01 15:00")]


def test_who_has_no_lease_enqueues_nothing(tmp_path: Path, database_url: str) -> None:
    with scheduled(tmp_path, database_url, POST) as app:
        assert look(app, "2026-01-01 09:59:30Z", "a").held
        other = look(app, "2026-01-01 10:00Z", "b")
        assert (other.held, other.requests) == (False, ())
        assert other.lease is not None
        assert other.lease.holder == "a"
        assert in_books(app) == []
        assert new(look(app, "2026-01-01 10:00:30Z", "b")) == [("post", "01-01 10:00")], "a was silent for a minute"
        assert not look(app, "2026-01-01 10:00:31Z", "a").held
        app.leave_scheduler(Change("ada", at("2026-01-01 10:00:40Z"), "stop"), "b")
        assert new(look(app, "2026-01-01 10:00:41Z", "a")) == []


@pytest.mark.capability("A8.2")
@pytest.mark.on_sqlite
def test_only_what_happens_is_audited(tmp_path: Path, database_url: str) -> None:
    with scheduled(tmp_path, database_url, POST) as app:
        for minute in range(10):
            look(app, f"2026-01-01 09:5{minute}Z", "a")
        look(app, "2026-01-01 10:00Z", "a")
        with app.books.reader() as reader:
            rows = list(reversed(reader.audit_rows("acme")))
    assert [(r.action, r.subject, r.who, r.reason) for r in rows] == [
        ("take lease", "lease/scheduler", "ada", "scheduler"),
        ("set schedule", "schedule/post", "ada", "scheduler"),
        ("enqueue", "schedule/post", "ada", "scheduler"),
    ]


@pytest.mark.on_sqlite
def test_books_of_another_tenant_are_another_queue(books: Books, tmp_path: Path, database_url: str) -> None:
    with scheduled(tmp_path, database_url, POST) as app:
        look(app, "2026-01-01 09:59Z", "a")
        look(app, "2026-01-01 10:00Z", "a")
    with scheduled(tmp_path, database_url, POST, tenant__key="other") as app:
        look(app, "2026-01-01 10:30Z", "b")
        assert in_books(app) == []
        with books.reader() as reader:
            assert reader.waiting_requests("acme") == 1
