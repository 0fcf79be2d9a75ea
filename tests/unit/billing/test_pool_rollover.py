"""What a pool leaves unused and uses later: worked numbers, and a second model that walks whole months of all members."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.money import ZERO, split
from engine.billing.basis import read_carried, read_pool
from engine.model.decision import Decision
from engine.model.due import Opening
from tests.unit.billing.simulator import decision
from tests.unit.billing.test_pools import APR, FEB, JAN, MAR, Firm

D = Decimal
MAY = date(2026, 5, 1)
KEPT = {
    "cycles": 1, "limit": None, "order": "carried_first", "from_parts": True, "across_plans": True, "within": "subscription",
}  # fmt: skip


def price(included: int = 100, number: int = 21, unit: str = "1", pool: Any = None, **kept: Any) -> Decision:
    """Some units for nothing, then so much each, in pool data, which carries over what it leaves."""
    shared = {"key": "data", "scope": "payer", "allowance": "added", "divide": "by_usage", **(pool or {})}
    terms = {"unit": {"EUR": D(unit)}, "included": D(included)}
    return decision("pricing", "per_unit", number, pool=shared, rollover={**KEPT, **kept}, **terms)


def paid(made: list[dict[str, Decimal]]) -> Decimal:
    """What all members pay together."""
    return sum((amount for one in made for amount in one.values()), ZERO)


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(
    ("rule", "used", "costs"),
    [
        # 200 a month: January leaves 80, February takes them and pays for 20, March finds nothing
        (price(), (120, 300, 230), (0, 20, 30)),
        # fresh first: February uses its own 200 and 50 of January, and the other 30 lapse
        (price(order="fresh_first"), (120, 250, 230), (0, 0, 30)),
        # two cycles: 80 of January are there in March
        (price(cycles=2), (120, 200, 280), (0, 0, 0)),
        (price(cycles=1, order="fresh_first"), (120, 200, 280), (0, 0, 80)),
        (price(limit=D(50)), (120, 300, 0), (0, 50, 0)),
        # one allowance for all: 100 a month
        (price(pool={"allowance": "one"}), (30, 180, 100), (0, 10, 0)),
        (price(within="year"), (120, 300, 230), (0, 20, 30)),
        (price(within="quarter", cycles=9), (200, 200, 0), (0, 0, 0)),
    ],
)
def test_three_months_of_two(rule: Decision, used: tuple[int, ...], costs: tuple[int, ...]) -> None:
    firm = Firm({"p": rule}, JAN, JAN)
    for month, quantity in enumerate(used, 1):
        firm.use(date(2026, month, 10), quantity // 2, quantity - quantity // 2)
        assert paid(firm.run(date(2026, month + 1, 1))) == costs[month - 1]
    assert firm.findings == []


def test_a_window_that_ends_takes_units_along() -> None:
    firm = Firm({"p": price(within="quarter", cycles=9)}, JAN, JAN)
    for month in range(1, 4):
        firm.use(date(2026, month, 10), 10, 10)
        assert paid(firm.run(date(2026, month + 1, 1))) == 0
    firm.use(date(2026, 4, 10), 300, 0)
    assert paid(firm.run(MAY)) == 100  # 540 lapsed with March


def test_a_line_names_the_cycles_that_units_came_from_and_the_pool() -> None:
    firm = Firm({"p": price(cycles=2, order="fresh_first")}, JAN, JAN)
    firm.use(date(2026, 1, 10), 100, 20)
    firm.run(FEB)
    firm.use(date(2026, 2, 10), 100, 70)
    firm.run(MAR)
    firm.use(date(2026, 3, 10), 400, 100)
    firm.run(APR)
    basis = firm.shops[0].lines[-1].charge.basis
    pool = read_pool(basis)
    assert pool is not None and (pool.quantity, pool.granted) == (500, 100 + 80 + 30)
    assert [(days.start, units) for days, units in read_carried(basis)] == [(JAN, 80), (FEB, 30)]


def test_who_leaves_takes_nothing_along_and_who_joins_finds_it() -> None:
    firm = Firm({"p": price(cycles=3)}, JAN, JAN, MAR)
    firm.shops[1].know("cancel", FEB)
    firm.use(date(2026, 1, 10), 50, 0)
    assert paid(firm.run(FEB)) == 0  # leaves 150, 100 of which the one brought that is gone
    firm.use(date(2026, 2, 10), 240, 0)
    assert paid(firm.run(MAR)) == 0  # 150 of January and 90 of 100
    firm.use(date(2026, 3, 10), 100, 0, 115)
    made = firm.run(APR)
    assert paid(made) == 5  # the new one finds the 10 of February: 210 of 215


def test_late_usage_of_one_takes_units_from_the_later_cycles_of_all() -> None:
    firm = Firm({"p": price()}, JAN, JAN)
    firm.use(date(2026, 1, 10), 100, 20)
    firm.run(FEB)
    firm.use(date(2026, 2, 10), 140, 140)
    assert paid(firm.run(MAR)) == 0  # 80 of January
    firm.use(date(2026, 1, 20), 0, 50)  # January leaves 30
    assert firm.run(APR) == [{"2026-02-01": D(25)}, {"2026-02-01": D(25)}]
    assert firm.run(APR) == [{}, {}]


def test_another_price_for_all_takes_units_over_and_one_beside_it_does_not() -> None:
    prices = {"p": price(), "q": price(number=22, unit="3")}
    firm = Firm(prices, JAN, JAN, plans="pp")
    firm.use(date(2026, 1, 10), 60, 60)
    firm.run(FEB)
    for shop in firm.shops:
        shop.know("change", FEB, "q")
    firm.use(date(2026, 2, 10), 150, 150)
    assert paid(firm.run(MAR)) == 3 * 20  # 80 came along
    beside = Firm(prices, JAN, JAN, plans="pq")
    beside.use(date(2026, 1, 10), 60, 60)
    beside.run(FEB)
    beside.use(date(2026, 2, 10), 150, 150)
    assert beside.run(MAR) == [{"2026-02-01": D(10)}, {"2026-02-01": D(30)}]  # each part keeps its 40


def test_a_pause_waits_and_a_new_beginning_of_all_has_nothing() -> None:
    waits = Firm({"p": price()}, JAN)
    waits.use(date(2026, 1, 10), 40)
    waits.shops[0].know("pause", FEB)
    waits.shops[0].know("resume", MAR)
    waits.run(FEB)
    waits.run(MAR)
    waits.use(date(2026, 3, 10), 170)
    assert paid(waits.run(APR)) == 10
    anew = Firm({"p": price()}, JAN)
    anew.use(date(2026, 1, 10), 40)
    anew.shops[0].know("cancel", FEB)
    anew.shops[0].know("start", MAR, "p", 1)
    anew.run(FEB)
    anew.use(date(2026, 3, 10), 170)
    assert paid(anew.run(APR)) == 70


def test_own_units_do_not_go_into_a_pool_nor_what_another_system_billed() -> None:
    own = decision("pricing", "per_unit", 30, unit={"EUR": D(1)}, included=D(100), rollover=KEPT)
    firm = Firm({"p": price(), "q": own}, JAN, plans="q")
    firm.use(date(2026, 1, 10), 40)
    firm.run(FEB)
    firm.shops[0].know("change", FEB, "p")
    firm.use(date(2026, 2, 10), 150)
    assert paid(firm.run(MAR)) == 50
    came = Firm({"p": price()}, JAN)
    came.use(date(2026, 2, 10), 150)
    due = came.shops[0].due
    opened = Opening(FEB, 0, 0, {"calls": FEB})
    came.shops[0].due = lambda: msgspec.structs.replace(due(), opening=opened)  # type: ignore[method-assign]
    assert paid(came.run(MAR)) == 50  # January was another system's


MONTHS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2), st.integers(1, 60)), max_size=10)


@settings(max_examples=20, deadline=None)
@given(
    MONTHS, MONTHS, st.integers(1, 3), st.sampled_from(["carried_first", "fresh_first"]), st.sampled_from([None, 25])
)
def test_a_model_of_whole_months_agrees(before: Any, late: Any, cycles: int, order: str, limit: int | None) -> None:
    """A run each month, then late usage and one more run: as if a list of units by month had been kept by hand."""
    most = None if limit is None else D(limit)
    firm = Firm({"p": price(20, unit="0.07", cycles=cycles, order=order, limit=most)}, JAN, JAN, FEB)
    used = [[0, 0, 0] for _ in range(4)]
    for month in range(1, 5):
        for in_month, who, quantity in before:
            if in_month == month and (who < 2 or month > 1):
                firm.shops[who].use(date(2026, month, 9), quantity)
                used[month - 1][who] += quantity
        firm.run(date(2026, month + 1, 1))
    for month, who, quantity in late:
        if who < 2 or month > 1:
            firm.shops[who].use(date(2026, month, 19), quantity)
            used[month - 1][who] += quantity
    firm.run(date(2026, 5, 2))
    kept: list[list[int]] = []  # (month, units), the oldest first
    for month, quantities in enumerate(used, 1):
        there = quantities if month > 1 else quantities[:2]
        kept = [one for one in kept if month - one[0] <= cycles and one[1]]
        own = [month, 20 * len(there)]
        wanted = sum(there)
        for lot in [*kept, own] if order == "carried_first" else [own, *kept]:
            taken = min(lot[1], wanted)
            lot[1], wanted = lot[1] - taken, wanted - taken
        kept, room = [*kept, own], 10**9 if limit is None else limit
        for lot in reversed(kept):
            lot[1] = min(lot[1], room)
            room -= lot[1]
        cost = (D("0.07") * wanted).quantize(D("0.01"))
        parts = split(cost, [D(one) for one in there], "EUR") if any(there) else [ZERO] * len(there)
        shown = [one.get(date(2026, month, 1).isoformat(), ZERO) for one in firm.total()]
        assert shown[: len(there)] == list(parts), (month, used)
