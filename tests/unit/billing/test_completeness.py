"""Periods of deliveries, what control totals cover, and how near is near enough."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.base.period import Period
from engine.billing.completeness import ControlFacts, deliveries, differs, tolerated, uncovered
from engine.model.lateness import UsageSource
from tests.unit.billing.simulator import ENTITY, decision

DAY = date.fromisoformat
SOURCE = UsageSource("t", "DE01", "switch", "calls;bytes", "week", 2, date(2026, 1, 1), None, True)


@pytest.mark.parametrize(
    ("every", "first", "due", "since", "on", "expected"),
    [
        ("day", "2026-01-01", 0, "2026-01-01", "2026-01-03", "01-01+ 01-02+"),
        ("day", "2026-01-01", 1, "2026-01-02", "2026-01-04", "01-02+ 01-03-"),
        ("day", "2026-01-01", 1, "2026-01-02", "2026-01-02", ""),
        ("week", "2026-01-01", 2, "2026-01-01", "2026-01-16", "01-01+ 01-08-"),
        ("week", "2026-01-01", 2, "2026-01-08", "2026-01-17", "01-08+"),
        ("week", "2026-01-01", 0, "2026-01-03", "2026-01-22", "01-08+ 01-15+"),
        ("month", "2026-01-31", 0, "2026-01-31", "2026-04-01", "01-31+ 02-28+"),
        ("month", "2026-01-31", 5, "2026-02-28", "2026-05-04", "02-28+ 03-31-"),
    ],
)
def test_deliveries(every: str, first: str, due: int, since: str, on: str, expected: str) -> None:
    """Periods that are over, with + where their delivery has to be there; none after the first that has not."""
    source = msgspec.structs.replace(SOURCE, every=every, first_day=DAY(first), due_days=due)
    found = [
        f"{str(days.start)[5:]}{'+' if wanted else '-'}" for days, wanted in deliveries(source, DAY(since), DAY(on))
    ]
    assert " ".join(found) == expected


def test_no_delivery_begins_after_the_last_day() -> None:
    source = msgspec.structs.replace(SOURCE, last_day=DAY("2026-01-10"))
    found = [str(days.start) for days, _ in deliveries(source, DAY("2026-01-01"), DAY("2026-06-01"))]
    assert found == ["2026-01-01", "2026-01-08"]


@pytest.mark.parametrize(
    ("totals", "lacking"),
    [
        ([], ("calls", "bytes")),
        ([("calls", "2025-12-30", "2026-01-08"), ("bytes", "2026-01-01", "2026-02-01")], ()),
        ([("calls", "2026-01-01", "2026-01-07"), ("bytes", "2026-01-01", "2026-02-01")], ("calls",)),
        (
            [
                ("calls", "2026-01-01", "2026-01-07"),
                ("calls", "2026-01-07", None),
                ("bytes", "2026-01-02", "2026-01-09"),
            ],
            ("bytes",),
        ),
    ],
)
def test_every_day_needs_a_total(totals: list[tuple[str, str, str | None]], lacking: tuple[str, ...]) -> None:
    given = [(meter, DAY(begin), DAY(end) if end else None) for meter, begin, end in totals]
    assert uncovered(SOURCE, Period(DAY("2026-01-01"), DAY("2026-01-08")), given) == lacking


def facts(expected: Any, arrived: Any, events: Any = None, came: Any = None) -> ControlFacts:
    numbers = [None if one is None else Decimal(one) for one in (expected, arrived)]
    return ControlFacts(ENTITY, "switch", "calls", "totals", 0, *numbers, events, came, DAY("2026-01-01"))


@pytest.mark.parametrize(
    ("terms", "compared", "good"),
    [
        ((0, "0", 0), facts("100", "100"), True),
        ((0, "0", 0), facts("100", "100.000001"), False),
        ((0, "0", 0), facts("100", "100", 5, 6), False),
        ((0, "0", 0), facts(None, "100", 5, 5), True),
        ((2, "0", 1), facts("100", "102", 5, 4), True),
        ((2, "0", 1), facts("100", "102.1", 5, 4), False),
        ((2, "0.05", 0), facts("100", "95"), True),
        ((2, "0.05", 0), facts("100", "94.99"), False),
        ((6, "0.05", 0), facts("100", "94"), True),
        ((0, "0.10", 0), facts("0", "1"), False),
        ((0, "0.10", 1), facts("10", "9", 30, 27), True),
    ],
)
def test_how_near_is_near_enough(terms: tuple[int, str, int], compared: ControlFacts, good: bool) -> None:
    fixed, share, events = terms
    rule = decision(
        "usage_control", number=1, tolerance=Decimal(fixed), tolerance_percent=Decimal(share), tolerance_events=events
    )
    assert tolerated(rule, compared) is good


def test_what_differs_is_said_in_words() -> None:
    days = Period(DAY("2026-01-01"), DAY("2026-01-02"))
    assert differs(facts("100", "90.50", 5, 4), days) == (
        "switch says 5 events with 100 calls on 2026-01-01..2026-01-02, 4 events with 90.5 calls arrived"
    )
    assert "events" not in differs(facts("100", "90"), days)
