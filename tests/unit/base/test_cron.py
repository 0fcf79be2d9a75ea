"""Moments of cron expressions: fields, days, zones, and the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.cron import Cron, read_cron
from engine.base.errors import TollbookError
from engine.base.period import zone


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def following(cron: Cron, start: datetime, count: int) -> list[str]:
    found, moment = [], start
    for _ in range(count):
        moment = cron.next_after(moment)
        found.append(moment.astimezone(zone(cron.zone)).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 6 1 * *", ["2026-02-01 06:30", "2026-03-01 06:30", "2026-04-01 06:30"]),
        ("0 0 L * *", ["2026-01-31 00:00", "2026-02-28 00:00", "2026-03-31 00:00"]),
        ("0 0 15,L 2 *", ["2026-02-15 00:00", "2026-02-28 00:00", "2027-02-15 00:00"]),
        ("*/20 8-9 * * *", ["2026-01-15 08:00", "2026-01-15 08:20", "2026-01-15 08:40"]),
        ("5/20 8 * * *", ["2026-01-15 08:05", "2026-01-15 08:25", "2026-01-15 08:45"]),
        ("0 12 * * mon", ["2026-01-19 12:00", "2026-01-26 12:00", "2026-02-02 12:00"]),
        ("0 12 * * 0", ["2026-01-18 12:00", "2026-01-25 12:00", "2026-02-01 12:00"]),
        ("0 12 * * 7", ["2026-01-18 12:00", "2026-01-25 12:00", "2026-02-01 12:00"]),
        ("0 12 * * FRI-7", ["2026-01-16 12:00", "2026-01-17 12:00", "2026-01-18 12:00"]),
        ("0 12 20 * mon", ["2026-01-19 12:00", "2026-01-20 12:00", "2026-01-26 12:00"]),
        ("0 0 29 feb *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
    ],
)
def test_the_fields_mean_what_they_mean_in_every_cron(text: str, expected: list[str]) -> None:
    assert following(read_cron(text, "Europe/Berlin"), at("2026-01-15 07:59+01:00"), 3) == expected


def test_what_is_due_once_in_a_generation_is_found() -> None:
    """29 February on a Sunday: 2100 has no such day."""
    cron = read_cron("0 0 29 2 */7", "UTC")
    assert cron.next_after(at("2088-02-29 00:00Z")) == at("2128-02-29 00:00Z")


def test_a_moment_is_not_after_itself() -> None:
    cron = read_cron("0 6 * * *", "UTC")
    assert cron.next_after(at("2026-01-01 06:00Z")) == at("2026-01-02 06:00Z")
    assert cron.next_after(at("2026-01-01 05:59:59.999999Z")) == at("2026-01-01 06:00Z")


@pytest.mark.parametrize(
    ("text", "place", "day", "expected"),
    [
        # clocks go from 2:00 to 3:00: 2:30 does not exist, and is due an hour later
        ("30 2 * * *", "Europe/Amsterdam", "2026-03-29", ["01:30Z"]),
        # from 3:00 back to 2:00: 2:30 exists twice, and is due the first time
        ("30 2 * * *", "Europe/Amsterdam", "2026-10-25", ["00:30Z"]),
        # by the half-hour of an island that moves its clocks by half an hour
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["15:45Z"]),
        # each hour goes on by the hour, whatever clocks say
        ("30 * * * *", "Europe/Amsterdam", "2026-10-25", ["22:30Z", "23:30Z", "00:30Z", "01:30Z"]),
        ("30 * * * *", "Europe/Amsterdam", "2026-03-29", ["23:30Z", "00:30Z", "01:30Z", "02:30Z"]),
        # a whole day that an island left out is not due; what stood in it is due with the next day
        ("0 10 30 12 *", "Pacific/Apia", "2011-12-30", ["20:00Z"]),
    ],
)
def test_days_on_which_clocks_are_changed(text: str, place: str, day: str, expected: list[str]) -> None:
    cron = read_cron(text, place)
    start = datetime.fromisoformat(day).replace(tzinfo=zone(place)) - timedelta(minutes=1)
    found, moment = [], start
    for _ in expected:
        moment = cron.next_after(moment)
        found.append(f"{moment:%H:%MZ}")
    assert found == expected


def test_every_half_hour_is_due_every_half_hour_all_year() -> None:
    """The wildcard hour has neither a hole nor a double in a year with both changes."""
    cron = read_cron("*/30 * * * *", "Europe/Amsterdam")
    start, end = at("2026-01-01 00:00Z"), at("2027-01-01 00:00Z")
    found = list(cron.newest_first(start, end))
    assert len(found) == 365 * 48
    assert {newer - older for newer, older in pairwise(found)} == {timedelta(minutes=30)}


FIELDS = st.tuples(
    st.sampled_from(["0", "*/15", "7,59", "30"]),
    st.sampled_from(["*", "2", "1-3", "*/5", "0,23"]),
    st.sampled_from(["*", "1", "L", "29,30,31", "*/2"]),
    st.sampled_from(["*", "3", "3,10", "*/4"]),
    st.sampled_from(["*", "sun", "1-5"]),
)
PLACES = st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])


@settings(max_examples=60, deadline=None)
@given(FIELDS, PLACES, st.integers(0, 365 * 24 * 60), st.integers(0, 40 * 24 * 60))
def test_looking_back_finds_what_looking_ahead_finds(
    fields: tuple[str, ...], place: str, start: int, length: int
) -> None:
    cron = read_cron(" ".join(fields), place)
    after = at("2026-01-01 00:00Z") + timedelta(minutes=start)
    until = after + timedelta(minutes=length)
    back = list(islice(cron.newest_first(after, until), 20))
    assert back == sorted(set(back), reverse=True)
    assert all(after < due <= until for due in back)
    ahead, moment = [], back[-1] - timedelta.resolution if back else until
    while back and (moment := cron.next_after(moment)) <= until:
        ahead.append(moment)
    assert ahead == back[::-1]
    if len(back) < 20:
        assert cron.next_after(after) == (back[-1] if back else cron.next_after(until))


@pytest.mark.parametrize(
    ("text", "place", "code", "words"),
    [
        ("", "UTC", "cron.not-readable", "has 0 fields"),
        ("* * * *", "UTC", "cron.not-readable", "minute, hour, day of month, month, day of week"),
        ("60 * * * *", "UTC", "cron.not-readable", "the minute of '60 * * * *': '60' is out of bounds"),
        ("* 24 * * *", "UTC", "cron.not-readable", "the hour of"),
        ("* * 0 * *", "UTC", "cron.not-readable", "a number from 1 to 31"),
        ("* * * foo *", "UTC", "cron.not-readable", "or jan, feb"),
        ("* * * * 8", "UTC", "cron.not-readable", "the day of week of"),
        ("* L * * *", "UTC", "cron.not-readable", "the hour of"),
        ("5-1 * * * *", "UTC", "cron.not-readable", "write it as two: 5-59,0-1"),
        ("*/0 * * * *", "UTC", "cron.not-readable", "a step of 0"),
        ("1, * * * *", "UTC", "cron.not-readable", "cannot be read"),
        ("٣ * * * *", "UTC", "cron.not-readable", "out of bounds"),
        ("0 0 31 2,4 *", "UTC", "cron.never-due", "names no day of any year"),
        ("0 0 1 * *", "Mars/Olympus", "period.unknown-zone", "not a time zone"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, place: str, code: str, words: str) -> None:
    with pytest.raises(TollbookError) as caught:
        read_cron(text, place)
    assert [finding.code for finding in caught.value.findings] == [code]
    assert words in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(TollbookError) as caught:
        read_cron("99 99 99 99 99", "Nowhere")
    assert len(caught.value.findings) == 6
