"""Periods, billing cycles, day counts and local days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base import period
from engine.base.errors import TollbookError
from engine.base.period import (
    BEGINNING,
    ENDLESS,
    FOREVER,
    Period,
    add_months,
    cycle_containing,
    cycles,
    days_30_360,
    instant_of,
    local_day,
    months_between,
    share_30_360,
    share_actual,
    share_fixed,
    slipping_cycle,
    subtract,
)

DAY = timedelta(days=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def span(text: str) -> Period:
    """``2026-01-01..2026-02-01``."""
    start, end = text.split("..")
    return Period(day(start), day(end) if end else FOREVER)


DATES = st.dates(date(2019, 1, 1), date(2032, 12, 31))
PERIODS = st.builds(lambda start, days: Period(start, start + days * DAY), DATES, st.integers(1, 90))


class TestPeriod:
    def test_it_is_half_open(self) -> None:
        january = span("2026-01-01..2026-02-01")
        assert january.days == 31
        assert day("2026-01-01") in january
        assert day("2026-01-31") in january
        assert day("2026-02-01") not in january
        assert str(january) == "2026-01-01..2026-02-01"
        assert str(span("2026-01-01..")) == "2026-01-01.."

    @pytest.mark.parametrize("end", ["2026-01-01", "2025-12-31"])
    def test_an_empty_one_is_refused(self, end: str) -> None:
        with pytest.raises(TollbookError) as caught:
            Period.of(day("2026-01-01"), day(end))
        assert caught.value.findings[0].code == period.NOT_AHEAD
        assert Period.of(day(end), day("2026-01-02")).start == day(end)

    @pytest.mark.parametrize(
        ("one", "other", "both"),
        [
            ("2026-01-01..2026-02-01", "2026-01-15..2026-03-01", "2026-01-15..2026-02-01"),
            ("2026-01-01..2026-02-01", "2026-02-01..2026-03-01", None),
            ("2026-01-01..", "2026-02-01..", "2026-02-01.."),
            ("2026-01-01..2026-12-31", "2026-05-01..2026-05-02", "2026-05-01..2026-05-02"),
        ],
    )
    def test_meet(self, one: str, other: str, both: str | None) -> None:
        expected = span(both) if both else None
        assert span(one).meet(span(other)) == span(other).meet(span(one)) == expected


@pytest.mark.parametrize(
    ("periods", "holes", "left"),
    [
        (["2026-01-01..2026-02-01"], [], ["2026-01-01..2026-02-01"]),
        (["2026-01-01..2026-02-01"], ["2026-01-10..2026-01-20"], ["2026-01-01..2026-01-10", "2026-01-20..2026-02-01"]),
        (["2026-01-01..2026-02-01"], ["2025-12-01..2026-01-05", "2026-01-30.."], ["2026-01-05..2026-01-30"]),
        (["2026-01-01..2026-02-01"], ["2026-01-01..2026-02-01"], []),
        (["2026-01-01.."], ["2026-01-05..2026-01-06"], ["2026-01-01..2026-01-05", "2026-01-06.."]),
        (
            ["2026-01-01..2026-01-05", "2026-01-05..2026-01-09"],
            ["2026-01-04..2026-01-06"],
            ["2026-01-01..2026-01-04", "2026-01-06..2026-01-09"],
        ),
        (["2026-01-01..2026-01-05"], ["2026-01-05..2026-01-09"], ["2026-01-01..2026-01-05"]),
    ],
)
def test_subtract(periods: list[str], holes: list[str], left: list[str]) -> None:
    assert subtract(map(span, periods), map(span, holes)) == [span(one) for one in left]


def days_of(periods: list[Period]) -> list[date]:
    return [one.start + n * DAY for one in periods for n in range(one.days)]


@settings(deadline=None, max_examples=80)
@given(PERIODS, st.lists(PERIODS, max_size=6))
def test_subtract_leaves_exactly_the_days_outside(whole: Period, holes: list[Period]) -> None:
    left = subtract([whole], holes)
    assert days_of(left) == [d for d in days_of([whole]) if not any(d in hole for hole in holes)]
    assert all(one.days > 0 for one in left)
    assert subtract([whole], [*holes, *left]) == []


@pytest.mark.parametrize(
    ("anchor", "months", "on", "expected"),
    [
        ("2026-01-31", 1, None, "2026-02-28"),
        ("2028-01-31", 1, None, "2028-02-29"),
        ("2026-01-31", 2, None, "2026-03-31"),
        ("2026-01-31", 13, None, "2027-02-28"),
        ("2026-01-31", -2, None, "2025-11-30"),
        ("2028-02-29", 12, None, "2029-02-28"),
        ("2028-02-29", 48, None, "2032-02-29"),
        ("2026-02-28", 1, 31, "2026-03-31"),
        ("2026-02-28", 0, 31, "2026-02-28"),
        ("2026-12-15", 1, None, "2027-01-15"),
        ("2026-01-15", -1, None, "2025-12-15"),
        ("2026-01-15", 0, 1, "2026-01-01"),
    ],
)
def test_add_months(anchor: str, months: int, on: int | None, expected: str) -> None:
    assert add_months(day(anchor), months, on) == day(expected)


def test_months_between_counts_calendar_months() -> None:
    assert months_between(day("2026-01-31"), day("2026-02-01")) == 1
    assert months_between(day("2026-11-01"), day("2027-02-28")) == 3
    assert months_between(day("2026-05-31"), day("2026-05-01")) == 0


@pytest.mark.parametrize(
    ("on", "anchor_day", "months", "origin", "expected"),
    [
        # the 31st comes back after every shorter month
        ("2026-02-27", 31, 1, "2026-01-31", "2026-01-31..2026-02-28"),
        ("2026-02-28", 31, 1, "2026-01-31", "2026-02-28..2026-03-31"),
        ("2026-03-30", 31, 1, "2026-01-31", "2026-02-28..2026-03-31"),
        ("2026-04-30", 31, 1, "2026-01-31", "2026-04-30..2026-05-31"),
        ("2028-02-29", 31, 1, "2028-01-31", "2028-02-29..2028-03-31"),
        ("2028-02-28", 30, 1, "2028-01-30", "2028-01-30..2028-02-29"),
        # leap days: a yearly cycle from 29 February
        ("2029-02-27", 29, 12, "2028-02-29", "2028-02-29..2029-02-28"),
        ("2029-02-28", 29, 12, "2028-02-29", "2029-02-28..2030-02-28"),
        ("2032-02-28", 29, 12, "2028-02-29", "2031-02-28..2032-02-29"),
        ("2032-02-29", 29, 12, "2028-02-29", "2032-02-29..2033-02-28"),
        # quarters and years keep the phase of their first anchor day
        ("2026-05-14", 15, 3, "2026-02-15", "2026-02-15..2026-05-15"),
        ("2026-05-15", 15, 3, "2026-02-15", "2026-05-15..2026-08-15"),
        ("2027-01-01", 15, 3, "2026-02-15", "2026-11-15..2027-02-15"),
        ("2026-02-20", 1, 3, "2026-02-20", "2026-02-01..2026-05-01"),
        ("2026-08-31", 31, 3, "2026-08-31", "2026-08-31..2026-11-30"),
        ("2027-02-27", 31, 3, "2026-08-31", "2026-11-30..2027-02-28"),
        ("2027-01-09", 10, 12, "2026-01-10", "2026-01-10..2027-01-10"),
        # an origin before the anchor day of its month begins in the month before
        ("2026-01-10", 15, 1, "2026-01-10", "2025-12-15..2026-01-15"),
        ("2026-01-10", 15, 12, "2026-01-10", "2025-12-15..2026-12-15"),
        # days before the origin have cycles too
        ("2025-11-20", 15, 3, "2026-02-15", "2025-11-15..2026-02-15"),
        ("2025-11-14", 15, 3, "2026-02-15", "2025-08-15..2025-11-15"),
    ],
)
def test_cycle_containing(on: str, anchor_day: int, months: int, origin: str, expected: str) -> None:
    assert cycle_containing(day(on), anchor_day, months, day(origin)) == span(expected)


@settings(deadline=None, max_examples=100)
@given(DATES, DATES, st.integers(1, 31), st.sampled_from([1, 2, 3, 6, 12]))
def test_cycles_tile_the_calendar(on: date, origin: date, anchor_day: int, months: int) -> None:
    one = cycle_containing(on, anchor_day, months, origin)
    assert on in one
    assert months_between(one.start, one.end) == months
    assert one.start.day == anchor_day or (one.start + DAY).day == 1
    for other in (one.start, one.end - DAY):
        assert cycle_containing(other, anchor_day, months, origin) == one
    assert cycle_containing(one.end, anchor_day, months, origin).start == one.end
    assert cycle_containing(one.start - DAY, anchor_day, months, origin).end == one.start
    home = cycle_containing(origin, anchor_day, months, origin)
    assert months_between(home.start, origin) <= 1  # the phase: a cycle begins on the last anchor day up to the origin


def test_cycles_are_all_that_share_a_day() -> None:
    found = list(cycles(span("2026-02-15..2026-05-01"), 31, 1, day("2026-01-31")))
    assert list(map(str, found)) == [
        "2026-01-31..2026-02-28",
        "2026-02-28..2026-03-31",
        "2026-03-31..2026-04-30",
        "2026-04-30..2026-05-31",
    ]
    assert [str(c) for c in cycles(span("2026-01-31..2026-02-28"), 31, 1, day("2026-01-31"))] == [
        "2026-01-31..2026-02-28"
    ]
    endless = cycles(span("2026-01-01.."), 1, 3, day("2026-01-01"))
    assert [str(c.start) for c in islice(endless, 5)] == [
        "2026-01-01",
        "2026-04-01",
        "2026-07-01",
        "2026-10-01",
        "2027-01-01",
    ]


@pytest.mark.parametrize(
    ("days", "count"),
    [
        ("2026-01-01..2026-02-01", 30),
        ("2026-02-01..2026-03-01", 30),
        ("2026-01-31..2026-02-28", 28),
        ("2026-02-28..2026-03-31", 33),
        ("2026-01-30..2026-01-31", 0),
        ("2026-03-16..2026-04-01", 15),
        ("2026-03-15..2026-03-31", 16),
        ("2026-03-30..2026-03-31", 0),
        ("2026-03-31..2026-05-31", 60),
        ("2026-01-15..2027-01-15", 360),
        ("2028-02-29..2028-03-01", 2),
    ],
)
def test_days_30_360(days: str, count: int) -> None:
    assert days_30_360(span(days)) == count


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (share_actual(span("2026-01-15..2026-02-01"), span("2026-01-01..2026-02-01")), "17/31"),
        (share_actual(span("2028-02-29..2028-03-01"), span("2028-02-01..2028-03-01")), "1/29"),
        (share_30_360(span("2026-01-15..2026-02-01"), 1), "8/15"),
        (share_30_360(span("2026-02-15..2026-03-01"), 1), "8/15"),
        (share_30_360(span("2026-02-28..2026-03-31"), 1), "1"),
        (share_30_360(span("2026-01-31..2026-02-28"), 1), "14/15"),
        (share_30_360(span("2026-01-15..2026-07-15"), 12), "1/2"),
        (share_fixed(span("2026-01-15..2026-02-01"), 1, 30), "17/30"),
        (share_fixed(span("2026-01-01..2026-02-01"), 1, 30), "1"),
        (share_fixed(span("2026-02-01..2026-03-01"), 1, 28), "1"),
        (share_fixed(span("2026-01-01..2026-04-01"), 12, 30), "1/4"),
    ],
)
def test_shares(share: Fraction, expected: str) -> None:
    assert share == Fraction(expected)


@settings(deadline=None, max_examples=80)
@given(DATES, st.integers(1, 28), st.sampled_from([1, 3, 12]), st.data())
def test_shares_of_two_parts_are_the_share_of_both(on: date, anchor_day: int, months: int, data: st.DataObject) -> None:
    whole = cycle_containing(on, anchor_day, months, on)
    cut = whole.start + data.draw(st.integers(1, whole.days - 1)) * DAY
    first, second = Period(whole.start, cut), Period(cut, whole.end)
    assert share_actual(first, whole) + share_actual(second, whole) == 1
    assert days_30_360(first) + days_30_360(second) in (30 * months, 30 * months + 1)  # +1: cut on a 31st
    assert days_30_360(first) + days_30_360(second) == 30 * months or cut.day == 31


@pytest.mark.parametrize(
    ("instant", "zone", "expected"),
    [
        ("2026-03-28T22:59:59", "Europe/Berlin", "2026-03-28"),
        ("2026-03-28T23:00:00", "Europe/Berlin", "2026-03-29"),
        ("2026-03-29T21:59:59", "Europe/Berlin", "2026-03-29"),  # a day of 23 hours
        ("2026-03-29T22:00:00", "Europe/Berlin", "2026-03-30"),
        ("2026-10-24T22:00:00", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T22:59:59", "Europe/Berlin", "2026-10-25"),  # a day of 25 hours
        ("2026-10-25T23:00:00", "Europe/Berlin", "2026-10-26"),
        ("2026-03-08T04:59:59", "America/New_York", "2026-03-07"),
        ("2026-03-09T03:59:59", "America/New_York", "2026-03-08"),
        ("2026-04-04T13:00:00", "Australia/Lord_Howe", "2026-04-05"),
        ("2026-04-05T13:29:59", "Australia/Lord_Howe", "2026-04-05"),  # a day of 24.5 hours
        ("2026-04-05T13:30:00", "Australia/Lord_Howe", "2026-04-06"),
        ("2026-01-01T11:30:00", "Pacific/Kiritimati", "2026-01-02"),
        ("2026-01-01T09:59:59", "Pacific/Honolulu", "2025-12-31"),
        ("2026-01-01T00:00:00", "UTC", "2026-01-01"),
    ],
)
def test_local_day(instant: str, zone: str, expected: str) -> None:
    assert local_day(datetime.fromisoformat(instant).replace(tzinfo=UTC), zone) == day(expected)


@pytest.mark.parametrize(("on", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_days_have_as_many_hours_as_they_have(on: str, hours: int) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    counted = sum(local_day(first + timedelta(hours=n), "Europe/Berlin") == day(on) for n in range(24 * 365))
    assert counted == hours


@pytest.mark.parametrize("name", ["Berlin", "Europe/Berlim", "", "../etc/passwd", "+01:00"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(TollbookError) as caught:
        period.zone(name)
    assert caught.value.findings[0].code == period.UNKNOWN_ZONE


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-01-31", "2026-01-31..2026-02-28"),
        ("2026-02-27", "2026-01-31..2026-02-28"),
        ("2026-02-28", "2026-02-28..2026-03-28"),
        ("2026-03-30", "2026-03-28..2026-04-28"),
        ("2028-02-29", "2028-02-28..2028-03-28"),
    ],
)
def test_slipping_cycle(on: str, expected: str) -> None:
    assert str(slipping_cycle(day(on), 31, 1, day("2026-01-31"))) == expected


@pytest.mark.parametrize(
    ("on", "zone_name", "expected"),
    [
        ("2026-03-08", "America/New_York", "2026-03-08T05:00:00+00:00"),
        ("2026-03-09", "America/New_York", "2026-03-09T04:00:00+00:00"),
        ("2026-04-06", "Australia/Lord_Howe", "2026-04-05T13:30:00+00:00"),
        ("9999-12-31", "America/New_York", ENDLESS.isoformat()),
        ("0001-01-01", "Asia/Tokyo", BEGINNING.isoformat()),
    ],
)
def test_instant_of(on: str, zone_name: str, expected: str) -> None:
    assert instant_of(day(on), zone_name).isoformat() == expected


def test_days_and_instants_never_meet() -> None:
    instants = Period(instant_of(day("2026-01-01"), "UTC"), instant_of(day("2026-01-02"), "UTC"))
    assert instants.length == timedelta(days=1)
    with pytest.raises(TypeError):
        instants.meet(span("2026-01-01..2026-01-02"))
