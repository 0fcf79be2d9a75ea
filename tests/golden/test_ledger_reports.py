"""What the ledger and its subledgers come to: ages, dimensions, ties, expected losses, shares of legal entities, what is deferred."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.app import App
from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.store import tables as t
from engine.store.checks.accruals import allowances_tie, shares_tie
from engine.store.session import Session
from tests import stories
from tests.golden.test_accruals import explained
from tests.stories import CHANGE

D = Decimal
SHARES = """
ruleset: intercompany/acme
effective: {from: 2000-01-01}
priority: 5
rules:
  - {id: team, when: entity == "E1" and product == "team", then: {partners: [{entity: E2, share: 30 %}]}}
"""
LOSSES = """
ruleset: impairment/acme
effective: {from: 2000-01-01}
priority: 5
rules:
  - {id: known, when: account.key == "A3", then: {rate: 80 %, specific: true}}
"""
CHART = (
    *(
        "1290,Allowance,asset",
        "1500,Receivable of group,asset",
        "2500,Payable to group,liability",
        "4500,Shares,income",
    ),
    *("6500,Shares of others,expense", "6920,Expected losses,expense", "7940,Gains,income", "7950,Losses,expense"),
)
FILES = {
    "entities": stories.add("entities", "E2,Acme Inc,US,USD,America/New_York,"),
    "gl_accounts": stories.add("gl_accounts", *CHART),
}
END = date(2026, 3, 31)


def made(folder: Path, template: Path, **rules: str) -> App:
    """Books of two months: invoices of 1 February and 1 March, and a payment of 100 on 10 March."""
    shutil.copy(template, folder / "books.db")
    stories.write(folder, rules={f"{name}/acme.yaml": text for name, text in rules.items()}, **FILES)
    app = App(folder / "config.yaml", {"database.url": f"sqlite:///{folder / 'books.db'}"})
    assert [str(f) for f in stories.load(app, folder / "data").findings if f.level == "error"] == []
    stories.bill(app, "2026-02-01")
    stories.bill(app, "2026-03-01")
    app.accounts.pay("A1", "p1", D(100), CHANGE, on=date(2026, 3, 10))
    return app


@pytest.fixture(scope="module")
def read_only(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = made(tmp_path_factory.mktemp("reports"), _sqlite_template)
    yield app
    app.close()


@contextmanager
def fresh(folder: Path, template: Path, **rules: str) -> Iterator[App]:
    app = made(folder, template, **rules)
    yield app
    assert {name: found for name, found in app.verify().items() if found} == {}
    app.close()


def balance(app: App, account: str, entity: str = "E1") -> Decimal:
    return sum(
        (r["functional_amount"] for r in app.ledger.trial_balance(entity)[entity] if r["account"] == account), D(0)
    )


def test_ages_are_as_they_were_known_on_the_day(read_only: App) -> None:
    invoices = (D("525.94"), D("147.62"))  # of 1 February, due on 3 March, and of 1 March, due on the 31st
    february = read_only.reports.ageing(date(2026, 2, 28))
    (before,) = (one for one in february.rows if one.key == "A1")
    assert before.amounts == (invoices[0], 0, 0, 0, 0)
    march = read_only.reports.ageing(END, buckets="10,20")
    (after,) = (one for one in march.rows if one.key == "A1")
    assert (march.buckets, sum(after.amounts)) == (("not due", "1-10", "11-20", "over 20"), after.total)
    assert after.amounts[3] == invoices[0] - 100  # paid on 10 March, 28 days overdue on the 31st
    for told in (february, march):
        assert told.ties
        assert not any(tie.difference for tie in told.ties)
    segments = read_only.reports.ageing(END, by="segment").rows
    assert {(one.key, one.currency) for one in segments} == {("business", c) for c in ("EUR", "JPY", "USD")}
    assert sum(one.functional for one in segments) == balance(read_only, "1200")


def test_balances_by_any_dimension_add_up_to_the_trial_balance(read_only: App) -> None:
    for by in ("account", "account,customer,month", "account,product,subscription,country,plan,charge,kind,entity"):
        sums: dict[str, Decimal] = {}
        for one in read_only.reports.balances(by, None, END):
            sums[one.key[0]] = sums.get(one.key[0], D(0)) + one.functional
        assert {k: v for k, v in sums.items() if v} == {
            r: balance(read_only, r)
            for r in {x["account"] for x in read_only.ledger.trial_balance()["E1"]}
            if balance(read_only, r)
        }
    found = {one.key: one.amount for one in read_only.reports.balances("account,product,customer", None, END, "E1")}
    assert found["4000", "voice", "A1"] == D("-12.50")
    assert found["2400" if ("2400", "", "A1") in found else "1000", "", "A1"] == D(100)
    with pytest.raises(TollbookError, match=r"did you mean 'customer'"):
        read_only.reports.balances("account,custommer", None, END)
    with pytest.raises(TollbookError, match=r"ledger\.unknown-dimension"):
        read_only.reports.balances("account,account", None, END)
    with pytest.raises(TollbookError, match=r"ledger\.unknown-entity"):
        read_only.reports.balances("account", None, END, "E9")


def test_subledgers_tie_and_a_difference_says_where_it_comes_from(_sqlite_template: Path, tmp_path: Path) -> None:
    app = made(tmp_path, _sqlite_template)
    ties = app.reports.ties(END)
    assert {one.name for one in ties} >= {"receivables", "contract liabilities", "tax"}
    assert [(one.name, one.currency, one.difference) for one in ties if one.difference] == []
    with app.books._connect(write=True) as connection, connection.begin():
        mine = (t.SETTLEMENT.c.account == "A1", t.SETTLEMENT.c.item != 0)
        connection.execute(sa.update(t.SETTLEMENT).where(*mine).values(amount=-90))
    (off,) = (one for one in app.reports.ties(END) if one.difference)
    assert (off.name, off.currency, off.difference) == ("receivables", "EUR", D(-10))
    assert off.by_kind["settlement"] == -100
    assert {finding.code for finding in off.findings} == {"settlement.not-tied"}
    assert [one.difference for one in app.reports.ageing(END).ties if one.currency == "EUR"] == [D(-10)]
    app.close()


def test_expected_losses_follow_what_is_owed(_sqlite_template: Path, tmp_path: Path) -> None:
    with fresh(tmp_path, _sqlite_template, impairment=LOSSES) as app:
        dry = app.reports.impair(END, CHANGE, dry_run=True)
        booked = app.reports.impair(END, CHANGE)
        assert [one.wanted for one in dry.items] == [one.wanted for one in booked.items]
        by = {one.account: one for one in booked.items}
        assert by["A1"].wanted == D("8.52") + D("0.74")  # 2 % of 425.94 that is overdue, 0.5 % of the rest
        assert by["A1"].exposure == D("573.56")
        assert (by["A3"].specific, by["A3"].wanted) == (True, sum_of(app, "A3"))
        total = sum(one.wanted for one in booked.items)
        assert (balance(app, "1290"), balance(app, "6920")) == (-total, total)
        assert app.reports.impair(END, CHANGE).repeated
        assert "expected losses of 3 customers" in explained(app, "impairment")
        app.accounts.pay("A1", "p2", D("573.56"), CHANGE, on=date(2026, 4, 2))
        april = app.reports.impair(date(2026, 4, 30), CHANGE)
        assert {one.account: one.amount for one in april.moved}["A1"] == D("-9.26")
        with pytest.raises(TollbookError, match=r"impairment\.later-day"):
            app.reports.impair(END, CHANGE)
        with app.books._connect(write=True) as connection, connection.begin() as transaction:
            connection.execute(sa.update(t.IMPAIRMENT).values(amount=1))
            assert "is not what was posted" in allowances_tie(Session(connection), "acme")[0].what
            transaction.rollback()


def sum_of(app: App, account: str) -> Decimal:
    """80 % of what an account owes, item by item."""
    with app.books.reader() as reader:
        heads = [one for one in reader.invoices("acme") if one["payer"] == account]
    return sum((round(one["functional_total"] * D("0.8"), 2) for one in heads), D(0))


def test_shares_stand_in_both_books_and_come_to_nothing(_sqlite_template: Path, tmp_path: Path) -> None:
    with fresh(tmp_path, _sqlite_template, intercompany=SHARES) as app:
        assert app.reports.share_out(END, CHANGE, dry_run=True).items
        assert app.reports.intercompany(END) == []
        booked = app.reports.share_out(END, CHANGE)
        assert app.reports.share_out(END, CHANGE).repeated
        assert "share of E2 in line" in explained(app, "intercompany")
        sold = {
            one.key: one.amount
            for one in app.reports.balances("product,account,entity", None, END)
            if one.currency == "EUR"
        }
        pairs = {one.currency: one for one in app.reports.intercompany(END)}
        assert set(pairs) == {"EUR", "JPY", "USD"}
        assert abs(pairs["EUR"].shares + sold["team", "4000", "E1"] * D("0.3")) < D("0.05")  # each line is rounded
        assert not any(one.difference for one in pairs.values())
        assert balance(app, "6500") + balance(app, "2500") == 0
        app.accounts.memos.credit(app_invoice(app), "goodwill", date(2026, 4, 1), CHANGE, line=1, amount=D(10))
        (back,) = app.reports.share_out(date(2026, 4, 30), CHANGE).items
        assert (back.base, back.amount) == (D(-10), D(-3))
        assert len(booked.items) > 2
        with app.books._connect(write=True) as connection, connection.begin() as transaction:
            connection.execute(sa.update(t.POSTING).where(t.POSTING.c.account == "1500").values(amount=1))
            assert "is not the same in both books" in shares_tie(Session(connection), "acme")[0].what
            transaction.rollback()


def app_invoice(app: App) -> str:
    with app.books.reader() as reader:
        return str(next(one["number"] for one in reader.invoices("acme") if one["payer"] == "A1"))


def test_a_share_of_nobody_is_refused(_sqlite_template: Path, tmp_path: Path) -> None:
    with fresh(tmp_path, _sqlite_template, intercompany=SHARES.replace("entity: E2", "entity: E3")) as app:
        with pytest.raises(TollbookError, match=r"intercompany\.unknown-entity"):
            app.reports.share_out(END, CHANGE)
        assert app.reports.intercompany(END) == []


@pytest.mark.capability("B7.4")
def test_what_is_deferred_is_forecast_and_the_forecast_is_tested(_sqlite_template: Path, tmp_path: Path) -> None:
    app = made(tmp_path, _sqlite_template)
    with app.books.reader() as reader:
        head = next(
            one for one in reader.invoices("acme") if one["payer"] == "A1" and one["invoice_date"] == date(2026, 3, 1)
        )
        line = next(
            one for one in reader.invoice_lines(head["id"]) if one["charge"] == "base" and one["subscription"] == "S1"
        )
    schedule(
        app, line, [(date(2026, 3, 31), 10), (date(2026, 4, 30), 12), (date(2026, 5, 31), 9)], {date(2026, 3, 1): 8}
    )
    told = app.forecasts.forecast(date(2026, 4, 1), 3, tested=1)
    (one,) = told.items
    assert (one.scheduled, one.renewals) == ((D(14), D(9), D(0)), (D(0), D(0), D(0)))  # 2 of March are overdue
    (tested,) = (each for each in told.tested if each.entity == "E1")
    assert [(m.forecast, m.actual, m.error) for m in tested.months] == [
        (D(0), D(8), D(1))
    ]  # invoiced on 1 March itself
    (more,) = app.forecasts.forecast(date(2026, 4, 1), 3, chance=D("0.5")).items
    # a day of March costs 1 EUR; so do the 31 days after it with half the chance, and the next 31 with half of that
    assert more.renewals == (D("15.00"), D("8.00"), D("3.88"))
    with pytest.raises(TollbookError, match=r"forecast\.wrong-chance"):
        app.forecasts.forecast(date(2026, 4, 1), 3, chance=D(2))
    app.close()


def schedule(app: App, line: dict[str, Any], items: list[tuple[date, int]], posted: dict[date, int]) -> None:
    """A schedule of a line, as a bill run and recognising leave it."""
    total = D(sum(amount for _, amount in items))
    head = (
        1,
        "acme",
        "E1",
        "line",
        line["id"],
        0,
        "",
        "",
        "A1",
        "team",
        "NL",
        "revenue",
        "2300",
        "EUR",
        total,
        "EUR",
        total,
    )
    tail = (D(1), "same currency", END, line["service_from"], line["service_to"], "", 0, 1)
    with app.books._connect(write=True) as connection, connection.begin():
        put(connection, t.REVENUE_SCHEDULE, [(*head, *tail)])
        put(
            connection, t.REVENUE_ITEM, [(n, "acme", "E1", 1, on, D(a), False, 1) for n, (on, a) in enumerate(items, 1)]
        )
        put(
            connection,
            t.REVENUE_POSTED,
            [(n, "acme", "E1", 1, m, D(a), D(a), 1, 1) for n, (m, a) in enumerate(posted.items(), 1)],
        )


def put(connection: sa.Connection, table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
    connection.execute(sa.insert(table), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])


@pytest.mark.capability("B7.7")
def test_what_was_conceded_by_hand_names_who_did_it(_sqlite_template: Path, tmp_path: Path) -> None:
    with fresh(tmp_path, _sqlite_template) as app:
        app.accounts.memos.credit(app_invoice(app), "goodwill", date(2026, 3, 20), CHANGE, line=1, amount=D(10))
        app.accounts.grant("A2", "g1", D(5), CHANGE, on=date(2026, 3, 21))
        credit, grant = app.forecasts.conceded(date(2026, 3, 1), END)
        assert (credit.kind, credit.reason, credit.account, credit.maker, credit.revenue) == (
            "credit",
            "goodwill",
            "A1",
            "ada",
            D(10),
        )
        assert (grant.kind, grant.account, grant.on, grant.checker) == ("settlement", "A2", date(2026, 3, 21), "")
        assert grant.revenue + grant.expense > 0
        assert app.forecasts.conceded(date(2026, 4, 1), date(2026, 4, 30)) == []


def test_the_verbs(_sqlite_template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables, CSV and JSON; what is wrong is said, and nothing is half done."""
    made(tmp_path, _sqlite_template, intercompany=SHARES).close()

    def run(*words: str, code: int = 0) -> tuple[str, str]:
        settings = (
            "--config",
            str(tmp_path / "config.yaml"),
            "--set",
            f"database.url=sqlite:///{tmp_path / 'books.db'}",
        )
        assert tollbook.run([*settings, *words]) == code
        shown = capsys.readouterr()
        return shown.out, shown.err

    who = ("--as", "ada", "--reason", "close")
    assert json.loads(run("ledger", "ageing", "--on", "2026-03-31", "--json")[0])["ties"][0]["difference"] in (
        "0.0000",
        "0",
    )
    assert run("ledger", "balances", "--by", "account,month", "--on", "2026-03-31", "--format", "csv")[0].startswith(
        "account,month,currency"
    )
    assert "ledger.unknown-dimension" in run("ledger", "balances", "--by", "colour", code=1)[1]
    assert "receivables" in run("ledger", "ties", "--on", "2026-03-31")[0]
    assert "allowances changed" in run("ledger", "impairment", "--on", "2026-03-31", *who)[1]
    assert "booked in both" in run("ledger", "share", "--on", "2026-03-31", *who)[1]
    assert json.loads(run("ledger", "intercompany", "--on", "2026-03-31", "--json")[0])[0]["difference"] == "0.0000"
    assert "dry run" in run("revenue", "accrue", "--through", "2026-03", "--dry-run", *who)[1]
    assert json.loads(run("revenue", "accrue", "--through", "2026-03", "--json", *who)[0])["month"] == "2026-03"
    assert "nothing is left to post" in run("revenue", "accrue", "--through", "2026-03", *who)[1]
    assert "S3" in run("revenue", "accrued")[0]
    assert "accrual.later-month" in run("revenue", "accrue", "--through", "2026-02", *who, code=1)[1]
    assert "nothing is deferred" in run("revenue", "forecast", "--from", "2026-04", "--months", "3", "--renewals")[0]
