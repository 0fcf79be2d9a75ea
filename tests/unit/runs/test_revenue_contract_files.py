"""Files of revenue contracts: what is wrong is said at its place, and what is right is read whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from engine.base.errors import TollbookError, Where
from engine.model.revenue_contract import Bill, agreed_of, plain_document
from engine.runs.revenue.contract_files import added_promises, event_of_values, read

GOOD = """contract: K1
entity: E1
account: A1
currency: EUR
signed: 2026-01-01
promises:
  - {promise: licence, product: erp, price: 1000, bills: [{subscription: S1, charge: licence}]}
  - {promise: support, product: care, kind: recurring, price: 0.10, from: 2026-01-01, to: 2027-01-01}
variable:
  - {variable: bonus, outcomes: [{amount: 10, likely: 0.5}, {amount: 0, likely: 0.5}], promise: support}
events:
  - {key: d, kind: deliver, on: 2026-01-05, promise: licence}
"""
KNOWN = date(2026, 2, 1)


def test_a_contract_is_read_whole() -> None:
    contract, (event,) = read(GOOD.encode(), "k1.yaml", KNOWN)
    licence, support = contract.agreed.promises
    assert licence.bills == (Bill("S1", charge="licence"),)
    assert (support.price, support.service_to, contract.known, event.known) == (
        Decimal("0.10"),
        date(2027, 1, 1),
        KNOWN,
        KNOWN,
    )
    assert agreed_of(plain_document(contract.agreed)) == contract.agreed


@pytest.mark.parametrize(
    ("old", "new", "place", "code"),
    [
        ("kind: recurring", "kind: recuring", "k1.yaml:8:45", "document.wrong-value"),
        ("price: 1000", "price: 1000, quantity: 0", "k1.yaml:7:61", "revenue.contract-wrong"),
        ("price: 1000", "price: 1000, call: 1100", "k1.yaml:7:57", "revenue.contract-wrong"),
        ("price: 0.10", "price: 0.10, back: 1, call: 1", "k1.yaml:8:84", "revenue.contract-wrong"),
        ("price: 1000", "price: many", "k1.yaml:7:45", "document.wrong-type"),
        ("currency: EUR", "currency: EUX", "k1.yaml:4:11", "money.unknown-currency"),
        ("promise: support, product", "promise: licence, product", "k1.yaml:8:15", "revenue.contract-wrong"),
        ("to: 2027-01-01", "to: 2025-01-01", "k1.yaml:8:91", "revenue.contract-wrong"),
        ("promise: licence}", "promise: licens}", "k1.yaml:12:54", "revenue.contract-wrong"),
        ("likely: 0.5}, {", "likely: 0.4}, {", "k1.yaml:10:33", "revenue.contract-wrong"),
        ("subscription: S1, charge", "charge", "k1.yaml:7:59", "revenue.contract-wrong"),
        ("0.5}], promise: support", "0.5}], promise: suport", "k1.yaml:10:97", "revenue.contract-wrong"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(old: str, new: str, place: str, code: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(TollbookError) as caught:
        read(GOOD.replace(old, new).encode(), "k1.yaml", KNOWN)
    assert (f"{caught.value.findings[0].where}", caught.value.findings[0].code) == (place, code)


def test_a_promise_of_no_units_is_refused_wherever_it_comes_from() -> None:
    """Its price would be divided by nothing as soon as something of it is delivered."""
    none = {"promise": "more", "product": "erp", "quantity": Decimal(0)}
    event = {"key": "m", "kind": "modify", "on": date(2026, 3, 1), "adds": [none]}
    ways: tuple[Callable[[], object], ...] = (
        lambda: added_promises(b"- {promise: more, product: erp, quantity: 0}", "more.yaml"),
        lambda: event_of_values(event, Where("events.csv", 2), KNOWN),
    )
    for way in ways:
        with pytest.raises(TollbookError, match="'more' promises no units"):
            way()
