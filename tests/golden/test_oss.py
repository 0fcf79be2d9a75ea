"""The one-stop shop: whose tax is charged, and the return of a quarter, with numbers worked out by hand."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest import MonkeyPatch

from engine.app import App
from engine.base.errors import TollbookError
from engine.base.period import Period
from engine.cli import main as tollbook
from engine.model.entity import LegalEntity
from engine.runs.tax import oss_threshold
from engine.runs.tax.oss_report import OssReport, correctable
from tests import stories

D = Decimal
OSS = "NL:oss:NL001234567B01:2026-01-01"
PRICES = """
ruleset: pricing/shop
effective: {from: 2020-01-01}
rules:
  - {id: film, when: charge.key == "film", then: {method: flat, price: [100 EUR, 108.40 USD]}}
  - {id: box, when: charge.key == "box", then: {method: flat, price: [50 EUR, 54.20 USD]}}
"""
FILES: dict[str, Any] = {
    "entities": (
        "key,name,country,functional_currency,zone,registrations",
        f"E1,Acme BV,NL,EUR,Europe/Amsterdam,NL:vat:NL001234567B01;BE:vat:BE0428759497;{OSS}",
    ),
    "accounts": (
        "entity,key,name,country,currency,zone,tax_id",
        "E1,BE1,In a state of its own registration,BE,EUR,Europe/Brussels,",
        "E1,DE1,Consumer,DE,EUR,Europe/Berlin,",
        "E1,DE2,Business,DE,EUR,Europe/Berlin,DE136695976",
        "E1,FR1,Consumer with dollars,FR,USD,Europe/Paris,",
        "E1,NL1,Consumer at home,NL,EUR,Europe/Amsterdam,",
    ),
    "meters": ("key,unit,aggregation",),
    "plans": ("key,name", "shop,Shop"),
    "charges": (
        "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
        "shop,film,Films,recurring,advance,1,,month,films,digital_service",
        "shop,box,Box,recurring,advance,1,,month,boxes,goods",
    ),
    "subscriptions": (
        "entity,key,account,anchor_day",
        *(f"E1,S{one},{one},1" for one in ("BE1", "DE1", "DE2", "FR1", "NL1")),
    ),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity",
        *(f"E1,S{one},1,start,2026-01-01,shop,1" for one in ("BE1", "DE1", "DE2", "FR1", "NL1")),
    ),
    "usage": ("entity,subscription,meter,key,at,quantity",),
    "rates": (
        "base,quote,rate,source,on",
        *("EUR,USD,1.1,ECB,2025-12-31", "EUR,USD,1.2,ECB,2026-03-30"),
        *("EUR,USD,1.3,other,2026-03-31", "EUR,USD,1.0850,ECB,2026-04-01", "EUR,USD,1.1,ECB,2026-07-01"),
    ),
}


def company(folder: Path, **changed: Any) -> Path:
    return stories.write(folder, rules={"pricing/acme.yaml": PRICES}, **{**FILES, **changed})


def rows(report: OssReport) -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
    return {(one.country, one.supply, f"{one.rate:f}"): (one.net, one.tax) for one in report.rows}


def tied(report: OssReport) -> None:
    """Everything declared is in the ledger."""
    assert report.ties and all((tie.difference, tie.account) == (0, "2200") for tie in report.ties)


@pytest.mark.capability("A5.5")
def test_the_return_of_a_quarter(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """DE1 pays 19 % of 100 and of 50 in each of three months; FR1 20 % of 108.40 and of 54.20 dollars, which are taken at the rate of
    1 April, as none was published on 31 March: 325.20 / 1.0850 = 299.72, 65.04 / 1.0850 = 59.94, 162.60 / 1.0850 = 149.86,
    32.52 / 1.0850 = 29.97.  In April a film of March is given back to DE1, 3.57 of the 178.50 of February are given up, which lowers
    150.00 by 3.00 and 28.50 by 0.57, and FR1 turns out exempt from 1 March on."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        for month in ("2026-01-01", "2026-02-01", "2026-03-01"):
            stories.bill(app, month)
        first = app.tax.one_stop_shop("2026-Q1")
        assert rows(first) == {
            ("DE", "goods", "0.19"): (D("150.00"), D("28.50")),
            ("DE", "services", "0.19"): (D("300.00"), D("57.00")),
            ("FR", "goods", "0.2"): (D("149.86"), D("29.97")),
            ("FR", "services", "0.2"): (D("299.72"), D("59.94")),
        }
        assert first.corrections == () and {one.number for one in first.rows} == {"NL001234567B01"}
        assert [(one.country, one.due) for one in first.balances] == [("DE", D("85.50")), ("FR", D("89.91"))]
        assert [(one.currency, one.rate, one.on) for one in first.rates] == [("USD", D("1.0850"), date(2026, 4, 1))]
        tied(first)
        assert {tie.currency: tie.declared for tie in first.ties} == {"EUR": D("85.50"), "USD": D("97.56")}
        corrected_in_april(app, folder)
        second = app.tax.one_stop_shop("2026-Q2")
        assert second.rows == ()
        found = {(one.country, one.quarter): (one.net, one.tax) for one in second.corrections}
        assert found == {
            ("DE", "2026-Q1"): (D("-103.00"), D("-19.57")),
            ("FR", "2026-Q1"): (D("-149.86"), D("-29.97")),  # 162.60 and 32.52 dollars at the rate of their own quarter
        }
        assert [(one.country, one.due) for one in second.balances] == [("DE", D("-19.57")), ("FR", D("-29.97"))]
        assert {tie.currency: tie.lowered for tie in second.ties} == {"EUR": D("-0.57"), "USD": 0}
        tied(second)
        assert app.tax.one_stop_shop("2026-Q1") == first, "what was handed in stays"
        assert app.verify(["tax-ties", "ledger-ties", "balanced"]) == {
            "tax-ties": (),
            "ledger-ties": (),
            "balanced": (),
        }
        printed = [
            line["tax_reason"] for one in stories.invoices(app) if one["payer"] == "DE1" for line in one["lines"]
        ]
        assert set(printed) == {""}, "the Union scheme asks for no words on invoices"
    written(folder, database_url, capsys)


def corrected_in_april(app: App, folder: Path) -> None:
    march = next(
        one for one in stories.invoices(app) if one["payer"] == "DE1" and one["invoice_date"] == date(2026, 3, 1)
    )
    film = next(line["number"] for line in march["lines"] if line["charge"] == "film")
    app.accounts.memos.credit(march["number"], "goodwill", date(2026, 4, 10), stories.CHANGE, line=film)
    february = next(
        one for one in stories.invoices(app) if one["payer"] == "DE1" and one["invoice_date"] == date(2026, 2, 1)
    )
    app.cash.write_off(february["number"], "discount", stories.CHANGE, amount=D("3.57"), on=date(2026, 4, 12))
    late = (
        "entity,account,certificate,country,region,reason,tax_codes,valid_from,valid_to,source,received_on",
        "E1,FR1,X-1,FR,,diplomat,,2026-03-01,,,2026-04-15",
    )
    stories.load(app, stories.deliver(folder, "late", exemptions=late))
    march_days = Period(date(2026, 3, 1), date(2026, 4, 1))
    app.tax.true_up(march_days, date(2026, 4, 20), stories.CHANGE)


def written(folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As CSV, JSON and tables."""
    words = (
        "--config",
        str(folder / "config.yaml"),
        "--set",
        f"database.url={url}",
        "tax",
        "report",
        "--scheme",
        "oss",
    )
    capsys.readouterr()
    assert tollbook.run([*words, "--quarter", "2026-Q1", "--csv"]) == 0
    cells = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    film = ["supply", "E1", "NL001234567B01", "FR", "services", "0.2", "2026-Q1", "299.72", "59.94", "EUR"]
    assert film in cells and len(cells) == 5
    assert tollbook.run([*words, "--quarter", "2026-Q2", "--csv"]) == 0
    assert "correction,E1,NL001234567B01,DE,,,2026-Q1,-103.00,-19.57,EUR" in capsys.readouterr().out
    assert tollbook.run([*words, "--quarter", "2026-Q2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["balances"][0]["due"] == "-19.57"
    assert tollbook.run([*words, "--quarter", "2026-Q1"]) == 0
    assert "19.00%" in capsys.readouterr().out
    for wrong in (("--quarter", "2026-Q5"), (), ("--quarter", "2026-Q1", "--from", "2026-01-01")):
        assert tollbook.run([*words, *wrong]) == 1
    assert tollbook.run([*words[:-2], "--scheme", "moss", "--quarter", "2026-Q1"]) == 1


def test_below_the_threshold_the_tax_is_the_sellers(tmp_path: Path) -> None:
    """Until the supply of 1 February takes it over the threshold; no return without a registration, and none without a rate."""
    plain = "E1,Acme BV,NL,EUR,Europe/Amsterdam,NL:vat:NL001234567B01;BE:vat:BE0428759497"
    folder = company(tmp_path, entities=(FILES["entities"][0], plain))
    config = folder / "config.yaml"
    setting = "plugin: tax_table, settings: {over_threshold_from: 2026-02-01}"
    config.write_text(config.read_text().replace("plugin: tax_table", setting))
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}") as app:
        stories.load(app, folder / "data")
        for month in ("2026-01-01", "2026-02-01"):
            stories.bill(app, month)
        taxed = {
            (one["payer"], one["invoice_date"].month): {
                (line["tax_jurisdiction"], line["tax_rate"]) for line in one["lines"]
            }
            for one in stories.invoices(app)
        }
        assert taxed["DE1", 1] == {("NL", D("0.21"))} and taxed["DE1", 2] == {("DE", D("0.19"))}
        assert taxed["FR1", 1] == {("NL", D("0.21"))} and taxed["FR1", 2] == {("FR", D("0.2"))}
        assert taxed["BE1", 1] == {("BE", D("0.21"))}, "registered there: taxed there from the first supply on"
        assert taxed["DE2", 1] == {("DE", D(0))}
        watched(app)
        assert refused(app, "2026-Q1") == ["oss.not-registered"]
        assert refused(app, "2026-Q1", "E9") == ["oss.not-registered"]
        again = stories.deliver(
            folder, "again", entities=(FILES["entities"][0], f"{plain};{OSS}"), rates=("base,quote,rate,source,on",)
        )
        stories.load(app, again)
        stories.bill(app, "2026-05-01")
        assert rows(app.tax.one_stop_shop("2026-Q1"))["DE", "services", "0.19"] == (D("100.00"), D("19.00"))
        stories.bill(app, "2026-10-01")
        assert refused(app, "2026-Q4") == ["oss.no-rate"]


def watched(app: App) -> None:
    """DE1 buys for 150.00 a month; FR1 for 162.60 dollars, that is 147.82 euro at 1.1; BE1 for 150.00; DE2 is a business and NL1 at home."""
    january, both = (Period(date(2026, 1, 1), date(2026, month, 1)) for month in (2, 3))
    with MonkeyPatch.context() as patch:
        patch.setattr(oss_threshold, "THRESHOLD", D("900.00"))
        assert app.tax.report(january).findings == ()
        (near,) = app.tax.report(both).findings
        assert (near.code, near.subject) == ("oss.threshold-near", "entity/E1")
        assert (
            "E1 has sold for 895.64 EUR to consumers in other member states in 2026 (digital_service, goods)"
            in near.what
        )
        patch.setattr(oss_threshold, "THRESHOLD", D("400.00"))
        (passed,) = app.tax.report(january, entity="E1").findings
        assert passed.code == "oss.threshold-passed" and "on 297.82 EUR" in passed.what and "2026-01-01" in passed.mend
        assert app.tax.report(both, entity="E9").findings == ()


def sale(day: str, net: str, country: str) -> SimpleNamespace:
    return SimpleNamespace(day=date.fromisoformat(day), net=D(net), rate=D(1), country=country, tax_code="goods")


@pytest.mark.parametrize(
    ("sales", "found"),
    [
        ([("2026-03-01", "8000", "NL")], ""),
        ([("2026-03-01", "8000.01", "NL")], "oss.threshold-near"),
        ([("2026-03-01", "10000", "NL")], "oss.threshold-near"),
        ([("2026-03-01", "10000", "NL"), ("2026-05-01", "0.01", "NL")], "since 2026-05-01"),
        ([("2026-03-01", "10000", "NL"), ("2026-05-01", "0.01", "DE")], ""),
        ([("2025-03-01", "10000.01", "DE"), ("2026-05-01", "1", "NL")], "since 2026-01-01"),
        ([("2025-03-01", "10000", "NL"), ("2026-05-01", "1", "NL")], ""),
    ],
)
def test_the_threshold_is_one_of_two_years(sales: list[tuple[str, str, str]], found: str) -> None:
    """The supply that takes the sum over 10,000.00 is the first of the buyer's country, and so is all of the next year."""
    seller = LegalEntity("t", "E1", "Acme", "NL", "EUR", "Europe/Amsterdam")
    told = [f"{one.code} {one.what}" for one in oss_threshold.standing(seller, 2026, [sale(*one) for one in sales])]
    assert len(told) == bool(found) and all(found in one for one in told)


@pytest.mark.parametrize(("quarter", "by", "taken"), [("2023-Q1", "2026-Q1", True), ("2023-Q1", "2026-Q2", False), ("2025-Q4", "2026-Q1", True), ("2022-Q4", "2026-Q1", False)])  # fmt: skip
def test_a_return_is_corrected_for_three_years_from_the_day_it_was_due(quarter: str, by: str, taken: bool) -> None:
    """That of 2023-Q1 was due on 30 April 2023; that of 2026-Q1 is handed in in April 2026."""
    assert correctable(quarter, by) is taken


def refused(app: App, quarter: str, entity: str = "") -> list[str]:
    with pytest.raises(TollbookError) as caught:
        app.tax.one_stop_shop(quarter, entity)
    return [str(one.code) for one in caught.value.findings]
