"""Buckets of ages."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from engine.base.errors import TollbookError
from engine.receivables.ageing import aged, limits, names
from engine.runs.reports.impairment import set_off

ON = date(2026, 3, 31)
D = Decimal


def test_days_after_the_due_day_decide() -> None:
    assert names(limits("30, 60,90")) == ("not due", "1-30", "31-60", "61-90", "over 90")
    items = [(ON - timedelta(days), D(1)) for days in (-5, 0, 1, 30, 31, 90, 91, 400)]
    assert aged(items, ON, (30, 60, 90)) == [2, 2, 1, 1, 2]


@pytest.mark.parametrize("text", ["", "30,30", "60,30", "0,30", "a", "30,-60"])
def test_wrong_buckets_are_refused(text: str) -> None:
    with pytest.raises(TollbookError, match=r"ledger\.wrong-buckets"):
        limits(text)


def test_what_is_given_back_is_set_off_against_what_is_due_longest() -> None:
    old, new = date(2026, 1, 1), date(2026, 3, 1)
    items = [(new, "EUR", D(50)), (old, "EUR", D(30)), (ON, "EUR", D(-40))]
    assert set_off(items) == [(new, "EUR", D(40))]
    assert set_off([(ON, "EUR", D(-40))]) == []
