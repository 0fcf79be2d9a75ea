"""Prices of single events, and prices from a table over several facts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.billing import pricing
from engine.billing.pricing import PricingFacts, priced
from engine.billing.pricing.events import check_percentage
from engine.billing.pricing.matrix import check_matrix
from tests.unit.billing.simulator import ENTITY, Shop, account, charge, decision

D = Decimal
DAY = date(2026, 1, 1)
SALES = charge("sales", "usage", "arrears", meter="calls")


def eur(amount: str) -> dict[str, Decimal]:
    return {"EUR": D(amount)}


def facts(events: str = "", **more: Any) -> PricingFacts:
    numbers = tuple(map(D, events.split()))
    return PricingFacts(ENTITY, account(), SALES, "p", sum(numbers, D(0)), None, None, DAY, DAY, events=numbers, **more)


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(
    ("terms", "events", "expected"),
    [
        ({}, "", "0"),
        ({}, "10 20", "3.0"),
        ({"per_event": eur("1")}, "10 0", "3.0"),
        ({"free_events": 1, "per_event": eur("1")}, "10 20", "3.0"),
        ({"free_events": 0}, "10 20", "3.0"),
        ({"free_amount": D(10), "per_event": eur("1")}, "10 20", "3.0"),
        ({"free_amount": D(15), "per_event": eur("1")}, "10 20", "2.5"),
        ({"free_amount": D(15), "per_event": eur("1")}, "15", "0"),
        ({"free_events": 1, "free_amount": D(15)}, "10 20", "2.0"),
        ({"free_events": 9, "free_amount": D(15)}, "10 20", "1.5"),
        ({"min_per_event": eur("2"), "max_per_event": eur("3")}, "1 25 99", "7.5"),
        ({"min_per_event": eur("2"), "free_events": 1}, "1 1", "2"),
    ],
)
def test_a_percentage_of_each_event(terms: dict[str, Any], events: str, expected: str) -> None:
    made = decision("pricing", "percentage", rate=D("0.1"), **terms)
    assert priced(made, facts(events)).amount == D(expected)


def test_the_allowance_shrinks_with_the_tiers() -> None:
    made = decision("pricing", "percentage", rate=D("0.1"), free_events=3, free_amount=D(100))
    assert priced(made, facts("10 10 10"), Fraction(1, 2), "tiers").amount == 2, "one event and a half is one event"
    assert priced(made, facts("60 10"), Fraction(1, 2), "tiers").amount == 2
    assert priced(made, facts("60 10"), Fraction(1, 2), "amount").amount == 0


def test_sums_of_events_are_refused() -> None:
    asked = PricingFacts(ENTITY, account(), SALES, "p", D(5), None, None, DAY, DAY)
    with pytest.raises(TollbookError) as caught:
        priced(decision("pricing", "percentage", rate=D("0.1")), asked)
    assert caught.value.findings[0].code == pricing.NO_EVENTS


def test_a_run_without_single_events_is_held_rather_than_billed_too_low() -> None:
    shop = Shop([SALES], {"p/sales": decision("pricing", "percentage", rate=D("0.1"))})
    shop.know("start", DAY, "p", 1)
    shop.use(DAY, 5)
    with pytest.raises(TollbookError):
        shop.run(date(2026, 2, 1))


def test_the_least_is_not_above_the_most() -> None:
    terms = {"min_per_event": {"EUR": D(3), "USD": D(1)}, "max_per_event": {"EUR": D(2), "USD": D(1)}}
    assert [flaw.path for flaw in check_percentage(terms)] == [("min_per_event",)]
    assert list(check_percentage({"min_per_event": eur("3")})) == []


def table(*rows: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "dimensions": ["account.region", "charge.timing"],
        "rows": [{"at": at.split(), **more} for at, more in rows],
    }


@pytest.mark.parametrize(
    ("rows", "unit"),
    [
        ((("* *", "1"),), "1"),
        ((("* *", "1"), ("null arrears", "2"), ("null *", "3")), "2"),
        ((("* arrears", "1"), ("null *", "2")), "2"),
        ((("EU *", "1"), ("* advance", "2"), ("* *", "3")), "3"),
    ],
)
def test_the_row_that_names_most_wins_then_the_one_that_names_earlier_dimensions(rows: Any, unit: str) -> None:
    made = decision("pricing", "matrix", **table(*((at, {"unit": eur(price)}) for at, price in rows)))
    asked = facts("1")
    assert asked.account.region is None
    assert priced(made, asked).amount == D(unit)


def test_no_row_is_no_price() -> None:
    with pytest.raises(TollbookError) as caught:
        priced(decision("pricing", "matrix", **table(("EU *", {"unit": eur("1")}))), facts("1"))
    (finding,) = caught.value.findings
    assert finding.code == pricing.NO_ROW
    assert "account.region null, charge.timing arrears" in finding.what


@pytest.mark.parametrize(
    ("terms", "paths"),
    [
        (table(), [()]),
        (table(("a b", {"unit": eur("1")}), ("* *", {"flat": eur("1")})), []),
        (table(("a", {"unit": eur("1")})), [("rows", 0, "at")]),
        (table(("a b", {"unit": eur("1")}), ("a b", {"unit": eur("2")})), [("rows", 1, "at")]),
        (table(("a b", {})), [("rows", 0)]),
        (
            table(("a b", {"unit": eur("1")}), ("* b", {"unit": {"USD": D(1)}})),
            [("rows", 0, "unit"), ("rows", 1, "unit")],
        ),
        (
            {
                "dimensions": ["account.contry", "charge", "events", "plan.key"],
                "rows": table(("* * * *", {"unit": eur("1")}))["rows"],
            },
            [("dimensions", n) for n in range(4)],
        ),
    ],
)
def test_flaws_of_tables(terms: dict[str, Any], paths: list[Any]) -> None:
    found = list(check_matrix(terms))
    assert [flaw.path for flaw in found] == paths
    assert all(flaw.what and flaw.mend for flaw in found)
