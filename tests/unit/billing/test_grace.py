"""How long the bill of usage waits: days by the date of a run, hours by the moment and the zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.base.period import Period
from engine.base.units import Span, Unfit, read_span
from engine.billing.grace import moment_on, over_at, over_on
from engine.billing.job import Stretch
from tests.unit.billing.simulator import charge

MONTH = Period(date(2026, 3, 1), date(2026, 3, 29))


@pytest.mark.parametrize(
    ("written", "hours", "days", "shown"),
    [
        ("3 days", 72, 3, "3 days"),
        ("0 days", 0, 0, "0 days"),
        ("6 hours", 6, None, "6 hours"),
        ("48 hours", 48, 2, "2 days"),
        ("1 hour", 1, None, "1 hour"),
    ],
)
def test_a_span_is_read_in_hours(written: str, hours: int, days: int | None, shown: str) -> None:
    span = read_span(written)
    assert (int(span), span.whole_days, str(span)) == (hours, days, shown)


@pytest.mark.parametrize("wrong", [6, "6", "6h", "1.5 days", "-1 days", None])
def test_what_is_no_span(wrong: object) -> None:
    with pytest.raises(Unfit) as caught:
        read_span(wrong)
    assert "days or" in caught.value.mend


@pytest.mark.parametrize(
    ("zone", "span", "day", "told"),
    [
        ("Europe/Amsterdam", Span(6), "2026-03-29", "2026-03-29 07:00"),  # the clock goes forward that night
        ("America/New_York", Span(6), "2026-03-29", "2026-03-29 06:00"),
        ("America/New_York", Span(30), "2026-03-30", "2026-03-30 06:00"),
        ("Asia/Tokyo", Span(72), "2026-04-01", "2026-04-01"),
    ],
)
def test_when_a_wait_is_over(zone: str, span: Span, day: str, told: str) -> None:
    stretch = Stretch(charge("calls", kind="usage"), "phone", MONTH, MONTH, 1, "anchor", "anchor", False)  # type: ignore[arg-type]
    assert (str(over_on(stretch, span, zone)), over_at(stretch, span, zone)) == (day, told)


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        (None, "2026-02-01T15:00:00"),
        ("2026-01-31T14:00:00", "2026-01-31T15:00:00"),
        ("2026-02-01T02:00:00", "2026-02-01T02:00:00"),
        ("2026-02-01T16:00:00", "2026-02-01T15:00:00"),
    ],
)
def test_a_run_counts_to_a_moment_of_its_day(at: str | None, moment: str) -> None:
    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert moment_on(date(2026, 2, 1), utc(at) if at else None, "Asia/Tokyo") == utc(moment)
