"""Money: minor units, rounding, splitting, exactness."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal, getcontext, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base import money
from engine.base.errors import TollbookError
from engine.base.money import Money, minor_digits, minor_unit, round_to, split, to_decimal, written

D = Decimal


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("EUR", 2),
        ("USD", 2),
        ("GBP", 2),
        ("CHF", 2),
        ("HUF", 2),
        ("MGA", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("CLP", 0),
        ("ISK", 0),
        ("VND", 0),
        ("XAF", 0),
        ("KWD", 3),
        ("BHD", 3),
        ("TND", 3),
        ("OMR", 3),
        ("IQD", 3),
        ("CLF", 4),
        ("UYW", 4),
    ],
)
def test_minor_digits_are_those_of_iso_4217(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits
    assert minor_unit(currency) == D(1).scaleb(-digits)


@pytest.mark.parametrize("word", ["EUX", "eur", "", "E", "EURO"])
def test_an_unknown_currency_is_refused(word: str) -> None:
    with pytest.raises(TollbookError) as caught:
        minor_digits(word)
    assert caught.value.findings[0].code == money.UNKNOWN_CURRENCY
    assert repr(word) in str(caught.value)


MODES = ["half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"]
ROUNDED = [
    # amount      half_up  half_even half_down up      down    ceiling floor
    ("0.005", "EUR", ["0.01", "0.00", "0.00", "0.01", "0.00", "0.01", "0.00"]),
    ("-0.005", "EUR", ["-0.01", "0.00", "0.00", "-0.01", "0.00", "0.00", "-0.01"]),
    ("0.015", "EUR", ["0.02", "0.02", "0.01", "0.02", "0.01", "0.02", "0.01"]),
    ("-0.015", "EUR", ["-0.02", "-0.02", "-0.01", "-0.02", "-0.01", "-0.01", "-0.02"]),
    ("2.344999", "EUR", ["2.34", "2.34", "2.34", "2.35", "2.34", "2.35", "2.34"]),
    ("-2.345001", "EUR", ["-2.35", "-2.35", "-2.35", "-2.35", "-2.34", "-2.34", "-2.35"]),
    ("2.5", "JPY", ["3", "2", "2", "3", "2", "3", "2"]),
    ("-2.5", "JPY", ["-3", "-2", "-2", "-3", "-2", "-2", "-3"]),
    ("1.0005", "KWD", ["1.001", "1.000", "1.000", "1.001", "1.000", "1.001", "1.000"]),
    ("7", "EUR", ["7.00"] * 7),
]


@pytest.mark.parametrize(
    ("amount", "currency", "mode", "expected"),
    [(a, c, m, e) for a, c, row in ROUNDED for m, e in zip(MODES, row, strict=True)],
)
def test_rounding(amount: str, currency: str, mode: str, expected: str) -> None:
    rounded = round_to(D(amount), currency, mode)
    assert rounded == D(expected)
    assert rounded.as_tuple().exponent == -minor_digits(currency)


def test_the_modes_are_all_in_the_table() -> None:
    assert set(MODES) == set(money.ROUNDING)


def test_rounding_sees_every_digit_whatever_the_arithmetic_of_the_caller() -> None:
    with localcontext() as context:
        context.prec = 6
        assert round_to(D("1234567890123.4549999999999999999999"), "EUR") == D("1234567890123.45")


def test_exact_arithmetic_is_that_of_the_thread() -> None:
    with localcontext():
        money.exact_arithmetic()
        assert getcontext().prec == money.CONTEXT.prec
        assert len((D(1) / 3).as_tuple().digits) == money.CONTEXT.prec


@pytest.mark.parametrize(
    ("amount", "weights", "currency", "parts"),
    [
        ("100.00", ["1", "1", "1"], "EUR", ["33.33", "33.34", "33.33"]),
        ("-100.00", ["1", "1", "1"], "EUR", ["-33.33", "-33.34", "-33.33"]),
        ("100", ["1", "1", "1"], "JPY", ["33", "34", "33"]),
        ("0.01", ["1", "1"], "EUR", ["0.01", "0.00"]),
        ("0.02", ["1", "1", "1", "1"], "EUR", ["0.01", "0.00", "0.01", "0.00"]),
        ("10.00", ["0", "1", "0", "1", "0"], "EUR", ["0", "5.00", "0", "5.00", "0"]),
        ("9.99", ["31", "28", "31"], "EUR", ["3.44", "3.11", "3.44"]),
        ("0.00", ["1", "2"], "EUR", ["0", "0"]),
        ("5.00", ["7"], "EUR", ["5.00"]),
        ("1.000", ["1", "1", "1"], "KWD", ["0.333", "0.334", "0.333"]),
    ],
)
def test_split(amount: str, weights: list[str], currency: str, parts: list[str]) -> None:
    assert split(D(amount), [D(w) for w in weights], currency) == tuple(map(D, parts))


@pytest.mark.parametrize("weights", [[], ["0", "0"], ["1", "-1"], ["2", "-1"]])
def test_a_split_needs_weights(weights: list[str]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(D("1.00"), [D(w) for w in weights], "EUR")


@settings(deadline=None, max_examples=150)
@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.decimals("0", "1000", places=3), min_size=1, max_size=12).filter(any),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_a_split_loses_nothing_and_is_never_a_unit_off(units: int, weights: list[Decimal], currency: str) -> None:
    amount = D(units).scaleb(-minor_digits(currency))
    parts = split(amount, weights, currency)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert part == round_to(part, currency)
        assert abs(part - amount * weight / sum(weights)) < minor_unit(currency)


@pytest.mark.parametrize(
    ("value", "number"), [("12.50", "12.50"), (" 7 ", "7"), (3, "3"), (D("0.1"), "0.1"), ("-1E2", "-100")]
)
def test_exact_numbers(value: Any, number: str) -> None:
    assert to_decimal(value) == D(number)


@pytest.mark.parametrize(
    "value", [0.1, 1.0, "1,5", "", "abc", "NaN", "Infinity", D("NaN"), D("-Infinity"), True, None, b"1"]
)
def test_what_is_not_an_exact_number_is_refused(value: Any) -> None:
    with pytest.raises(TollbookError) as caught:
        to_decimal(value)
    assert caught.value.findings[0].code == money.NOT_EXACT


class TestMoney:
    def test_it_adds_and_multiplies_exactly_and_stays_what_it_is(self) -> None:
        price = Money("19.99", "EUR")
        total = sum([price * 3, 2 * price, -price, Money(1, "EUR")], Money(0, "EUR"))
        assert (type(total), total.amount, total.currency.code) == (Money, D("80.96"), "EUR")
        assert price / Money("2", "EUR") == D("9.995")
        assert (price / 2).amount == D("9.995")
        assert (price * D("0.19")).rounded() == Money("3.80", "EUR")
        assert (10 % Money("50", "EUR")) == Money(5, "EUR")

    @pytest.mark.parametrize("name", ["amount", "currency", "_sealed", "other"])
    def test_it_cannot_be_changed(self, name: str) -> None:
        price = Money("1.00", "EUR")
        with pytest.raises(AttributeError, match="immutable"):
            setattr(price, name, D(2))
        assert price == Money("1.00", "EUR")

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Money(0.1, "EUR"),
            lambda: Money("1", "EUR") * 0.5,
            lambda: 0.5 * Money("1", "EUR"),
            lambda: Money("1", "EUR") / 0.5,
            lambda: 0.5 % Money("1", "EUR"),
            lambda: Money("1", "XYZ"),
            lambda: Money("1", "eur"),
        ],
    )
    def test_floats_and_unknown_currencies_are_refused(self, make: Any) -> None:
        with pytest.raises(TollbookError):
            make()

    def test_currencies_do_not_mix(self) -> None:
        with pytest.raises(TypeError):
            Money("1", "EUR") + Money("1", "USD")

    @pytest.mark.parametrize(("mode", "amount"), [("half_up", "-2.35"), ("half_even", "-2.34"), ("ceiling", "-2.34")])
    def test_rounded(self, mode: str, amount: str) -> None:
        assert Money("-2.345", "EUR").rounded(mode) == Money(amount, "EUR")

    def test_it_survives_copying_and_pickling(self) -> None:
        price = Money("1.10", "EUR")
        assert copy.deepcopy(price) == price == pickle.loads(pickle.dumps(price))
        assert hash(price) == hash(Money("1.10", "EUR"))


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("36.3000", "EUR", "36.30 EUR"),
        ("0.0125", "EUR", "0.0125 EUR"),
        ("1500.0", "JPY", "1500 JPY"),
        ("-0E-4", "EUR", "0.00 EUR"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency_or_more(amount: str, currency: str, text: str) -> None:
    assert written(D(amount), currency) == text
