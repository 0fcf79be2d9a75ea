"""Goods that may come back, or be bought back, work that costs more than it earns and a price that may be lowered: to the ledger."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests import stories
from tests.golden.test_revenue_contracts import at, ledger, recognise

D = Decimal
REVREC = """
ruleset: revrec/contracts
effective: {from: 2000-01-01}
owner: finance.accounting
priority: 5
hit: first
rules:
  - {id: build, when: product == "build", then: {method: cost_to_cost, onerous: provide}}
  - {id: service, when: element == "service", then: {method: straight_line_month}}
  - {id: goods, then: {method: point_in_time}}
"""
CONTRACT = """
contract: K1
entity: E1
account: A1
currency: EUR
signed: 2026-01-01
known: 2026-01-01
promises:
  - {promise: routers, product: goods, price: 1000, quantity: 10, back: 3, carried: 60, recovery: 5}
  - {promise: hall, product: build, price: 1000, cost: 800}
events:
  - {key: handed-over, kind: deliver, on: 2026-01-10, known: 2026-01-10, promise: routers}
  - {key: spent, kind: cost, on: 2026-01-20, known: 2026-01-20, promise: hall, quantity: 400}
  - {key: dearer, kind: expect, on: 2026-02-15, known: 2026-02-15, promise: hall, expected: 1100}
"""
LOWERED = """
contract: K2
entity: E1
account: A1
currency: EUR
signed: 2026-01-01
known: 2026-01-01
promises:
  - {promise: service, product: team, kind: recurring, price: 93, from: 2026-01-01, to: 2026-04-01, bills: [{subscription: S1, charge: base}]}
variable:
  - {variable: penalty, promise: service, outcomes: [{amount: 0, likely: 0.6}, {amount: -9.30, likely: 0.4}]}
"""
LENT = """
contract: K3
entity: E1
account: A1
currency: EUR
signed: 2026-01-01
known: 2026-01-01
promises:
  - {promise: press, product: goods, price: 31, call: 40, to: 2026-04-01, bills: [{subscription: S2, charge: base}]}
"""
CHART = (
    "1300,Contract assets,asset",
    "1360,Right to goods,asset",
    "2310,Refunds,liability",
    "2330,Provisions,liability",
    "2340,Owed for what may be bought back,liability",
    "5000,Cost of sales,expense",
    "6970,Losses of contracts,expense",
)


@pytest.mark.capability("A5.1", "B7.2")
def test_a_right_to_goods_a_provision_a_penalty_and_a_loan(tmp_path: Path, sqlite_url: str) -> None:
    """Each month the ledger has what the contract says; what becomes known of an earlier month is caught up.  Of 31 that are billed
    each month a tenth may be a penalty: 27.90 are earned, 3.10 are owed back.  31 that are lent grow to
    31 x (40 / 31) ^ (31 / 90) and ^ (59 / 90), and 40 are revenue once the option has lapsed."""
    folder = stories.write(
        tmp_path,
        rules={"revrec/contracts.yaml": REVREC},
        gl_accounts=stories.add("gl_accounts", *CHART),
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1", "E1,S2,A1,1"),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            "E1,S1,1,start,2026-01-01,team,0",
            "E1,S2,1,start,2026-01-01,team,0",
            "E1,S2,2,cancel,2026-02-01,,",
        ),
        usage=("entity,subscription,meter,key,at,quantity",),
    )
    for name, content in (("k1", CONTRACT), ("k2", LOWERED), ("k3", LENT)):
        (folder / f"{name}.yaml").write_text(content)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        app.revenue_contracts.add([folder / f"{name}.yaml" for name in ("k1", "k2", "k3")], at("2026-01-01"))
        held = {}
        for month in (1, 2, 3):
            stories.bill(app, f"2026-{month:02}-01")
            recognise(app, month)
            books = ledger(app)
            held[month] = [books.get(code, D(0)) for code in ("4000", "1360", "5000", "6970", "2330", "2310", "2340")]
            if month == 2:
                back = {"key": "back", "kind": "return", "on": date(2026, 3, 5), "promise": "routers", "quantity": D(2)}
                app.revenue_contracts.tell("K1", back, at("2026-03-05"))
                lapsed = {"key": "lapsed", "kind": "expire", "on": date(2026, 3, 31), "promise": "press"}
                app.revenue_contracts.tell("K3", lapsed, at("2026-03-05"))
        assert held == {
            1: [D("-1227.90"), D(165), D(-165), D(0), D(0), D("-303.10"), D("-33.84")],
            2: [D("-1119.44"), D(165), D(-165), D("63.64"), D("-63.64"), D("-306.20"), D("-36.64")],
            3: [D("-1187.34"), D(55), D(-55), D("63.64"), D("-63.64"), D("-109.30"), D(0)],
        }
        assert not recognise(app, 3).counts.get("schedules")
        assert {name: found for name, found in app.verify().items() if found} == {}
