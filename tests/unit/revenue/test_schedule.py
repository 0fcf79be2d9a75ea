"""When an invoiced amount is earned."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.revenue.schedule import RevenueFacts, ScheduleItem, now


@pytest.mark.parametrize("amount", ["10.00", "-2.50", "0.00", "164"])
def test_now_is_all_of_it_on_the_invoice_date(amount: str) -> None:
    facts = RevenueFacts(
        "DE01", "cloud", "recurring", date(2026, 3, 1), date(2026, 4, 1), date(2026, 3, 15), Decimal(amount), "EUR"
    )
    assert now({}, facts) == (ScheduleItem(date(2026, 3, 15), Decimal(amount)),)
