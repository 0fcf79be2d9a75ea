"""Drawing on lots: no more than there is, in the order that the rule says, and nothing lost by drawing and giving back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import Where
from engine.base.money import ZERO
from engine.billing.wallets import ORDER, ORDERS, Paid, Payable, Settling, available, draw, moved, ordered
from engine.families import ALL
from engine.model.account import Account
from engine.model.decision import Decision
from engine.model.wallet import Lot, Purse, Wallet

D = Decimal
DAY = date(2026, 3, 1)
CENTS = st.integers(1, 10_000).map(lambda n: D(n) / 100)
DAYS = st.integers(-40, 40).map(lambda n: DAY + timedelta(n))


@st.composite
def lots_(draw_: Any) -> list[Lot]:
    """Lots of one wallet, some used up, some of other days."""
    made = []
    for ident in range(draw_(st.integers(0, 6))):
        amount = draw_(CENTS)
        kind = draw_(st.sampled_from(["paid", "promotional"]))
        cost = ZERO if kind == "promotional" else draw_(st.sampled_from([amount, amount / 2])).quantize(D("0.01"))
        left = draw_(st.sampled_from([amount, ZERO, min(amount, D("0.5"))]))
        start = draw_(DAYS)
        days = (start, start + timedelta(draw_(st.integers(1, 60))))
        money = ("USD", amount, cost, "EUR", (cost * D("0.91")).quantize(D("0.01")), left)
        made.append(Lot(ident, f"L{ident}", "W", kind, *days, draw_(st.integers(1, 3)), *money))
    return made


ORDERINGS = st.lists(st.sampled_from([*ORDERS]), min_size=1, max_size=4, unique=True)


@given(lots_(), CENTS, st.sampled_from([ZERO, D(5), D(100)]), ORDERINGS)
def test_what_is_drawn(lots: list[Lot], due: Decimal, floor: Decimal, order: list[str]) -> None:
    """The sum is what is due or what there is above the floor; lots are used up in order; none goes below zero."""
    taken = draw(due, lots, floor, order, DAY)
    there = sum((lot.left for lot in lots if lot.granted_on <= DAY < lot.expires_on), ZERO)
    assert (
        sum((part for _, part in taken), ZERO)
        == min(due, max(there - floor, ZERO))
        == min(due, available(lots, floor, DAY))
    )
    assert all(ZERO < part <= lot.left for lot, part in taken)
    usable = ordered(lots, order, DAY)
    assert [lot for lot, _ in taken] == usable[: len(taken)]
    assert all(part == lot.left for lot, part in taken[:-1])
    keys = [tuple(ORDERS[name](lot) for name in order) for lot in usable]
    assert keys == sorted(keys)


@given(lots_(), st.lists(CENTS, max_size=5))
def test_the_liability_follows_what_is_left(lots: list[Lot], steps: list[Decimal]) -> None:
    """Whatever is drawn and given back in whatever steps, the liability ends where it would have in one step."""
    for lot in (one for one in lots if one.left):
        whole = [moved("grant", lot, lot.left)]
        now = lot
        for step in steps:
            move = moved("draw", now, -min(step, now.left))
            now = msgspec.structs.replace(now, left=move.left)
            whole.append(move)
        whole.append(moved("return", now, lot.left - now.left))
        whole.append(moved("void", lot, -lot.left))
        assert sum(m.amount for m in whole) == sum(m.cost for m in whole) == sum(m.functional for m in whole) == 0
        assert all(abs(m.cost) <= abs(m.amount) for m in whole)


ACCOUNT = Account(1, "acme", "E1", "A1", "One", "NL", "EUR", "Europe/Amsterdam", "A1")
CHILD = msgspec.structs.replace(ACCOUNT, key="A4")


def lot(key: str, left: int, **more: Any) -> Lot:
    """A lot of so much, which does not expire."""
    money = ("EUR", D(left), D(left), "EUR", D(left), D(left))
    return msgspec.structs.replace(Lot(hash(key), key, "W", "paid", date(2026, 1, 1), date.max, 1, *money), **more)


def purse(key: str, *lots: Lot, account: Account = ACCOUNT, **terms: Any) -> Purse:
    """A wallet with lots."""
    mine = tuple(msgspec.structs.replace(one, wallet=key) for one in lots)
    return Purse(Wallet("acme", "E1", key, account.key, "EUR", **terms), account, mine)


def decided(**terms: Any) -> Any:
    """A rule book that always says the same."""
    whole = {"use": True, "priority": None, "order": list(ORDER), "expired": "breakage", "return_expired": False}
    decision = Decision(7, "wallets", "w", "r", Where(), "r1", {}, {**whole, **terms})
    return lambda family, facts, on: decision


def line(ident: int, gross: int, charge: str = "base", **more: Any) -> Payable:
    """A line of an invoice to A1."""
    return Payable(
        ident, more.pop("account", "A1"), "A1", "EUR", "team", charge, "recurring", "", "team", D(gross), **more
    )


CASES: dict[str, tuple[list[Purse], list[Payable], dict[int, Paid], list[tuple[str, int, int]]]] = {
    "one wallet pays what it can": (
        [purse("W", lot("a", 30))], [line(1, 20), line(2, 20)], {}, [("a", -20, 1), ("a", -10, 2)],
    ),
    "wallets by priority, then key": (
        [purse("X", lot("x", 5), priority=2), purse("Y", lot("y", 5)), purse("W", lot("w", 5))],
        [line(1, 20)], {}, [("w", -5, 1), ("y", -5, 1), ("x", -5, 1)],
    ),
    "a wallet for other charges": ([purse("W", lot("a", 30), charges=("calls",))], [line(1, 20)], {}, []),
    "a child's wallet pays its own lines": (
        [purse("K", lot("k", 30), account=CHILD)], [line(1, 20), line(2, 20, account="A4")], {}, [("k", -20, 2)],
    ),
    "the floor stays": ([purse("W", lot("a", 30), floor=D(25))], [line(1, 20)], {}, [("a", -5, 1)]),
    "no more than is due of all lines": (
        [purse("W", lot("a", 90))], [line(1, 50), line(2, -30, credits=9)], {}, [("a", -20, 1)],
    ),
    "half of a line is given back": (
        [purse("W", lot("a", 60))], [line(2, -50, credits=9)], {9: Paid(D(100), ((lot("a", 60), D(40)),))},
        [("a", 20, 9)],
    ),
    "twice in one invoice": (
        [purse("W", lot("a", 60))], [line(2, -50, credits=9), line(3, -50, credits=9)],
        {9: Paid(D(100), ((lot("a", 60), D(40)),))}, [("a", 20, 9), ("a", 20, 9)],
    ),
    "the lot that paid last gets it first": (
        [purse("W", lot("a", 60), lot("b", 60))], [line(2, -50, credits=9)],
        {9: Paid(D(100), ((lot("a", 60), D(30)), (lot("b", 60), D(10))))}, [("b", 10, 9), ("a", 10, 9)],
    ),
    "what comes back pays again": (
        [purse("W", lot("a", 1))], [line(2, -50, credits=9), line(3, 70)],
        {9: Paid(D(50), ((lot("a", 1), D(40)),))}, [("a", 40, 9), ("a", -41, 3)],
    ),
    "an expired lot gets nothing": (
        [purse("W")], [line(2, -50, credits=9)],
        {9: Paid(D(50), ((lot("a", 0, expires_on=DAY, amount=D(40)), D(40)),))}, [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_invoice_is_settled(name: str) -> None:
    purses, lines, paid, wanted = CASES[name]
    moves = Settling(decided(), DAY, purses).settle(lines, paid)
    assert [(move.lot.key, move.amount, move.line) for move in moves] == wanted


def test_a_rule_can_let_an_expired_lot_get_it_back() -> None:
    purses, lines, paid, _ = CASES["an expired lot gets nothing"]
    moves = Settling(decided(return_expired=True), DAY, purses).settle(lines, paid)
    assert [(move.lot.key, move.amount) for move in moves] == [("a", 40)]


@pytest.mark.parametrize("order", [["paid", "promotional"], ["oldest", "newest"], ["oldest", "oldest"]])
def test_orders_that_contradict_themselves(order: list[str]) -> None:
    check = ALL["wallets"].check
    assert check is not None
    assert [flaw.path for flaw in check({"order": order})] == [("order",)]
