"""Values of a curve, bands and rates, without books."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.runs.tune.desk import watched_of
from engine.runs.tune.measures import BY_NAME, automatic
from engine.runs.tune.values import Sheet, as_bound, curve
from engine.store.records import Run
from engine.store.tuned import Tuned

D = Decimal


def sheet(kind: str, written: str, low: str | None, high: str | None) -> Sheet:
    ends = (None if end is None else D(end) for end in (low, high))
    return Sheet("matching/x", "p", kind, written, *ends, "", "", "", "", "", False)


@pytest.mark.parametrize(
    ("kind", "written", "bounds", "asked", "count", "values"),
    [
        ("decimal", "0.05", ("0", "5"), "0.50", 3, ["0", "0.05", "0.5", "2.5", "5"]),
        ("integer", "2", ("1", "3"), "2", 5, ["1", "2", "3"]),
        ("days", "7 days", ("1", "60"), "10 days", 2, ["1 days", "7 days", "10 days", "60 days"]),
        ("percent", "10 %", ("0", "100"), "20 %", 2, ["0 %", "10 %", "20 %", "100 %"]),
        ("boolean", "true", (None, None), "false", 9, ["false", "true"]),
        ("date", "2024-01-01", (None, None), "2025-01-01", 9, ["2024-01-01", "2025-01-01"]),
        ("decimal", "1", (None, None), "2", 9, ["1", "2"]),
    ],
)
def test_values_that_a_curve_tries(
    kind: str, written: str, bounds: tuple[str | None, str | None], asked: str, count: int, values: list[str]
) -> None:
    """Spread over the bounds, always with the value in force and the one that is asked for."""
    assert curve(sheet(kind, written, *bounds), asked, count) == values


def test_bounds_are_in_the_unit_of_the_value() -> None:
    """A percent is kept as a share; what is no number has no bound."""
    assert (as_bound(D("0.1"), "percent"), as_bound(7, "days"), as_bound("x", "string")) == (D(10), D(7), None)


def test_rates_since_a_value_was_set() -> None:
    """Runs before it do not count, nor do those without entries; the band includes its ends."""
    set_at = datetime(2026, 2, 1, tzinfo=UTC)
    band = {"measure": "automatic", "low": "0.70", "high": "0.80"}
    setting = Tuned("matching/x", "p", "1", band, 4, "ann", "bob", set_at)

    def run(ident: int, day: int, **counts: int) -> Run:
        at = datetime(2026, 1 if day < 0 else 2, abs(day), tzinfo=UTC)
        return Run(ident, "t", "cash-match", "", "all", "r", "done", at, at, "", "", {}, {"counts": counts})

    runs = [
        run(1, -5, entries=10, applied=1), run(2, 2, entries=10, applied=6, cleared=1), run(3, 3, entries=0),
        run(4, 4, entries=10, applied=8), run(5, 5, entries=10, applied=9), run(6, 6, entries=3, suggested=3),
    ]  # fmt: skip
    found = watched_of(setting, runs)
    assert [rate for _, _, rate in found.rates] == [D("0.7"), D("0.8"), D("0.9"), D(0)]
    assert found.outside == (5, 6)
    assert automatic({}) is None


def test_other_families_are_watched_by_runs_and_rates_of_their_own() -> None:
    """Write-offs by entry that is applied, steps by account that is late; a band has no end above but where a share has one."""
    at = datetime(2026, 2, 2, tzinfo=UTC)

    def run(ident: int, kind: str, **counts: int) -> Run:
        return Run(ident, "t", kind, "", "all", "r", "done", at, at, "", "", {}, {"counts": counts})

    runs = [
        run(1, "cash-match", entries=8, applied=4), run(2, "cash-match", entries=3),
        run(3, "dunning", accounts=4, steps=6), run(4, "dunning", accounts=0, steps=0), run(5, "bill", entries=1),
    ]  # fmt: skip
    bands = {name: one.band(D("0.98"), D("0.04")) for name, one in BY_NAME.items()}
    assert {name: (one["low"], one["high"]) for name, one in bands.items()} == {
        "automatic": ("0.94", "1"), "given_up": ("0.94", "1.02"), "steps": ("0.94", "1.02"),
    }  # fmt: skip
    for name, rates, outside in (
        ("given_up", [(1, D("0.5"))], (1,)),
        ("steps", [(3, D("1.5"))], (3,)),
    ):
        setting = Tuned("x/y", "p", "1", bands[name], 4, "ann", "bob", at)
        found = watched_of(setting, runs, {1: 2})
        assert [(ident, rate) for ident, _, rate in found.rates] == rates and found.outside == outside
