"""Which provider takes a payment."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from engine.model.account import Account
from engine.model.payment import Method
from engine.ports.hookspecs.psp import Capability, Description
from engine.runs.payments.choosing import Chosen, Wish, choose

pytestmark = pytest.mark.capability("A4.1")

ACCOUNT = Account(1, "t", "E", "A", "A", "DE", "EUR", "Europe/Berlin", "A")
DEAR = Capability("card", cost_rate=Decimal("0.03"), settlement_days=1, manual_capture=True)
CHEAP = Capability("card", ("EUR",), ("DE", "FR"), Decimal(5), Decimal(100), 7, Decimal("0.01"), Decimal("0.10"))
DEBIT = Capability("sepa_debit", ("EUR",), settlement_days=5, cost_fixed=Decimal("0.20"))
DESCRIBED = {"dear": Description((DEAR,)), "cheap": Description((CHEAP, DEBIT))}


def chosen(choice: str, kind: str = "card", amount: str = "50", currency: str = "EUR", **more: Any) -> Chosen:
    terms = {"adapter": "dear", "others": ["cheap"], "choose": choice, **more.pop("terms", {})}
    decide: Any = lambda family, facts, on: SimpleNamespace(terms=terms, id=7)  # noqa: E731
    method = Method("m", "E", "A", kind, **more.pop("method", {}))  # type: ignore[arg-type]
    return choose(decide, DESCRIBED, Wish(ACCOUNT, method, currency, Decimal(amount), date(2026, 1, 1), **more))


@pytest.mark.parametrize(
    ("wish", "adapter"),
    [
        ({"choice": "first"}, "dear"),
        ({"choice": "cheapest"}, "cheap"),
        ({"choice": "fastest"}, "dear"),
        ({"choice": "cheapest", "amount": "4"}, "dear"),
        ({"choice": "cheapest", "amount": "101"}, "dear"),
        ({"choice": "cheapest", "currency": "USD"}, "dear"),
        ({"choice": "cheapest", "method": {"country": "US"}}, "dear"),
        ({"choice": "cheapest", "reserve": True}, "dear"),
        ({"choice": "first", "kind": "sepa_debit"}, "cheap"),
        ({"choice": "first", "method": {"provider": "cheap"}}, "cheap"),
    ],
)
def test_the_adapter_is_one_that_can(wish: dict[str, Any], adapter: str) -> None:
    assert chosen(**wish).adapter == adapter


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"kind": "wallet"}, "dear: it does not take wallet"),
        ({"method": {"provider": "other"}}, "other keeps it, and routing names dear, cheap"),
        ({"kind": "sepa_debit", "currency": "USD"}, "cheap: it does not take USD by sepa_debit"),
        ({"terms": {"adapter": "none", "others": []}}, "no adapter serves"),
        ({"terms": {"adapter": "gone", "others": []}}, "gone: no such adapter of the port psp"),
    ],
)
def test_where_none_can_it_is_said_why(wish: dict[str, Any], why: str) -> None:
    found = chosen("first", **wish)
    assert (found.adapter, why in found.why_not) == ("", True), found.why_not
