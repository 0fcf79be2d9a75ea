"""Cycles of days, cycles that are counted from the month of their origin, and months of equal length."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.period import Period, advanced, cycle_containing, cycles, share_equal_months

DATES = st.dates(date(2001, 1, 1), date(2090, 1, 1))
DAY = timedelta(days=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def span(text: str) -> Period:
    start, end = text.split("..")
    return Period(day(start), day(end))


@pytest.mark.parametrize(
    ("on", "length", "origin", "expected"),
    [
        ("2026-01-03", 1, "2026-01-03", "2026-01-03..2026-01-04"),
        ("2026-01-09", 7, "2026-01-03", "2026-01-03..2026-01-10"),
        ("2026-01-10", 7, "2026-01-03", "2026-01-10..2026-01-17"),
        ("2026-03-03", 30, "2026-01-31", "2026-03-02..2026-04-01"),
        ("2025-12-31", 7, "2026-01-03", "2025-12-27..2026-01-03"),
    ],
)
def test_cycles_of_days_know_no_anchor_day(on: str, length: int, origin: str, expected: str) -> None:
    for anchor in (1, 15, 31):
        assert cycle_containing(day(on), anchor, 1, day(origin), length) == span(expected)


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize(
    ("origin", "anchor", "months", "last", "month"),
    [
        # (cycle of the origin counted from the last anchor day, and from the one in its month)
        ("2012-01-16", 17, 12, "2011-12-17..2012-12-17", "2011-01-17..2012-01-17"),
        ("2012-02-16", 14, 12, "2012-02-14..2013-02-14", "2012-02-14..2013-02-14"),
        ("2012-02-16", 30, 12, "2012-01-30..2013-01-30", "2011-02-28..2012-02-29"),
        ("2012-05-12", 15, 3, "2012-04-15..2012-07-15", "2012-02-15..2012-05-15"),
        ("2012-05-12", 1, 3, "2012-05-01..2012-08-01", "2012-05-01..2012-08-01"),
        ("2011-02-14", 31, 1, "2011-01-31..2011-02-28", "2011-01-31..2011-02-28"),
        ("2011-02-28", 31, 24, "2011-02-28..2013-02-28", "2011-02-28..2013-02-28"),
    ],
)
def test_the_phase_of_long_cycles(origin: str, anchor: int, months: int, last: str, month: str) -> None:
    start = day(origin)
    assert cycle_containing(start, anchor, months, start) == span(last)
    assert cycle_containing(start, anchor, months, start, 0, True) == span(month)


@settings(deadline=None, max_examples=100)
@given(DATES, DATES, st.integers(1, 31), st.sampled_from([(1, 0), (3, 0), (24, 0), (1, 1), (1, 7), (1, 30)]))
def test_cycles_tile_the_calendar(on: date, origin: date, anchor: int, length: tuple[int, int]) -> None:
    months, days = length
    one = cycle_containing(on, anchor, months, origin, days, True)
    assert on in one
    assert cycle_containing(one.end - DAY, anchor, months, origin, days, True) == one
    assert cycle_containing(one.end, anchor, months, origin, days, True).start == one.end
    two = list(cycles(Period(one.start, one.end + DAY), anchor, months, origin, days, True))
    assert [cycle.start for cycle in two] == [one.start, one.end]


@pytest.mark.parametrize(
    ("start", "count", "months", "days", "expected"),
    [
        ("2016-01-31", 1, 1, 0, "2016-02-29"),
        ("2016-01-31", 2, 1, 0, "2016-03-31"),
        ("2016-03-31", -1, 1, 0, "2016-02-29"),
        ("2016-02-29", 1, 24, 0, "2018-02-28"),
        ("2016-01-31", 3, 1, 30, "2016-04-30"),
        ("2016-01-31", -1, 1, 7, "2016-01-24"),
        ("2016-01-31", 0, 1, 7, "2016-01-31"),
    ],
)
def test_advanced(start: str, count: int, months: int, days: int, expected: str) -> None:
    assert advanced(day(start), count, months, days) == day(expected)


@pytest.mark.parametrize(
    ("part", "months", "length", "share"),
    [
        ("2023-05-15..2023-05-23", 1, 30, "8/30"),
        ("2023-02-23..2023-03-15", 1, 30, "22/30"),
        ("2024-02-23..2024-03-15", 1, 30, "22/30"),
        ("2023-05-23..2023-06-15", 1, 28, "20/28"),
        ("2023-01-15..2023-04-15", 3, 30, "1"),
        ("2022-12-20..2023-01-20", 12, 30, "1/12"),
    ],
)
def test_months_of_equal_length(part: str, months: int, length: int, share: str) -> None:
    assert share_equal_months(span(part), months, length) == Fraction(share)


@settings(deadline=None, max_examples=60)
@given(DATES, st.integers(1, 28), st.integers(1, 28), st.integers(1, 31))
def test_parts_of_equal_months_add_up(start: date, one: int, other: int, length: int) -> None:
    middle, end = start + one * DAY, start + (one + other) * DAY
    parts = [share_equal_months(Period(*days), 1, length) for days in ((start, middle), (middle, end))]
    assert sum(parts) == share_equal_months(Period(start, end), 1, length)
