"""Advances: invoiced over money that came, taken off what is supplied later, given back where nothing comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from tests import stories

D = Decimal
RULES = """
ruleset: pricing/works
effective: {from: 2020-01-01}
rules:
  - {id: works, when: charge.key == "works", then: {method: flat, price: 1000 EUR}}
  - {id: care, when: charge.key == "care", then: {method: flat, price: 33.33 EUR}}
"""
PREPAID = """
ruleset: documents/whole
effective: {from: 2020-01-01}
priority: 50
rules:
  - {id: paid, when: account.key == "A2", then: {advances: prepaid, formats: [ubl, cii]}}
  - {id: other, then: {formats: [ubl, cii]}}
"""
PARTY = "name,country,currency,zone,address,city,postcode,email,tax_id"


def company(folder: Path) -> Path:
    """Three customers in Germany; works of 1,000.00 on 1 February, and care of 33.33 a month from then on."""
    written = stories.write(
        folder,
        rules={"pricing/acme.yaml": RULES, "documents/whole.yaml": PREPAID},
        entities=(
            "key,name,country,functional_currency,zone,registrations,address,city,postcode,contact_name,contact_phone,contact_email",
            "E1,Bau GmbH,DE,EUR,Europe/Berlin,DE:vat:DE136695976,Weg 1,Berlin,10115,Desk,+49301234,desk@bau.example",
        ),
        accounts=(
            f"entity,key,{PARTY}",
            *(f"E1,A{n},Kunde {n},DE,EUR,Europe/Berlin,Gasse {n},Bonn,53111,a{n}@k.example," for n in (1, 2, 3)),
        ),
        plans=("key,name", "build,Build"),
        charges=(
            "plan,key,name,kind,timing,months,meter,product,tax_code",
            "build,works,Works,one_time,advance,1,,works,standard",
            "build,care,Care,recurring,advance,1,,care,standard",
        ),
        subscriptions=("entity,key,account,anchor_day", *(f"E1,S{n},A{n},1" for n in (1, 2, 3))),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            *(f"E1,S{n},1,start,2026-02-01,build,1" for n in (1, 2, 3)),
        ),
        usage=("entity,subscription,meter,key,at,quantity",),
    )
    config = folder / "config.yaml"
    config.write_text(
        config.read_text().replace("fx:", "  - {name: einvoice, port: einvoice, plugin: einvoice_en16931}\nfx:")
    )
    return written


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[App]:
    """The company, with an advance of 357.00 of each customer."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as opened:
        stories.load(opened, folder / "data")
        for n in (1, 2, 3):
            pay(opened, f"A{n}", "357.00", f"p{n}")
            advance(opened, f"A{n}", "357.00")
        yield opened


def pay(app: App, account: str, amount: str, key: str) -> None:
    """Money that came on 12 January."""
    app.accounts.pay(account, key, D(amount), stories.CHANGE, on=date(2026, 1, 12))


def advance(app: App, account: str, amount: str, **more: object) -> object:
    """An invoice over it, two days later."""
    asked = {"received": date(2026, 1, 12), "text": "Advance"} | more
    return app.advances.invoice(account, D(amount), date(2026, 1, 14), stories.CHANGE, **asked)  # type: ignore[arg-type]


def documents(app: App, payer: str) -> list[tuple[str, str, Decimal, Decimal, Decimal]]:
    """Day, kind, net, tax and total of the documents of a payer."""
    found = [one for one in stories.invoices(app) if one["payer"] == payer]
    return [(f"{one['invoice_date']:%m-%d}", one["kind"], one["net"], one["tax"], one["total"]) for one in found]


def ledger(app: App) -> dict[str, Decimal]:
    """The trial balance by account."""
    return {row["account"]: row["amount"] for row in app.ledger.trial_balance()["E1"] if row["amount"]}


def well(app: App) -> None:
    """Nothing is wrong with the books."""
    assert {name: [str(f) for f in found] for name, found in app.verify().items() if found} == {}


ADVANCED = ("01-14", "advance_invoice", D("300.00"), D("57.00"), D("357.00"))


@pytest.mark.capability("A5.5")
def test_what_is_supplied_is_invoiced_less_the_advance_and_its_tax(app: App) -> None:
    assert documents(app, "A1") == [ADVANCED]
    assert ledger(app) == {"1000": D(1071), "2200": D(-171), "2300": D(-900)}  # a liability of services, no revenue
    (first, *_) = stories.invoices(app)
    assert (first["tax_point"], first["number"]) == (date(2026, 1, 12), "E1-ADV-2026-000001")
    assert app.accounts.shown("A1").items == ()  # the money has paid it
    advance(app, "A1", "357.00")  # the same again
    assert documents(app, "A1") == [ADVANCED]
    well(app)
    stories.bill(app, "2026-02-01")
    # 1,033.33 and 196.33, less 300.00 and 57.00
    assert documents(app, "A1")[1:] == [("02-01", "invoice", D("733.33"), D("139.33"), D("872.66"))]
    final = next(one for one in stories.invoices(app) if one["payer"] == "A1" and one["kind"] == "invoice")
    assert final["lines"][-1]["text"] == "Advance (E1-ADV-2026-000001)"
    assert ledger(app)["2300"] == 0 if "2300" in ledger(app) else True
    assert ledger(app)["4000"] == D("-3099.99")
    well(app)
    told = app.explain(f"{final['number']}#{len(final['lines'])}", everything=False)
    assert not told.findings and "E1-ADV-2026-000001" in str(told)


@pytest.mark.capability("A1.4")
def test_documents_name_it_as_lines_or_as_paid(app: App) -> None:
    stories.bill(app, "2026-02-01")
    for payer, total, prepaid in (("A1", "872.66", None), ("A2", "1229.66", "357.00")):
        mine = [one for one in stories.invoices(app) if one["payer"] == payer]
        by_kind = {one["kind"]: one["number"] for one in mine}
        for file in app.documents.written(by_kind["invoice"], ("ubl", "cii")):  # the official sheets accept each
            text = file.content.decode()
            assert by_kind["advance_invoice"] in text and total in text and "872.66" in text
            assert prepaid is None or f"{prepaid}</" in text
        for file in app.documents.written(by_kind["advance_invoice"], ("ubl", "cii")):
            text = file.content.decode()
            assert ">386<" in text and "357.00" in text and "2026-01-12" in text.replace("20260112", "2026-01-12")


@pytest.mark.capability("A6.3")
def test_what_falls_through_is_given_back(app: App) -> None:
    number = next(one["number"] for one in stories.invoices(app) if one["payer"] == "A3")
    app.void(number, date(2026, 1, 20), stories.CHANGE)
    assert documents(app, "A3")[1] == ("01-20", "credit_note", D("-300.00"), D("-57.00"), D("-357.00"))
    (balance,) = app.accounts.shown("A3").balances
    assert (balance.owed, balance.credit) == (0, D(357))
    app.accounts.refund("A3", "r3", D(357), stories.CHANGE, on=date(2026, 1, 21))
    assert ledger(app) == {"1000": D(714), "2200": D(-114), "2300": D(-600)}
    stories.bill(app, "2026-02-01")
    assert documents(app, "A3")[-1] == ("02-01", "invoice", D("1033.33"), D("196.33"), D("1229.66"))
    final = next(one["number"] for one in stories.invoices(app) if one["payer"] == "A1" and one["kind"] == "invoice")
    app.void(final, date(2026, 2, 3), stories.CHANGE)  # the advance is there again
    stories.bill(app, "2026-02-04")
    assert documents(app, "A1")[-1][4] == D("872.66")
    well(app)


@pytest.mark.on_sqlite
def test_more_than_an_invoice_is_taken_off_the_next(app: App) -> None:
    pay(app, "A1", "2000.00", "p9")
    advance(app, "A1", "2000.00", key="big", text="More")
    stories.bill(app, "2026-02-01")
    assert documents(app, "A1")[-1][2:] == (0, 0, 0)
    stories.bill(app, "2026-03-01")
    assert documents(app, "A1")[-1][2:] == (0, 0, 0)
    well(app)


@pytest.mark.on_sqlite
def test_an_advance_is_of_money_that_came(app: App) -> None:
    for more, code in (
        ({"key": "x"}, "advance.not-received"),
        ({"key": "x", "contract": "C9"}, "advance.no-contract"),
        ({"key": "x", "received": date(2026, 1, 15)}, "advance.unfit"),
    ):
        with pytest.raises(TollbookError) as refused:
            advance(app, "A1", "10.00", **more)
        assert [str(one.code) for one in refused.value.findings] == [code]
    with pytest.raises(TollbookError) as refused:
        pay(app, "A1", "0.01", "p8")
        advance(app, "A1", "0.001", key="x")
    assert [str(one.code) for one in refused.value.findings] == ["advance.unfit"]
