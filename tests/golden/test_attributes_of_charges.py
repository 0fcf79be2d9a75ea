"""Attributes of charges and contracts: facts of the families that see them, coupons and late usage among them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from tests import stories
from tests.golden.test_attributes import VALUES
from tests.golden.test_lateness import late, rule, send

DECLARED = """
account:
  vip: {type: boolean, default: false, meaning: whether it is one}
charge:
  family: {type: choice, values: [core, extra], default: core, meaning: what the catalogue group is}
contract:
  tier: {type: text, meaning: what was promised}
"""
PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: gold, when: contract.attributes.tier == "gold", then: {method: flat, price: [1 EUR, 1 USD, 100 JPY]}}
  - {id: extra, when: charge.attributes.family == "extra", then: {method: flat, price: [2 EUR, 2 USD, 200 JPY]}}
  - {id: rest, then: {method: flat, price: [31 EUR, 40 USD, 5000 JPY]}}
cases:
  - {given: {account: {currency: EUR}, charge: {attributes: {family: extra}}, contract: {attributes: {tier: null}}}, expect: {rule: extra}}
  - {given: {account: {currency: EUR}, contract: {attributes: {tier: gold}}}, expect: {rule: gold}}
"""
COUPONS = """
ruleset: discounts/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: core, when: charge.attributes.family == "core" and not account.attributes.vip, then: {applies: true}}
  - {id: none, then: {applies: false}}
"""
FILES: dict[str, Any] = {
    "contracts": ("entity,key,account,signed_on", "E1,C1,A1,2026-01-01"),
    "subscriptions": ("entity,key,account,anchor_day,contract", "E1,S1,A1,1,C1", "E1,S4,A4,1,", "E1,S5,A1,1,"),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity,coupon",
        "E1,S1,1,start,2026-01-01,team,5,",
        "E1,S4,1,start,2026-01-01,team,1,",
        "E1,S4,2,redeem,2026-01-01,,,HALF",
        "E1,S5,1,start,2026-01-01,phone,1,",
    ),
    "coupons": ("key,name,percent", "HALF,Half,50"),
}


def company(folder: Path) -> Path:
    own = {"attributes.yaml": DECLARED, "pricing/acme.yaml": PRICES, "discounts/acme.yaml": COUPONS}
    return stories.write(folder, rules={**own, **rule("{policy: drop}")}, **FILES)


def billed(app: App, day: str) -> dict[str, Decimal]:
    """Amounts that were billed for the days from a day on, by subscription and charge."""
    lines = [line for invoice in stories.invoices(app) for line in invoice["lines"]]
    return {f"{x['subscription']}/{x['charge']}": x["amount"] for x in lines if str(x["service_from"]) == day}


@pytest.mark.capability("B9.3")
def test_charges_and_contracts_have_attributes(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        assert app.rule_desk().test().findings == ()
        report = stories.load(app, folder / "data")
        assert report.findings == ()
        rows = (
            "E1,charge,team/seats,family,2026-02-01,extra",
            "E1,contract,C1,tier,2026-03-01,gold",
        )
        assert stories.load(app, stories.deliver(folder, "more", attribute_values=(VALUES, *rows))).findings == ()
        for day in ("2026-01-01", "2026-02-01", "2026-03-01"):
            stories.bill(app, day)
        half = Decimal("15.5")
        assert billed(app, "2026-01-01") | billed(app, "2026-02-01") | billed(app, "2026-03-01") == {
            "S1/base": 1, "S1/seats": 1, "S1/setup": 31, "S4/base": half, "S4/seats": 2, "S4/setup": half, "S5/calls": 31,
        }  # fmt: skip
        assert (billed(app, "2026-02-01")["S1/seats"], billed(app, "2026-02-01")["S4/seats"]) == (2, 2)
        assert billed(app, "2026-01-01")["S4/seats"] == half
        number = next(i["number"] for i in stories.invoices(app) if (i["payer"], i["period"]) == ("A1", "2026-03-01"))
        told = app.explain(f"{number}#1")
        details = dict(next(step for step in told.steps if step.name == "price").details)
        assert details["contract.attributes.tier"] == "gold" and "charge.attributes.family" in details
        assert told.findings == () and not any(app.verify().values())


@pytest.mark.capability("B9.3", "A2.5")
def test_families_that_see_no_subscription_are_asked_all_the_same(tmp_path: Path, database_url: str) -> None:
    """Late usage of a customer, where attributes are declared, ends as the rule says."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        send(app, folder, "late", "01-20/k1/10")
        report = stories.bill(app, "2026-02-02")
        assert [f.code for f in report.findings if f.level == "error"] == []
        assert [(key, ended) for key, _, ended, *_ in late(app)] == [("k1", "drop")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_values_of_records_that_are_not_there(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        rows = ("E1,charge,seats,family,,extra", "E1,charge,team/seats,family,,red", "E1,contract,C9,tier,,gold")
        report = stories.load(app, stories.deliver(folder, "bad", attribute_values=(VALUES, *rows)))
        assert [(f.code, f.what) for f in report.findings] == [
            ("intake.unknown-reference", "there is no charge 'seats'"),
            ("intake.bad-value", "value 'red' of charge.family"),
            ("intake.unknown-reference", "contract 'C9' does not exist in E1"),
        ]
