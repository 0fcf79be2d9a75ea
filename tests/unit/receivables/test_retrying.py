"""When a payment that was declined is tried again, and what is collected."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.payment_state import MAY_FOLLOW
from engine.model.settlement import CREDIT, OpenItem
from engine.receivables.collecting import due_items
from engine.receivables.retrying import next_attempt

pytestmark = pytest.mark.capability("A4.1")

MONDAY = date(2026, 3, 2)
TERMS: dict[str, Any] = {
    "retry": True,
    "attempts": 4,
    "after": [3, 5],
    "weekdays": [],
    "days_of_month": [],
    "scheme_attempts": 0,
    "scheme_days": 0,
}


@pytest.mark.parametrize(
    ("changes", "attempt", "on"),
    [
        ({}, 1, MONDAY + timedelta(3)),
        ({}, 2, MONDAY + timedelta(5)),
        ({}, 3, MONDAY + timedelta(5)),
        ({}, 4, None),
        ({"retry": False}, 1, None),
        ({"weekdays": ["monday"]}, 1, MONDAY + timedelta(7)),
        ({"days_of_month": [15, 31]}, 1, date(2026, 3, 15)),
        ({"days_of_month": [31], "after": [40]}, 1, date(2026, 4, 30)),
        ({"weekdays": ["friday"], "days_of_month": [13]}, 1, date(2026, 3, 13)),
        ({"scheme_attempts": 1, "scheme_days": 30}, 1, MONDAY + timedelta(30)),
        ({"scheme_attempts": 1, "scheme_days": 400}, 1, None),
    ],
)
def test_the_next_attempt(changes: dict[str, Any], attempt: int, on: date | None) -> None:
    assert next_attempt({**TERMS, **changes}, attempt, MONDAY, [MONDAY]).on == on


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 15), st.integers(1, 60))
def test_the_cap_of_the_scheme_is_never_passed(days: list[int], most: int, within: int) -> None:
    made = [MONDAY - timedelta(day) for day in days]
    terms = {**TERMS, "attempts": 50, "scheme_attempts": most, "scheme_days": within}
    found = next_attempt(terms, 1, MONDAY, made).on
    if found is not None:
        assert sum(found - timedelta(within) < day <= found for day in made) < most


def item(ident: int, left: str, due: date = MONDAY) -> OpenItem:
    amount = Decimal(left)
    return OpenItem(ident, "A", "invoice", f"N{ident}", due, due, "EUR", amount, amount, "EUR", amount)


@pytest.mark.parametrize(
    ("items", "busy", "found"),
    [
        ([item(1, "10"), item(2, "5")], (), [(1, "10"), (2, "5")]),
        ([item(1, "10"), item(2, "5", MONDAY + timedelta(1))], (), [(1, "10")]),
        ([item(1, "10"), item(2, "5")], (1,), [(2, "5")]),
        ([item(1, "10"), item(2, "5"), item(CREDIT, "-12")], (), [(1, "3")]),
        ([item(1, "10"), item(2, "5"), item(3, "-20")], (), []),
        ([item(1, "10"), item(2, "5"), item(CREDIT, "-3")], (1,), [(2, "2")]),
        ([item(2, "5"), item(1, "10", MONDAY - timedelta(9)), item(3, "-4")], (), [(1, "10"), (2, "1")]),
    ],
)
def test_no_more_is_collected_than_is_due_and_owed(
    items: list[OpenItem], busy: tuple[int, ...], found: list[tuple[int, str]]
) -> None:
    due = due_items(items, MONDAY, busy)
    assert [(one.id, f"{part.amount:f}") for one, part in due] == [(ident, f"{amount}.00") for ident, amount in found]


def test_no_state_leads_back_from_money_that_came() -> None:
    """A payment that came is only taken back, a refund that went only comes back; nothing follows what is not a state."""
    assert MAY_FOLLOW["charge"]["succeeded"] == ("returned",)
    assert MAY_FOLLOW["refund"]["succeeded"] == ("failed",)
    for states in MAY_FOLLOW.values():
        assert {after for follow in states.values() for after in follow} <= states.keys()
