"""Every proration method: parts of cycles and their shares."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from engine.billing.proration import ProrationFacts, check_none, part_of, share_of
from engine.families import ALL
from tests.unit.billing.simulator import account, charge, decision

MARCH = ("2026-03-01", "2026-04-01")
FEBRUARY = ("2026-02-01", "2026-03-01")
LEAP = ("2028-02-01", "2028-03-01")
YEAR = ("2026-01-01", "2027-01-01")
LATE = ("2026-01-31", "2026-02-28")

TABLE = [
    # part, cycle, months: actual_days, d30_360, fixed_days (30), none; equal_months as d30_360, but for the 31st
    (("2026-03-16", "2026-04-01"), MARCH, 1, "16/31", "1/2", "8/15", "1"),
    (("2026-03-01", "2026-03-16"), MARCH, 1, "15/31", "1/2", "1/2", "1"),
    (("2026-03-31", "2026-04-01"), MARCH, 1, "1/31", "1/30", "1/30", "1"),
    (("2026-03-02", "2026-04-01"), MARCH, 1, "30/31", "29/30", "1", "1"),
    (MARCH, MARCH, 1, "1", "1", "1", "1"),
    (("2026-02-15", "2026-03-01"), FEBRUARY, 1, "1/2", "8/15", "7/15", "1"),
    (FEBRUARY, FEBRUARY, 1, "1", "1", "14/15", "1"),
    (("2028-02-29", "2028-03-01"), LEAP, 1, "1/29", "1/15", "1/30", "1"),
    (("2026-04-11", "2027-01-01"), YEAR, 12, "53/73", "13/18", "53/72", "1"),
    (("2026-01-31", "2026-02-10"), LATE, 1, "5/14", "1/3", "1/3", "1"),
]


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize(
    ("method", "part", "cycle", "months", "share"),
    [
        (method, part, cycle, months, share)
        for part, cycle, months, *shares in TABLE
        for method, share in zip(("actual_days", "d30_360", "fixed_days", "none"), shares, strict=True)
    ],
)
def test_shares(method: str, part: tuple[str, str], cycle: tuple[str, str], months: int, share: str) -> None:
    made = decision("proration", method)
    days = [date.fromisoformat(text) for text in (*part, *cycle)]
    facts = ProrationFacts(account(), charge(months=months), "p", "start", "anchor", *days)
    assert made.method is not None
    assert made.method(made.terms, facts) == Fraction(share)


def test_months_of_another_length() -> None:
    made = decision("proration", "fixed_days", days_a_month=28)
    facts = ProrationFacts(
        account(),
        charge(months=3),
        "p",
        "start",
        "anchor",
        date(2026, 1, 1),
        date(2026, 1, 22),
        date(2026, 1, 1),
        date(2026, 4, 1),
    )
    assert made.method is not None
    assert made.method(made.terms, facts) == Fraction(1, 4)


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize(
    ("terms", "part", "cycle", "months", "days", "share"),
    [
        # a stub that begins late is a share of the period that ends with it, any other of the one that begins with it
        ({"of": "period"}, ("2011-02-14", "2011-02-28"), ("2011-01-31", "2011-02-28"), 1, 0, "14/31"),
        ({"of": "period"}, ("2012-02-29", "2012-03-05"), ("2012-02-29", "2012-03-31"), 1, 0, "5/29"),
        ({"of": "period"}, ("2012-01-20", "2012-01-25"), ("2012-01-15", "2012-02-15"), 1, 0, "5/31"),
        ({"of": "period"}, ("2023-12-01", "2024-12-01"), ("2023-12-01", "2025-12-01"), 24, 0, "366/731"),
        ({"of": "period"}, ("2026-01-05", "2026-01-08"), ("2026-01-01", "2026-01-08"), 1, 7, "3/7"),
        ({"of": "cycle"}, ("2011-02-14", "2011-02-28"), ("2011-01-31", "2011-02-28"), 1, 0, "1/2"),
        # nine digits, half up
        (
            {"of": "period", "digits": 9},
            ("2011-02-14", "2011-02-28"),
            ("2011-01-31", "2011-02-28"),
            1,
            0,
            "0.451612903",
        ),
        ({"digits": 2}, ("2026-01-01", "2026-01-06"), ("2026-01-01", "2026-01-09"), 1, 0, "0.63"),
    ],
)
def test_shares_of_periods_and_their_digits(
    terms: dict[str, object], part: tuple[str, str], cycle: tuple[str, str], months: int, days: int, share: str
) -> None:
    made = decision("proration", "actual_days", **terms)
    dates = [date.fromisoformat(text) for text in (*part, *cycle)]
    facts = ProrationFacts(account(), charge(months=months, days=days), "p", "start", "anchor", *dates)
    assert share_of(made, facts) == Fraction(share)


@pytest.mark.parametrize("method", ["d30_360", "fixed_days", "equal_months"])
def test_cycles_of_days_are_measured_in_days(method: str) -> None:
    days = [date(2026, 1, 1), date(2026, 1, 4), date(2026, 1, 1), date(2026, 1, 8)]
    facts = ProrationFacts(account(), charge(days=7), "p", "start", "anchor", *days)
    assert share_of(decision("proration", method), facts) == Fraction(3, 7)


def test_part_of_a_stub_is_worth_its_days() -> None:
    """Nine of the 19 days of a stub, whatever the cycle; of a method that measures otherwise, by that method."""

    def facts(*days: str) -> ProrationFacts:
        dates = [date.fromisoformat(day) for day in (*days, "2011-06-10", "2011-07-10")]
        return ProrationFacts(account(), charge(), "p", "start", "anchor", *dates)

    part, whole = facts("2011-07-01", "2011-07-10"), facts("2011-06-21", "2011-07-10")
    assert part_of(decision("proration", "actual_days", of="period", digits=9), part, whole, False) == Fraction(
        "0.473684211"
    )
    assert part_of(decision("proration", "actual_days"), part, whole, False) == Fraction(9, 19)
    assert part_of(decision("proration", "equal_months"), part, whole, False) == Fraction(9, 19)


def test_every_method_is_in_the_table() -> None:
    assert set(ALL["proration"].methods) == {"actual_days", "d30_360", "equal_months", "fixed_days", "seconds", "none"}


def test_none_gives_nothing_back() -> None:
    assert [flaw.path for flaw in check_none({"credit": True})] == [("method",)]
    assert list(check_none({"credit": False})) == []
