"""Leases and the queue: one holder at a time, each firing once, each request taken by one worker, in order."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.model.request import RunRequest, ScheduleMark
from engine.store.books import Books
from engine.store.writing.queue import MOST_ATTEMPTS
from tests.unit.store import sample as s
from tests.unit.store.test_store_approvals import together

MINUTE = timedelta(minutes=1)


def later(minutes: int) -> Change:
    return msgspec.structs.replace(s.CHANGE, at=s.CHANGE.at + minutes * MINUTE)


def hold(books: Books, holder: str, minutes: int = 0) -> bool:
    with books.writer(later(minutes)) as writer:
        return writer.hold_lease(s.T, "scheduler", holder, 10 * MINUTE)


def test_a_lease_has_one_holder_until_it_is_over(books: Books) -> None:
    assert hold(books, "a")
    assert not hold(books, "b", 9)
    assert hold(books, "a", 9)
    assert not hold(books, "b", 18)
    assert hold(books, "b", 19)
    assert not hold(books, "a", 20)
    with books.reader() as reader:
        lease = reader.lease(s.T, "scheduler")
        assert lease is not None
        assert (lease.holder, lease.until) == ("b", later(29).at)
        assert [r.after["holder"] for r in reader.audit_rows(s.T, "lease/scheduler")] == ["b", "a"]


def test_a_lease_is_given_back_by_its_holder(books: Books) -> None:
    hold(books, "a")
    with books.writer(later(1)) as writer:
        assert not writer.drop_lease(s.T, "scheduler", "b")
        assert writer.drop_lease(s.T, "scheduler", "a")
    assert hold(books, "b", 1)


def test_a_lease_that_a_wrong_clock_took_is_not_waited_for(books: Books) -> None:
    """A lease that ends further ahead than any is long was taken by a clock that was wrong."""
    assert hold(books, "a", 60 * 24 * 365)
    assert hold(books, "b")
    assert hold(books, "a", 60 * 24 * 365)


def test_of_many_at_once_one_has_the_lease(books: Books) -> None:
    results = together(*(lambda name=name: hold(books, name) for name in "abcdef"))
    assert sorted(results) == [False] * 5 + [True]
    results = together(*(lambda name=name: hold(books, name, 60) for name in "ghijkl"))
    assert sorted(results) == [False] * 5 + [True]


def put(books: Books, *dues: int, schedule: str = "monthly", kind: str = "bill") -> list[bool]:
    with books.writer(s.CHANGE) as writer:
        return [
            writer.enqueue(s.T, schedule, kind, later(due).at, date(2026, 4, 1), "ada", "monthly bill") for due in dues
        ]


def take(books: Books, worker: str = "w", minutes: int = 0) -> RunRequest | None:
    with books.writer(later(minutes)) as writer:
        return writer.take_request(s.T, worker, 10 * MINUTE)


def finish(books: Books, request: RunRequest, minutes: int = 0, **how: object) -> bool:
    with books.writer(later(minutes)) as writer:
        return writer.finish_request(request, **how)  # type: ignore[arg-type]


def listed(books: Books) -> list[tuple[datetime, str]]:
    with books.reader() as reader:
        return [(r.due, r.state) for r in reversed(reader.run_requests(s.T))]


def test_a_firing_is_enqueued_once(books: Books) -> None:
    assert put(books, 1, 2, 1) == [True, True, False]
    assert put(books, 2, 3) == [False, True]
    assert put(books, 1, schedule="other") == [True]
    results = together(*(lambda: put(books, 4) for _ in range(6)))
    assert sorted(results) == [[False]] * 5 + [[True]]  # type: ignore[type-var]


def test_requests_are_taken_one_at_a_time_in_order(books: Books) -> None:
    put(books, 2, 1)
    put(books, 3, schedule="post", kind="deliver")
    first = take(books, "w1")
    assert first is not None
    assert (first.due, first.state, first.holder, first.attempts) == (later(1).at, "taken", "w1", 1)
    other = take(books, "w2")
    assert other is not None
    assert other.kind == "deliver", "another bill run relies on the one before"
    assert take(books, "w3") is None
    assert finish(books, first, run_id=7, summary={"invoices": 3})
    second = take(books, "w1")
    assert second is not None
    assert second.due == later(2).at
    with books.reader() as reader:
        done = reader.run_request(first.id)
        assert done is not None
        assert (done.state, done.run_id, done.summary, done.until) == ("done", 7, {"invoices": 3}, None)
        assert reader.waiting_requests(s.T) == 2


def test_of_many_workers_at_once_one_takes(books: Books) -> None:
    put(books, 1, 2, 3)
    results = together(*(lambda name=name: take(books, name) for name in "abcdef"))
    taken = [result for result in results if isinstance(result, RunRequest)]
    assert [request.due for request in taken] == [later(1).at]


def test_the_request_of_a_silent_worker_is_taken_again(books: Books) -> None:
    put(books, 1)
    first = take(books, "w1")
    assert first is not None
    assert take(books, "w2", 9) is None
    with books.writer(later(9)) as writer:
        assert writer.renew_request(first, 10 * MINUTE)
    assert take(books, "w2", 18) is None
    second = take(books, "w2", 19)
    assert second is not None
    assert (second.id, second.holder, second.attempts) == (first.id, "w2", 2)
    with books.writer(later(19)) as writer:
        assert not writer.renew_request(first, 10 * MINUTE)
    assert not finish(books, first, 20, error="too late")
    assert finish(books, second, 20)
    assert listed(books) == [(later(1).at, "done")]


def test_the_same_worker_does_not_end_what_it_took_later(books: Books) -> None:
    put(books, 1)
    first = take(books, "w")
    again = take(books, "w", 10)
    assert first is not None
    assert again is not None
    assert not finish(books, first, 11)
    assert finish(books, again, 11)


def test_a_request_that_kills_its_workers_fails(books: Books) -> None:
    put(books, 1, 2)
    for attempt in range(MOST_ATTEMPTS):
        taken = take(books, f"w{attempt}", attempt * 10)
        assert taken is not None
        assert taken.due == later(1).at
    following = take(books, "w", 10 * MOST_ATTEMPTS)
    assert following is not None
    assert following.due == later(2).at
    with books.reader() as reader:
        dead = reader.run_requests(s.T)[-1]
    assert dead.state == "failed"
    assert dead.error == "3 workers took it and fell silent, the last one w2"


def test_a_request_that_waits_is_looked_at_again(books: Books) -> None:
    put(books, 1)
    put(books, 2, schedule="post", kind="deliver")
    taken = take(books, "w")
    assert taken is not None
    with books.writer(s.CHANGE) as writer:
        assert writer.postpone_request(taken, later(5).at, "period closed")
    other = take(books, "w", 4)
    assert other is not None
    assert other.kind == "deliver"
    again = take(books, "w", 5)
    assert again is not None
    assert (again.id, again.attempts, again.error) == (taken.id, 1, "period closed")


def test_marks_of_schedules(books: Books) -> None:
    def settle(name: str, times: str, minutes: int) -> None:
        with books.writer(later(minutes)) as writer:
            writer.settle_schedule(ScheduleMark(s.T, name, times, later(minutes).at))

    settle("monthly", "x", 0)
    settle("monthly", "x", 5)
    settle("monthly", "y", 6)
    settle("post", "z", 6)
    with books.writer(later(7)) as writer:
        writer.forget_schedules(s.T, ["post"])
    with books.reader() as reader:
        assert reader.schedule_marks(s.T) == {"monthly": ScheduleMark(s.T, "monthly", "y", later(6).at)}
        rows = reader.audit_rows(s.T)
    assert [r.action for r in rows] == ["remove schedule", "set schedule", "set schedule", "set schedule"]


@pytest.mark.capability("A8.2")
def test_what_becomes_of_a_request_is_audited(books: Books) -> None:
    put(books, 1)
    taken = take(books, "w")
    assert taken is not None
    finish(books, taken, error="no rates")
    with books.reader() as reader:
        rows = reader.audit_rows(s.T, "schedule/monthly")
    assert [(r.action, r.after.get("state")) for r in rows] == [
        ("finish request", "failed"),
        ("take request", "taken"),
        ("enqueue", None),
    ]


def test_a_lease_needs_somebody_who_answers_for_it(books: Books) -> None:
    with pytest.raises(TollbookError), books.writer(Change("", s.CHANGE.at, "x")) as writer:
        writer.hold_lease(s.T, "scheduler", "a", MINUTE)
