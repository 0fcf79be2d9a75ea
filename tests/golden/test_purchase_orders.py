"""Purchase orders: checked when an invoice is made, used up by invoices, restored by credits, held or warned of by rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.documents.document import Documents
from tests import stories

ORDERS = "entity,account,number,valid_from,valid_to,amount,currency,charges,products,buyer_reference"
EVENTS = "entity,subscription,key,kind,on,plan,quantity"
ORDER = "E1,A1,45-1,2026-01-01,2027-01-01,200,EUR,,,04011000-1234512345-06"


def company(folder: Path, *orders: str, number: str = "45-1", rules: dict[str, str] | None = None) -> Path:
    """One subscription of 5 seats (81 EUR a month, and 99 EUR once) of A1, under a contract that names a purchase order, and one
    of A2 under none."""
    folder.mkdir(exist_ok=True)
    contracts = ("entity,key,account,signed_on,purchase_order", f"E1,C1,A1,2025-12-01,{number}")
    files: dict[str, Sequence[str]] = {"purchase_orders": (ORDERS, *orders)} if orders else {}
    return stories.write(
        folder,
        rules=rules,
        contracts=contracts,
        subscriptions=("entity,key,account,anchor_day,contract", "E1,S1,A1,1,C1", "E1,S2,A2,1,"),
        subscription_events=(EVENTS, "E1,S1,1,start,2026-01-01,team,5", "E1,S2,1,start,2026-01-01,team,1"),
        usage=("entity,subscription,meter,key,at,quantity",),
        **files,
    )


def found(report: Any) -> list[tuple[str, str]]:
    return [
        (f.code.removeprefix("purchase-order."), f.what)
        for f in report.findings
        if f.code.startswith("purchase-order.")
    ]


def heads(app: App) -> list[tuple[str, str, str, Decimal]]:
    return [(h["payer"], str(h["invoice_date"])[5:], h["purchase_order"], h["net"]) for h in stories.invoices(app)]


def used(app: App) -> list[tuple[str, str, str]]:
    listed = app.review.orders.listed()
    return [
        (o["number"], f"{o['used'].normalize():f}", "" if o["left"] is None else f"{o['left'].normalize():f}")
        for o in listed
    ]


@pytest.mark.capability("B3.2")
def test_an_order_is_used_up_by_invoices_and_restored_by_credits(tmp_path: Path, database_url: str) -> None:
    """180 of 200 in January with a warning; February would exceed it and waits; a void gives it back, a new order goes on."""
    folder = company(tmp_path, ORDER)
    with stories.opened(folder, database_url) as app:
        assert stories.load(app, folder / "data").findings == ()
        report = stories.bill(app, "2026-01-01")
        first = "180.00 EUR of A1 is on purchase order 45-1; 20.00 EUR are left after it"
        assert found(report) == [("noted", first)]
        assert used(app) == [("45-1", "180", "20")]
        _not_overdrawn(app)
        head = stories.invoices(app)[0]
        assert (head["payer"], head["purchase_order"]) == ("A1", "45-1")

        dry = stories.bill(app, "2026-02-01", dry_run=True)
        report = stories.bill(app, "2026-02-01")
        what = "81.00 EUR of A1 is held: it is more than is left of purchase order 45-1; -61.00 EUR are left after it"
        assert found(report) == found(dry) == [("held", what)]
        assert [h[:2] for h in heads(app)] == [("A1", "01-01"), ("A2", "01-01"), ("A2", "02-01")]

        app.void(_number(app, "A1"), date(2026, 2, 1), stories.CHANGE)
        assert used(app) == [("45-1", "0", "200")], "the credit note is on the order of its invoice"
        report = stories.bill(app, "2026-02-02")
        assert found(report) == [("held", what.replace("81.00", "261.00"))]
        stories.load(app, stories.deliver(folder, "raised", purchase_orders=(ORDERS, ORDER.replace(",200,", ",300,"))))
        assert found(stories.bill(app, "2026-02-03")) == []
        assert used(app) == [("45-1", "261", "39")]
        assert all(items == () for items in app.verify().values())


def _not_overdrawn(app: App) -> None:
    """What a run relied on is looked at again under the lock of the order, in the transaction that writes its invoices."""
    with app.books.writer(stories.CHANGE, tenant="acme") as writer:
        writer.hold_orders("acme", "E1", {("A1", "45-1"): Decimal(180)})
    with (
        pytest.raises(TollbookError, match="180 of purchase order 45-1 of A1 are used up, and were 0"),
        app.books.writer(stories.CHANGE, tenant="acme") as writer,
    ):
        writer.hold_orders("acme", "E1", {("A1", "45-1"): Decimal(0)})


def _number(app: App, payer: str) -> str:
    with app.books.reader() as reader:
        mine = [head["number"] for head in reader.invoices("acme") if head["payer"] == payer]
    return mine[0]


@pytest.mark.capability("B3.2")
def test_a_credit_goes_on_the_order_of_its_line_and_the_charge_on_the_new_one(tmp_path: Path, sqlite_url: str) -> None:
    """The contract names another order from February on: what is given back of January restores the first order."""
    both = (ORDER.replace(",200,", ",1000,"), ORDER.replace(",200,", ",1000,").replace("45-1", "45/for/2"))
    folder = company(tmp_path, *both)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        contracts = ("entity,key,account,signed_on,purchase_order", "E1,C1,A1,2025-12-01,45/for/2")
        events = (EVENTS, "E1,S1,2,change,2026-01-17,team,2")
        stories.load(app, stories.deliver(folder, "more", contracts=contracts, subscription_events=events))
        report = stories.bill(app, "2026-02-01")
        assert found(report) == []
        mine = sorted((h[2], h[1], h[3]) for h in heads(app) if h[0] == "A1")
        back = Decimal(81) * 15 / 31
        assert (
            mine[0][:2] == ("45-1", "01-01")
            and mine[1][:2] == ("45-1", "02-01")
            and mine[2][:2] == ("45/for/2", "02-01")
        )
        assert mine[1][2] == -back.quantize(Decimal("0.01")) and mine[0][2] + mine[1][2] == Decimal(used(app)[0][1])
        assert stories.bill(app, "2026-02-01").repeated and found(stories.bill(app, "2026-02-02")) == []
        assert len(heads(app)) == 5
        assert all(items == () for items in app.verify().values())


WRONG = (  # dates, amount, currency, charges; how, words
    ("2026-02-01,", "1000", "EUR", "", "held", "is dated when purchase order {} is not valid"),
    (",2026-01-01", "1000", "EUR", "", "held", "is dated when purchase order {} is not valid"),
    (",", "1000", "EUR", "base; setup", "held", "has lines that purchase order {} is not for"),
    (",", "1000", "USD", "", "held", "is not in the currency of purchase order {}"),
    (",", "179.99", "EUR", "", "held", "is more than is left of purchase order {}; -0.01 EUR are left after it"),
    (",2026-01-20", "", "EUR", "", "noted", "is on purchase order {}"),
)


@pytest.mark.capability("B3.2")
def test_what_is_wrong_is_named(tmp_path: Path, sqlite_url: str) -> None:
    """One contract that names one order after the other; the first was never imported."""
    folder = company(tmp_path, ORDER, number="45-0")
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        for number, (dates, amount, currency, charges, how, words) in enumerate(
            (("", "", "", "", "noted", "is on purchase order {}, which was never imported"), *WRONG)
        ):
            name = f"4711-{number}"
            contracts = ("entity,key,account,signed_on,purchase_order", f"E1,C1,A1,2025-12-01,{name}")
            files = {"contracts": contracts}
            if dates:
                files["purchase_orders"] = (ORDERS, f"E1,A1,{name},{dates},{amount},{currency},{charges},,")
            assert stories.load(app, stories.deliver(folder, name, **files)).findings == ()
            report = stories.bill(app, "2026-01-01", dry_run=True)
            ((code, what),) = found(report)
            assert (code, words.format(name) in what) == (how, True), what
            assert ("A1" in {one["payer"] for one in report.details}) == (how == "noted")


FORMAT = """
ruleset: purchase_orders/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: format, when: 'number != null and not (number =~ "45[0-9]{4}$")', then: {action: hold, why: their numbers are 45 and four digits}}
  - {id: needed, when: account.key == "A2" and problem == "missing", then: {action: hold, why: they pay nothing without one}}
  - {id: reference, when: account.country == "NL" and number != null and buyer_reference == null, then: {action: hold, why: they want BT-10}}
"""


@pytest.mark.capability("B3.2")
def test_rules_know_the_customers_format_and_what_it_requires(tmp_path: Path, sqlite_url: str) -> None:
    """Asked by rules of one's own without any order imported, too; the reference of the order is BT-10 of the document."""
    folder = company(tmp_path, number="PO 1", rules={"purchase_orders/acme.yaml": FORMAT})
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        report = stories.bill(app, "2026-01-01")
        assert [f.why for f in report.findings if f.code == "purchase-order.held"] == [
            "their numbers are 45 and four digits",
            "they pay nothing without one",
        ]
        assert heads(app) == []
        contracts = ("entity,key,account,signed_on,purchase_order", "E1,C1,A1,2025-12-01,450001")
        bare = ORDER.replace("45-1", "450001").replace("04011000-1234512345-06", "")
        stories.load(app, stories.deliver(folder, "more", contracts=contracts, purchase_orders=(ORDERS, bare)))
        assert "they want BT-10" in {f.why for f in stories.bill(app, "2026-01-02").findings}
        refused = stories.load(app, stories.deliver(folder, "late", purchase_orders=(ORDERS, f"{bare}x")))
        assert [f.code for f in refused.findings] == ["intake.key-conflict"]
        contracts = ("entity,key,account,signed_on,purchase_order", "E1,C1,A1,2025-12-01,450002")
        better = ORDER.replace("45-1", "450002")
        stories.load(app, stories.deliver(folder, "again", contracts=contracts, purchase_orders=(ORDERS, better)))
        stories.bill(app, "2026-01-03")
        ((payer, _, number, _),) = heads(app)
        assert (payer, number) == ("A1", "450002")
        with app.books.reader() as reader:
            ((ident,),) = [(head["id"],) for head in reader.invoices("acme")]
            document = Documents(reader, "acme", app.parts().rules).of([ident])[ident]
        assert (document["purchase_order"], document["buyer"]["reference"]) == ("450002", "04011000-1234512345-06")
