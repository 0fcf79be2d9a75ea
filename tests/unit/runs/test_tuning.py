"""Values of a curve, bands and rates, without books."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from engine.runs.simulate.shares import both, late_split, shares
from engine.runs.tune.desk import _told, watched_of
from engine.runs.tune.measures import BY_NAME, ONE, automatic
from engine.runs.tune.values import Sheet, as_bound, curve
from engine.store.records import Run
from engine.store.tuned import Tuned, _bands

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
    setting = Tuned("matching/x", "p", "1", [band], 4, "ann", "bob", set_at)

    def run(ident: int, day: int, **counts: int) -> Run:
        at = datetime(2026, 1 if day < 0 else 2, abs(day), tzinfo=UTC)
        return Run(ident, "t", "cash-match", "", "all", "r", "done", at, at, "", "", {}, {"counts": counts})

    runs = [
        run(1, -5, entries=10, applied=1), run(2, 2, entries=10, applied=6, cleared=1), run(3, 3, entries=0),
        run(4, 4, entries=10, applied=8), run(5, 5, entries=10, applied=9), run(6, 6, entries=3, suggested=3),
    ]  # fmt: skip
    (found,) = watched_of(setting, runs)
    assert [rate for _, _, rate in found.rates] == [D("0.7"), D("0.8"), D("0.9"), D(0)]
    assert found.outside == (5, 6)
    assert automatic({}) == {}


def test_other_families_are_watched_by_runs_and_rates_of_their_own() -> None:
    """Write-offs by entry that is applied, steps by account that is late; a band has no end above but where a share has one."""
    at = datetime(2026, 2, 2, tzinfo=UTC)

    def run(ident: int, kind: str, **counts: int) -> Run:
        return Run(ident, "t", kind, "", "all", "r", "done", at, at, "", "", {}, {"counts": counts})

    runs = [
        run(1, "cash-match", entries=8, applied=4), run(2, "cash-match", entries=3),
        run(3, "dunning", accounts=4, steps=6), run(4, "dunning", accounts=0, steps=0), run(5, "bill", entries=1),
    ]  # fmt: skip
    bands = {name: BY_NAME[name].bands({ONE: D("0.98")}, D("0.04"))[0] for name in ("automatic", "given_up", "steps")}
    assert {name: (one["low"], one["high"]) for name, one in bands.items()} == {
        "automatic": ("0.94", "1"), "given_up": ("0.94", "1.02"), "steps": ("0.94", "1.02"),
    }  # fmt: skip
    for name, rates, outside in (
        ("given_up", [(1, D("0.5"))], (1,)),
        ("steps", [(3, D("1.5"))], (3,)),
    ):
        setting = Tuned("x/y", "p", "1", [bands[name]], 4, "ann", "bob", at)
        (found,) = watched_of(setting, runs, {"given_up": {1: 2}})
        assert [(ident, rate) for ident, _, rate in found.rates] == rates and found.outside == outside


def test_shares_of_late_usage_count_a_stretch_once() -> None:
    """Events by how they end; the money of a stretch stands at each of them, and what a source took back has none of its own."""

    def ended(disposition: str, charge: str, amount: str | None) -> SimpleNamespace:
        money = None if amount is None else D(amount)
        keys = {"subscription_id": 1, "plan": "phone", "service_from": 1, "service_to": 2, "currency": "EUR"}
        return SimpleNamespace(disposition=disposition, charge=charge, amount=money, **keys)

    split = late_split(
        [
            *(ended("drop", "calls", "0.75"), ended("drop", "calls", "0.75"), ended("next_bill", "calls", "0.75")),
            *(ended("next_bill", "texts", "-2.25"), ended("too_late", "data", None)),
        ]
    )
    assert split == {
        ("drop", ""): 2, ("next_bill", ""): 2, ("too_late", ""): 1, ("drop", "EUR"): D("0.75"), ("next_bill", "EUR"): D("2.25"),
    }  # fmt: skip
    assert shares(split)["drop", ""] == D("0.4") and shares(split)["drop", "EUR"] == D("0.25")
    assert [(one.part, one.currency) for one in both(split, {("drop", "EUR"): D(1)})][-2:] == [
        ("drop", "EUR"), ("next_bill", "EUR"),
    ]  # fmt: skip


def test_credits_are_watched_by_month_and_late_usage_by_run() -> None:
    """A band for each part and currency: a part that is missing is nought of what there is, and nothing where there is nothing."""
    at = datetime(2026, 2, 1, tzinfo=UTC)

    def run(ident: int, kind: str, period: str) -> Run:
        return Run(ident, "t", kind, period, "all", "r", "done", at, at, "", "", {}, {"counts": {}})

    runs = [
        run(1, "memo", "2026-02-03"),
        run(2, "memo", "2026-02-20"),
        run(3, "memo", "2026-03-01"),
        run(4, "bill", "2026-02-28"),
    ]
    small, large = "crediting/default#small", "crediting/default#large"
    read = {
        "credited": {
            1: {(small, ""): D(1), (small, "EUR"): D(10)}, 2: {(large, ""): D(1), (large, "EUR"): D(30)},
            3: {(small, ""): D(1), (small, "USD"): D(5)},
        },
        "late": {4: {("next_bill", ""): D(4)}},
    }  # fmt: skip
    bands = BY_NAME["credited"].bands({(small, ""): D("0.9"), (small, "EUR"): D("0.9")}, D("0.1"))
    assert (bands[1]["part"], bands[1]["currency"], bands[1]["high"]) == (small, "EUR", "1.0")
    found = watched_of(Tuned("crediting/default", "at_once", "1", bands, 4, "ann", "bob", at), runs, read)
    assert [one.rates for one in found] == [
        ((2, "2026-02", D("0.5")), (3, "2026-03", D(1))),
        ((2, "2026-02", D("0.25")),),
    ]
    assert [one.outside for one in found] == [(2,), (2,)]
    assert "the share of the money in EUR of credits by hand that crediting/default#small allows" in _told(found[1])
    assert "of 2026-02 is 0.2500" in _told(found[1])
    late = BY_NAME["late"].bands({("drop", ""): D("0.5"), ("drop", "EUR"): D("0.5")}, D("0.1"))
    shares_of = watched_of(Tuned("lateness/x", "least", "1", late, 4, "ann", "bob", at), runs, read)
    assert [one.rates for one in shares_of] == [((4, "2026-02-28", D(0)),), ()]


def test_bands_that_were_stored_alone_are_read() -> None:
    """Proposals of a time when a parameter had one band name it so."""
    band = {"measure": "automatic", "low": "0.70", "high": "0.80"}
    assert _bands({"band": band}) == [band] == _bands({"bands": [band]})
    assert _bands({"band": {}}) == [] == _bands({"bands": []})
