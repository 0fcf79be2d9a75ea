"""A contract from its signature to its termination: a bundle at a discount, accepted late, upgraded, ended with a refund."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import App
from engine.base.errors import TollbookError
from tests import stories
from tests.stories import CHANGE

D = Decimal
REVREC = """
ruleset: revrec/contracts
effective: {from: 2000-01-01}
owner: finance.accounting
priority: 5
hit: first
rules:
  - {id: licence, when: product == "licence", then: {method: right_to_use}}
  - {id: onboarding, when: product == "onboarding", then: {method: point_in_time, on: accept}}
  - {id: commission, when: kind == "cost", then: {method: now, cost: obtain, commensurate: false, impairment: reversible}}
  - {id: support, when: product == "support", then: {method: straight_line_month}}
  - {id: others, then: {method: now}}
"""
PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: licence, when: charge.key == "licence", then: {method: flat, price: [1000 EUR, 1100 USD]}}
  - {id: support, when: charge.key == "support", then: {method: per_unit, unit: [1200 EUR, 1320 USD]}}
  - {id: onboarding, when: charge.key == "onboarding", then: {method: flat, price: [400 EUR, 440 USD]}}
  - {id: base, when: charge.key == "base", then: {method: flat, price: [31 EUR, 40 USD]}}
"""
FILES = {
    "plans": ("key,name", "suite,Suite", "plain,Plain"),
    "charges": (
        "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
        "suite,licence,Licence,one_time,advance,1,,piece,licence,standard",
        "suite,support,Support,recurring,advance,12,,seat,support,standard",
        "suite,onboarding,Onboarding,one_time,advance,1,,piece,onboarding,standard",
        "plain,base,Base fee,recurring,advance,1,,month,team,standard",
    ),
    "subscriptions": ("entity,key,account,anchor_day", "E1,S1,A1,1", "E1,S2,A2,1", "E1,S4,A4,1"),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity",
        "E1,S1,1,start,2026-01-01,suite,1",
        "E1,S4,1,start,2026-01-01,plain,1",
    ),
    "usage": ("entity,subscription,meter,key,at,quantity",),
    "rates": (
        "base,quote,rate,source,on",
        "EUR,USD,1.1000,ECB,2025-12-31",
        "EUR,USD,1.2500,ECB,2026-03-30",
        "EUR,USD,1.0000,ECB,2026-06-29",
        "EUR,JPY,184.09,ECB,2025-12-31",
    ),
}
CONTRACT = """
contract: K1
entity: E1
account: A1
currency: EUR
signed: 2026-01-01
known: 2026-01-01
criteria: {approved: 2026-01-01, collectible: 2026-01-10}
promises:
  - promise: licence
    product: licence
    price: 1000
    ssp: 1200
    bills: [{subscription: S1, charge: licence}]
  - promise: support
    product: support
    kind: recurring
    price: 1200
    ssp: 1440
    from: 2026-01-01
    to: 2027-01-01
    bills: [{subscription: S1, charge: support}]
  - promise: onboarding
    product: onboarding
    price: 400
    ssp: 480
    bills: [{subscription: S1, charge: onboarding}]
costs:
  - {cost: commission, amount: 360, on: 2026-01-01, months: 12, customer_months: 36}
events:
  - {key: handed over, kind: deliver, on: 2026-01-05, known: 2026-01-05, promise: licence}
  - {key: renewals, kind: outlook, on: 2026-01-01, known: 2026-01-01, expected: 5000}
"""
ZERO = D(0)


def company(folder: Path, contract: str = CONTRACT) -> Path:
    stories.write(folder, rules={"revrec/contracts.yaml": REVREC, "pricing/acme.yaml": PRICES}, **FILES)
    (folder / "k1.yaml").write_text(contract)
    return folder


def at(day: str) -> Any:
    """A change of a day."""
    return msgspec.structs.replace(CHANGE, at=datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC))


def started(app: App, folder: Path) -> None:
    report = stories.load(app, folder / "data")
    assert [str(f) for f in report.findings if f.level == "error"] == []
    app.revenue_contracts.add([folder / "k1.yaml"], at("2026-01-01"))


def ledger(app: App, up_to: str = "2026-12-31") -> dict[str, Decimal]:
    """Balances in functional currency, by GL account; what is nothing is left out."""
    sums: dict[str, Decimal] = {}
    for row in app.ledger.trial_balance(None, date.fromisoformat(up_to))["E1"]:
        sums[row["account"]] = sums.get(row["account"], ZERO) + row["functional_amount"]
    return {account: amount for account, amount in sums.items() if amount}


def month_end(month: int) -> str:
    return f"2026-{month:02d}-{(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]}"


def recognise(app: App, month: int) -> Any:
    return app.revenue.recognise(date.fromisoformat(month_end(month)), at(month_end(month)))


def tied(app: App, month: int) -> Any:
    """A contract at the end of a month: recognised and remaining are the price, and the ledger has its balances."""
    one = app.revenue_contracts.account("K1", date.fromisoformat(month_end(month)))
    assert one.recognised + one.remaining == one.price
    assert sum((share.recognised for share in one.shares), ZERO) == one.recognised
    books = ledger(app, month_end(month))
    accounts = {
        "contract_liability": "2300",
        "contract_asset": "1300",
        "refund_liability": "2310",
        "contract_cost": "1350",
    }
    for name, account in accounts.items():
        sign = 1 if account.startswith("1") else -1
        assert sign * books.get(account, ZERO) == one.balances.get(name, ZERO), (month, name)
    return one


def net_of(app: App, on: str) -> Decimal:
    """What was invoiced for the contract on a day."""
    day = date.fromisoformat(on)
    lines = (line for one in stories.invoices(app) if one["invoice_date"] == day for line in one["lines"])
    return sum((line["amount"] for line in lines if line["subscription"] == "S1"), ZERO)


def amend(app: App, folder: Path, name: str, line: str) -> None:
    stories.deliver(folder, name, subscription_events=("entity,subscription,key,kind,on,plan,quantity", line))
    report = stories.load(app, folder / name)
    assert [str(f) for f in report.findings if f.level == "error"] == []


@pytest.mark.capability("A5.1", "B2.6", "B7.1")
def test_a_contract_from_signature_to_refund(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        started(app, folder)
        stories.bill(app, "2026-01-01")
        assert ledger(app)["2300"] == D(-2600)
        recognise(app, 1)
        one = tied(app, 1)
        shares = {share.obligation: (share.ssp, share.allocated) for share in one.shares}
        assert shares == {"licence": (1200, 1000), "support": (1440, 1200), "onboarding": (480, 400)}
        assert (one.exists, one.recognised, one.remaining) == (date(2026, 1, 10), 1100, 1500)
        assert one.balances == {"contract_liability": 1500, "contract_cost": 350}
        for month in (2, 3):
            recognise(app, month)
            tied(app, month)
        for month in (1, 2, 3):
            app.ledger.set_period("E1", date(2026, month, 1), "closed", CHANGE)
        before = ledger(app, "2026-03-31")
        accepted = {"key": "accepted", "kind": "accept", "on": date(2026, 3, 5), "promise": "onboarding"}
        assert app.revenue_contracts.tell("K1", accepted, at("2026-04-20"))
        assert not app.revenue_contracts.tell("K1", accepted, at("2026-04-21"))
        recognise(app, 4)
        assert ledger(app, "2026-03-31") == before
        assert ledger(app, "2026-04-01")["4000"] - before["4000"] == D(-400)
        known = app.revenue_contracts.account("K1", date(2026, 3, 31), known=date(2026, 4, 19))
        assert (known.recognised, known.unearned) == (1300, {"onboarding": 400})
        assert tied(app, 4).recognised == 1800
        told(app)
        upgraded(app, folder)
        ended(app, folder)


def told(app: App) -> None:
    """What others are told of contracts: the roll-forward ties, what remains is theirs, amounts and lines are explained."""
    for first in (date(2026, 1, 1), date(2026, 4, 1)):
        (moved,) = app.revenue.roll_forward(first, date(2026, 4, 30))
        assert (moved.account, moved.difference, moved.closing) == ("2300", 0, 800)
    assert sum((one.amount for one in app.revenue.remaining(date(2026, 4, 30))), ZERO) == 800
    found = app.explain("revenue:E1/K1/onboarding")
    steps = {step.name: step for step in found.steps}
    assert found.amount == "400.00 EUR"
    assert "rule onboarding of revrec/contracts at rules/revrec/contracts.yaml:9" in steps["rule"].text
    assert dict(steps["allocation"].details)["onboarding"] == "alone 480, 15.3846 % of all: 400 of the price"
    ((place, words),) = steps["posted"].details
    assert "for 2026-03, posted 2026-04-01" in words
    assert "K1" in str(app.explain(place))
    line = app.explain("E1-2026-000001#1")
    assert ("contract", "revenue:E1/K1/support") in next(step for step in line.steps if step.name == "revenue").details
    with pytest.raises(TollbookError, match="no obligation"):
        app.explain("revenue:E1/K1/nothing")


def upgraded(app: App, folder: Path) -> None:
    """A second seat from July on, at what the bill says; it is billed before it is told."""
    for month in (5, 6):
        recognise(app, month)
        tied(app, month)
    amend(app, folder, "upgrade", "E1,S1,2,change,2026-07-01,suite,2")
    stories.bill(app, "2026-07-01")
    price = net_of(app, "2026-07-01")
    assert price > 0
    app.revenue_contracts.tell(
        "K1", {"key": "seat", "kind": "modify", "on": date(2026, 7, 1), "price": price}, at("2026-07-01")
    )
    for month in (7, 8, 9):
        recognise(app, month)
        one = tied(app, month)
        assert one.price == 2600 + price
    assert [change.how for change in one.treated] == ["prospective"]


def ended(app: App, folder: Path) -> None:
    """The end of September was the last day: what is not served is owed back first, and then credited."""
    price, back = app.revenue_contracts.account("K1", date(2026, 9, 30)).price, D("604.93")
    end = {"key": "end", "kind": "terminate", "on": date(2026, 9, 30), "refund": back}
    app.revenue_contracts.tell("K1", end, at("2026-10-02"))
    recognise(app, 10)
    one = tied(app, 10)
    assert (one.price, one.remaining, one.balances) == (price - back, 0, {"refund_liability": back})
    amend(app, folder, "end", "E1,S1,3,cancel,2026-10-01,,")
    stories.bill(app, "2026-11-01")
    assert net_of(app, "2026-11-01") == -back
    recognise(app, 11)
    assert tied(app, 11).balances == {}
    books = ledger(app)
    assert books["4000"] == -one.price - 31 * 11
    assert set(books) == {"1200", "2200", "4000"}
    assert recognise(app, 11).counts["schedules"] == 0
    assert {name: found for name, found in app.verify().items() if found} == {}


FOREIGN = (
    CONTRACT.replace("contract: K1", "contract: K2")
    .replace("account: A1", "account: A2")
    .replace("currency: EUR", "currency: USD")
    .replace("subscription: S1", "subscription: S2")
    .replace("price: 1000", "price: 1100")
    .replace("price: 1200", "price: 1320")
    .replace("price: 400", "price: 440")
)


def test_a_contract_asset_in_foreign_currency(tmp_path: Path, sqlite_url: str) -> None:
    """What is earned before it is billed is an asset at the rate of its month; once all is billed and earned nothing stays."""
    folder = company(tmp_path, FOREIGN)
    two = {
        name: [line for line in FILES[name] if not line.startswith("E1,S")]
        for name in ("subscriptions", "subscription_events")
    }
    lines = {"subscriptions": "E1,S2,A2,1", "subscription_events": "E1,S2,1,start,2026-04-01,suite,1"}
    stories.deliver(folder, "data", **{name: (*some, lines[name]) for name, some in two.items()})
    with stories.opened(folder, sqlite_url) as app:
        started(app, folder)
        recognise(app, 1)
        first = ledger(app)  # 1210 USD at 1.1
        assert first == {"1300": D("1100.00"), "4000": D("-1100.00"), "1350": D("318.18"), "6950": D("-318.18")}
        recognise(app, 4)
        before = {"contract_asset": D(1540), "contract_cost": D(320)}
        assert app.revenue_contracts.account("K2", date(2026, 4, 30)).balances == before
        dry = app.revenue.recognise(date(2026, 5, 31), at("2026-05-31"), dry_run=True)
        assert dry.counts["schedules"] > 0
        stories.bill(app, "2026-05-01")
        app.revenue_contracts.tell(
            "K2", {"key": "yes", "kind": "accept", "on": date(2026, 5, 2), "promise": "onboarding"}, at("2026-05-02")
        )
        recognise(app, 5)
        assert "contract_asset" not in app.revenue_contracts.account("K2", date(2026, 5, 31)).balances
        assert ledger(app, "2026-05-31").get("1300", ZERO) == 0
        recognise(app, 12)
        one = app.revenue_contracts.account("K2", date(2026, 12, 31))
        assert (one.recognised, one.balances) == (2860, {"contract_cost": D(240)})
        books = ledger(app)
        assert not {"1300", "2310"} & books.keys()
        assert books.get("2300", ZERO) == 0
        worth = books["1350"]
        less = {"key": "less", "kind": "outlook", "on": date(2026, 12, 30), "expected": D(150), "quantity": D(30)}
        app.revenue_contracts.tell("K2", less, at("2026-12-31"))
        recognise(app, 12)  # half of what is left is lost: the asset keeps the rate at which it came
        one = app.revenue_contracts.account("K2", date(2026, 12, 31))
        assert one.balances == {"contract_cost": D(120), "contract_cost_impairment": D(120)}
        assert (worth, ledger(app)["1350"]) == (D("218.19"), D("109.09"))
        assert {name: found for name, found in app.verify().items() if found} == {}
