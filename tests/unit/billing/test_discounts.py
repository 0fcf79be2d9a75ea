"""Laws of money off: in each cycle the parts add up to the coupon's amount, or to the charges where these are less."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.money import ZERO
from engine.billing.discounts import redeemed, shares
from engine.model.catalog import Charge
from engine.model.decision import Decision
from engine.model.discount import Coupon, Redemption
from engine.model.due import SubscriptionDue
from engine.model.subscription import SubscriptionEvent
from tests.unit.billing.simulator import Shop, charge, decision, flat, per_unit

D = Decimal
START = date(2026, 1, 1)


def off(key: str, amount: str = "0", percent: str = "0", charges: str = "") -> Coupon:
    """A coupon that everybody may have for good."""
    never = date.max
    return Coupon(key, key, D(percent), D(amount), "EUR", 0, date.min, never, charges, "", True, 0)


class Cheaper(Shop):
    """A shop whose subscription has coupons from its first day on, and whose rules let them apply as those that ship do."""

    def __init__(self, charges: list[Charge], prices: dict[str, Decision], *coupons: Coupon, **more: Any) -> None:
        super().__init__(charges, prices, **more)
        self.redemptions = tuple(Redemption(one, START) for one in coupons)
        self.know("start", START, "p", 1)

    def due(self) -> SubscriptionDue:
        return msgspec.structs.replace(super().due(), redemptions=self.redemptions)

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        if family != "discounts":
            return super().decide(family, facts, on)
        return decision("discounts", number=51, applies=facts.fits, order=1 if facts.coupon.percent else 2)


def fees(*prices: str, **fields: Any) -> tuple[list[Charge], dict[str, Decision]]:
    """Fees of plan p by their prices."""
    charges = [charge(f"f{n}", **fields) for n in range(len(prices))]
    return charges, {f"p/f{n}": flat(price) for n, price in enumerate(prices)}


MONEY = st.integers(0, 60_00).map(lambda cents: D(cents).scaleb(-2))


@pytest.mark.capability("A2.1")
@settings(deadline=None, max_examples=50)
@given(
    prices=st.lists(MONEY, min_size=1, max_size=4),
    timings=st.lists(st.sampled_from(["advance", "arrears"]), min_size=4, max_size=4),
    coupons=st.lists(st.tuples(MONEY.filter(bool), st.sets(st.integers(0, 3), min_size=1)), min_size=1, max_size=3),
)
def test_money_off_is_taken_once_a_cycle_and_in_full(
    prices: list[Decimal], timings: list[str], coupons: list[tuple[Decimal, set[int]]]
) -> None:
    """Coupons of any amount, each for some fees: what they take of a month is what can be taken of the fees that bear them, whichever
    comes first; charges in advance bear those that are for both."""
    sold = [charge(f"f{n}", timing=timings[n]) for n in range(len(prices))]
    made = [off(f"C{n}", str(worth), charges=";".join(f"f{m}" for m in at)) for n, (worth, at) in enumerate(coupons)]
    shop = Cheaper(sold, {f"p/f{n}": flat(str(price)) for n, price in enumerate(prices)}, *made)
    shop.run(date(2026, 2, 1))
    january = [one.charge for one in shop.lines if one.charge.service_from == START]
    left = dict(enumerate(prices))
    for worth, at in coupons:
        named = [n for n in left if n in at]
        bearing = [n for n in named if timings[n] == "advance"] or named
        there = sum((left[n] for n in bearing), ZERO)
        taken = min(worth, there)
        _take(left, bearing, taken, prices)
    assert sum((one.amount for one in january), ZERO) == sum(left.values(), ZERO)
    assert all(one.amount >= 0 for one in january)


def _take(left: dict[int, Decimal], bearing: list[int], money: Decimal, prices: list[Decimal]) -> None:
    """Take money off fees cent-exact in the way of the engine, which another test holds to its law."""
    open_ = [n for n in bearing if prices[n] > 0]
    if not open_ or not money:
        return
    parts = shares(money, [prices[n] for n in open_], [left[n] for n in open_], "EUR")
    for n, part in zip(open_, parts, strict=True):
        left[n] -= part
        assert left[n] >= 0


@given(
    amount=st.integers(1, 500).map(D),
    both=st.lists(st.tuples(st.integers(1, 300), st.integers(0, 300)), min_size=1, max_size=5),
)
def test_shares_add_up_and_leave_no_room_unused(amount: Decimal, both: list[tuple[int, int]]) -> None:
    weights, rooms = [D(weight) for weight, _ in both], [D(room) for _, room in both]
    made = shares(amount, weights, rooms, "JPY")
    assert sum(made) == amount and all(part >= 0 for part in made)
    taken = sum(min(part, room) for part, room in zip(made, rooms, strict=True))
    assert taken == min(amount, sum(rooms))


def test_what_one_charge_cannot_bear_the_others_do() -> None:
    shop = Cheaper(*fees("10", "15"), off("A", "10", charges="f0"), off("B", "12"))
    shop.run(START)
    assert [line.charge.amount for line in shop.lines] == [D("3.00")]
    free = Cheaper(*fees("10", "30"), off("A", percent="100", charges="f0"), off("B", "20"))
    free.run(START)
    assert [line.charge.amount for line in free.lines] == [D("10.00")]


def test_a_cycle_in_advance_and_in_arrears_bears_money_once_and_the_shorter_cycle_does() -> None:
    sold = [charge("early"), charge("late", timing="arrears"), charge("yearly", months=12)]
    shop = Cheaper(sold, {"p/early": flat("30"), "p/late": flat("30"), "p/yearly": flat("300")}, off("TEN", "10"))
    shop.run(date(2026, 2, 1))
    assert {(one.charge.charge, str(one.charge.service_from)[5:7]): one.charge.amount for one in shop.lines} == {
        ("early", "01"): D("20.00"),
        ("early", "02"): D("20.00"),
        ("late", "01"): D("30.00"),
        ("yearly", "01"): D("300.00"),
    }


def test_money_off_a_window_is_taken_in_each_cycle() -> None:
    """What a month adds to the quarter bears the coupon, whatever was used before it; a third of a month bears a third of it."""
    calls = charge("calls", "usage", "arrears", meter="calls")
    for coupon, expected in (
        (off("TEN", "10"), ["20.00", "40.00", "2.77"]),  # 6 less 10 x 10/31
        (off("HALF", percent="50"), ["15.00", "25.00", "3.00"]),
    ):
        shop = Cheaper([calls], {"p/calls": per_unit("1", window="quarter")}, coupon)
        for month, quantity in ((1, 30), (2, 50), (3, 6)):
            shop.use(date(2026, month, 5), quantity)
        shop.know("cancel", date(2026, 3, 11))
        shop.run(date(2026, 5, 1))
        found = {str(one.charge.service_from)[5:7]: one.charge.amount for one in shop.lines}
        assert [str(found.get(month, 0)) for month in ("01", "02", "03")] == expected


def test_what_a_subscription_redeems_again_is_counted_by_days_and_a_withdrawal_starts_anew() -> None:
    def event(ident: int, kind: Any, month: int, coupon: str | None = None) -> SubscriptionEvent:
        return SubscriptionEvent(ident, str(ident), kind, date(2026, month, 1), coupon=coupon)

    known = {key: off(key, percent="10") for key in ("TEN", "MORE")}
    events = [event(1, "redeem", 3, "TEN"), event(2, "redeem", 2, "TEN"), event(3, "redeem", 3, "MORE")]
    assert [(one.coupon.key, one.on.month, one.times) for one in redeemed(events, known, {})] == [
        ("TEN", 2, 1), ("TEN", 3, 2), ("MORE", 3, 1),
    ]  # fmt: skip
    back = [*events, event(4, "withdraw", 1), event(5, "redeem", 4, "TEN")]
    assert [(one.on.month, one.times) for one in redeemed(back, known, {})] == [(4, 1)]
