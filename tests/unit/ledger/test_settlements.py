"""Entries of settlements: what rates have made is a realised gain or loss, what rounding leaves is neither."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.fx import convert
from engine.ledger.settlements import settlement_entry
from engine.ledger.wallets import Occasion
from engine.model.journal import FxRate
from engine.model.settlement import CREDIT, Leg, OpenItem
from engine.receivables.open_items import leg

D = Decimal
DAY = date(2026, 2, 1)
ACCOUNTS = {
    "receivable": "1200",
    "account_credit": "2400",
    "cash": "1000",
    "write_off": "6900",
    "fx_difference": "7910",
}
ACCOUNTS |= {"realised_gain": "7920", "realised_loss": "7930"}


def item(amount: Decimal, rate: Decimal, kind: str = "invoice", ident: int = 1) -> OpenItem:
    """A document in dollars, worth what the rate of its day makes of it."""
    worth = convert(amount, FxRate("USD", "EUR", rate, "ECB", DAY))
    return OpenItem(ident, "A", kind, "N", DAY, DAY, "USD", amount, amount, "EUR", worth)


def posted(rate: Decimal, legs: list[Leg], against: str | None) -> dict[str, Decimal]:
    """Functional amounts by GL account, which add up to nothing."""
    at = FxRate("USD", "EUR", rate, "ECB", DAY)
    occasion = Occasion("t", "E", "US", DAY, "payment", at, lambda role, country, product: (ACCOUNTS[role], 1))
    entry = settlement_entry(occasion, legs, against)  # type: ignore[arg-type]
    assert entry is not None and sum(one.functional_amount for one in entry.postings) == 0
    found: dict[str, Decimal] = {}
    for one in entry.postings:
        found[one.account] = found.get(one.account, D(0)) + one.functional_amount
    return found


@pytest.mark.capability("A5.5")
def test_a_payment_at_another_rate_realises_the_difference() -> None:
    owed = item(D("100.00"), D("0.90"))
    assert posted(D("0.95"), [leg(owed, D("-100.00"))], "cash") == {
        "1200": D("-90.00"),
        "1000": D("95.00"),
        "7920": D("-5.00"),
    }
    assert posted(D("0.80"), [leg(owed, D("-50.00"))], "cash") == {
        "1200": D("-45.00"),
        "1000": D("40.00"),
        "7930": D("5.00"),
    }


def test_what_is_paid_at_the_rate_of_its_day_realises_nothing() -> None:
    owed = item(D("100.01"), D("0.9227"))
    found = posted(D("0.9227"), [leg(owed, D("-33.33"))], "cash")
    assert set(found) <= {"1200", "1000", "7910"} and abs(found.get("7910", D(0))) <= D("0.01")


def test_credit_of_one_rate_that_pays_an_invoice_of_another_realises_the_difference() -> None:
    credit, owed = item(D("-100.00"), D("0.95"), "credit", CREDIT), item(D("100.00"), D("0.90"))
    legs = [Leg(credit, D("100.00"), D("95.00")), leg(owed, D("-100.00"))]
    assert posted(D("1.00"), legs, None) == {"2400": D("95.00"), "1200": D("-90.00"), "7920": D("-5.00")}
    same = [Leg(item(D("-33.34"), D("0.90"), "credit", CREDIT), D("33.34"), D("30.01")), leg(owed, D("-33.34"))]
    assert "7920" not in posted(D("1.00"), same, None) and "7930" not in posted(D("1.00"), same, None)


@given(
    st.lists(
        st.tuples(st.decimals("0.01", "999", places=2), st.decimals("0.5", "2", places=4)), min_size=1, max_size=4
    ),
    st.decimals("0.5", "2", places=4),
)
def test_rounding_is_never_more_than_a_unit_a_leg(owed: list[tuple[Decimal, Decimal]], rate: Decimal) -> None:
    legs = [leg(item(amount, mine, ident=n), -amount) for n, (amount, mine) in enumerate(owed, 1)]
    assert abs(posted(rate, legs, "cash").get("7910", D(0))) <= D("0.01") * (len(legs) + 1)
