"""The auditor's own counting, on numbers that were worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.simulation.coupons import Held, applying, borne, lowered
from tests.simulation.coupons import turns as coupon_turns
from tests.simulation.facts import Account, Charge, Coupon, Lateness, Meter, Price, Usage
from tests.simulation.lateness import Mark, judge, late
from tests.simulation.life import Stretch, pieces, turns
from tests.simulation.lines import Bill, Line, opened
from tests.simulation.meters import Used, quantity
from tests.simulation.papers import Paper, chosen, made, tax_of_credit
from tests.simulation.prices import cost

D = Decimal
JANUARY = (date(2026, 1, 1), date(2026, 2, 1))
ACCOUNT = Account("E1", "A1", "NL", "EUR", "Europe/Amsterdam", "A1", "business")
CALLS = Charge("phone", "calls", "usage", "arrears", 1, "calls", "standard", "actual_days")


def used(day: int, amount: str, hour: int = 12, known: int = 1, gone: int | None = None, **more: str) -> Used:
    at = datetime(2026, 1, day, hour, tzinfo=UTC)
    key = more.pop("key", f"{day}-{hour}-{amount}")
    return Used(known, gone, at.date(), Usage("E1", "S1", "calls", key, at, D(amount), **more))


SOME = [
    used(3, "10", region="EU", user="ada"),
    used(9, "4", region="US", user="bob"),
    used(9, "7", 13, region="EU", user="ada"),
    used(20, "2", user=""),
]


@pytest.mark.parametrize(
    ("aggregation", "only", "expected", "events"),
    [
        ("sum", "", Fraction(23), 4),
        ("sum", "EU", Fraction(17), 2),
        ("count", "", Fraction(4), 4),
        ("max", "", Fraction(10), 4),
        ("max", "US", Fraction(4), 1),
        ("min", "", Fraction(2), 4),
        ("latest", "EU", Fraction(7), 2),
        ("unique", "", Fraction(2), 4),
        ("percentile", "", Fraction(10), 4),
        ("sum", "AP", Fraction(0), 0),
    ],
)
def test_what_a_meter_counts(aggregation: str, only: str, expected: Fraction, events: int) -> None:
    """Events of January by each aggregation, of all regions or of one."""
    meter = Meter("calls", aggregation, only)
    assert quantity(CALLS, meter, SOME, JANUARY, JANUARY, "UTC") == (expected, events)


def test_a_level_holds_until_the_next_one() -> None:
    """Ten from noon of the 3rd to noon of the 13th, then nothing, in a month of 31 days; what was before is carried into it."""
    meter, levels = Meter("calls", "time_weighted"), [used(3, "10"), used(13, "0")]
    assert quantity(CALLS, meter, levels, JANUARY, JANUARY, "UTC") == (Fraction("3.225806"), 2)
    half = (date(2026, 1, 11), date(2026, 2, 1))
    assert quantity(CALLS, meter, levels, half, JANUARY, "UTC") == (Fraction("0.806452"), 1)


def test_phases_and_limits() -> None:
    """Phases follow each other from the first day; limits shrink, a minimum waits for the end."""
    ramp = (("days", 14, D(0)), ("months", 1, D("0.5")))
    assert turns(ramp, date(2026, 1, 17)) == [date(2026, 1, 31), date(2026, 2, 28)]
    whole = Stretch(CALLS, JANUARY, *JANUARY, D(1), True)
    parts = [(one.start.day, one.end, one.ended) for one in pieces(whole, [date(2026, 1, 31), date(2026, 2, 1)])]
    assert parts == [(1, date(2026, 1, 31), False), (31, date(2026, 2, 1), True)]
    price = Price("per_unit", unit=D(1), steps=(("minimum", D(30)), ("discount", D("0.1")), ("maximum", D(50))))
    assert cost(price, Fraction(100), "EUR") == 50
    assert cost(price, Fraction(100), "EUR", Fraction(1, 2)) == 25
    assert cost(price, Fraction(10), "EUR") == 27
    assert cost(price, Fraction(10), "EUR", complete=False) == 9
    committed = Price("per_unit", unit=D(1), steps=(("commitment", D(40)),), overage=D("1.5"))
    assert [cost(committed, Fraction(used), "EUR") for used in (10, 40, 60)] == [40, 40, 70]
    assert cost(committed, Fraction(60), "EUR", Fraction(1, 2)) == 80
    assert cost(committed, Fraction(10), "EUR", complete=False) == 10


def test_which_coupons_apply_and_what_they_take_off() -> None:
    """By charge, cycles, currency and turn; one that bears no others goes before them; money is split by prices, and shrinks."""

    def coupon(key: str, percent: str, amount: str = "0", currency: str = "", **more: Any) -> Coupon:
        terms = {"cycles": 0, "charges": (), "combinable": True, "most": 0, "until": None} | more
        return Coupon(key, D(percent), D(amount), currency, **terms)

    half, money = coupon("HALF", "50", charges=("calls",)), coupon("MONEY", "0", "10", "EUR", cycles=1)
    alone, foreign, gone = (
        coupon("ALONE", "10", combinable=False),
        coupon("USD", "0", "5", "USD"),
        coupon("GONE", "5", most=1),
    )
    day, cycles = date(2026, 1, 11), [JANUARY, (date(2026, 2, 1), date(2026, 3, 1))]
    held = [Held(n, one, day, n) for n, one in enumerate((money, half, foreign), 1)] + [Held(4, gone, day, 2)]

    def found(on: date, more: Sequence[Held] = (), charge: Charge = CALLS) -> list[Coupon]:
        return applying([*held, *more], charge, on, "EUR", cycles)

    fee = Charge("phone", "fee", "recurring", "advance", 1, "", "standard", "actual_days")
    assert found(day) == [half, money]
    assert (found(day, charge=fee), found(JANUARY[0]), found(date(2026, 2, 1))) == ([money], [], [half])
    assert found(date(2026, 1, 31), [Held(5, alone, date(2026, 1, 31), 1)]) == [alone]
    again = [Held(5, half, date(2026, 1, 20), 2), Held(6, money, date(2026, 2, 3), 2)]
    assert (found(day, again), found(date(2026, 2, 4), again)) == ([half, money], [half])  # each is taken off once
    assert coupon_turns(JANUARY, held, found) == [day]
    assert coupon_turns(JANUARY, held[2:], lambda on: applying(held[2:], CALLS, on, "EUR", cycles)) == []
    beside = [
        (Stretch(replace(fee, key=key), JANUARY, *JANUARY, D(1), False), full, left)
        for key, full, left in (("a", 2000, 2000), ("b", 0, 0), ("c", 1000, 1000))
    ]
    both = [fee, replace(fee, timing="arrears")]
    assert [borne(money, at, beside, lambda _: [money], both) for at in range(3)] == [667, 0, 333]
    less = [(one, full, min(left, 100)) for one, full, left in beside]
    assert [borne(money, at, less, lambda _: [money], both) for at in range(3)] == [633, 0, 367]
    assert borne(money, 0, [(replace(beside[0][0], charge=both[1]), 2000, 2000)], lambda _: [money], both) == 0
    assert lowered(Fraction(30), [(half, 0), (money, 1000)], 100, Fraction(1, 2)) == 10
    assert lowered(Fraction(30), [(half, 0), (money, 1000)], 100, Fraction(2)) == 0


def bill() -> Bill:
    """Ten and twenty euros, taxed."""
    lines = []
    for plan, amount, tax in (("phone", 1000, 210), ("more", 2000, 180)):
        charge = Charge(plan, "fee", "recurring", "advance", 1, "", "standard", "actual_days")
        line = opened(Line("A1", "S1", charge, *JANUARY, JANUARY, "EUR", Fraction(1), amount, amount))
        line.rate, line.tax, line.tax_left = Fraction(tax, amount), tax, tax
        lines.append(line)
    return Bill("E1", "A1", JANUARY[0], "EUR", "invoice", "EUR", tuple(lines))


@pytest.mark.parametrize(
    ("how", "percent", "amounts", "days_left"),
    [
        ("part", 33, [(-660, -59)], [31, 31]),
        ("line", 100, [(-2000, -180)], [31, 31]),
        ("all", 100, [(-1000, -210), (-2000, -180)], [31, 31]),
        ("anew", 100, [(-1000, -210), (-2000, -180)], [0, 0]),
        ("void", 100, [(-1000, -210), (-2000, -180)], [0, 0]),
    ],
)
def test_what_is_given_back_by_hand(
    how: str, percent: int, amounts: list[tuple[int, int]], days_left: list[int]
) -> None:
    """Money alone leaves the days billed, a void does not; the tax goes back at the rate of the line."""
    billed = bill()
    pick = next(n / 997 for n in range(2) if sorted(map(str, [x.key for x in billed.lines]))[n].find("phone") < 0)
    asked = chosen(Paper("P1", date(2026, 1, 5), how, pick + 1e-6, percent), [ACCOUNT], [billed])
    assert asked is not None
    back = made(asked, "7", ACCOUNT)
    for line in back.lines:
        tax_of_credit(line)
    assert [(line.amount, line.tax) for line in back.lines] == amounts
    assert [len(line.open) for line in billed.lines] == days_left
    assert all(line.stands for line in billed.lines) is (how not in ("anew", "void"))


@pytest.mark.parametrize(
    ("rule", "owed", "dropped", "anew"),
    [
        (Lateness("calls", 0, "next_bill", 1000, None), 1050, False, False),
        (Lateness("calls", 0, "credit_and_rebill", 1000, None), 1050, False, True),
        (Lateness("calls", 0, "drop", 1000, None), 1050, True, False),
        (Lateness("calls", 0, "next_bill", 8, None), 1050, True, False),
        (Lateness("calls", 0, "credit_and_rebill", 1000, D("0.51")), 1050, True, False),
        (Lateness("calls", 0, "credit_and_rebill", 1000, D("0.50")), 1050, False, True),
        (Lateness("calls", 3, "drop", 1000, None), 1050, False, False),
    ],
)
def test_how_late_events_end(rule: Lateness, owed: int, dropped: bool, anew: bool) -> None:
    """An event that became known after the run of 2 February, judged on the 10th: within the grace it is not late."""
    came = [used(3, "10", key="old"), used(9, "4", known=5, key="new"), used(20, "2", known=1, gone=6, key="gone")]
    mark = Mark(date(2026, 2, 2), 4)
    found = late(came, mark, 7, set())
    assert [(one.event.key, back) for one, back in found] == [("new", False), ("gone", True)]
    line = opened(Line("A1", "S1", CALLS, *JANUARY, JANUARY, "EUR", Fraction(12), 1000, 1000))
    stretch = Stretch(CALLS, JANUARY, *JANUARY, D(1), False, rule.grace)
    meters = {"calls": Meter("calls", "sum")}
    judged = judge(
        date(2026, 2, 10),
        ACCOUNT,
        mark,
        [stretch],
        found,
        lambda _: False,
        [line],
        {"calls": rule},
        meters,
        lambda *_: owed,
    )
    assert (judged.dropped == {"new"}, stretch in judged.anew) == (dropped, anew)
    assert judged.dropped <= {"new"}
