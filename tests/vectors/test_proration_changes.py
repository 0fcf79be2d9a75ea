"""Changes in mid-cycle, billed by bill runs: credit and charge lines to the cent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors import proration_changes
from tests.vectors.reading import supported

FILE = "proration_changes"


def every(vector: dict[str, Any]) -> bool:
    return True


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "vectors", every))
def test_change(vector: dict[str, Any]) -> None:
    outcome = proration_changes.change(vector, {})
    assert outcome.status == "passed", (outcome.expected, outcome.actual)


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "anchors", every))
def test_anchor(vector: dict[str, Any]) -> None:
    outcome = proration_changes.anchor(vector, {})
    assert outcome.status == "passed", (outcome.expected, outcome.actual)


def own(action: str, convention: str = "actual_days", months: int = 3, **more: Any) -> dict[str, Any]:
    """A case of our own: something in the middle of a quarter of 2026, or of its first month, 90 USD a period."""
    end = f"2026-0{4 + months}-01T00:00:00+00:00"
    event = {"at": "2026-04-16T00:00:00+00:00", "action": action, **more}
    return {
        "id": action, "currency": "USD", "timezone": "UTC", "convention": convention, "rounding": "half_up",
        "period": {"start": "2026-04-01T00:00:00+00:00", "end": end, "months": months}, "events": [event],
    }  # fmt: skip


def test_a_start_joins_a_longer_period() -> None:
    """The share of the quarter that runs is charged, not a quarter of its own."""
    case = own("start")
    line = {"kind": "charge", "full_price": "91.00", "ratio": "76/91", "amount": "76.00"}
    line |= {"from": case["events"][0]["at"], "to": case["period"]["end"]}
    outcome = proration_changes.change(case | {"expected": {"lines": [line], "net": "76.00"}}, {})
    assert outcome.status == "passed", (outcome.expected, outcome.actual)


def test_a_coupon_lowers_the_price_from_the_next_period_on() -> None:
    """What holds from the next period on is the price that is paid."""
    case = own("change_plan", "none", 1, from_price="100", to_price="250", coupon_percent_new="20")
    case |= {"expected": {"lines": [], "net": "0.00"}, "effective": case["period"]["end"]}
    outcome = proration_changes.change(case, {})
    assert outcome.status == "passed", (outcome.expected, outcome.actual)
