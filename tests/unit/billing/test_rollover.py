"""Allowance that is carried over: worked numbers, and a second model that counts single units."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.billing.basis import read_carried
from engine.billing.unsummed import ROLLOVER
from tests.unit.billing.simulator import Shop, charge, decision

D = Decimal
DEFAULTS = {
    "cycles": 1, "limit": None, "order": "carried_first", "from_parts": True, "across_plans": True, "within": "subscription",
}  # fmt: skip


def price(number: int = 21, **rollover: Any) -> Any:
    """100 units a month for nothing, then one euro each; what is left is carried over."""
    terms = {"unit": {"EUR": D(1)}, "included": D(100), **rollover.pop("terms", {})}
    return decision("pricing", "per_unit", number, rollover={**DEFAULTS, **rollover}, **terms)


def shop(*used: int, start: date = date(2026, 1, 1), **rollover: Any) -> Shop:
    """Usage of the months from January on, on their tenth day."""
    one = Shop([charge("calls", "usage", "arrears", meter="calls")], {"p/calls": price(**rollover)})
    one.know("start", start, "p", 1)
    for month, quantity in enumerate(used):
        if quantity:
            one.use(date(2026 + month // 12, month % 12 + 1, 25), quantity)
    return one


def by_month(one: Shop) -> dict[int, Decimal]:
    """What was billed for each month."""
    found: dict[int, Decimal] = {}
    for line in one.lines:
        month = (line.charge.cycle_from.year - 2026) * 12 + line.charge.cycle_from.month
        found[month] = found.get(month, ZERO) + line.charge.amount
    return {month: amount for month, amount in found.items() if amount}


def paid(one: Shop, on: date = date(2027, 6, 1)) -> dict[int, Decimal]:
    """What one run bills for each month."""
    one.run(on)
    return by_month(one)


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(
    ("used", "terms", "billed"),
    [
        # January leaves 40. February takes them first, and leaves 10 of its own; March pays for 10 of 120
        ((60, 130, 120), {}, {3: 10}),
        # its own first: 30 of the 40 are used, the other 10 lapse, and March pays for 20
        ((60, 130, 120), {"order": "fresh_first"}, {3: 20}),
        # units live for two cycles: the 10 of January are there in March, too
        ((60, 130, 120), {"order": "fresh_first", "cycles": 2}, {3: 10}),
        # nothing used: a whole allowance is carried, and lapses after a cycle
        ((0, 0, 250), {}, {3: 50}),
        ((0, 0, 350), {"cycles": 2}, {3: 50}),
        ((0, 0, 350), {"cycles": 2, "limit": D(150)}, {3: 100}),
        # of what is above the limit the oldest lapses: 50 of January and 100 of February, then 100 and 50
        ((0, 0, 0, 0, 300), {"cycles": 3, "limit": D(150)}, {5: 50}),
        ((30, 100, 171), {"limit": D(50)}, {3: 21}),
        # units of a calendar quarter stay in it
        ((0, 0, 0, 150, 120), {"within": "quarter"}, {4: 50, 5: 20}),
    ],
)
def test_what_is_left_is_used_later(used: tuple[int, ...], terms: dict[str, Any], billed: dict[int, int]) -> None:
    assert paid(shop(*used, **terms)) == {month: D(amount) for month, amount in billed.items()}


@pytest.mark.capability("A2.5")
def test_late_usage_moves_what_later_cycles_could_use() -> None:
    one = shop(60, 130, 120)
    for month in (2, 3, 4):
        one.run(date(2026, month, 1))
    assert by_month(one) == {3: D(10)}
    one.use(
        date(2026, 1, 12), 25
    )  # January leaves 15: February uses all of them and 15 are to be paid, March pays for 20
    made = one.run(date(2026, 5, 1))
    assert {(line.cycle_from.month, line.amount) for line in made} == {(2, D(15)), (3, D(10))}
    assert {line.cycle_from.month: read_carried(line.basis) for line in made}[2][0][1] == D(15)
    assert one.run(date(2026, 5, 2)) == ()


def test_a_first_part_carries_what_it_leaves_or_not() -> None:
    start = date(2026, 1, 22)
    assert paid(shop(40, 170, start=start)) == {2: D(10)}  # included does not shrink: 60 are left
    assert paid(shop(40, 170, start=start, from_parts=False)) == {2: D(70)}
    step = {"before": [{"free": D(310), "prorated": True, "round": "none"}], "included": D(0)}
    assert paid(shop(40, 400, start=start, terms=step)) == {2: D(30)}  # 10 of 31 days give 100, of which 60 are left


def test_pauses_stop_the_clock_and_a_new_start_begins_with_nothing() -> None:
    one = shop(60, 0, 0, 130)
    one.know("pause", date(2026, 2, 1))
    one.know("resume", date(2026, 4, 1))
    assert paid(one, date(2026, 5, 1)) == {}  # the 40 of January wait for April
    again = shop(60, 0, 0, 130)
    again.know("cancel", date(2026, 2, 1))
    again.know("start", date(2026, 4, 1), "p", 1)
    assert paid(again, date(2026, 5, 1)) == {4: D(30)}


@pytest.mark.parametrize(("across", "billed"), [(True, {}), (False, {2: D(30)})])
def test_units_live_on_under_another_plan_or_not(across: bool, billed: dict[int, Decimal]) -> None:
    charges = [charge("calls", "usage", "arrears", meter="calls", plan=plan) for plan in ("p", "q")]
    both = {"p/calls": price(), "q/calls": price(22, across_plans=across)}
    one = Shop(charges, both)
    one.know("start", date(2026, 1, 1), "p", 1)
    one.know("change", date(2026, 2, 1), "q")
    one.use(date(2026, 1, 9), 60)
    one.use(date(2026, 2, 9), 130)
    assert paid(one, date(2026, 3, 1)) == billed


def test_allowance_is_carried_of_sums_alone() -> None:
    one = shop(60)
    grouped = charge("calls", "usage", "arrears", meter="calls", filter="quantity > 1")
    one.plans = Shop([grouped], {}).plans
    with pytest.raises(TollbookError) as refused:
        one.preview(date(2026, 2, 1))
    assert refused.value.findings[0].code == ROLLOVER


class Model:
    """Allowance as single units, each with the cycle that it is of."""

    def __init__(self, cycles: int, limit: int | None, order: str) -> None:
        self.cycles, self.limit, self.order = cycles, limit, order
        self.units: list[int] = []

    def month(self, number: int, used: int) -> int:
        """How many units of a month are paid."""
        old = [unit for unit in self.units if number - unit <= self.cycles]
        fresh = [number] * 10
        pile = old + fresh if self.order == "carried_first" else fresh + old
        left = pile[used:]
        self.units = sorted(left)
        if self.limit is not None:
            self.units = self.units[max(len(self.units) - self.limit, 0) :]
        return max(used - len(pile), 0)


HISTORY = st.tuples(
    st.lists(st.integers(0, 25), min_size=1, max_size=8),
    st.integers(1, 4),
    st.none() | st.integers(0, 25),
    st.sampled_from(["carried_first", "fresh_first"]),
    st.lists(st.tuples(st.integers(0, 7), st.integers(1, 9)), max_size=3),
    st.booleans(),
)


@settings(max_examples=50, deadline=None)
@given(HISTORY)
def test_a_model_of_single_units_agrees(history: Any) -> None:
    used, cycles, limit, order, late, monthly = history
    terms = {"cycles": cycles, "limit": None if limit is None else D(limit), "order": order}
    one = shop(*used, **terms, terms={"included": D(10)})
    total = list(used)
    for month in range(2, len(used) + 2) if monthly else ():
        one.run(date(2026, month, 1))
    for place, quantity in late:
        if place < len(used):
            one.use(date(2026, place + 1, 7), quantity)
            total[place] += quantity
            one.run(date(2026, 10, 1))
    one.run(date(2026, len(used) + 1, 1) if not late else date(2026, 10, 1))
    model = Model(cycles, limit, order)
    paid = {month: D(units) for month, n in enumerate(total, 1) if (units := model.month(month, n))}
    assert by_month(one) == paid
