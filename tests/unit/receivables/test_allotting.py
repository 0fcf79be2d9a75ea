"""Money over many documents: in an order, by kind, the contested last, or each its share; no cent is lost or too much."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.families.allocation import check
from engine.model.settlement import OpenItem
from engine.receivables.open_items import Sheet

D = Decimal


def item(ident: int, left: str, due: int = 1, kind: str = "invoice", disputed: bool = False) -> OpenItem:
    """An open document of January."""
    on, amount = date(2026, 1, due), D(left)
    return OpenItem(ident, "A", kind, f"N{ident}", on, on, "EUR", amount, amount, "EUR", amount, disputed)


def terms(*order: str, **more: Any) -> dict[str, Any]:
    """The terms of a rule of allocation."""
    return {"to": ["open"], "order": list(order), "priority": (), "way": "in_order", **more}


ITEMS = [item(1, "100", 3), item(2, "50", 1, "debit_note"), item(3, "30", 2), item(4, "20", 1, disputed=True)]


@pytest.mark.capability("A4.3")
@pytest.mark.parametrize(
    ("money", "rule", "paid"),
    [
        ("60", terms("oldest"), {2: "50", 4: "10"}),
        ("60", terms("disputed_last", "oldest"), {2: "50", 3: "10"}),
        ("60", terms("kind", "oldest", priority=("invoice",)), {4: "20", 3: "30", 1: "10"}),
        ("60", terms("kind", "oldest", priority=("debit_note", "invoice")), {2: "50", 4: "10"}),
        ("60", terms("largest"), {1: "60"}),
        ("100", terms("oldest", way="pro_rata"), {1: "50", 2: "25", 3: "15", 4: "10"}),
        ("500", terms("oldest", way="pro_rata"), {1: "100", 2: "50", 3: "30", 4: "20"}),
    ],
)
def test_what_documents_take(money: str, rule: dict[str, Any], paid: dict[int, str]) -> None:
    """The sum of what they take and what is left is the money."""
    legs, rest = Sheet(ITEMS).allot(D(money), ITEMS, rule)
    assert {leg.item.id: -leg.amount for leg in legs} == {ident: D(amount) for ident, amount in paid.items()}
    assert rest == D(money) - sum(map(D, paid.values()))


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=8), st.integers(1, 300_000))
def test_shares_lose_no_cent_and_never_take_more_than_is_open(cents: list[int], money: int) -> None:
    """Whatever is open and whatever comes."""
    items = [item(n, f"{amount / D(100):.2f}") for n, amount in enumerate(cents, 1)]
    paid = D(money) / 100
    legs, rest = Sheet(items).allot(paid, items, terms("oldest", way="pro_rata"))
    assert sum((-leg.amount for leg in legs), D(0)) + rest == paid
    assert all(0 < -leg.amount <= leg.item.left for leg in legs)
    assert rest == max(paid - sum((one.left for one in items), D(0)), D(0))


def test_an_order_by_kind_names_the_kinds() -> None:
    """Neither stands without the other."""
    whole = {"to": ["open"], "order": ["kind"], "priority": [], "way": "in_order"}
    assert [flaw.path for flaw in check(whole)] == [("order",)]
    assert [flaw.path for flaw in check(whole | {"order": ["due"], "priority": ["invoice"]})] == [("priority",)]
    assert list(check(whole | {"priority": ["invoice"]})) == []
