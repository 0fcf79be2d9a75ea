"""Every pricing method: quantities and prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.billing import pricing
from engine.billing.pricing import Part, PricingFacts, times
from engine.billing.pricing.tiers import check_tiers, graduated, volume
from engine.billing.pricing.units import agreed as agreed_price
from engine.billing.pricing.units import check_size, flat
from engine.families import ALL
from tests.unit.billing.simulator import ENTITY, account, charge, decision

D = Decimal


def facts(
    quantity: str | Decimal = "1", currency: str = "EUR", agreed: str | None = None, agreed_in: str | None = "EUR"
) -> PricingFacts:
    price = D(agreed) if agreed else None
    return PricingFacts(
        ENTITY,
        account(currency),
        charge(),
        "p",
        D(quantity),
        price,
        agreed_in if agreed else None,
        date(2026, 1, 1),
        date(2026, 1, 1),
    )


def parts(
    method: str, terms: dict[str, Any], quantity: str | Decimal, share: Fraction = Fraction(1)
) -> tuple[Part, ...]:
    made = decision("pricing", method, **terms)
    assert made.method is not None
    found: tuple[Part, ...] = made.method(made.terms, facts(quantity), share)
    return found


def priced(method: str, terms: dict[str, Any], quantity: str | Decimal, share: Fraction = Fraction(1)) -> Decimal:
    return sum((part.amount for part in parts(method, terms, quantity, share)), D(0))


def eur(amount: str) -> dict[str, Decimal]:
    return {"EUR": D(amount), "USD": D("999")}


SEATS = {"unit": eur("9.99")}
CALLS = {"unit": eur("0.002"), "included": D(1000)}
TIERS = {
    "tiers": [
        {"up_to": D(10), "unit": eur("1.00"), "flat": eur("5")},
        {"up_to": D(100), "unit": eur("0.50")},
        {"unit": eur("0.10"), "flat": eur("2")},
    ]
}
FIRST = {**TIERS, "zero_usage": "first_tier"}
FLATS = {"tiers": [{"up_to": D(5), "flat": eur("100")}, {"flat": eur("150")}]}
BOXES = {"size": D(100), "price": eur("7.50")}
CAPPED = {"tiers": [{"up_to": D(10), "unit": eur("4"), "cap": eur("9")}, {"unit": eur("0.50")}]}
RATES = {"tiers": [{"up_to": D(100), "rate": D("0.02"), "flat": eur("1")}, {"rate": D("0.01")}]}
MATRIX = {
    "dimensions": ["account.country", "plan", "charge.months"],
    "rows": [
        {"at": ["*", "*", "*"], "unit": eur("9")},
        {"at": ["*", "p", "1"], "unit": eur("7")},
        {"at": ["DE", "*", "1"], "unit": eur("5"), "flat": eur("1")},
        {"at": ["DE", "q", "*"], "unit": eur("3")},
    ],
}

TABLE = [
    ("flat", {"price": eur("49.00")}, [("0", "49.00"), ("1", "49.00"), ("17", "49.00")]),
    ("per_unit", SEATS, [("0", "0"), ("1", "9.99"), ("3", "29.97"), ("2.5", "24.975"), ("-1", "0")]),
    ("per_unit", CALLS, [("0", "0"), ("999", "0"), ("1000", "0"), ("1000.5", "0.001"), ("1500", "1")]),
    (
        "graduated",
        TIERS,
        [("0", "0"), ("-3", "0"), ("0.5", "5.5"), ("10", "15"), ("10.5", "15.25"), ("100", "60"), ("101", "62.1")],
    ),
    ("graduated", FIRST, [("0", "5"), ("10", "15"), ("1000", "152")]),
    ("graduated", FLATS, [("0", "0"), ("5", "100"), ("5.001", "250"), ("600", "250")]),
    (
        "volume",
        TIERS,
        [("0", "0"), ("10", "15"), ("10.001", "5.0005"), ("100", "50"), ("101", "12.1"), ("1000", "102")],
    ),
    ("volume", FIRST, [("0", "5"), ("11", "5.5")]),
    ("volume", FLATS, [("5", "100"), ("6", "150")]),
    ("package", BOXES, [("0", "0"), ("0.1", "7.50"), ("100", "7.50"), ("100.01", "15.00"), ("250", "22.50")]),
    ("package", {**BOXES, "round": "down"}, [("99", "0"), ("100", "7.50"), ("199", "7.50")]),
    ("package", {**BOXES, "included": D(50)}, [("50", "0"), ("51", "7.50"), ("150", "7.50"), ("151", "15.00")]),
    ("package", {**BOXES, "size": D("0.25")}, [("1", "30.00"), ("1.01", "37.50")]),
    ("package", {**BOXES, "round": "half_up"}, [("49", "0"), ("50", "7.50"), ("149", "7.50"), ("150", "15.00")]),
    ("package", {**BOXES, "round": "none"}, [("0", "0"), ("50", "3.75"), ("150", "11.25")]),
    ("graduated", CAPPED, [("2", "8"), ("3", "9"), ("10", "9"), ("11", "9.5")]),
    ("volume", CAPPED, [("2", "8"), ("3", "9"), ("11", "5.5")]),
    ("stairstep", FLATS, [("0", "0"), ("1", "100"), ("5", "100"), ("5.001", "150"), ("900", "150")]),
    ("stairstep", {**FLATS, "zero_usage": "first_tier"}, [("0", "100")]),
    ("graduated_percentage", RATES, [("0", "0"), ("100", "3"), ("100.5", "3.005"), ("300", "5")]),
    ("graduated_percentage", {**RATES, "zero_usage": "first_tier"}, [("0", "1")]),
    ("dynamic", {}, [("0", "0"), ("12.345", "12.345")]),
    ("dynamic", {"multiplier": D("1.2")}, [("10", "12.0"), ("-10", "-12.0")]),
    ("volume_prorated", TIERS, [("10", "15"), ("101", "12.1")]),
    ("matrix", MATRIX, [("0", "1"), ("3", "16")]),
]


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(
    ("method", "terms", "quantity", "expected"),
    [(method, terms, quantity, price) for method, terms, rows in TABLE for quantity, price in rows],
)
def test_prices(method: str, terms: dict[str, Any], quantity: str, expected: str) -> None:
    assert priced(method, terms, quantity) == D(expected)


def test_every_method_is_in_a_table() -> None:
    elsewhere = {"agreed", "percentage", "graduated_prorated", "true_up", "formula", "block_tiers", "capacity"}
    assert {method for method, _, _ in TABLE} | elsewhere == set(ALL["pricing"].methods)


@pytest.mark.parametrize(
    ("method", "terms", "quantity", "share", "expected"),
    [
        ("flat", {"price": eur("30")}, "1", "1/3", "10"),
        ("per_unit", CALLS, "1000", "1/2", "1"),
        (
            "per_unit",
            {"unit": eur("1"), "included": D(10)},
            "10",
            "2/3",
            "3.3333333333333333333333333333333333333333333333333",
        ),
        ("package", {**BOXES, "included": D(200)}, "101", "1/2", "7.50"),
        ("graduated", TIERS, "10", "1/2", "10.0"),  # 5 at 1.00 + half of the flat 5, 5 at 0.50
        ("graduated", TIERS, "60", "1/2", "32"),  # 5 + 2.5, 45 at 0.50, 10 at 0.10 + 1
        ("volume", TIERS, "6", "1/2", "3"),
        ("graduated", FIRST, "0", "1/5", "1"),
    ],
)
def test_a_share_shrinks_tiers_allowances_and_flat_parts(
    method: str, terms: dict[str, Any], quantity: str, share: str, expected: str
) -> None:
    assert priced(method, terms, quantity, Fraction(share)) == D(expected)


def test_parts_say_what_was_taken_from_which_tier() -> None:
    assert parts("graduated", TIERS, "110") == (
        Part(1, D(10), D("1.00"), D(5), D(15)),
        Part(2, D(90), D("0.50"), D(0), D(45)),
        Part(3, D(10), D("0.10"), D(2), D(3)),
    )
    assert parts("volume", TIERS, "11") == (Part(2, D(11), D("0.50"), D(0), D("5.5")),)
    assert parts("package", BOXES, "250") == (Part(0, D(3), D("7.50"), D(0), D("22.50")),)
    assert parts("graduated", TIERS, "0") == ()


@settings(deadline=None, max_examples=100)
@given(st.decimals("0", "2000", places=3), st.sampled_from(["graduated", "volume", "package", "per_unit"]))
def test_parts_multiply_out_and_cover_the_quantity(quantity: Decimal, method: str) -> None:
    known: dict[str, dict[str, Any]] = {"graduated": TIERS, "volume": TIERS, "package": BOXES, "per_unit": SEATS}
    terms = known[method]
    found = parts(method, terms, quantity)
    assert all(part.quantity * part.unit + part.flat == part.amount for part in found)
    if method != "package" and quantity:
        assert sum(part.quantity for part in found) == quantity


@settings(deadline=None, max_examples=60)
@given(st.decimals("0", "2000", places=2), st.decimals("0", "50", places=2))
def test_graduated_and_package_never_fall_as_the_quantity_rises(quantity: Decimal, more: Decimal) -> None:
    for method, terms in (("graduated", TIERS), ("package", BOXES), ("per_unit", CALLS)):
        assert priced(method, terms, quantity) <= priced(method, terms, quantity + more)


class TestAgreed:
    def test_it_is_the_contract_price_of_each_unit(self) -> None:
        assert agreed_price({}, facts("4", agreed="7.25"))[0].amount == D("29.00")

    def test_without_one_it_is_refused(self) -> None:
        with pytest.raises(TollbookError) as caught:
            agreed_price({}, facts("4"))
        assert caught.value.findings[0].code == pricing.NO_AGREED_PRICE

    def test_in_another_currency_it_is_refused(self) -> None:
        with pytest.raises(TollbookError) as caught:
            agreed_price({}, facts("4", currency="USD", agreed="7.25"))
        assert caught.value.findings[0].code == pricing.NO_PRICE_IN_CURRENCY


def test_no_price_in_the_currency_of_the_account() -> None:
    with pytest.raises(TollbookError) as caught:
        flat({"price": {"EUR": D(1), "CHF": D(1)}}, facts(currency="JPY"))
    (finding,) = caught.value.findings
    assert finding.code == pricing.NO_PRICE_IN_CURRENCY
    assert finding.what == "no price in JPY for p/fee, only in CHF, EUR"


@pytest.mark.parametrize("method", [graduated, volume])
def test_a_quantity_above_a_bounded_last_tier_is_refused(method: Any) -> None:
    terms = {"tiers": [{"up_to": D(10), "unit": eur("1")}], "zero_usage": "nothing"}
    assert method(terms, facts("10"))[0].amount == D(10)
    with pytest.raises(TollbookError) as caught:
        method(terms, facts("10.01"))
    assert caught.value.findings[0].code == pricing.BEYOND_LAST_TIER
    assert "ends at 10" in caught.value.findings[0].what


@pytest.mark.parametrize(
    ("tiers", "paths"),
    [
        ([{"unit": eur("1")}], []),
        ([{"up_to": D(10), "unit": eur("1")}, {"unit": eur("0")}], []),
        ([{"up_to": D(10), "unit": eur("1")}], [("tiers", 0, "up_to")]),
        ([{"unit": eur("1")}, {"unit": eur("2")}], [("tiers", 0)]),
        (
            [{"up_to": D(10), "unit": eur("1")}, {"up_to": D(10), "unit": eur("1")}, {"unit": eur("1")}],
            [("tiers", 1, "up_to")],
        ),
        ([{"up_to": D(0), "unit": eur("1")}, {"unit": eur("1")}], [("tiers", 0, "up_to")]),
        ([{"up_to": D(5)}, {"flat": eur("1")}], [("tiers", 0)]),
        (
            [{"up_to": D(9), "unit": eur("1")}, {"up_to": D(5), "unit": eur("1")}, {}],
            [("tiers", 1, "up_to"), ("tiers", 2)],
        ),
    ],
)
def test_flaws_of_tiers(tiers: list[dict[str, Any]], paths: list[tuple[str | int, ...]]) -> None:
    found = list(check_tiers({"tiers": tiers}))
    assert [flaw.path for flaw in found] == paths
    assert all(flaw.what and flaw.mend for flaw in found)


def test_a_package_of_nothing_is_a_flaw() -> None:
    assert [flaw.path for flaw in check_size({"size": D(0)})] == [("size",)]
    assert list(check_size({"size": D("0.1")})) == []


@pytest.mark.parametrize(
    ("amount", "share", "expected"),
    [
        ("100", "1", "100"),
        ("19.95", "1/30", "0.665"),
        ("0.10", "1/3", "0." + "0" + "3" * 50),
        ("-10", "17/31", "-5." + "4838709677419354838709677419354838709677419354839"),
    ],
)
def test_times_cuts_nothing_that_matters(amount: str, share: str, expected: str) -> None:
    assert times(D(amount), Fraction(share)) == D(expected)
