"""Prices by age: whole months, numbers of cycles, ramps and the days on which they turn."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.period import Period, cycle_containing
from engine.billing.owing import COMMITMENT_CLOSED
from engine.billing.pricing.phases import check_ramp, cycle_number, phase_at, turning_days, whole_months
from tests.unit.billing.simulator import Shop, amounts, charge, decision, flat, per_unit

D = Decimal
START = date(2026, 1, 15)


@pytest.mark.parametrize(
    ("since", "day", "months"),
    [
        (START, START, 0),
        (START, date(2026, 2, 14), 0),
        (START, date(2026, 2, 15), 1),
        (date(2026, 1, 31), date(2026, 2, 28), 1),
        (date(2026, 1, 31), date(2026, 3, 30), 1),
        (START, date(2027, 1, 15), 12),
        (START, date(2025, 1, 1), 0),
    ],
)
def test_whole_months(since: date, day: date, months: int) -> None:
    assert whole_months(since, day) == months


@pytest.mark.parametrize(
    ("start", "months", "days", "number"),
    [
        (date(2026, 1, 1), 1, 0, 1),
        (date(2026, 2, 1), 1, 0, 2),
        (date(2026, 1, 15), 1, 0, 1),
        (date(2026, 2, 15), 1, 0, 2),
        (date(2026, 4, 1), 3, 0, 2),
        (date(2027, 1, 1), 12, 0, 2),
        (date(2026, 1, 29), 1, 14, 2),
        (date(2026, 2, 12), 1, 14, 3),
    ],
)
def test_which_cycle_it_is(start: date, months: int, days: int, number: int) -> None:
    assert cycle_number(START, Period(start, start + timedelta(days=1)), months, days) == number


@given(st.dates(date(2023, 1, 1), date(2028, 12, 31)), st.integers(1, 31), st.integers(0, 30))
def test_cycles_are_counted_one_by_one_whatever_day_they_begin_on(since: date, anchor: int, more: int) -> None:
    """A month in which the anchor day is the 28th of February is one cycle as any other."""
    cycle = cycle_containing(since, anchor, 1, since)
    for _ in range(more):
        cycle = cycle_containing(cycle.end, anchor, 1, since)
    assert cycle_number(since, cycle, 1, 0) == more + 1


def test_phases_follow_one_another() -> None:
    ramp = [{"days": 14}, {"months": 3}, {}]
    assert list(turning_days(ramp, START)) == [date(2026, 1, 29), date(2026, 4, 29)]
    assert [phase_at(ramp, START, day) for day in (START, date(2026, 1, 29), date(2026, 4, 28), date(2030, 1, 1))] == [
        0,
        1,
        1,
        2,
    ]


def ramp(*phases: dict[str, object]) -> list[dict[str, object]]:
    """Phases with the default of what is paid."""
    return [{"pays": D(1), **phase} for phase in phases]


@pytest.mark.parametrize(
    ("phases", "what"),
    [
        ([{"days": 1}, {"days": 1}], "the last phase ends after 1 days, and nothing follows"),
        ([{}, {}], "phase 1 says neither days nor months"),
        ([{"days": 1, "months": 1}, {}], "phase 1 says days and months"),
    ],
)
def test_phases_that_cannot_be(phases: list[dict[str, object]], what: str) -> None:
    flaws = list(check_ramp({"ramp": ramp(*phases), "per": "period"}))
    assert [flaw.what for flaw in flaws] == [what]


@pytest.mark.capability("A2.1")
def test_a_trial_that_ends_within_a_cycle_is_prorated() -> None:
    one = Shop([charge()], {"p/fee": flat("31", ramp=ramp({"days": 10, "pays": D(0)}, {}))})
    one.know("start", START, "p", 1)
    assert one.run(START) == ()
    assert amounts(one.run(date(2026, 1, 25))) == [("2026-01-25", "2026-02-01", "7.00")]
    assert amounts(one.run(date(2026, 2, 1))) == [("2026-02-01", "2026-03-01", "31.00")]


@pytest.mark.capability("A2.1")
def test_a_quantity_that_is_committed_to_by_phase() -> None:
    price = per_unit("1", ramp=ramp({"months": 1, "committed": D(10)}, {"committed": D(20)}))
    one = Shop([charge("calls", "usage", "arrears", meter="calls")], {"p/calls": price}, anchor_day=15)
    one.know("start", START, "p", 1)
    one.use(date(2026, 1, 20), 3)
    one.use(date(2026, 2, 20), 25)
    assert amounts(one.run(date(2026, 3, 15))) == [
        ("2026-01-15", "2026-02-15", "10.00"),
        ("2026-02-15", "2026-03-15", "25.00"),
    ]


@pytest.mark.capability("A2.1")
def test_a_condition_on_the_age_turns_within_a_cycle() -> None:
    def price(family: str, facts: object, on: date) -> object:
        if family == "pricing":
            return early if facts.months_since_start < 2 else late  # type: ignore[attr-defined]
        return plain(family, facts, on)

    early, late = (
        decision("pricing", "flat", 1, price={"EUR": D(31)}),
        decision("pricing", "flat", 2, price={"EUR": D(62)}),
    )
    one = Shop([charge()], {"p/fee": early})
    plain, one.decide, one.looked_at = one.decide, price, ("months_since_start",)  # type: ignore[assignment,method-assign]
    one.know("start", START, "p", 1)
    one.run(date(2026, 3, 15))
    assert amounts(line.charge for line in one.lines)[-2:] == [  # type: ignore[arg-type]
        ("2026-03-01", "2026-03-15", "14.00"),
        ("2026-03-15", "2026-04-01", "34.00"),
    ]
    one.know("cancel", date(2026, 3, 20))
    assert amounts(one.run(date(2026, 3, 21))) == [("2026-03-20", "2026-04-01", "-24.00")]


@pytest.mark.capability("A2.1")
@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.lists(st.integers(1, 45), max_size=8),
    st.sampled_from([1, 15, 31]),
    st.sampled_from(["advance", "arrears"]),
)
def test_whenever_it_is_billed_every_day_is_paid_as_its_phase_says(
    lengths: list[int], gaps: list[int], anchor: int, timing: str
) -> None:
    """A price of a cent a day in days of 1/30 each: what is billed is what the days of each phase cost."""
    phases = ramp(*({"days": days, "pays": D(n)} for n, days in enumerate(lengths)), {"pays": D(7)})
    day = decision("proration", "fixed_days", days_a_month=28)
    one = Shop([charge(timing=timing)], {"p/fee": flat("0.28", ramp=phases)}, anchor_day=anchor, proration=day)
    one.know("start", START, "p", 1)
    on = START
    for gap in gaps:
        one.run(on)
        on += timedelta(days=gap)
    last = on + timedelta(days=400)
    one.know("cancel", last)
    one.run(last)
    assert all(count == 1 for count in one.days_billed().values())
    turns = [START, *turning_days(phases, START)]
    for key, _ in one.days_billed().items():
        assert any(turn <= key[1] for turn in turns)
    for line in one.lines:
        charged = line.charge
        inside = [
            n
            for n in range(len(phases))
            if turns[n] <= charged.service_from and (n + 1 == len(phases) or charged.service_from < turns[n + 1])
        ]
        assert charged.full == D("0.28") * phases[inside[0]]["pays"]  # type: ignore[operator]
        assert inside[0] + 1 == len(phases) or charged.service_to <= turns[inside[0] + 1]


def committed(**terms: object) -> Shop:
    """Usage whose price turns on the 10th of the first month, and a commitment of 100 a month that it counts towards."""
    price = per_unit("1", ramp=ramp({"days": 9, "pays": D(1)}, {"pays": D(2)}), **terms)
    least = decision("pricing", "true_up", 41, commitment={"EUR": D(100)})
    charges = [charge("calls", "usage", "arrears", meter="calls"), charge("least", timing="arrears")]
    one = Shop(charges, {"p/calls": price, "p/least": least})
    one.know("start", date(2026, 1, 1), "p", 1)
    return one


@pytest.mark.capability("A2.1")
@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 58), st.integers(1, 40), st.booleans()), min_size=1, max_size=6))
def test_late_usage_of_one_phase_leaves_what_others_count_towards_a_commitment(
    used: list[tuple[int, int, bool]],
) -> None:
    many, once, on = committed(), committed(), date(2026, 2, 1)
    for days, quantity, run in used:
        day = date(2026, 1, 1) + timedelta(days=days)
        for one in (many, once):
            one.use(day, quantity)
        if run:
            on += timedelta(days=5)
            many.run(on)
    for one in (many, once):
        one.run(date(2026, 3, 5))
    assert many.net == once.net


def test_a_commitment_stays_where_an_earlier_phase_cannot_be_told_by_its_usage() -> None:
    kept = {"cycles": 1, "limit": None, "order": "carried_first", "from_parts": True, "across_plans": True}
    one = committed(included=D(1), rollover={**kept, "within": "subscription"})
    one.use(date(2026, 1, 5), 11)
    one.use(date(2026, 1, 20), 6)
    one.run(date(2026, 2, 1))
    one.use(date(2026, 1, 20), 3)
    made = one.preview(date(2026, 2, 5))
    assert ([line.charge for line in made.charges], [f.code for f in made.findings]) == (["calls"], [COMMITMENT_CLOSED])
