"""Invoices at a tax provider, from the estimate to the reconciliation, in whole stories."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.cli.main import run
from engine.ports.contracts.fakes.avatax import ACCOUNT, COMPANY, LICENSE_KEY, AvaTax
from engine.runs.billing.void_run import run_void
from engine.runs.delivering.run import run_deliver
from engine.store.checks import base as checks
from tests import stories

JANUARY = (date(2026, 1, 1), date(2026, 2, 1))
ROUTING = """
ruleset: routing/default
effective: {from: 2000-01-01}
rules:
  - {id: abroad, when: 'port == "tax" and country == "JP"', then: {adapter: tax_table}}
  - {id: tax, when: port == "tax", then: {adapter: avatax}}
  - {id: delivery, when: port == "delivery", then: {adapter: delivery_file}}
"""
ACCOUNTS = (
    "entity,key,name,country,currency,zone,payer,parent,region,address",
    "E1,A1,One,NL,EUR,Europe/Amsterdam,,,,Dam 1",
    "E1,A2,Two,US,USD,America/New_York,,,NY,350 5th Avenue",
    "E1,A3,Three,JP,JPY,Asia/Tokyo,,,,",
    "E1,A4,Child of one,NL,EUR,Europe/Amsterdam,A1,A1,,",
)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[AvaTax]:
    monkeypatch.setenv("AVALARA_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("AVALARA_LICENSE_KEY", LICENSE_KEY)
    with AvaTax().running() as made:
        yield made


def company(folder: Path, service: AvaTax) -> Path:
    """A company that is taxed by the service, but for its customers in Japan."""
    stories.write(folder, rules={"routing/default.yaml": ROUTING}, accounts=ACCOUNTS)
    adapter = {
        "name": "avatax",
        "port": "tax",
        "plugin": "tax_avalara",
        "settings": {"url": service.url, "company": COMPANY},
        "timeout": 20,
        "retries": 0,
    }
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("adapters:\n", f"adapters:\n  - {json.dumps(adapter)}\n"))
    return folder


@pytest.fixture
def app(tmp_path: Path, database_url: str, service: AvaTax) -> Iterator[App]:
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        yield app


def deliver(app: App) -> Any:
    return run_deliver(app.parts(), stories.CHANGE, ports=("tax",))


def states(app: App) -> dict[str, str]:
    return {one.number: one.state for one in app.tax_providers.documents(*JANUARY).documents}


def due_at_once(app: App) -> None:
    with app.books._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE effect SET next_at = NULL")


def of(app: App, payer: str) -> dict[str, Any]:
    return next(one for one in stories.invoices(app) if one["payer"] == payer)


def wrong(app: App) -> dict[str, Any]:
    """What the checks of the books find."""
    with app.books.reader() as reader:
        return {name: found for name, check in checks.ALL.items() if (found := check(reader, "acme"))}


@pytest.mark.capability("A1.6")
@pytest.mark.capability("A6.3")
def test_what_is_issued_is_recorded_with_its_number_and_its_tax_and_refunded(app: App, service: AvaTax) -> None:
    stories.bill(app, "2026-01-01", dry_run=True)
    stories.bill(app, "2026-01-31")
    assert service.documents == {}
    assert states(app) == {of(app, payer)["number"]: "waiting" for payer in ("A1", "A2")}

    with service.failing("broken-off"):  # the first is recorded, and nobody hears of it
        assert deliver(app).counts["retry"] == 2
    assert len(service.acts) == 1
    service.seen.clear()
    due_at_once(app)
    assert deliver(app).counts == {"accepted": 2, "retry": 0, "rejected": 0}
    assert [call.split()[0] for call in service.seen] == ["GET", "GET", "POST"]
    assert len(service.acts) == 2
    for payer in ("A1", "A2"):
        mine = of(app, payer)
        there = service.documents[mine["number"]]
        assert (there["totalAmount"], there["totalTax"]) == (mine["net"], mine["tax"])
        assert (there["currencyCode"], there["status"]) == (mine["currency"], "Committed")
    assert of(app, "A3")["number"] not in service.documents
    assert set(states(app).values()) == {"committed"}
    assert deliver(app).counts["accepted"] == 0

    with app.books._engine.connect() as connection:
        parts = connection.exec_driver_sql(
            "SELECT d.jurisdiction, i.payer, count(*) FROM tax_detail d JOIN invoice_line l ON l.id = d.line_id "
            "JOIN invoice i ON i.id = l.invoice_id AND i.id = d.invoice_id GROUP BY 1, 2 ORDER BY 1"
        ).all()
    mine = of(app, "A2")
    places = ("US-NY", "US-NY/MCTD", "US-NY/NEW YORK CITY")
    assert [tuple(row) for row in parts] == [(place, "A2", len(mine["lines"])) for place in places]

    assert "US-NY/NEW YORK CITY" in str(app.explain(f"{mine['number']}#1"))

    run_void(app.parts(), mine["number"], date(2026, 1, 31), stories.CHANGE)
    deliver(app)
    (credit,) = (one for one in stories.invoices(app) if one["kind"] == "credit_note")
    there = service.documents[credit["number"]]
    assert (there["type"], there["totalAmount"], there["totalTax"]) == ("ReturnInvoice", -mine["net"], -mine["tax"])
    assert service.seen[-1].endswith(f"/transactions/{mine['number']}/refund")
    assert service.documents[mine["number"]]["status"] == "Committed"
    assert set(states(app).values()) == {"committed"}
    assert wrong(app) == {}


@pytest.mark.capability("A1.6")
def test_an_outage_and_what_is_missing_differs_or_is_orphaned_afterwards(app: App, service: AvaTax) -> None:
    with service.failing("busy"):
        report = stories.bill(app, "2026-01-31")
        assert [f.code for f in report.findings if f.code == "tax.fallback"] == ["tax.fallback"]
        assert deliver(app).counts == {"accepted": 0, "retry": 2, "rejected": 0}
    due_at_once(app)
    service.companies.clear()
    assert deliver(app).counts == {"accepted": 0, "retry": 0, "rejected": 2}
    service.companies.add(COMPANY)
    assert set(states(app).values()) == {"rejected"}
    assert app.tax_providers.repair(*JANUARY, stories.CHANGE).counts == {"committed": 2}
    ruled = of(app, "A2")
    assert {line["tax_source"] for line in ruled["lines"]} == {"rules"}
    assert service.documents[ruled["number"]]["totalTax"] == ruled["tax"]
    assert set(states(app).values()) == {"committed"}

    gone, moved = of(app, "A1")["number"], ruled["number"]
    lost = service.documents.pop(gone)
    service.documents[moved]["totalTax"] += Decimal("0.01")
    service.documents["X-1"] = {**lost, "id": 99, "code": "X-1"}
    found = app.tax_providers.documents(*JANUARY)
    assert {one.number: one.state for one in found.documents} == {gone: "missing", moved: "differs", "X-1": "orphaned"}
    assert next(one.reason for one in found.documents if one.number == moved).startswith("tax is ")
    again = app.tax_providers.repair(*JANUARY, stories.CHANGE)
    assert (again.told_again, again.counts) == (1, {"committed": 1, "differs": 1, "orphaned": 1})
    assert service.documents[gone]["totalTax"] == lost["totalTax"]
    service.documents[gone]["status"] = "Cancelled"
    assert states(app)[gone] == "missing"
    app.tax_providers.repair(*JANUARY, stories.CHANGE)
    assert states(app)[gone] == "committed"
    with app.books.reader() as reader:
        told = [row for row in reader.audit_rows("acme", limit=100_000) if row.action == "reopen effect"]
    assert len(told) == 4

    for number, entity, code in ((gone, "E1", "tax.in-the-books"), ("X-1", "E9", "tax.unknown-entity")):
        with pytest.raises(TollbookError) as refused:
            app.tax_providers.void("avatax", entity, number, stories.CHANGE)
        assert [str(finding.code) for finding in refused.value.findings] == [code]
    with pytest.raises(TollbookError, match="there is no tax adapter 'tax_table' that has tax_void"):
        app.tax_providers.void("tax_table", "E1", "X-1", stories.CHANGE)
    assert app.tax_providers.void("", "E1", "X-1", stories.CHANGE).counts["accepted"] == 1
    assert service.documents["X-1"]["status"] == "Cancelled"
    assert app.tax_providers.void("avatax", "E1", "X-1", stories.CHANGE).counts["accepted"] == 0
    assert "X-1" not in states(app)
    assert wrong(app) == {}


def test_the_verbs_say_it(tmp_path: Path, service: AvaTax, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'books.db'}"
    start = ["--config", str(company(tmp_path, service) / "config.yaml"), "--set", f"database.url={url}"]
    why = ["--as", "ada", "--reason", "test"]
    with stories.opened(tmp_path, url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-01-31")
        lost = of(app, "A2")["number"]
        deliver(app)
        service.documents.pop(lost)
    capsys.readouterr()
    assert run([*start, "tax", "documents", "--period", "2026-01"]) == 0
    said = capsys.readouterr().out
    assert lost in said and "1 committed, 1 missing" in said
    assert run([*start, "tax", "documents", "--period", "2026-01", "--repair", *why, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"committed": 2}
    words = ["tax", "address", "350 5th Avenue", "--region", "NY", "--city", "New York", "--postcode", "10001"]
    assert run([*start, *words]) == 0
    assert "350 5TH AVENUE, NEW YORK, NY, 10001, US" in capsys.readouterr().out
    assert run([*start, "tax", "documents", "--period", "2026-01", "--adapter", "avatx"]) == 1
    assert "avatax" in capsys.readouterr().err
