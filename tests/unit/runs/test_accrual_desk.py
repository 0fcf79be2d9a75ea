"""Which rules an accrual is made by."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.model.journal import Change
from engine.runs.accruals.desk import AccrualDesk
from engine.runs.run import Parts


class Asked(Exception):
    """The parts were asked for."""


@pytest.mark.parametrize("day", [date(2026, 2, 1), date(2026, 2, 28)])
def test_the_rules_are_those_of_the_last_day_of_the_month(day: date) -> None:
    asked: list[date | None] = []

    def parts(*, on: date | None = None) -> Parts:
        asked.append(on)
        raise Asked

    with pytest.raises(Asked):
        AccrualDesk(parts).accrue(day, Change("ada", datetime(2026, 3, 1, tzinfo=UTC), "month end"))
    assert asked == [date(2026, 2, 28)]
