"""Levels over time: averages to the microsecond, and units by the days that they were there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.billing.weighting import prorated, prorated_sum, weighted_sum

D = Decimal
START = datetime(2026, 2, 1, tzinfo=UTC)
END = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.capability("A2.2")
@pytest.mark.parametrize(
    ("carried", "changes", "expected"),
    [
        ("0", [], "0"),
        ("7", [], "7"),
        ("0", [("2026-02-15", "6")], "3"),
        ("4", [("2026-02-15", "6"), ("2026-02-22", "-8")], "5"),
        ("0", [("2026-01-01", "5")], "5"),
        ("0", [("2026-03-01", "5"), ("2026-04-01", "5")], "0"),
    ],
)
def test_the_average_level(carried: str, changes: list[tuple[str, str]], expected: str) -> None:
    moments = [(datetime.fromisoformat(day).replace(tzinfo=UTC), D(units)) for day, units in changes]
    assert weighted_sum(D(carried), moments, START, END) == D(expected)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 27 * 86400), st.integers(-50, 50)), max_size=8))
def test_the_average_is_that_of_the_level_second_by_second(changes: list[tuple[int, int]]) -> None:
    moments = [(START + timedelta(seconds=at), D(units)) for at, units in changes]
    whole = int((END - START).total_seconds())
    area = sum(units * (whole - at) for at, units in changes)
    assert abs(weighted_sum(D(0), moments, START, END) - D(area) / D(whole)) < D("1e-40")


def test_units_count_for_their_days() -> None:
    assert prorated(D(3), 10, 30) == 1
    assert prorated_sum(D(5), [(D(3), 10), (D(-6), 5)], 30) == 5
    assert prorated_sum(D(5), [], 30) == 5
