"""Prices that include tax: what the customer pays is what the price says, to the cent, whatever happens afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from tests import stories

D = Decimal

RULES = """
ruleset: pricing/shop
effective: {from: 2020-01-01}
rules:
  - {id: hundred, when: charge.key == "hundred", then: {method: flat, price: 100 EUR}}
  - {id: calls, when: charge.key == "calls", then: {method: per_unit, unit: 0.33 EUR}}
  - {id: trade, when: charge.key == "trade", then: {method: flat, price: 50 EUR}}
  - {id: each, then: {method: flat, price: 9.99 EUR}}
"""
TEN = [f"ten,{key},Item {key},recurring,advance,1,,shop,standard,true" for key in "abcdefghij"]


def company(folder: Path) -> Path:
    """One consumer with 100.00 a month, one with ten times 9.99 and usage, and a business of another country; all gross but one."""
    return stories.write(
        folder,
        rules={"pricing/acme.yaml": RULES},
        entities=(
            "key,name,country,functional_currency,zone,registrations",
            "E1,Laden GmbH,DE,EUR,Europe/Berlin,DE:vat:DE136695976",
        ),
        accounts=(
            "entity,key,name,country,currency,zone,tax_id",
            "E1,A1,One,DE,EUR,Europe/Berlin,",
            "E1,A2,Two,DE,EUR,Europe/Berlin,",
            "E1,A3,Three,AT,EUR,Europe/Vienna,ATU12345675",
            "E1,A4,Four,DE,EUR,Europe/Berlin,",
        ),
        plans=("key,name", "hundred,Hundred", "ten,Ten"),
        charges=(
            "plan,key,name,kind,timing,months,meter,product,tax_code,tax_included",
            "hundred,hundred,Hundred,recurring,advance,1,,shop,standard,true",
            *TEN,
            "ten,calls,Calls,usage,arrears,1,calls,shop,standard,true",
            "ten,trade,Trade,recurring,advance,1,,shop,standard,",
        ),
        subscriptions=(
            "entity,key,account,anchor_day",
            *(f"E1,S{n},A{n},1" for n in (1, 2, 3, 4)),
        ),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity,coupon",
            "E1,S1,1,start,2026-01-01,hundred,1,",
            "E1,S2,1,start,2026-01-01,ten,1,",
            "E1,S3,1,start,2026-01-01,hundred,1,",
            "E1,S4,1,start,2026-01-01,hundred,1,",
            "E1,S4,2,redeem,2026-01-01,,,TENTH",
        ),
        coupons=("key,name,percent,amount,currency,cycles,combinable", "TENTH,A tenth off,10,,,,true"),
        usage=(
            "entity,subscription,meter,key,at,quantity",
            "E1,S2,calls,u1,2026-01-10T10:00:00+01:00,10",
        ),
    )


def told(app: App) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """Net, tax and total by payer, date and kind."""
    return {
        f"{one['payer']} {one['invoice_date']:%m-%d} {one['kind']}": (one["net"], one["tax"], one["total"])
        for one in stories.invoices(app)
    }


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[App]:
    folder = company(tmp_path)
    config = folder / "config.yaml"
    config.write_text(
        config.read_text().replace("fx:", "  - {name: einvoice, port: einvoice, plugin: einvoice_en16931}\nfx:")
    )
    with stories.opened(folder, database_url) as opened:
        stories.load(opened, folder / "data")
        yield opened


def well(app: App) -> None:
    """Nothing is wrong with the books."""
    assert {name: [str(f) for f in found] for name, found in app.verify().items() if found} == {}


def ledger(app: App) -> dict[str, Decimal]:
    """The trial balance by account."""
    return {row["account"]: row["amount"] for row in app.ledger.trial_balance()["E1"] if row["amount"]}


@pytest.mark.capability("A5.5")
def test_what_is_paid_is_what_the_price_says(app: App, tmp_path: Path) -> None:
    stories.bill(app, "2026-01-01")
    assert told(app) == {
        "A1 01-01 invoice": (D("84.03"), D("15.97"), D("100.00")),
        "A2 01-01 invoice": (D("133.95"), D("25.45"), D("159.40")),  # 99.90 / 1.19 + 50.00; 19 % of 133.95
        "A3 01-01 invoice": (D("100.00"), D(0), D("100.00")),  # no tax is due, so that all of it is net
        "A4 01-01 invoice": (D("75.63"), D("14.37"), D("90.00")),  # with a coupon over a tenth
    }
    two = next(one for one in stories.invoices(app) if one["payer"] == "A2")
    gross = [line for line in two["lines"] if line["tax_included"]]
    assert {line["amount"] + line["tax_amount"] for line in gross} == {D("9.99")}
    assert {line["amount"] for line in gross} == {D("8.39"), D("8.40")}
    number = two["number"]
    written = app.documents.written(number, ("ubl",))[0].content.decode()
    assert "159.40" in written and "133.95" in written
    told_of = app.explain(f"{number}#2", everything=False)
    assert not told_of.findings and "9.99 EUR with tax" in str(told_of)
    well(app)
    stories.deliver(
        tmp_path,
        "later",
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            "E1,S1,2,cancel,2026-01-17,,",
        ),
    )
    stories.load(app, tmp_path / "later")
    stories.bill(app, "2026-02-01")
    after = told(app)
    assert after["A1 02-01 credit_note"] == (D("-40.66"), D("-7.73"), D("-48.39"))  # 15/31 of 100.00
    assert after["A2 02-01 invoice"][2] == D("162.70")  # and ten calls at 0.33
    well(app)
    stories.deliver(
        tmp_path,
        "late",
        usage=("entity,subscription,meter,key,at,quantity", "E1,S2,calls,u2,2026-01-11T10:00:00+01:00,1"),
    )
    stories.load(app, tmp_path / "late")
    stories.bill(app, "2026-03-01")
    assert told(app)["A2 03-01 invoice"][2] == D("159.73")  # 0.33 of January
    well(app)


@pytest.mark.capability("A6.3")
@pytest.mark.on_sqlite
def test_credits_give_back_what_was_paid(app: App) -> None:
    stories.bill(app, "2026-01-01")
    numbers = {one["payer"]: one["number"] for one in stories.invoices(app)}
    app.accounts.memos.credit(numbers["A1"], "goodwill", date(2026, 1, 5), stories.CHANGE, amount=D("10.00"))
    assert told(app)["A1 01-05 credit_note"] == (D("-8.40"), D("-1.60"), D("-10.00"))
    app.accounts.memos.credit(numbers["A1"], "duplicate", date(2026, 1, 6), stories.CHANGE)
    assert told(app)["A1 01-06 credit_note"] == (D("-75.63"), D("-14.37"), D("-90.00"))
    app.void(numbers["A2"], date(2026, 1, 7), stories.CHANGE)
    app.void(numbers["A3"], date(2026, 1, 7), stories.CHANGE)
    app.void(numbers["A4"], date(2026, 1, 7), stories.CHANGE)
    well(app)
    assert {key: value for key, value in ledger(app).items() if key != "1200"} == {}
    assert not ledger(app).get("1200")
    stories.bill(app, "2026-02-01")
    assert told(app)["A2 02-01 invoice"][2] == D(
        "322.10"
    )  # January again, whose invoice was voided, calls and February
    well(app)
