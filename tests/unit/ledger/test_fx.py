"""Rates and conversion."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.base.money import minor_unit
from engine.ledger import fx
from engine.ledger.fx import RateTable, convert
from engine.model.journal import FxRate

D = Decimal
TODAY = date(2026, 3, 16)
FRIDAY = date(2026, 3, 13)

ECB = [
    FxRate("EUR", "USD", D("1.0850"), "ECB", FRIDAY),
    FxRate("EUR", "GBP", D("0.8400"), "ECB", FRIDAY),
    FxRate("EUR", "JPY", D("162.35"), "ECB", date(2026, 3, 12)),
]
HOUSE = [FxRate("CHF", "EUR", D("1.05"), "house", TODAY), FxRate("PLN", "EUR", D("0.23"), "desk", FRIDAY)]


@pytest.mark.capability("A1.3")
@pytest.mark.parametrize(
    ("base", "quote", "rate", "source", "on"),
    [
        ("EUR", "EUR", "1", "same currency", TODAY),
        ("XAU", "XAU", "1", "same currency", TODAY),
        ("EUR", "USD", "1.0850", "ECB", FRIDAY),
        ("USD", "EUR", "0.921658986175", "ECB", FRIDAY),
        ("JPY", "EUR", "0.006159531876", "ECB", date(2026, 3, 12)),
        ("USD", "GBP", "0.774193548387", "ECB cross EUR", FRIDAY),
        ("GBP", "USD", "1.291666666667", "ECB cross EUR", FRIDAY),
        ("USD", "JPY", "149.631336405530", "ECB cross EUR", date(2026, 3, 12)),
        ("CHF", "EUR", "1.05", "house", TODAY),
        ("EUR", "CHF", "0.952380952381", "house", TODAY),
        ("CHF", "USD", "1.139250000000", "ECB cross EUR", FRIDAY),
        ("USD", "CHF", "0.877770463024", "house cross EUR", FRIDAY),
        ("CHF", "PLN", "4.565217391304", "desk cross EUR", FRIDAY),
    ],
)
def test_rates_are_direct_inverse_or_crossed(base: str, quote: str, rate: str, source: str, on: date) -> None:
    table = RateTable([*ECB, *HOUSE], TODAY)
    found = table.rate(base, quote)
    assert found == FxRate(base, quote, D(rate), source, on)
    assert table.rate(base, quote) is found


def test_a_published_rate_comes_before_its_inverse_and_before_a_cross() -> None:
    table = RateTable(
        [*ECB, FxRate("USD", "EUR", D("0.9"), "desk", TODAY), FxRate("USD", "GBP", D("0.7"), "desk", TODAY)], TODAY
    )
    assert table.rate("USD", "EUR").rate == D("0.9")
    assert table.rate("EUR", "USD").rate == D("1.0850")
    assert table.rate("USD", "GBP").rate == D("0.7")


def test_fewer_digits() -> None:
    table = RateTable(ECB, TODAY, digits=4)
    assert table.rate("USD", "EUR").rate == D("0.9217")
    assert table.rate("GBP", "USD").rate == D("1.2917")


@pytest.mark.parametrize(("base", "quote"), [("EUR", "CHF"), ("CHF", "EUR"), ("SEK", "NOK"), ("USD", "SEK")])
def test_a_missing_rate_is_refused(base: str, quote: str) -> None:
    with pytest.raises(TollbookError) as caught:
        RateTable(ECB, TODAY).rate(base, quote)
    (finding,) = caught.value.findings
    assert finding.code == fx.NO_RATE
    assert f"from {base} to {quote} for 2026-03-16" in finding.what


@pytest.mark.parametrize(
    ("amount", "base", "quote", "converted"),
    [
        ("100.00", "EUR", "USD", "108.50"),
        ("-100.00", "EUR", "USD", "-108.50"),
        ("0.01", "EUR", "USD", "0.01"),
        ("1.01", "EUR", "JPY", "164"),
        ("1000", "JPY", "EUR", "6.16"),
        ("10.30", "USD", "EUR", "9.49"),
        ("0.005", "EUR", "EUR", "0.005"),
        ("0.00", "USD", "EUR", "0.00"),
    ],
)
def test_convert(amount: str, base: str, quote: str, converted: str) -> None:
    assert convert(D(amount), RateTable(ECB, TODAY).rate(base, quote)) == D(converted)


@settings(deadline=None, max_examples=80)
@given(
    st.decimals("-1000000", "1000000", places=2),
    st.sampled_from(["USD", "GBP", "JPY"]),
    st.sampled_from(["EUR", "USD", "GBP"]),
)
def test_conversion_is_odd_and_within_half_a_unit(amount: Decimal, quote: str, base: str) -> None:
    rate = RateTable(ECB, TODAY).rate(base, quote)
    assert convert(-amount, rate) == -convert(amount, rate)
    assert abs(convert(amount, rate) - amount * rate.rate) <= (minor_unit(quote) / 2 if base != quote else 0)
