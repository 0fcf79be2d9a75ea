"""Late interest: worked amounts, and a second model that goes day by day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.money import round_to
from engine.model.dunning import Debt, Freeze, Yearly
from engine.receivables.interest import accrued, stale, total

D = Decimal
DUE = date(2025, 5, 31)
RATES = (
    Yearly(date(2016, 7, 1), D("0.08")),
    Yearly(date(2025, 1, 1), D("0.1115")),
    Yearly(date(2025, 7, 1), D("0.1015")),
)


def owed(amount: int, *moves: tuple[date, int]) -> Debt:
    """A document that was due on the last of May."""
    return Debt(1, "N1", "invoice", date(2025, 5, 1), DUE, D(amount), tuple((on, D(change)) for on, change in moves))


def interest(debt: Debt, until: date, count: str = "act/365", start: date = DUE) -> Decimal:
    """Interest since the due date, rounded."""
    return round_to(total(accrued(debt, RATES, start, until, count)), "EUR")


@pytest.mark.parametrize(
    ("count", "expected"),
    [("act/365", "17.78"), ("act/360", "18.03"), ("act/act", "17.78"), ("30/360", "17.75")],
)
def test_the_rate_changes_at_the_half_year(count: str, expected: str) -> None:
    """1,000 for the 30 days of June at 11.15 % and the 31 of July at 10.15 %: 9.164 and 8.621 by actual days of 365."""
    assert interest(owed(1000), date(2025, 7, 31), count) == D(expected)


def test_part_payments_and_the_day_of_payment() -> None:
    """The day of a payment still bears interest on what it pays, the due date does not; nothing is owed in time."""
    assert interest(owed(1000, (date(2025, 6, 10), -600)), date(2025, 6, 20)) == D(
        "4.28"
    )  # 10 days of 1,000, 10 of 400
    assert interest(owed(1000), DUE) == 0
    assert accrued(owed(1000, (DUE, -1000)), RATES, DUE, date(2026, 1, 1), "act/365") == ()
    assert interest(owed(36500), date(2025, 6, 1)) == D("11.15")


def test_what_is_frozen_bears_none() -> None:
    """A disputed half for ten of twenty days."""
    frozen = [Freeze(1, D(500), date(2025, 6, 1), date(2025, 6, 11))]
    pieces = accrued(owed(1000), RATES, DUE, date(2025, 6, 20), "act/365", frozen)
    assert round_to(total(pieces), "EUR") == D("4.58")


def test_a_table_that_ends_is_told() -> None:
    """Half a year after the last base rate it is old."""
    terms = {"base": [{"from": date(2026, 1, 1), "rate": D(0)}], "months": 6}
    assert stale(terms, date(2026, 6, 30)) is None and stale(terms, date(2026, 7, 1)) == date(2026, 7, 1)
    assert stale({"rate": D(1)}, date(2030, 1, 1)) is None


@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(-300, 100)), max_size=5),
    st.integers(0, 200),
    st.integers(0, 300),
    st.sampled_from(["act/365", "act/360", "act/act"]),
    st.tuples(st.integers(0, 300), st.integers(1, 100)),
)
@settings(max_examples=60, deadline=None)
def test_day_by_day_comes_to_the_same(
    moves: list[tuple[int, int]], start: int, length: int, count: str, freeze: tuple[int, int]
) -> None:
    """The sum of days, each with its own balance, rate and year; and two stretches are the whole."""
    debt = owed(1000, *sorted((DUE + timedelta(days=on), change) for on, change in moves))
    first = DUE + timedelta(days=start)
    until = first + timedelta(days=length)
    frozen = [Freeze(1, D(400), DUE + timedelta(days=freeze[0]), DUE + timedelta(days=sum(freeze)))]
    expected, day = D(0), first
    while day < until:
        left = debt.open_on(day) - (400 if frozen[0].start <= day < frozen[0].until else 0)
        day += timedelta(days=1)
        leap = day.year % 4 == 0
        year = {"act/365": 365, "act/360": 360, "act/act": 366 if leap else 365}[count]
        expected += max(left, D(0)) * max((r for r in RATES if r.start <= day), key=lambda r: r.start).rate / year
    found = total(accrued(debt, RATES, first, until, count, frozen))
    assert abs(found - expected) < D("1e-9")
    middle = first + timedelta(days=length // 2)
    parts = [total(accrued(debt, RATES, *ends, count, frozen)) for ends in ((first, middle), (middle, until))]
    assert abs(sum(parts) - found) < D("1e-9")
