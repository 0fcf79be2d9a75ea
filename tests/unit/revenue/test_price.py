"""Prices, their shares, interest and costs: what the vectors do not ask, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.base.money import exact_arithmetic
from engine.families.revrec import FAMILY
from engine.revenue import allocation, balances, costs, financing, obligations, price
from engine.revenue.allocation import Bundle, Selling
from engine.revenue.price import Outcome, Variable

D = Decimal
TERMS: dict[str, Any] = {name: rule["default"] for name, rule in FAMILY.outcome.items()}
TWO = Variable("bonus", (Outcome(D(150), D("0.4")), Outcome(D(0), D("0.6"))), certain=D(10))
MANY = Variable("delay", (Outcome(D(100), D("0.5")), Outcome(D(80), D("0.3")), Outcome(D(60), D("0.2"))), certain=D(60))


@pytest.fixture(autouse=True)
def exact() -> None:
    exact_arithmetic()


@pytest.mark.parametrize(
    ("variable", "estimate", "constraint", "counts"),
    [
        (TWO, "by_outcomes", "none", "0"),
        (TWO, "expected_value", "none", "60"),
        (TWO, "expected_value", "certain", "10"),
        (MANY, "by_outcomes", "none", "86"),
        (MANY, "most_likely", "none", "100"),
        (MANY, "most_likely", "certain", "60"),
        (MANY, "most_likely", "excluded", "0"),
    ],
)
def test_variable_amounts(variable: Variable, estimate: str, constraint: str, counts: str) -> None:
    assert price.variable_amount({"estimate": estimate, "constraint": constraint}, variable) == D(counts)


def test_what_lowers_the_price_is_not_constrained() -> None:
    rebate = Variable("rebate", (Outcome(D(-30), D(1)),))
    assert price.variable_amount({"estimate": "by_outcomes", "constraint": "excluded"}, rebate) == D(-30)


def test_odds_that_are_not_one_are_refused() -> None:
    with pytest.raises(TollbookError, match=r"add up to 0[.]9") as refused:
        price.expected_value(Variable("bonus", (Outcome(D(1), D("0.9")),)))
    assert refused.value.findings[0].code == "revenue.odds-not-one"


@pytest.mark.parametrize(
    ("how", "factor", "stated", "found"),
    [
        ("or_stated", "0", "7", "7"),
        ("adjusted_market", "-0.1", "7", "45"),
        ("cost_plus", "0.25", "7", "50"),
        ("in_range", "0", "12", "12"),
        ("in_range", "0", "7", "15"),
    ],
)
def test_selling_prices(how: str, factor: str, stated: str, found: str) -> None:
    known = Selling("x", market=D(50), cost=D(40), low=D(10), high=D(20))
    assert allocation.estimated(how, known, D(factor), D(stated)) == D(found)


def test_a_price_that_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(TollbookError, match="x has no standalone selling price by cost_plus"):
        allocation.estimated("cost_plus", Selling("x"), D(0), D(1))
    with pytest.raises(TollbookError, match="a, b have no standalone selling price"):
        allocation.allocate(D(10), {"a": None, "b": None}, "EUR")
    with pytest.raises(TollbookError, match="no standalone selling price is above zero"):
        allocation.allocate(D(10), {"a": D(0)}, "EUR")


def test_a_discount_that_is_not_the_bundle_s_goes_to_all() -> None:
    prices: dict[str, Decimal | None] = {"a": D(40), "b": D(55), "c": D(45)}
    shares = allocation.allocate(D(70), prices, "EUR", bundles=[Bundle(("b", "c"), D(60))]).shares
    assert shares == {"a": D(20), "b": D("27.50"), "c": D("22.50")}


@pytest.mark.parametrize("how", sorted(allocation.CENTS))
@pytest.mark.parametrize(
    ("amount", "currency"), [("100.00", "EUR"), ("-100.00", "EUR"), ("1000", "JPY"), ("0.001", "KWD")]
)
def test_shares_add_up(how: str, amount: str, currency: str) -> None:
    shares = allocation.relative(D(amount), {"a": D(1), "b": D(1), "c": D(5)}, currency, how)
    assert sum(shares.values()) == D(amount)


@pytest.mark.parametrize(
    ("financing_of", "earned", "apart"),
    [
        ("by_term", date(2027, 1, 1), False),
        ("by_term", date(2027, 1, 2), True),
        ("always", date(2026, 1, 2), True),
        ("never", date(2030, 1, 1), False),
    ],
)
def test_interest_is_apart_after_a_year(financing_of: str, earned: date, apart: bool) -> None:
    assert financing.significant({"financing": financing_of}, date(2026, 1, 1), earned) is apart


def test_without_interest_payments_are_equal() -> None:
    assert financing.level_payment(D(120), D(0), 12) == D(10)
    assert financing.present_value(D(10), D(0), 12) == D(120)


def test_contracts_signed_together_are_one() -> None:
    signed = [
        obligations.Signed("c", "acme", date(2026, 1, 20), "roll-out"),
        obligations.Signed("a", "acme", date(2026, 1, 1), "roll-out"),
        obligations.Signed("b", "acme", date(2026, 1, 11), "roll-out"),
        obligations.Signed("d", "acme", date(2026, 1, 1)),
        obligations.Signed("e", "other", date(2026, 1, 1), "roll-out"),
    ]
    assert sorted(obligations.combine(signed, 10)) == [("a", "b", "c"), ("d",), ("e",)]
    assert obligations.combine(signed, 10) == obligations.combine(reversed(signed), 10)
    assert ("a",) in obligations.combine(signed, 9)


def test_an_assurance_warranty_is_no_obligation() -> None:
    promises = [
        obligations.Promise("product", D(100), D(100), TERMS),
        obligations.Promise("warranty", D(0), D(10), TERMS | {"warranty": "assurance"}),
        obligations.Promise("installation", D(10), D(10), TERMS | {"into": "product"}),
    ]
    assert [(one.key, one.ssp) for one in obligations.identify(promises)] == [("product+installation", D(110))]


def test_a_principal_shows_all_of_it() -> None:
    assert obligations.presented({"role": "principal"}, D(100), D("0.3"), "EUR") == obligations.Presented(D(100), D(0))


@pytest.mark.parametrize(("within", "commensurate", "months"), [(0, True, 12), (12, True, 0), (12, False, 60)])
def test_how_long_a_cost_lasts(within: int, commensurate: bool, months: int) -> None:
    assert costs.lasts({"commensurate": commensurate, "cost_within": within}, 12, 60) == months


def test_balances_are_net_and_their_entries_balance() -> None:
    moved = [
        balances.Movement(date(2026, 1, 31), "revenue", D(100)),
        balances.Movement(date(2026, 1, 1), "due", D(250)),
        balances.Movement(date(2026, 1, 10), "paid", D(300)),
        balances.Movement(date(2026, 2, 28), "revenue", D(250)),
        balances.Movement(date(2026, 3, 1), "refunded", D(50)),
    ]
    held = balances.daily(moved)
    assert held == balances.daily(reversed(moved))
    assert [(one.receivable, one.contract_asset, one.contract_liability) for one in held] == [
        (250, 0, 250), (0, 0, 300), (0, 0, 200), (0, 50, 0), (0, 100, 0),
    ]  # fmt: skip
    assert all(sum(amount for _, amount in entry.sides) == 0 for entry in balances.entries(moved))
    assert balances.at(held, date(2025, 12, 31)).receivable == 0
