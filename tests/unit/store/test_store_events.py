"""Events: known once, numbered in the order of commits, added up by day."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.store import tables
from engine.store.books import Books
from engine.store.records import Outcome
from tests.unit.store import sample as s


def put(books: Books, *rows: tuple[Any, ...]) -> Outcome:
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        return writer.put_usage(rows)


def events(books: Books) -> list[tuple[Any, ...]]:
    column = tables.USAGE_EVENT.c
    with books.reader() as reader:
        return [
            tuple(row) for row in reader.rows(sa.select(column.id, column.key, column.quantity).order_by(column.id))
        ]


def test_usage_is_known_once(books: Books) -> None:
    a, b, c = (s.usage(1, key, s.JAN) for key in "abc")
    assert put(books, a, b) == Outcome(2)
    assert put(books, a, b) == Outcome(0, 0, 2, repeats=(0, 1))
    assert put(books, b, c, a, c) == Outcome(1, 0, 3, repeats=(0, 2, 3))
    assert [key for _, key, _ in events(books)] == ["a", "b", "c"]


def test_another_body_is_a_conflict_and_the_first_stays(books: Books) -> None:
    put(books, s.usage(1, "a", s.JAN), s.usage(1, "b", s.JAN))
    new, other_quantity, other_day = s.usage(1, "c", s.JAN), s.usage(1, "a", s.JAN, "2"), s.usage(1, "b", s.FEB)
    assert put(books, new, other_quantity, other_day) == Outcome(1, 0, 0, (1, 2))
    assert put(books, s.usage(1, "d", s.JAN), s.usage(1, "d", s.JAN, "3")) == Outcome(1, 0, 0, (1,))
    assert {key: quantity for _, key, quantity in events(books)} == dict.fromkeys("abcd", 1)
    assert put(books, s.usage(1, "a", s.JAN, source="other")) == Outcome(1)


def test_the_day_of_a_known_event_stays(books: Books) -> None:
    row = s.usage(1, "a", s.JAN)
    put(books, row)
    moved = (*row[:7], date(2025, 12, 31), *row[8:])
    assert put(books, moved) == Outcome(0, 0, 1, repeats=(0,))


def test_other_dimensions_are_another_body(books: Books) -> None:
    plain, eu, us = ((*s.usage(1, "a", s.JAN)[:9], text) for text in (None, '{"region":"EU"}', '{"region":"US"}'))
    assert put(books, eu) == Outcome(1)
    assert put(books, eu, us, plain) == Outcome(0, 0, 1, (1, 2), (0,))


def test_nothing_and_nonsense(books: Books) -> None:
    assert put(books) == Outcome()
    with pytest.raises(TollbookError) as caught:
        put(books, (*s.usage(1, "a", s.JAN)[:8], Decimal("0.0000001"), None))
    assert caught.value.findings[0].code == "store.not-exact"
    assert "usage_event.quantity" in caught.value.findings[0].what
    assert events(books) == []


def test_many_events_take_about_as_many_statements_as_few(books: Books) -> None:
    """Whether they are new or known: the database is asked for thousands at a time."""
    asked: list[str] = []
    sa.event.listen(books._engine, "before_cursor_execute", lambda _, __, text, *___: asked.append(text))
    counts = []
    for first, count in ((0, 10), (10, 3_000)):
        rows = [s.usage(n % 50, f"{n:08}", s.JAN + timedelta(n % 28)) for n in range(first, first + count)]
        asked.clear()
        assert put(books, *rows) == Outcome(count)
        assert put(books, *rows) == Outcome(0, 0, count, repeats=tuple(range(count)))
        counts.append(len(asked))
    assert 0 < counts[0] <= counts[1] <= counts[0] + 3


def test_subscription_events(books: Books) -> None:
    row = (s.T, s.E, 5, "start", "start", s.JAN, "basic", Decimal(2), *[None] * 6)
    pause = (s.T, s.E, 5, "pause", "pause", s.FEB, *[None] * 8)
    with books.writer(s.CHANGE) as writer:
        assert writer.put_subscription_events([row, pause]) == Outcome(2)
        assert writer.put_subscription_events([pause, row]) == Outcome(0, 0, 2, repeats=(0, 1))
        assert writer.put_subscription_events([(*pause[:6], "basic", *[None] * 7)]) == Outcome(0, 0, 0, (0,))


def test_ids_are_in_the_order_of_commits(books: Books) -> None:
    """A slow writer that took its ids first also commits first: nobody sees a later id before an earlier one."""
    order: list[str] = []
    taken = threading.Event()

    def slow() -> None:
        with books.writer(s.CHANGE) as writer:
            writer.put_usage([s.usage(1, "slow", s.JAN)])
            taken.set()
            time.sleep(0.3)
            order.append("slow")

    thread = threading.Thread(target=slow)
    thread.start()
    taken.wait(10)
    with books.writer(s.CHANGE) as writer:
        writer.put_usage([s.usage(1, "quick", s.JAN)])
        order.append("quick")
    thread.join(10)
    assert order == ["slow", "quick"]
    assert [key for _, key, _ in events(books)] == ["slow", "quick"]


BATCHES = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4), st.integers(-50, 50)), max_size=6), min_size=1, max_size=4
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES)
def test_daily_sums_are_the_sums_of_events(books: Books, batches: list[list[tuple[int, int, int]]]) -> None:
    """However events come in and whenever they are rolled up, USAGE_DAY is what a plain loop makes of them."""
    expected: dict[tuple[int, date], list[Decimal]] = defaultdict(list)
    with books._engine.connect() as connection:
        from engine.store.reader import Reader
        from engine.store.writer import Writer

        writer = Writer(Reader(connection), s.CHANGE, 0, s.T, books)
        for n, batch in enumerate(batches):
            rows = [
                s.usage(sub, f"{n}-{i}", s.JAN + timedelta(day), str(quantity))
                for i, (sub, day, quantity) in enumerate(batch)
            ]
            writer.put_usage(rows)
            writer.put_usage([(*row[:1], "other", *row[2:]) for row in rows] if n == 0 else [])
            for row in rows * (2 if n == 0 else 1):
                expected[row[4], row[7]].append(row[8])
            high = writer.roll_up_usage(s.T)
            assert writer.roll_up_usage(s.T) == high == writer.reader.high_marks()[0]
        day = tables.USAGE_DAY.c
        found = writer.rows(sa.select(day.subscription_id, day.day, day.quantity, day.peak, day.events))
        connection.rollback()
    assert {(row[0], row[1]): tuple(row[2:]) for row in found} == {
        key: (sum(values), max(values), len(values)) for key, values in expected.items()
    }


def test_a_tenant_rolls_up_its_own(books: Books) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with books.writer(s.CHANGE) as writer:
        writer.put_usage([("other", "x", "app", "k", 9, "api", at, s.JAN, Decimal(1), None), s.usage(1, "k", s.JAN)])
        writer.roll_up_usage(s.T)
        assert [row.subscription_id for row in writer.rows(sa.select(tables.USAGE_DAY))] == [1]
        writer.roll_up_usage("other")
        assert [row.subscription_id for row in writer.rows(sa.select(tables.USAGE_DAY))] == [1, 9]


def test_a_sum_beyond_the_column_is_refused(books: Books) -> None:
    huge = "9000000000000"
    put(books, s.usage(1, "a", s.JAN, huge), s.usage(1, "b", s.JAN, huge))
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
        writer.roll_up_usage(s.T)
    assert caught.value.findings[0].code == "store.too-large"


def totals(books: Books) -> list[tuple[str, Decimal, Decimal, int, int]]:
    column = tables.USAGE_DAY.c
    fields = (column.day, column.quantity, column.peak, column.events, column.last_id)
    with books.reader() as reader:
        return [(f"{row[0]:%m-%d}", *row[1:]) for row in reader.rows(sa.select(*fields).order_by(column.day))]


def reversal(key: str, event: int, day: date) -> tuple[object, ...]:
    return (s.T, s.E, "app", key, event, 1, "api", day)


@pytest.mark.capability("A2.5")
def test_usage_that_is_taken_back_leaves_the_sums_of_its_day(books: Books) -> None:
    second = s.JAN + timedelta(1)
    put(books, s.usage(1, "a", s.JAN, "5"), s.usage(1, "b", s.JAN, "2"), s.usage(1, "c", second, "9"))
    with books.writer(s.CHANGE) as writer:
        assert writer.roll_up_usage(s.T) == 3
        assert writer.put_reversals([reversal("a", 1, s.JAN), reversal("a", 1, s.JAN)]) == Outcome(
            1, 0, 1, repeats=(1,)
        )
    assert totals(books) == [("01-01", 7, 5, 2, 2), ("01-02", 9, 9, 1, 3)]
    with books.writer(s.CHANGE) as writer:
        assert writer.reader.high_marks()[0] == 4
        assert writer.roll_up_usage(s.T) == 4
        assert writer.roll_up_usage(s.T) == 4
    assert totals(books) == [("01-01", 2, 2, 1, 4), ("01-02", 9, 9, 1, 3)]
    put(books, s.usage(1, "d", second, "1"))
    with books.writer(s.CHANGE) as writer:
        writer.put_reversals([reversal("b", 2, s.JAN), reversal("c", 3, second)])
        writer.roll_up_usage(s.T)
    assert totals(books) == [("01-01", 0, 0, 0, 7), ("01-02", 1, 1, 1, 8)]


def test_refused_events_are_kept_once(books: Books) -> None:
    """The same event again is not kept again; positions of the new ones are told, doubles within the call count once."""
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        assert writer.put_refused_usage([]) == ()
        assert writer.put_refused_usage([s.refused_usage("a"), s.refused_usage("a"), s.refused_usage("b")]) == (0, 2)
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        assert writer.put_refused_usage([s.refused_usage("b"), s.refused_usage("c")]) == (1,)
    with books.reader() as reader:
        kept = reader.refused_usage(s.T)
        assert [(row["key"], row["body"]) for row in kept] == [(key, {"key": key}) for key in "cba"]
        assert reader.refused_usage("another tenant") == []
