"""The calendar of TARGET, and account numbers of SEPA."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base import iban, target_days

DAYS = st.dates(date(2002, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("year", "closed"),
    [
        (2024, "01-01 03-29 04-01 05-01 12-25 12-26"),
        (2025, "01-01 04-18 04-21 05-01 12-25 12-26"),
        (2026, "01-01 04-03 04-06 05-01 12-25 12-26"),
        (2038, "01-01 04-23 04-26 05-01 12-25 12-26"),
        (2049, "01-01 04-16 04-19 05-01 12-25 12-26"),
        (2076, "01-01 04-17 04-20 05-01 12-25 12-26"),
    ],
)
def test_closing_days(year: int, closed: str) -> None:
    assert sorted(target_days.closing_days(year)) == [date.fromisoformat(f"{year}-{day}") for day in closed.split()]


@given(DAYS, st.integers(1, 30))
def test_days_that_are_counted_are_open(day: date, count: int) -> None:
    later = target_days.shifted(day, count)
    between = [day + timedelta(n) for n in range(1, (later - day).days + 1)]
    assert sum(map(target_days.is_open, between)) == count and target_days.is_open(later)
    if target_days.is_open(day):
        assert target_days.shifted(later, -count) == day


@given(DAYS)
def test_the_next_open_day(day: date) -> None:
    found = target_days.on_or_after(day)
    assert target_days.is_open(found) and found >= day
    assert not any(target_days.is_open(day + timedelta(n)) for n in range((found - day).days))


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("DE89370400440532013000", ""),
        ("NO9386011117947", ""),
        ("MT84MALT011000012345MTLCAST001S", ""),
        ("DE89370400440532013001", "check digits"),
        ("DE8937040044053201300", "has 21 characters"),
        ("US64SVBKUS6S3300958879", "no part in SEPA"),
        ("", "empty"),
        ("DE8937040044053201300Ü", "check digits"),
    ],
)
def test_ibans(number: str, fault: str) -> None:
    assert fault in iban.iban_fault(number) and bool(iban.iban_fault(number)) == bool(fault)


@given(st.integers(0, 21), st.sampled_from("0123456789"))
def test_a_digit_that_is_wrong_is_seen(place: int, digit: str) -> None:
    number = "DE89370400440532013000"
    if place > 1 and number[place] != digit:
        assert iban.iban_fault(number[:place] + digit + number[place + 1 :])


@pytest.mark.parametrize(
    ("identifier", "good"),
    [
        ("DE98ZZZ09999999999", True),
        ("DE98ABC09999999999", True),  # the business code is not checked
        ("DE97ZZZ09999999999", False),
        ("ES23ZZZ47690558N", True),
        ("US98ZZZ09999999999", False),
        ("DE98ZZZ", False),
    ],
)
def test_creditor_identifiers(identifier: str, good: bool) -> None:
    assert (iban.creditor_fault(identifier) == "") is good
