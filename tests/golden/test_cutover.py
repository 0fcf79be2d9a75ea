"""A company that comes over from another billing system: what it brings, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.app import App
from engine.base.errors import TollbookError
from engine.cli.main import run
from engine.runs.cutover import compare
from engine.runs.import_run import run_import
from engine.store import tables as t
from tests import stories

EVENT = "entity,subscription,key,kind,on,plan,quantity"
USAGE = "entity,subscription,meter,key,at,quantity"
CHARGES = (
    *stories.FILES["charges"],
    "year,licence,Licence,recurring,advance,12,,seat,team,standard",
)
PRICES = """
ruleset: pricing/year
scope: plan == "year"
effective: {from: 2020-01-01}
priority: 10
rules:
  - {id: licence, then: {method: per_unit, unit: [120 EUR, 144 USD, 15000 JPY]}}
"""
FILES = {
    "plans": stories.add("plans", "year,Yearly"),
    "charges": CHARGES,
    "subscriptions": (
        "entity,key,account,anchor_day",
        "E1,T1,A1,1",
        "E1,T2,A2,1",
        "E1,Y1,A1,1",
        "E1,Y2,A1,1",
        "E1,P1,A1,1",
        "E1,N1,A4,1",
    ),
    "subscription_events": (
        EVENT,
        "E1,T1,1,start,2024-05-01,team,5",
        "E1,T2,1,start,2025-01-01,team,3",
        "E1,Y1,1,start,2025-07-01,year,4",
        "E1,Y2,1,start,2025-07-01,year,4",
        "E1,P1,1,start,2023-01-01,phone,1",
        "E1,N1,1,start,2026-01-10,team,1",
    ),
    "usage": (
        USAGE,
        *(f"E1,P1,calls,o{n},2025-12-{n:02d}T10:00:00+01:00,10" for n in range(1, 16)),
        *(f"E1,P1,calls,c{n},2026-01-{n:02d}T10:00:00+01:00,10" for n in range(1, 16)),
    ),
    "cutovers": ("entity,key,first_day,source", "E1,main,2026-01-01,Old Biller"),
    "opening_lines": (
        "entity,key,subscription,charge,service_from,service_to,currency,quantity,amount,tax_rate,tax_amount,"
        "tax_category,tax_jurisdiction,rate,document,document_date",
        # the old system billed January in advance, at prices of its own, the base fee for one piece
        "E1,R-900/1,T1,seats,2026-01-01,2026-02-01,EUR,5,46.50,0.21,9.77,S,NL,,R-900,2025-12-28",
        "E1,R-900/2,T1,base,2026-01-01,2026-02-01,EUR,1,29.00,0.21,6.09,S,NL,,R-900,2025-12-28",
        "E1,R-901/1,T2,seats,2026-01-01,2026-02-01,USD,3,36.00,0,0,AE,NL,0.92,R-901,2025-12-28",
        # a year, and three seats more from October on as a line of their own
        "E1,R-500/1,Y1,licence,2025-07-01,2026-07-01,EUR,1,365.00,0.21,76.65,S,NL,,R-500,2025-07-01",
        "E1,R-700/1,Y1,licence,2025-10-01,2026-07-01,EUR,3,273.00,0.21,57.33,S,NL,,R-700,2025-10-01",
    ),
    "billed_through": (
        "entity,subscription,charge,billed_to",
        "E1,T2,base,2026-02-01",
        "E1,Y2,licence,2026-07-01",
        "E1,P1,calls,2026-01-01",
    ),
    "opening_receivables": (
        "entity,number,account,kind,document_date,due_date,currency,original,amount,functional_amount",
        "E1,R-900,A1,invoice,2025-12-28,2026-01-27,EUR,91.36,91.36,",
        "E1,R-800,A2,invoice,2025-11-28,2025-12-27,USD,8.00,8.00,7.36",
        "E1,R-901,A2,invoice,2025-12-28,2026-01-27,USD,36.00,12.00,11.04",
        "E1,C-17,A1,credit_note,2025-11-02,,EUR,-12.10,-12.10,",
    ),
    "opening_cash": (
        "entity,key,account,value_date,currency,amount,functional_amount",
        "E1,BANK-77,A2,2025-12-30,USD,50.00,46.11",
    ),
    "opening_wallets": (
        "entity,key,account,granted_on,expires_on,priority,currency,granted,amount",
        "E1,W-1,A1,2025-06-01,2026-06-01,1,EUR,500,125.50",
        "E1,W-2,A1,2025-09-01,,2,EUR,,200",
    ),
    "opening_deferred": (
        "entity,key,account,subscription,product,currency,amount,service_from,service_to",
        "E1,D-Y1,A1,Y1,team,EUR,364.93,2025-07-01,2026-07-01",
    ),
    "opening_numbers": ("entity,series,last_number,last_date", "E1,E1-2026,41,2025-12-31"),
    "opening_balances": (
        "entity,account,currency,amount",
        "E1,1200,EUR,79.26",
        "E1,1200,USD,20.00",
        "E1,2400,USD,-50.00",
        "E1,2350,EUR,-325.50",
        "E1,2300,EUR,-364.93",
    ),
}


@pytest.fixture
def moved(tmp_path: Path, database_url: str) -> Iterator[App]:
    """The company, with everything that it brings loaded."""
    folder = stories.write(tmp_path, rules={"pricing/year.yaml": PRICES}, **FILES)
    with stories.opened(folder, database_url) as app:
        report = stories.load(app, folder / "data")
        assert [str(finding) for finding in report.findings] == []
        assert report.counts["quarantined"] == 0
        yield app


def lines(app: App, on: str) -> set[tuple[str, str, str, str, str, str]]:
    """(subscription, text, from, to, amount, tax) of the lines of a date."""
    return {
        (
            line["subscription"],
            line["text"],
            line["service_from"].isoformat(),
            line["service_to"].isoformat(),
            f"{line['amount']:.2f}",
            f"{line['tax_amount']:.2f}",
        )
        for invoice in stories.invoices(app)
        if invoice["period"] == on
        for line in invoice["lines"]
    }


def late(app: App, folder: Path, name: str, *events: str, usage: tuple[str, ...] = ()) -> None:
    files = stories.deliver(folder, name, subscription_events=(EVENT, *events), usage=(USAGE, *usage))
    assert not [f for f in stories.load(app, files).findings if f.level == "error"]


def deferred(app: App) -> Decimal:
    """What stands on the account of contract liabilities."""
    return sum((row["amount"] for row in app.ledger.trial_balance("E1")["E1"] if row["account"] == "2300"), Decimal(0))


def good(app: App) -> None:
    assert [str(finding) for found in app.verify().values() for finding in found] == []


def test_the_first_run_bills_nothing_again(moved: App, tmp_path: Path) -> None:
    """What the old system billed is billed; what is new, and usage from the cut-over on, is billed here."""
    assert not [f for f in stories.bill(moved, "2026-01-10").findings if f.level != "info"]
    assert lines(moved, "2026-01-10") == {
        ("N1", "Base fee", "2026-01-10", "2026-02-01", "22.00", "4.62"),
        ("N1", "Seats", "2026-01-10", "2026-02-01", "7.10", "1.49"),
        ("N1", "Set-up", "2026-01-10", "2026-01-11", "99.00", "20.79"),
    }
    stories.bill(moved, "2026-02-01")
    assert lines(moved, "2026-02-01") == {
        ("T1", "Base fee", "2026-02-01", "2026-03-01", "31.00", "6.51"),
        ("T1", "Seats", "2026-02-01", "2026-03-01", "50.00", "10.50"),
        ("T2", "Base fee", "2026-02-01", "2026-03-01", "40.00", "8.40"),
        ("T2", "Seats", "2026-02-01", "2026-03-01", "36.00", "7.56"),
        ("P1", "Calls", "2026-01-01", "2026-02-01", "12.50", "2.63"),
        ("N1", "Base fee", "2026-02-01", "2026-03-01", "31.00", "6.51"),
        ("N1", "Seats", "2026-02-01", "2026-03-01", "10.00", "2.10"),
    }
    good(moved)


def test_changes_credit_the_old_lines_at_their_amount_and_tax(moved: App, tmp_path: Path) -> None:
    moved.accounts.write_off("A2", "lost", "R-901", stories.CHANGE, amount=Decimal("1.20"), on=date(2026, 1, 12))
    late(moved, tmp_path, "late", "E1,T1,2,change,2026-01-16,,8", "E1,T2,2,cancel,2026-01-16,,")
    report = stories.bill(moved, "2026-01-20")
    found = lines(moved, "2026-01-20")
    assert {row for row in found if row[0] == "T1"} == {
        ("T1", "Credit: Seats", "2026-01-16", "2026-02-01", "-24.00", "-5.04"),  # 16 of 31 days of 46.50
        ("T1", "Credit: Base fee", "2026-01-16", "2026-02-01", "-14.97", "-3.14"),
        ("T1", "Seats", "2026-01-16", "2026-02-01", "41.29", "8.67"),
        ("T1", "Base fee", "2026-01-16", "2026-02-01", "16.00", "3.36"),
    }
    assert {row for row in found if row[0] == "T2"} == {
        ("T2", "Credit: Seats", "2026-01-16", "2026-02-01", "-18.58", "0.00"),
    }
    note = next(i for i in stories.invoices(moved) if i["payer"] == "A2")
    assert (note["kind"], note["functional_total"]) == ("credit_note", Decimal("-17.09"))  # at 0.92, as it was invoiced
    assert [line["tax_category"] for line in note["lines"]] == ["AE"]
    items = {one.number: one.left for one in moved.accounts.shown("A2").items}
    assert "R-901" not in items and items["R-800"] == Decimal("0.84"), (
        "less 0.62 of what was given up, what it gives back first, then what is due first"
    )
    unknown = [f for f in report.findings if f.code == "cutover.not-creditable"]
    assert [f.subject for f in unknown] == ["subscription/T2"]
    assert "account A2: charge base has changed on 2026-01-16..2026-02-01" in unknown[0].what
    stories.bill(moved, "2026-02-01")
    assert not [row for row in lines(moved, "2026-02-01") if row[0] == "T2"]
    good(moved)


def test_a_year_is_given_back_from_both_of_its_lines_and_never_twice(moved: App, tmp_path: Path) -> None:
    late(moved, tmp_path, "cancel", "E1,Y1,2,cancel,2026-03-01,,", "E1,Y2,2,cancel,2026-03-01,,")
    report = stories.bill(moved, "2026-03-01")
    back = {row for row in lines(moved, "2026-03-01") if row[0] == "Y1"}
    assert back == {
        ("Y1", "Credit: Licence", "2026-03-01", "2026-07-01", "-122.00", "-25.62"),  # 122 of 365 days of 365
        ("Y1", "Credit: Licence", "2026-03-01", "2026-07-01", "-122.00", "-25.62"),  # 122 of 273 days of 273
    }
    assert [f.subject for f in report.findings if f.code == "cutover.not-creditable"] == ["subscription/Y2"]
    assert deferred(moved) == Decimal("-120.93"), "364.93 came over, and 244.00 of it are given back"
    late(moved, tmp_path, "again", "E1,Y1,3,start,2026-05-01,year,4")
    stories.bill(moved, "2026-05-01")
    (charged,) = [row for row in lines(moved, "2026-05-01") if row[0] == "Y1"]
    assert charged[1:4] == ("Licence", "2026-05-01", "2026-07-01")
    moved.revenue.recognise(date(2026, 4, 30), stories.CHANGE)
    # by days: 61 of 181 of what came over is left, and as many of 122 of what is given back
    assert deferred(moved) == Decimal("-0.99")
    moved.revenue.recognise(date(2026, 6, 30), stories.CHANGE)
    assert deferred(moved) == 0
    good(moved)
    with moved.books.reader() as reader:
        line, taken = t.INVOICE_LINE.c, sa.func.count()
        rows = reader.rows(sa.select(line.credits, taken).where(line.credits != 0).group_by(line.credits))
        assert sorted(count for _, count in rows) == [1, 1]
    credited = next(i for i in stories.invoices(moved) if any(line["credits"] for line in i["lines"]))
    number = next(line["number"] for line in credited["lines"] if line["credits"])
    told = moved.explain(f"{credited['number']}#{number}")
    assert any("R-500" in step.text or "R-700" in step.text for step in told.steps)


@pytest.mark.on_sqlite
def test_late_usage_of_before_is_named_and_not_billed(moved: App, tmp_path: Path) -> None:
    late(moved, tmp_path, "late", usage=("E1,P1,calls,late,2025-12-20T10:00:00Z,500",))
    report = stories.bill(moved, "2026-02-01")
    (finding,) = [f for f in report.findings if f.code == "cutover.late-usage"]
    assert (finding.subject, "2025-12-20" in finding.what) == ("subscription/P1", True)
    assert [row[4] for row in lines(moved, "2026-02-01") if row[0] == "P1"] == ["12.50"]
    assert "cutover.late-usage" not in {f.code for f in stories.bill(moved, "2026-03-01").findings}


@pytest.mark.on_sqlite
def test_numbers_go_on(moved: App) -> None:
    stories.bill(moved, "2026-02-01")
    numbers = sorted(i["number"] for i in stories.invoices(moved))
    assert numbers[0] == "E1-2026-000042"
    good(moved)


@pytest.mark.on_sqlite
def test_balances_are_in_the_ledger(moved: App) -> None:
    """Both currencies balance, and the trial balance of the day before the cut-over is that of the old system."""
    rows = moved.ledger.trial_balance("E1", date(2025, 12, 31))["E1"]
    found = {(row["account"], row["currency"]): (row["amount"], row["functional_amount"]) for row in rows}
    assert found == {
        ("1200", "EUR"): (Decimal("79.26"), Decimal("79.26")),
        ("1200", "USD"): (Decimal("20.00"), Decimal("18.40")),
        ("2300", "EUR"): (Decimal("-364.93"), Decimal("-364.93")),
        ("2350", "EUR"): (Decimal("-325.50"), Decimal("-325.50")),
        ("2400", "USD"): (Decimal("-50.00"), Decimal("-46.11")),
        ("3900", "EUR"): (Decimal("611.17"), Decimal("611.17")),
        ("3900", "USD"): (Decimal("30.00"), Decimal("27.71")),
    }
    good(moved)


@pytest.mark.capability("A1.2")
def test_the_same_again_changes_nothing(moved: App, tmp_path: Path) -> None:
    """Openings are loaded once, also after bills were written."""
    before = moved.ledger.trial_balance("E1")
    assert stories.load(moved, tmp_path / "data").state == "unchanged"
    stories.bill(moved, "2026-02-01")
    again = stories.load(moved, tmp_path / "data")
    assert (again.state, [str(f) for f in again.findings]) == ("unchanged", [])
    assert moved.ledger.trial_balance("E1", date(2025, 12, 31)) == before


def test_a_change_behind_the_back_is_found(moved: App) -> None:
    """Subledger, ledger and control totals tie; whatever moves one of them is named."""
    for table, name, what in (
        (t.RECEIVABLE, "R-900", "receivable E1/R-900 is not posted as it came over"),
        (t.WALLET_LOT, "W-1", "wallet lot E1/W-1 is not posted as it came over"),
    ):
        column = table.c.number if table is t.RECEIVABLE else table.c.key
        with moved.books._engine.begin() as connection:
            connection.execute(sa.update(table).where(column == name).values(amount=Decimal(1)))
        assert what in [finding.what for finding in moved.verify(["openings-tie"])["openings-tie"]]


def test_openings_come_before_the_first_bill(moved: App, tmp_path: Path) -> None:
    """After it, another line, date or number is refused; what was loaded is not touched."""
    stories.bill(moved, "2026-02-01")
    rows = {name: FILES[name][:1] for name in ("opening_lines", "billed_through", "opening_numbers")}
    late = stories.deliver(
        tmp_path,
        "more",
        opening_lines=(
            *rows["opening_lines"],
            "E1,R-902/1,T1,seats,2025-12-01,2026-01-01,EUR,5,46.50,0.21,9.77,S,NL,,R-902,2025-11-28",
        ),
        billed_through=(*rows["billed_through"], "E1,T1,base,2026-03-01"),
        opening_numbers=(*rows["opening_numbers"], "E1,E1-CN-2026,5,2025-12-31", "E1,E1-2026,45,2025-12-31"),
    )
    with moved.books.writer(stories.CHANGE, tenant=moved.tenant) as writer:
        writer.take_numbers(moved.tenant, "E1", "E1-CN-2026", 1, date(2026, 2, 1))
    codes = [(f.where.file, f.code) for f in stories.load(moved, late).findings]
    assert codes == [
        ("opening_lines.csv", "cutover.already-billed"),
        ("billed_through.csv", "cutover.already-billed"),
        ("opening_numbers.csv", "cutover.series-begun"),
        ("opening_numbers.csv", "intake.key-conflict"),
    ]


@pytest.mark.on_sqlite
def test_an_import_without_rules_says_what_it_lacks(tmp_path: Path, database_url: str) -> None:
    folder = stories.write(tmp_path, **FILES)
    with stories.opened(folder, database_url) as app, pytest.raises(TollbookError) as caught:
        run_import(app.books, app.tenant, folder / "data", stories.CHANGE, date(2026, 12, 31))
    assert [f.code for f in caught.value.findings] == ["cutover.no-rules"]


def test_days_of_an_old_line_that_are_billed_here_too_are_found(moved: App, tmp_path: Path) -> None:
    late(moved, tmp_path, "late", "E1,T1,2,change,2026-01-16,,8")
    stories.bill(moved, "2026-01-20")
    good(moved)
    line = t.INVOICE_LINE
    with moved.books._engine.begin() as connection:
        connection.execute(
            sa.update(line)
            .where(line.c.subscription == "T1", line.c.charge == "seats", line.c.credits != 0)
            .values(service_from=date(2026, 1, 20))
        )
    found = moved.verify(["no-day-billed-twice"])["no-day-billed-twice"]
    assert [(f.code, f.subject) for f in found] == [("cutover.billed-twice", "subscription/T1")]
    assert "2026-01-16..2026-01-20" in found[0].what


def preview(folder: Path, *rows: str, name: str = "preview.csv") -> Path:
    path = folder / name
    head = "account,subscription,charge,service_from,service_to,currency,amount"
    path.write_text("\n".join((head, *rows)) + "\n")
    return path


FEBRUARY = (
    "A1,T1,base,2026-02-01,2026-03-01,EUR,31.00",
    "A1,T1,seats,2026-02-01,2026-03-01,EUR,50.00",
    "A2,T2,base,2026-02-01,2026-03-01,USD,40.00",
    "A2,T2,seats,2026-02-01,2026-03-01,USD,36.00",
    "A1,P1,calls,2026-01-01,2026-02-01,EUR,12.50",
    "A4,N1,base,2026-01-10,2026-02-01,EUR,22.00",
    "A4,N1,seats,2026-01-10,2026-02-01,EUR,7.10",
    "A4,N1,setup,2026-01-10,2026-01-11,EUR,99.00",
    "A4,N1,base,2026-02-01,2026-03-01,EUR,31.00",
    "A4,N1,seats,2026-02-01,2026-03-01,EUR,10.00",
)


def test_the_first_month_is_compared_with_the_old_system(moved: App, tmp_path: Path) -> None:
    on = date(2026, 2, 1)
    same = compare(moved.parts(), on, preview(tmp_path, *FEBRUARY), stories.CHANGE)
    assert (same.same, same.equal, same.accounts) == (True, 10, ())
    changed = [row for row in FEBRUARY if ",P1," not in row]
    changed[0] = "A1,T1,base,2026-02-01,2026-03-01,EUR,31.01"
    changed[1] = "A1,T1,seats,2026-02-01,2026-03-01,EUR,55.00"
    changed += ["A9,Z9,base,2026-02-01,2026-03-01,EUR,1.00", "A2,T2,setup,2026-02-01,2026-02-02,USD,5.00"]
    changed[7] = "A4,N1,base,2026-02-01,2026-02-28,EUR,31.00"
    found = compare(moved.parts(), on, preview(tmp_path, *changed), stories.CHANGE)
    reasons = {
        (d.subscription, d.charge, str(d.service_to)): d.reason for one in found.accounts for d in one.differences
    }
    assert reasons == {
        ("T1", "base", "2026-03-01"): "rounding",
        ("T1", "seats", "2026-03-01"): "price, quantity or days: -5.00",
        ("P1", "calls", "2026-02-01"): "the old system does not bill it",
        ("Z9", "base", "2026-03-01"): "account A9 is not in the books",
        ("T2", "setup", "2026-02-02"): "nothing is owed for it here: look at its events, plan and billed-through date",
        ("N1", "base", "2026-02-28"): "billed here for other days: 2026-01-10..2026-02-01, 2026-02-01..2026-03-01",
        (
            "N1",
            "base",
            "2026-03-01",
        ): "billed by the old system for other days: 2026-01-10..2026-02-01, 2026-02-01..2026-02-28",
    }
    assert not stories.invoices(moved)


@pytest.mark.on_sqlite
def test_the_verb_says_by_its_exit_code_whether_they_agree(
    moved: App, tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def verb(*words: str) -> tuple[int, str]:
        config = ["--config", str(tmp_path / "config.yaml"), "--set", f"database.url={database_url}"]
        code = run([*config, "cutover", "compare", "--on", "2026-02-01", *words])
        return code, capsys.readouterr().out

    code, text = verb(str(preview(tmp_path, *FEBRUARY)))
    assert (code, "10 lines are equal, 0 accounts differ" in text) == (0, True)
    code, text = verb(str(preview(tmp_path, *FEBRUARY[1:])))
    assert (code, "the old system does not bill it" in text) == (1, True)
    code, text = verb(str(preview(tmp_path, *FEBRUARY[1:])), "--json")
    assert (code, '"equal": 9' in text) == (1, True)
    assert verb(str(preview(tmp_path, "A1,T1,base,x,2026-03-01,EUR,1")))[0] == 1
    assert verb(str(tmp_path / "absent.csv"))[0] == 1


def rows_of(app: App, table: sa.Table) -> list[Any]:
    with app.books.reader() as reader:
        return reader.rows(sa.select(table).order_by(table.c.id))


def test_wallets_and_cash_are_kept_for_who_uses_them(moved: App) -> None:
    lots = [(r.key, r.priority, r.expires_on, r.granted, r.amount) for r in rows_of(moved, t.WALLET_LOT)]
    assert lots == [
        ("W-1", 1, date(2026, 6, 1), Decimal(500), Decimal("125.50")),
        ("W-2", 2, date.max, Decimal(200), Decimal(200)),
    ]
    (cash,) = rows_of(moved, t.CASH_ON_ACCOUNT)
    assert (cash.account, cash.currency, cash.amount, cash.functional_amount) == ("A2", "USD", 50, Decimal("46.11"))
