"""Vouchers: a single-purpose one is taxed when it is sold, a multi-purpose one when it is redeemed; numbers worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.app import App
from engine.base.errors import TollbookError
from engine.base.period import Period
from engine.cli import main as tollbook
from engine.runs.wallets.desk import Asked
from engine.store.tables import POSTING
from tests import stories
from tests.stories import CHANGE

D = Decimal
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
PRICES = """
ruleset: pricing/cinema
effective: {from: 2020-01-01}
rules:
  - {id: film, when: charge.key == "film", then: {method: flat, price: 100 EUR}}
"""


def company(folder: Path) -> Path:
    """A cinema in Germany that sells a seat for 100.00 and 19 % a month to a customer with vouchers of each kind, and to another."""
    return stories.write(
        folder,
        rules={"pricing/acme.yaml": PRICES},
        entities=(
            "key,name,country,functional_currency,zone,registrations",
            "E1,Kino GmbH,DE,EUR,Europe/Berlin,DE:vat:DE136695976",
        ),
        accounts=(
            "entity,key,name,country,currency,zone",
            "E1,A1,Single,DE,EUR,Europe/Berlin",
            "E1,A2,Multi,DE,EUR,Europe/Berlin",
        ),
        meters=("key,unit,aggregation",),
        plans=("key,name", "kino,Kino"),
        charges=(
            "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
            "kino,film,Seat,recurring,advance,1,,month,seat,standard",
        ),
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1", "E1,S2,A2,1"),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            "E1,S1,1,start,2026-02-01,kino,1",
            "E1,S2,1,start,2026-02-01,kino,1",
        ),
        usage=("entity,subscription,meter,key,at,quantity",),
        gl_accounts=(*stories.FILES["gl_accounts"], "4300,Breakage,income"),
        wallets=("entity,key,account,currency", "E1,W2,A2,EUR"),
    )


def ledger(app: App) -> dict[str, Decimal]:
    statement = sa.select(POSTING.c.account, sa.func.sum(POSTING.c.amount, type_=POSTING.c.amount.type))
    with app.books.reader() as reader:
        found = {row[0]: row[1] for row in reader.rows(statement.group_by(POSTING.c.account))}
    return {account: amount for account, amount in found.items() if amount}


def sell(app: App, amount: str, key: str, **more: Any) -> Any:
    values = {"text": "Voucher", "key": key, "expires": date(2026, 4, 1)} | more
    return app.advances.invoice("A1", D(amount), date(2026, 1, 15), CHANGE, **values)


def well(app: App) -> None:
    assert {name: found for name, found in app.verify().items() if found} == {}


def billed(app: App, payer: str) -> list[tuple[Decimal, Decimal]]:
    made = sorted(
        (one for one in stories.invoices(app) if one["payer"] == payer and one["invoice_date"] >= date(2026, 2, 1)),
        key=lambda one: one["invoice_date"],
    )
    return [(one["net"], one["tax"]) for one in made]


def test_a_single_purpose_voucher(tmp_path: Path, database_url: str) -> None:
    """150.00 and 99.00 are sold: 126.05 and 23.95, 83.19 and 15.81.  February owes 119.00, less 119.00 of the first, nothing is left;
    March 119.00, less 31.00 (26.05 and 4.95) of the first and 88.00 (73.95 and 14.05) of the second; on 1 April both have
    expired, and 9.24 of the second are earned while its 1.76 of tax stay due."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        sold = sell(app, "150.00", "V1")
        assert (sold.net, sold.tax, sold.state) == (D("126.05"), D("23.95"), "issued")
        assert sell(app, "150.00", "V1").repeated
        sell(app, "99.00", "V2")
        assert ledger(app) == {"1200": D("249.00"), "2200": D("-39.76"), "2300": D("-209.24")}, "taxed when it is sold"
        stories.bill(app, "2026-02-01")
        stories.bill(app, "2026-03-01")
        assert billed(app, "A1") == [(D("0"), D("0")), (D("0"), D("0"))], "redeeming is no supply"
        report = app.tax.report(YEAR, ("jurisdiction", "rate"))
        assert [(one.net, one.tax) for one in report.rows] == [(D("409.24"), D("77.76"))], "and A2's 200.00 at 19 %"
        before = ledger(app)
        assert before["2300"] == D("-9.24")
        app.wallets.expire(date(2026, 4, 1), CHANGE)
        after = ledger(app)
        assert ("2300" in after, after["4300"], after["2200"]) == (False, D("-9.24"), before["2200"])
        app.wallets.expire(date(2026, 4, 2), CHANGE)
        assert ledger(app) == after, "once"
        stories.bill(app, "2026-04-01")
        assert billed(app, "A1")[-1] == (D("100.00"), D("19.00")), "an expired voucher redeems nothing"
        second = next(one["number"] for one in stories.invoices(app) if one["total"] == 99)
        assert refused(lambda: app.accounts.memos.credit(second, "goodwill", date(2026, 4, 5), CHANGE)) == [
            "voucher.expired"
        ]
        well(app)


def test_a_voucher_is_good_for_its_supply_alone(tmp_path: Path) -> None:
    """Sold for another tax code it waits, and is voided whole; one that ends before it begins is refused."""
    folder = company(tmp_path)
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}") as app:
        stories.load(app, folder / "data")
        sold = sell(app, "50.00", "V1", tax_code="goods")
        assert refused(lambda: sell(app, "50.00", "V2", expires=date(2026, 1, 15))) == ["advance.unfit"]
        stories.bill(app, "2026-02-01")
        assert billed(app, "A1") == [(D("100.00"), D("19.00"))]
        number = next(one["number"] for one in stories.invoices(app) if one["total"] == 50)
        assert sold.total == 50 and app.void(number, date(2026, 2, 2), CHANGE)
        assert app.wallets.expire(date(2026, 4, 1), CHANGE).counts.get("vouchers", 0) == 0
        assert "2300" not in ledger(app), "and A2 has no advance"
        well(app)


def test_a_multi_purpose_voucher(tmp_path: Path, database_url: str) -> None:
    """200.00 are sold without tax; February is invoiced and taxed whole and 119.00 of the voucher pay for it; 81.00 are left, and
    earned without tax when they expire."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        asked = Asked("M1", D(200), kind="voucher", on=date(2026, 1, 15), expires_on=date(2026, 3, 1))
        app.wallets.grant("W2", asked, CHANGE)
        assert ledger(app) == {"2350": D("-200.00"), "2400": D("200.00")}, "no tax when it is sold"
        cheap = Asked("M2", D(200), kind="voucher", cost=D(150), on=date(2026, 1, 15))
        assert refused(lambda: app.wallets.grant("W2", cheap, CHANGE)) == ["wallet.unfit"]
        stories.bill(app, "2026-02-01")
        assert billed(app, "A2") == [(D("100.00"), D("19.00"))], "taxed when it is redeemed"
        assert ledger(app)["2350"] == D("-81.00")
        app.wallets.expire(date(2026, 3, 1), CHANGE)
        assert ("2350" in ledger(app), ledger(app)["4300"]) == (False, D("-81.00"))
        assert ledger(app)["2200"] == D("-38.00"), "of the two invoices alone"
        well(app)


def refused(act: Any) -> list[str]:
    with pytest.raises(TollbookError) as caught:
        act()
    return [str(one.code) for one in caught.value.findings]


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = company(tmp_path)
    words = ("--config", str(folder / "config.yaml"), "--set", f"database.url=sqlite:///{folder / 'books.db'}")
    who = ("--as", "ada", "--reason", "test", "--date", "2026-01-15")
    assert tollbook.run([*words, "import", str(folder / "data"), *who[:4]]) == 0
    voucher = ("advance", "A1", "119", "--text", "Voucher", "--voucher-until", "2026-04-01", "--key", "V")
    capsys.readouterr()
    assert tollbook.run([*words, *voucher, *who]) == 0
    assert "119.00" in capsys.readouterr().out
    assert tollbook.run([*words, "wallet", "grant", "W2", "50", "--key", "M", "--voucher", "--promotional", *who]) == 1
    assert tollbook.run([*words, "wallet", "grant", "W2", "50", "--key", "M", "--voucher", *who]) == 0
    assert tollbook.run([*words, "verify"]) == 0
