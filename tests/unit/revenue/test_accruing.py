"""How much of a line was delivered by a day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.revenue.accruing import delivered
from tests.unit.store import sample

D = Decimal
MID, NEXT = date(2026, 1, 15), date(2026, 2, 15)


def line(kind: str = "recurring", amount: str = "310", start: date = MID, end: date = NEXT) -> Any:
    return sample.charge(1, (start, end), amount, kind=kind, currency="EUR")


@pytest.mark.parametrize(
    ("one", "end", "part", "amount"),
    [
        (line(), date(2026, 2, 1), "days", "170.00"),
        (line(), MID, "days", "0"),
        (line(), NEXT, "days", "310"),
        (line(), date(2026, 1, 16), "whole", "310"),
        (line(amount="-310"), date(2026, 2, 1), "days", "-170.00"),
        (line("usage"), date(2026, 2, 1), "days", "310"),  # measured up to the day
        (line("one_time", end=date(2026, 1, 16)), date(2026, 2, 1), "days", "310"),
        (line(amount="0.05"), date(2026, 1, 16), "days", "0.00"),
    ],
)
def test_delivered(one: Any, end: date, part: Any, amount: str) -> None:
    assert delivered(one, end, part) == D(amount)


@given(st.decimals(-9999, 9999, places=2), st.integers(1, 400), st.lists(st.integers(0, 420), min_size=2, max_size=6))
def test_what_is_delivered_grows_and_ends_as_the_line(amount: Decimal, days: int, at: list[int]) -> None:
    one = line(amount=str(amount), end=MID + timedelta(days))
    found = [abs(delivered(one, MID + timedelta(day))) for day in sorted(at)]
    assert found == sorted(found)
    assert delivered(one, MID + timedelta(days)) == amount
