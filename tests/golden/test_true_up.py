"""Tax that fell back during an outage, and what is done about it afterwards."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.app import App
from engine.base.errors import TollbookError
from engine.base.period import Period
from engine.runs.run import Report
from engine.runs.tax import true_up as true_up_run
from engine.store.tables import INVOICE_LINE
from tests import stories

D = Decimal
PLUGIN = Path(__file__).parent / "plugins" / "tax_moody"
JANUARY = Period(date(2026, 1, 1), date(2026, 2, 1))
PLACES = ("DE,", "US,NY", "FR,", "NL,")
RULES = """
ruleset: routing/moody
scope: port == "tax"
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: moody, when: port == "tax", then: {adapter: moody}}
"""
GROSS = ("two", "three")
PRICES = """
ruleset: pricing/odd
effective: {from: 2020-01-01}
rules:
  - {id: one, when: charge.key == "one", then: {method: flat, price: [1.07 EUR, 1.07 USD]}}
  - {id: two, when: charge.key == "two", then: {method: flat, price: [2.13 EUR, 2.13 USD]}}
  - {id: three, when: charge.key == "three", then: {method: per_unit, unit: [3.01 EUR, 3.01 USD]}}
"""


def company(
    folder: Path,
    payers: int,
    *,
    settings: str = "",
    fallback: str = "",
    gross: Sequence[str] = (),
    months: int = 1,
    revrec: str = "",
    **files: Sequence[str],
) -> Path:
    """So many customers of three charges in four countries, taxed by an adapter that may be silent; prices of some of the charges
    may include tax, and are then for so many months."""
    charges = (("one", "One", "month,team"), ("two", "Two", "month,team"), ("three", "Three", "seat,services"))
    folder.mkdir(parents=True, exist_ok=True)
    places = [PLACES[n % len(PLACES)] for n in range(payers)]
    keys = [f"P{n:04d}" for n in range(payers)]
    rules = {"routing/moody.yaml": RULES, "pricing/acme.yaml": PRICES}
    if revrec:
        rules["revrec/mine.yaml"] = revrec
    if fallback:
        rules["tax_fallback/mine.yaml"] = fallback
    stories.write(
        folder,
        rules=rules,
        entities=(
            "key,name,country,functional_currency,zone,registrations",
            "E1,Acme BV,NL,EUR,Europe/Amsterdam,NL:vat:NL001234567B01;US:sales_tax:77",
        ),
        accounts=(
            "entity,key,name,country,region,currency,zone",
            *(f"E1,{key},{key},{place},EUR,Europe/Amsterdam" for key, place in zip(keys, places, strict=True)),
        ),
        charges=(
            "plan,key,name,kind,timing,months,meter,unit,product,tax_code,tax_included",
            *(
                f"odd,{key},{name},recurring,advance,{months if key in gross else 1},,{sold},standard,{str(key in gross).lower()}"
                for key, name, sold in charges
            ),
        ),
        plans=("key,name", "odd,Odd"),
        subscriptions=("entity,key,account,anchor_day", *(f"E1,S-{key},{key},1" for key in keys)),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            *(f"E1,S-{key},1,start,2026-01-01,odd,3" for key in keys),
        ),
        usage=("entity,subscription,meter,key,at,quantity",),
        meters=("key,unit,aggregation", "calls,call,sum"),
        **files,
    )
    config = folder / "config.yaml"
    line = f"  - {{name: moody, port: tax, plugin: {PLUGIN}, retries: 0, breaker_failures: 2, {settings}}}"
    config.write_text(config.read_text().replace("adapters:", f"adapters:\n{line}"))
    return folder


def true_up(app: App, on: str, days: Period = JANUARY, **options: Any) -> Report:
    return app.tax.true_up(days, date.fromisoformat(on), stories.CHANGE, **options)


def tax_by_payer(app: App) -> dict[str, Decimal]:
    """The tax that each payer was invoiced with, all documents together."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in stories.invoices(app):
        found[one["payer"]] += one["tax"]
    return dict(found)


def ledger(app: App) -> dict[tuple[str, str], Decimal]:
    balances = app.ledger.trial_balance(None, None)
    return {(row["account"], row["currency"]): row["amount"] for rows in balances.values() for row in rows}


def sources(app: App) -> set[str]:
    with app.books.reader() as reader:
        return {row.tax_source for row in reader.rows(sa.select(INVOICE_LINE.c.tax_source))}


def clean(app: App) -> None:
    assert {name: found for name, found in app.verify().items() if found} == {}


@pytest.mark.capability("A5.5")
@pytest.mark.capability("B9.1")
def test_an_outage_in_the_middle_of_a_run_leaves_no_trace_in_the_money(tmp_path: Path, database_url: str) -> None:
    """The breaker opens, the rules decide, the adapter is back, the differences are posted: all is as if it had answered."""
    payers = int(os.environ.get("TRUE_UP_PAYERS", "48"))  # 1008 of them are 2,016 invoices
    fallen = [n for n in range(payers // 4, payers) if n % len(PLACES) == 0]  # in each country
    size = str(payers // 12)
    calm = company(tmp_path / "calm", payers, gross=GROSS)
    with stories.opened(calm, f"sqlite:///{calm / 'books.db'}", runs__partition_size=size) as app:
        stories.load(app, calm / "data")
        stories.bill(app, "2026-01-01")
        stories.bill(app, "2026-02-01")
        expected, balances = tax_by_payer(app), ledger(app)
        assert sources(app) == {"moody"}
    folder = company(
        tmp_path / "outage",
        payers,
        settings="breaker_seconds: 3600, settings: {silent_from: 4, silent_to: 99}",
        gross=GROSS,
    )
    with stories.opened(folder, database_url, runs__partition_size=size) as app:
        stories.load(app, folder / "data")
        report = stories.bill(app, "2026-01-01")
        assert report.counts["invoices"] == payers
        fell = [finding for finding in report.findings if finding.code == "tax.fallback"]
        assert (
            len(fell) == 9 and "none is made until" in fell[-1].what
        )  # three were answered, two failed, the breaker is open
        assert sources(app) == {"moody", "rules"}
        again = true_up(app, "2026-01-10")  # it is still silent
        assert again.counts["invoices"] == 0 and {f.code for f in again.findings} == {"tax.still-silent"}
    (folder / "config.yaml").write_text(
        (folder / "config.yaml").read_text().replace("silent_from: 4", "silent_from: 98")
    )
    with stories.opened(folder, database_url, runs__partition_size=size) as app:
        preview = true_up(app, "2026-01-10", dry_run=True)
        assert (preview.state, preview.counts["invoices"]) == (
            "dry run",
            len(fallen),
        )  # the German ones; French and Dutch agree
        done = true_up(app, "2026-01-10")
        assert done.counts["invoices"] == len(fallen) and done.details == preview.details
        assert {one["way"] for one in done.details} == {"document", "next_bill", "none"}
        waiting = app.tax.waiting()
        assert len(waiting) == len(fallen) * 3
        amounts = [[Decimal(one[name]) for name in ("net_difference", "difference", "payable")] for one in waiting]
        assert all(net + tax == payable and payable in (0, tax) for net, tax, payable in amounts)
        assert {payable == 0 for _, _, payable in amounts} == {True, False}, "a price that includes tax stays"
        repeated = true_up(app, "2026-01-10")
        assert repeated.counts.get("invoices", 0) == 0 and repeated.details == ()
        clean(app)
        stories.bill(app, "2026-02-01")
        assert app.tax.waiting() == []
        assert tax_by_payer(app) == expected
        assert ledger(app) == balances
        clean(app)


YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
BY_DAY = """
ruleset: revrec/mine
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: days, then: {method: straight_line_day}}
"""


def earned(app: App) -> list[dict[tuple[str, str], Decimal]]:
    """The trial balance after some months."""
    found = []
    for month in (2, 7, 12):
        last = date(2026 + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        app.revenue.recognise(last, stories.CHANGE)
        found.append(ledger(app))
    return found


@pytest.mark.capability("A5.5")
@pytest.mark.capability("B9.1")
def test_a_price_that_includes_tax_stays_when_its_tax_becomes_another(tmp_path: Path, sqlite_url: str) -> None:
    """Net and tax move against each other, and so does what each month has earned; the customer pays the same."""
    terms: dict[str, Any] = {"gross": GROSS, "months": 12, "revrec": BY_DAY}
    calm = company(tmp_path / "calm", 4, **terms)
    with stories.opened(calm, f"sqlite:///{calm / 'books.db'}") as app:
        stories.load(app, calm / "data")
        stories.bill(app, "2026-01-01")
        stories.bill(app, "2026-02-01")
        expected, taxes = earned(app), tax_by_payer(app)
        rows = app.tax.report(YEAR, ("jurisdiction", "rate")).rows
    folder = company(tmp_path / "outage", 4, **terms)
    config = folder / "config.yaml"
    config.write_text(
        config.read_text().replace("fx:", "  - {name: einvoice, port: einvoice, plugin: einvoice_en16931}\nfx:")
    )
    (folder / "down").touch()
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        (folder / "down").unlink()
        (german,) = [one for one in documents(app, ["invoice"]) if one["payer"] == "P0000"]
        assert (german["net"], german["tax"]) == (D("10.45"), D("1.99"))  # 1.07 + 11.16 / 1.19; 19 % of it
        done = true_up(app, "2026-01-20")
        assert {(one["payer"], one["way"]) for one in done.details} == {
            *(("P0000", "document"), ("P0001", "next_bill"), ("P0002", "none"), ("P0003", "none"))
        }
        assert true_up(app, "2026-01-20").details == ()
        (note,) = documents(app)
        first, *gross = note["lines"]
        assert (first["amount"], first["tax_amount"]) == (0, D("-0.04"))
        assert {line["amount"] + line["tax_amount"] for line in gross} == {0}
        assert (note["kind"], note["net"], note["total"]) == (
            "credit_note",
            D("0.24"),
            D("-0.04"),
        )  # 11.16 / 1.16 = 9.62
        assert "16 % of 7.78 = 1.25 EUR, of which 1.44 were taken: -0.19" in said(app, f"{note['number']}#2")
        assert german["number"] in app.documents.written(note["number"], ("ubl",))[0].content.decode()
        clean(app)
        stories.bill(app, "2026-02-01")
        assert app.tax.waiting() == [] and tax_by_payer(app) == taxes
        report = app.tax.report(YEAR, ("jurisdiction", "rate"))
        assert [(r.keys, r.net, r.tax) for r in report.rows if r.net] == [(r.keys, r.net, r.tax) for r in rows]
        assert {tie.difference for tie in report.ties} == {0}
        assert earned(app) == expected
        clean(app)
        app.void(german["number"], date(2027, 1, 2), stories.CHANGE)
        assert tax_by_payer(app)["P0000"] == taxes["P0000"] - german["tax"] - note["tax"]
        (undone,) = [one for one in documents(app) if one["invoice_date"] == date(2027, 1, 2)]
        app.void(undone["number"], date(2027, 1, 3), stories.CHANGE)
        assert tax_by_payer(app) == taxes and ledger(app) == expected[-1]
        clean(app)


ORDER = """
ruleset: tax_fallback/mine
priority: 10
effective: {from: 2020-01-01}
rules:
  - id: careful
    when: request.country in ["DE", "FR"]
    then: {order: [last_good, hold], max_age: 40 days, true_up: next_bill}
  - {id: others, then: {order: [last_good, table], true_up: document}}
"""
CERTIFICATES = "entity,account,certificate,country,region,reason,tax_codes,valid_from,valid_to,source,received_on"


def documents(app: App, kinds: Sequence[str] = ("credit_note", "corrected_invoice")) -> list[dict[str, Any]]:
    return [one for one in stories.invoices(app) if one["kind"] in kinds]


def said(app: App, subject: str) -> str:
    found = app.explain(subject)
    assert [finding.what for finding in found.findings] == []
    return "\n".join(f"{step.name}: {step.text} {step.details}" for step in found.steps)


@pytest.mark.capability("A5.5")
def test_a_correction_tells_its_story_and_passes_as_an_e_invoice(tmp_path: Path, database_url: str) -> None:
    """A credit note names the invoice, a later credit gives back what was really taken, and a void leaves nothing."""
    folder = company(tmp_path, 4)
    (folder / "down").touch()
    config = folder / "config.yaml"
    config.write_text(
        config.read_text().replace("fx:", "  - {name: einvoice, port: einvoice, plugin: einvoice_en16931}\nfx:")
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        (folder / "down").unlink()
        true_up(app, "2026-01-20")
        (note,) = documents(app)
        (german,) = [one for one in documents(app, ["invoice"]) if one["payer"] == "P0000"]
        assert (note["kind"], note["net"], german["tax"] + note["tax"]) == (
            "credit_note",
            0,
            Decimal("1.96"),
        )  # 16 % of 12.23
        assert [line["amount"] for line in note["lines"]] == [0, 0, 0]
        assert "16 % of 9.03 = 1.45 EUR, of which 1.72 were taken: -0.27" in said(app, f"{note['number']}#2")
        assert f"became 1.45 EUR, on {note['number']}" in said(app, f"{german['number']}#2")
        (american,) = [one for one in documents(app, ["invoice"]) if one["payer"] == "P0001"]
        assert "on the next bill, which is yet to come" in said(app, f"{american['number']}#1")
        written = app.documents.written(note["number"], ("ubl",))[0].content.decode()
        assert german["number"] in written and "381" in written
        app.void(german["number"], date(2026, 1, 21), stories.CHANGE)
        app.void(
            american["number"], date(2026, 1, 21), stories.CHANGE
        )  # what waited for the bill is on the credit note
        assert app.tax.waiting() == []
        assert tax_by_payer(app)["P0000"] == tax_by_payer(app)["P0001"] == 0
        clean(app)
        found = app.simulation(only=["pricing"]).simulate(date(2026, 1, 1), date(2026, 1, 1))
        taken = [one.what for one in found.findings if one.code == "simulate.not-replayed"]
        assert len(taken) == sum(found.beside.values()) > 1 and found.lines == ()
        assert [one for one in taken if f"{note['number']} to P0000 over {note['total']:.2f} EUR" in one]


@pytest.mark.capability("B9.1")
def test_the_rate_that_was_quoted_last_and_nobody_else_is_billed(tmp_path: Path, database_url: str) -> None:
    """Each line says which fallback it was; a payer without one is held, named, and billed once there is an answer."""
    folder = company(tmp_path, 6, fallback=ORDER)  # P0004 and P0005 are in Germany and New York
    later = tuple(f"E1,S-P000{n},1,start,2026-02-01,odd,3" for n in (4, 5))
    events = folder / "data" / "subscription_events.csv"
    events.write_text(
        "\n".join(line for line in events.read_text().splitlines() if "P0004" not in line and "P0005" not in line)
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        (folder / "down").touch()
        stories.load(
            app,
            stories.deliver(
                folder, "more", subscription_events=("entity,subscription,key,kind,on,plan,quantity", *later)
            ),
        )
        report = stories.bill(app, "2026-02-01")
        held = [finding for finding in report.findings if finding.code == "tax.held"]
        assert [finding.subject for finding in held] == ["account/P0004"]
        february = {one["payer"]: one for one in stories.invoices(app) if one["period"] == "2026-02-01"}
        assert {payer: one["lines"][0]["tax_source"] for payer, one in february.items()} == {
            **dict.fromkeys(("P0000", "P0001", "P0002", "P0003"), "last-good:2026-01-01"),
            "P0005": "rules",
        }
        assert {one["tax_rate"] for one in february["P0000"]["lines"]} == {Decimal("0.16")}
        assert "rate of" in said(app, f"{february['P0000']['number']}#1")
        stories.bill(app, "2026-03-15")  # nothing newer was quoted than 73 days ago: held, but who has a table
        march = {one["payer"] for one in stories.invoices(app) if one["period"] == "2026-03-15"}
        assert march == {"P0001", "P0003", "P0005"}
    (folder / "down").unlink()
    with stories.opened(folder, database_url) as app:  # the breaker of the first one is open
        true_up(app, "2026-03-16", Period(date(2026, 2, 1), date(2026, 4, 1)))
        assert {one["payer"] for one in documents(app)} == {"P0005"}  # the other rates were right
        stories.bill(app, "2026-03-17")
        assert {one["payer"] for one in stories.invoices(app) if one["period"] == "2026-03-17"} == {
            "P0000",
            "P0002",
            "P0004",
        }
        clean(app)


@pytest.mark.capability("A5.5", "B6.1")
def test_certificates_exempt_and_late_ones_give_back(tmp_path: Path, database_url: str) -> None:
    """A certificate counts on its days, in its jurisdiction and for its codes; one that comes late credits the tax of its days."""
    fresh = (CERTIFICATES, "E1,P0001,NY-1,US,NY,resale,standard,2026-01-01,2026-02-01,portal,2025-12-20")
    folder = company(tmp_path, 4, exemptions=fresh)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        stories.bill(app, "2026-02-01")
        taxed = {(one["payer"], one["period"]): one["tax"] for one in stories.invoices(app)}
        assert taxed["P0001", "2026-01-01"] == 0 < taxed["P0001", "2026-02-01"]
        (line, *_) = next(one for one in stories.invoices(app) if one["payer"] == "P0001")["lines"]
        assert (line["tax_category"], line["tax_reason"]) == ("E", "Exempt by certificate")
        late = (
            CERTIFICATES,
            "E1,P0000,DE-9,DE,,embassy,,2026-02-01,,consulate,2026-02-10",  # not the invoice of January
            "E1,P0001,NY-1,US,NY,resale,standard,2026-01-01,,portal,2026-02-10",  # renewed: February too
            "E1,P0002,DE-7,DE,,embassy,,2026-01-01,,consulate,2026-02-10",  # of another country than where he is
        )
        stories.load(app, stories.deliver(folder, "late", exemptions=late))
        year = Period(date(2026, 1, 1), date(2027, 1, 1))
        report = true_up(app, "2026-02-15", year)
        assert {(one["payer"], one["cause"], one["reference"], one["way"]) for one in report.details} == {
            ("P0000", "exemption", "DE-9", "document"),
            ("P0001", "exemption", "NY-1", "next_bill"),
        }
        assert true_up(app, "2026-02-15", year).details == ()
        stories.bill(app, "2026-03-01")
        totals = tax_by_payer(app)
        assert totals["P0000"] == taxed["P0000", "2026-01-01"] and totals["P0001"] == 0
        assert totals["P0002"] == 3 * taxed["P0002", "2026-01-01"]
        clean(app)


def test_a_true_up_that_was_stopped_goes_on_where_it_was_left(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written stays, no document is made twice, and runs that issue documents wait for it."""
    folder = company(tmp_path, 9)
    (folder / "down").touch()
    with stories.opened(folder, database_url, runs__partition_size="4") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
    (folder / "down").unlink()
    with stories.opened(folder, database_url, runs__partition_size="4") as app:
        write = true_up_run.write_partition

        def stopping(parts: Any, pinned: Any, number: int, *rest: Any) -> Any:
            if number == 2:
                raise KeyboardInterrupt
            return write(parts, pinned, number, *rest)

        monkeypatch.setattr(true_up_run, "write_partition", stopping)
        with pytest.raises(KeyboardInterrupt):
            true_up(app, "2026-01-20")
        monkeypatch.undo()
        assert [one["payer"] for one in documents(app)] == ["P0000"]
        with pytest.raises(TollbookError, match=r"true-up run .* is not finished"):
            stories.bill(app, "2026-02-01")
        with pytest.raises(TollbookError, match="is not finished"):
            true_up(app, "2026-01-21")
        done = true_up(app, "2026-01-20")
        assert {one["payer"] for one in done.details} == {f"P000{n}" for n in range(4, 9)}
        assert [one["payer"] for one in documents(app)] == ["P0000", "P0004", "P0008"]
        clean(app)
