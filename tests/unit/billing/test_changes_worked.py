"""Changes within a cycle, worked out by hand: intervals, zones, pauses, cancellations, stubs and differences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors import proration_changes

LINE = ("kind", "full_price", "from", "to", "ratio", "amount")


def c(
    ident: str,
    zone: str,
    convention: str,
    start: str,
    end: str,
    months: int,
    events: Any,
    lines: Any,
    net: str,
    **more: Any,
) -> Any:
    """A case as a file of worked numbers has it."""
    return {
        "id": ident,
        "currency": "USD",
        "timezone": zone,
        "convention": convention,
        "rounding": "half_up",
        "period": {"start": start, "end": end, "months": months},
        "events": events,
        "expected": {"lines": [dict(zip(LINE, line, strict=True)) for line in lines], "net": net},
        **more,
    }


U = "UTC"
A = "2026-04-01T00:00:00+00:00"
B = "2026-05-01T00:00:00+00:00"
M = "2026-04-16T00:00:00+00:00"
N = "America/New_York"

CASES = [
    c(
        "m2y",
        U,
        "actual_days",
        A,
        B,
        1,
        [
            {
                "at": M,
                "action": "change_interval",
                "from_price": "40",
                "to_price": "365",
                "to_months": 12,
                "anchor": "reset",
            }
        ],
        [
            ("credit", "40.00", M, B, "1/2", "-20.00"),
            ("charge", "365.00", M, "2027-04-16T00:00:00+00:00", "1/1", "365.00"),
        ],
        "345.00",
    ),
    c(
        "m2y_sec",
        U,
        "seconds",
        A,
        B,
        1,
        [
            {
                "at": "2026-04-16T12:00:00+00:00",
                "action": "change_interval",
                "from_price": "60",
                "to_price": "365",
                "to_months": 12,
                "anchor": "reset",
            }
        ],
        [
            ("credit", "60.00", "2026-04-16T12:00:00+00:00", B, "29/60", "-29.00"),
            ("charge", "365.00", "2026-04-16T12:00:00+00:00", "2027-04-16T12:00:00+00:00", "1/1", "365.00"),
        ],
        "336.00",
    ),
    c(
        "y2m_sec",
        U,
        "seconds",
        "2026-01-01T00:00:00+00:00",
        "2027-01-01T00:00:00+00:00",
        12,
        [
            {
                "at": "2026-04-01T12:00:00+00:00",
                "action": "change_interval",
                "from_price": "365",
                "to_price": "40",
                "to_months": 1,
                "anchor": "reset",
            }
        ],
        [
            ("credit", "365.00", "2026-04-01T12:00:00+00:00", "2027-01-01T00:00:00+00:00", "549/730", "-274.50"),
            ("charge", "40.00", "2026-04-01T12:00:00+00:00", "2026-05-01T12:00:00+00:00", "1/1", "40.00"),
        ],
        "-234.50",
        customer_credit_after="234.50",
    ),
    c(
        "none_interval",
        U,
        "none",
        A,
        B,
        1,
        [{"at": M, "action": "change_interval", "from_price": "40", "to_price": "365", "to_months": 12}],
        [],
        "0.00",
    ),
    c(
        "tz_local",
        N,
        "actual_days",
        "2026-03-01T00:00:00-05:00",
        "2026-04-01T00:00:00-04:00",
        1,
        [{"at": "2026-03-31T23:30:00-04:00", "action": "change_plan", "from_price": "31", "to_price": "62"}],
        [
            ("credit", "31.00", "2026-03-31T23:30:00-04:00", "2026-04-01T00:00:00-04:00", "1/31", "-1.00"),
            ("charge", "62.00", "2026-03-31T23:30:00-04:00", "2026-04-01T00:00:00-04:00", "1/31", "2.00"),
        ],
        "1.00",
    ),
    c(
        "fold0",
        N,
        "seconds",
        "2026-11-01T00:00:00-04:00",
        "2026-12-01T00:00:00-05:00",
        1,
        [{"at": "2026-11-01T01:30:00-04:00", "action": "change_plan", "from_price": "721", "to_price": "1442"}],
        [
            ("credit", "721.00", "2026-11-01T01:30:00-04:00", "2026-12-01T00:00:00-05:00", "1439/1442", "-719.50"),
            ("charge", "1442.00", "2026-11-01T01:30:00-04:00", "2026-12-01T00:00:00-05:00", "1439/1442", "1439.00"),
        ],
        "719.50",
    ),
    c(
        "pause_credit",
        U,
        "actual_days",
        A,
        B,
        1,
        [
            {"at": "2026-04-11T00:00:00+00:00", "action": "pause"},
            {"at": "2026-04-21T00:00:00+00:00", "action": "resume"},
        ],
        [
            ("credit", "90.00", "2026-04-11T00:00:00+00:00", B, "2/3", "-60.00"),
            ("charge", "90.00", "2026-04-21T00:00:00+00:00", B, "1/3", "30.00"),
        ],
        "-30.00",
    ),
    c(
        "pause_credit2",
        U,
        "actual_days",
        A,
        B,
        1,
        [
            {"at": "2026-04-11T00:00:00+00:00", "action": "pause"},
            {"at": "2026-04-21T00:00:00+00:00", "action": "resume"},
        ],
        [
            ("credit", "90.00", "2026-04-11T00:00:00+00:00", B, "2/3", "-60.00"),
            ("charge", "90.00", "2026-04-21T00:00:00+00:00", B, "1/3", "30.00"),
        ],
        "-30.00",
        pause_mode="credit",
    ),
    c(
        "pause_ext_sec",
        U,
        "seconds",
        A,
        B,
        1,
        [
            {"at": "2026-04-11T06:00:00+00:00", "action": "pause"},
            {"at": "2026-04-21T06:00:00+00:00", "action": "resume"},
        ],
        [],
        "0.00",
        pause_mode="extend",
        new_period_end="2026-05-11T00:00:00+00:00",
    ),
    c(
        "pause_ext_over",
        U,
        "actual_days",
        A,
        B,
        1,
        [
            {"at": "2026-04-11T00:00:00+00:00", "action": "pause"},
            {"at": "2026-05-21T00:00:00+00:00", "action": "resume"},
        ],
        [],
        "0.00",
        pause_mode="extend",
        new_period_end="2026-06-10T00:00:00+00:00",
    ),
    c(
        "cancel_sec",
        U,
        "seconds",
        A,
        B,
        1,
        [
            {
                "at": "2026-04-16T12:00:00+00:00",
                "action": "cancel_refund",
                "from_price": "60",
                "to_price": "0",
                "from_qty": 1,
                "to_qty": 0,
            }
        ],
        [("credit", "60.00", "2026-04-16T12:00:00+00:00", B, "29/60", "-29.00")],
        "-29.00",
    ),
    c(
        "stub_sec",
        U,
        "seconds",
        "2026-01-01T00:00:00+00:00",
        "2026-02-01T00:00:00+00:00",
        1,
        [{"at": "2026-01-20T12:00:00+00:00", "action": "start"}],
        [("charge", "62.00", "2026-01-20T12:00:00+00:00", "2026-02-01T00:00:00+00:00", "23/62", "23.00")],
        "23.00",
    ),
    c(
        "stub_30",
        U,
        "actual_30",
        "2026-01-01T00:00:00+00:00",
        "2026-02-01T00:00:00+00:00",
        1,
        [{"at": "2026-01-20T00:00:00+00:00", "action": "start"}],
        [("charge", "62.00", "2026-01-20T00:00:00+00:00", "2026-02-01T00:00:00+00:00", "2/5", "24.80")],
        "24.80",
    ),
    c(
        "cancel_credited",
        U,
        "actual_days",
        A,
        B,
        1,
        [
            {
                "at": M,
                "action": "cancel_refund",
                "from_price": "100",
                "to_price": "0",
                "from_qty": 1,
                "to_qty": 0,
                "already_credited": "40",
            }
        ],
        [("credit", "60.00", M, B, "1/2", "-30.00")],
        "-30.00",
    ),
    c(
        "over_cancel_none",
        U,
        "none",
        A,
        B,
        1,
        [{"at": M, "action": "cancel_refund", "from_price": "30", "to_price": "0", "from_qty": 1, "to_qty": 0}],
        [],
        "0.00",
    ),
    c(
        "pause_over_sec",
        U,
        "seconds",
        A,
        B,
        1,
        [
            {"at": "2026-04-11T00:00:00+00:00", "action": "pause"},
            {"at": "2026-05-04T12:00:00+00:00", "action": "resume"},
        ],
        [
            ("credit", "62.00", "2026-04-11T00:00:00+00:00", B, "2/3", "-41.33"),
            ("charge", "62.00", "2026-05-04T12:00:00+00:00", "2026-06-01T00:00:00+00:00", "55/62", "55.00"),
        ],
        "13.67",
        next_period={"start": B, "end": "2026-06-01T00:00:00+00:00"},
    ),
    c(
        "tiers_net",
        U,
        "actual_days",
        A,
        B,
        1,
        [
            {
                "at": M,
                "action": "change_quantity",
                "from_qty": 5,
                "to_qty": 15,
                "tiers": [{"up_to": 10, "price": "10"}, {"up_to": None, "price": "8"}],
            }
        ],
        [("charge", "90.00", M, B, "1/2", "45.00")],
        "45.00",
        netting="net",
    ),
    c(
        "upgrade_eff",
        U,
        "none",
        A,
        B,
        1,
        [{"at": M, "action": "change_plan", "from_price": "100", "to_price": "250", "from_qty": 2, "to_qty": 2}],
        [],
        "0.00",
        effective=B,
    ),
]


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_worked(case: dict[str, Any]) -> None:
    outcome = proration_changes.change(case, {})
    assert outcome.status == "passed", (outcome.expected, outcome.actual)
