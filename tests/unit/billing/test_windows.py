"""Tiers of a longer time than the cycle: the stretches of a window add up to its price, whenever usage becomes known."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.base.period import Period
from engine.billing.windows import NOT_OF_USAGE, holding, turning_days
from tests.unit.billing.simulator import Shop, amounts, charge, decision

D = Decimal
START = date(2026, 1, 20)
TIERS = [{"up_to": D(100), "unit": {"EUR": D("0.10")}}, {"unit": {"EUR": D("0.033")}, "flat": {"EUR": D(3)}}]


def shop(window: str, anchor_day: int = 1, start: date = START, meter: str = "calls", **terms: object) -> Shop:
    """One usage charge with tiers of a window."""
    price = decision("pricing", "graduated", tiers=TIERS, window=window, **terms)
    one = Shop([charge("calls", "usage", "arrears", meter=meter)], {"p/calls": price}, anchor_day=anchor_day)
    one.know("start", start, "p", 1)
    return one


def price_of(quantity: Decimal) -> Decimal:
    """The price of a quantity in the tiers."""
    first = min(quantity, D(100))
    return (first * D("0.10") + ((quantity - first) * D("0.033") + 3 if quantity > 100 else 0)).quantize(
        D("0.01"), "ROUND_HALF_UP"
    )


@pytest.mark.parametrize(
    ("window", "day", "start", "end"),
    [
        ("quarter", date(2026, 5, 31), date(2026, 4, 1), date(2026, 7, 1)),
        ("half_year", date(2026, 7, 1), date(2026, 7, 1), date(2027, 1, 1)),
        ("year", date(2026, 12, 31), date(2026, 1, 1), date(2027, 1, 1)),
        ("contract_year", date(2027, 1, 19), date(2026, 1, 20), date(2027, 1, 20)),
        ("contract_year", date(2027, 1, 20), date(2027, 1, 20), date(2028, 1, 20)),
        ("18 months", date(2027, 7, 20), date(2027, 7, 20), date(2029, 1, 20)),
        ("2 months", START, date(2026, 1, 20), date(2026, 3, 20)),
    ],
)
def test_which_window_holds_a_day(window: str, day: date, start: date, end: date) -> None:
    assert holding(window, START, day) == Period(start, end)


def test_windows_turn_inside_days() -> None:
    found = turning_days("quarter", START, Period(date(2026, 3, 15), date(2026, 10, 1)))
    assert list(found) == [date(2026, 4, 1), date(2026, 7, 1)]


@pytest.mark.capability("A2.1")
def test_annual_tiers_are_billed_monthly_and_late_usage_moves_later_months_once() -> None:
    one = shop("contract_year", anchor_day=20)
    one.use(date(2026, 1, 25), 60)
    one.use(date(2026, 2, 25), 60)
    one.use(date(2026, 3, 25), 10)
    assert amounts(one.run(date(2026, 4, 20))) == [
        ("2026-01-20", "2026-02-20", "6.00"),
        ("2026-02-20", "2026-03-20", "7.66"),
        ("2026-03-20", "2026-04-20", "0.33"),
    ]
    one.use(date(2026, 1, 26), 30)  # 30 of the second month fall into the second tier now, and not 20
    made = one.run(date(2026, 4, 21))
    assert amounts(made) == [("2026-01-20", "2026-02-20", "3.00"), ("2026-02-20", "2026-03-20", "-2.01")]
    assert one.net == price_of(D(160))
    assert one.run(date(2026, 4, 22)) == ()


@pytest.mark.capability("A2.1")
def test_a_minimum_of_the_year_waits_for_its_end_or_for_the_cancellation() -> None:
    for cancel in (None, date(2026, 4, 20)):
        one = shop("contract_year", anchor_day=20, after=decision_steps(minimum="500"))
        for month in (2, 3, 4, 5):
            one.use(date(2026, month, 1), 10)
        if cancel:
            one.know("cancel", cancel)
        one.run(date(2026, 12, 20))
        assert one.net == (D(500) if cancel else D(4))
        one.run(date(2027, 1, 20))
        assert one.net == D(500)


def test_a_service_that_goes_on_gets_its_minimum_once() -> None:
    one = shop("contract_year", anchor_day=20, after=decision_steps(minimum="500"))
    one.use(date(2026, 2, 1), 10)
    one.know("cancel", date(2026, 4, 20))
    one.run(date(2026, 5, 1))
    assert one.net == D(500)
    one.know("start", date(2026, 6, 20), "p", 1)
    one.use(date(2026, 7, 1), 10)
    one.run(date(2026, 8, 20))
    one.run(date(2027, 1, 20))
    assert one.net == D(500)


def decision_steps(**limit: str) -> list[dict[str, object]]:
    """One step on the money that does not shrink."""
    defaults = {"overage": D(1), "true_up": True, "prorated": False, "of": "period"}
    return [{**defaults, **{name: {"EUR": D(value)} for name, value in limit.items()}}]


def test_allowances_shrink_to_the_part_of_the_year_that_was_left() -> None:
    tiers = decision("proration", "actual_days", applies_to="tiers")
    price = decision("pricing", "per_unit", unit={"EUR": D(1)}, included=D(365), window="year")
    one = Shop([charge("calls", "usage", "arrears", meter="calls")], {"p/calls": price}, proration=tiers)
    one.know("start", date(2026, 7, 1), "p", 1)
    one.use(date(2026, 7, 2), 100)
    one.use(date(2026, 8, 2), 100)
    one.run(date(2026, 9, 1))
    assert one.net == D(200) - D(184)  # 184 of 365 days are left
    assert {line.charge.share for line in one.lines} == {"184/365"}


def test_a_charge_without_usage_has_no_window() -> None:
    one = Shop([charge()], {"p/fee": decision("pricing", "flat", price={"EUR": D(1)}, window="year")})
    one.know("start", START, "p", 1)
    with pytest.raises(TollbookError) as caught:
        one.run(START)
    assert caught.value.findings[0].code is NOT_OF_USAGE


USES = st.lists(st.tuples(st.integers(0, 700), st.integers(1, 90), st.booleans()), max_size=12)
RUNS = st.lists(st.integers(1, 90), max_size=9)


@pytest.mark.capability("A2.1")
@settings(deadline=None, max_examples=150)
@given(
    USES,
    RUNS,
    st.sampled_from(["quarter", "half_year", "year", "contract_year", "5 months"]),
    st.sampled_from([1, 20, 31]),
    st.sampled_from(["calls", "peak", "logins"]),
)
def test_the_stretches_of_a_window_add_up_to_its_price(
    uses: list[tuple[int, int, bool]], gaps: list[int], window: str, anchor: int, meter: str
) -> None:
    """Whatever becomes known when, and however often it is billed."""
    one, far = shop(window, anchor, meter=meter), START + timedelta(days=1200)
    waiting = list(uses)
    on = START
    for gap in gaps:
        on += timedelta(days=gap)
        for use in [use for use in waiting if not use[2] and START + timedelta(days=use[0]) <= on]:
            waiting.remove(use)
            one.use(START + timedelta(days=use[0]), use[1], meter)
        one.run(on)
    for use in waiting:
        one.use(START + timedelta(days=use[0]), use[1], meter)
    one.run(max(on, far))
    counted: dict[date, list[int]] = defaultdict(list)
    for offset, quantity, _ in uses:
        day = START + timedelta(days=offset)
        counted[holding(window, START, day).start].append(quantity)
    measure = {"calls": sum, "peak": max, "logins": len}[meter]
    assert one.net == sum((price_of(D(measure(some))) for some in counted.values()), ZERO)  # type: ignore[operator]
    assert one.run(max(on, far)) == ()
