"""Every proration method: parts of cycles and their shares."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from engine.billing.proration import ProrationFacts, check_none
from engine.families import ALL
from tests.unit.billing.simulator import account, charge, decision

MARCH = ("2026-03-01", "2026-04-01")
FEBRUARY = ("2026-02-01", "2026-03-01")
LEAP = ("2028-02-01", "2028-03-01")
YEAR = ("2026-01-01", "2027-01-01")
LATE = ("2026-01-31", "2026-02-28")

TABLE = [
    # part, cycle, months: actual_days, d30_360, fixed_days (30), none
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


def test_every_method_is_in_the_table() -> None:
    assert set(ALL["proration"].methods) == {"actual_days", "d30_360", "fixed_days", "none"}


def test_none_gives_nothing_back() -> None:
    assert [flaw.path for flaw in check_none({"credit": True})] == [("method",)]
    assert list(check_none({"credit": False})) == []
