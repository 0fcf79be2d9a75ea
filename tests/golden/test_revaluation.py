"""A closing date in several currencies: what is owed in money is revalued and turned round, what is owed in services is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
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
from engine.store.checks.fx import revaluations_tie
from engine.store.revaluing import revaluations
from engine.store.session import Session
from tests import stories
from tests.stories import CHANGE

D = Decimal
CLOSE, NEXT = date(2026, 2, 28), date(2026, 3, 1)
ACCOUNTS = (
    "7940,Unrealised FX gains,income",
    "7950,Unrealised FX losses,expense",
    "4300,Breakage,income",
)
FILES = {
    "gl_accounts": stories.add("gl_accounts", *ACCOUNTS),
    "rates": stories.add(
        "rates", "EUR,USD,1.0500,ECB,2026-02-27", "EUR,JPY,190.00,ECB,2026-02-27", "EUR,USD,1.2000,ECB,2026-03-31"
    ),
    "wallets": (
        "entity,key,account,currency",
        "E1,KEPT,A2,USD",
        "E1,BACK,A4,USD",
    ),
    "wallet_grants": (
        "entity,key,wallet,kind,amount,cost,functional_amount,granted_on,expires_on",
        "E1,K1,KEPT,paid,40,,36,2026-02-05,",
        "E1,B1,BACK,paid,210,,190,2026-02-05,",
    ),
    "cutovers": ("entity,key,first_day,source", "E1,main,2026-01-01,Old Biller"),
    "opening_receivables": (
        "entity,number,account,document_date,due_date,currency,original,amount,functional_amount",
        "E1,OLD-1,A2,2025-12-01,2025-12-31,USD,105,105,95",
    ),
    "opening_cash": (
        "entity,key,account,value_date,currency,amount,functional_amount",
        "E1,C-1,A4,2025-12-01,USD,21,19",
    ),
}
REFUNDABLE = """
ruleset: wallets/refundable
effective: {from: 2000-01-01}
priority: 5
rules:
  - id: back
    when: wallet.key == "BACK"
    then: {use: false, order: [oldest], expired: refundable, return_expired: false}
"""


@pytest.fixture
def one_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The address of empty books of one kind, for what does not depend on the database."""
    shutil.copy(_sqlite_template, tmp_path / "books.db")
    return f"sqlite:///{tmp_path / 'books.db'}"


def company(folder: Path, url: str) -> AbstractContextManager[App]:
    """A company with receivables in two currencies, cash on account, and a wallet whose money is given back and one's that is
    not."""
    stories.write(folder, rules={"wallets/refundable.yaml": REFUNDABLE}, **FILES)
    return stories.opened(folder, url)


def loaded(app: App, folder: Path) -> None:
    report = stories.load(app, folder / "data")
    assert [str(f) for f in report.findings if f.level == "error"] == []
    stories.bill(app, "2026-02-01")


def ledger(app: App, up_to: date) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Amount and functional amount by account and currency."""
    return {
        (row["account"], row["currency"]): (row["amount"], row["functional_amount"])
        for row in app.ledger.trial_balance(None, up_to)["E1"]
    }


def well(app: App) -> None:
    assert {name: found for name, found in app.verify().items() if found} == {}


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "the reversal is gone": (
        lambda: sa.update(t.ENTRY).where(t.ENTRY.c.kind == "revaluation_back").values(kind="other"),
        "no entry that turns it round",
    ),
    "the reversal is of a later day": (
        lambda: sa.update(t.ENTRY).where(t.ENTRY.c.kind == "revaluation_back").values(posting_date=date(2026, 3, 2)),
        "its entries are of 2026-02-28 and 2026-03-02",
    ),
    "a reversal on another account": (
        lambda: (
            sa.update(t.POSTING)
            .where(
                t.POSTING.c.account == "7940",
                t.POSTING.c.entry_id.in_(sa.select(t.ENTRY.c.id).where(t.ENTRY.c.kind == "revaluation_back")),
            )
            .values(account="7920")
        ),
        "stays on GL account 7920",
    ),
    "a contract liability": (
        lambda: sa.update(t.REVALUATION).where(t.REVALUATION.c.account == "1200").values(account="2300"),
        "GL account 2300 holds what invoice lines were posted to",
    ),
    "another difference": (
        lambda: sa.update(t.REVALUATION).where(t.REVALUATION.c.account == "1200").values(worth=1),
        "its customers differ by",
    ),
    "an account of the balance sheet": (
        lambda: sa.update(t.POSTING).where(t.POSTING.c.account == "7940").values(account="3900"),
        "GL account 3900 was moved",
    ),
    "entries of nothing": (lambda: sa.delete(t.REVALUATION), "revalue nothing"),
}
"""Changes past the books, and what `verify` says of them."""


def planted(app: App, change: Any) -> list[str]:
    """What the check says of a change, which is taken out again."""
    with app.books._connect(write=True) as connection, connection.begin() as transaction:
        assert connection.execute(change).rowcount > 0
        found = [finding.what for finding in revaluations_tie(Session(connection), "acme")]
        transaction.rollback()
    return found


@pytest.mark.capability("A1.3")
def test_money_is_revalued_and_turned_round(tmp_path: Path, database_url: str) -> None:
    """Receivables, cash on account and refundable wallets come to the closing rate; contract liabilities, tax and wallets that
    are not given back keep theirs; on the next day all is as before."""
    with company(tmp_path, database_url) as app:
        loaded(app, tmp_path)
        before = ledger(app, CLOSE)
        dry = app.ledger.revalue(CLOSE, CHANGE, dry_run=True)
        assert ledger(app, CLOSE) == before and app.runs()[0].kind == "bill"
        told = app.ledger.revalue(CLOSE, CHANGE)
        assert (told.items, told.entries) == (dry.items, dry.entries)
        found = {(i.exposure.account, i.exposure.customer, i.exposure.currency): i for i in told.items}
        owed = {("1200", "A2", "USD"), ("1200", "A3", "JPY"), ("2350", "A4", "USD")}
        assert owed <= found.keys() and {key[0] for key in found} == {"1200", "2350", "2400"}
        wallet = found["2350", "A4", "USD"]
        assert (wallet.exposure.amount, wallet.exposure.functional, wallet.worth) == (-210, -190, -200)
        assert wallet.difference == -10, "what is owed to a customer costs more"
        after = ledger(app, CLOSE)
        for item in told.items:
            one = item.exposure
            assert item.worth == (one.amount * item.rate.rate).quantize(D("0.01")), one
            assert item.rate.on == date(2026, 2, 27)
        for account in ("1200", "2400"):
            mine = [i for i in told.items if i.exposure.account == account]
            for currency in {i.exposure.currency for i in mine}:
                worth = sum(i.worth for i in mine if i.exposure.currency == currency)
                assert after[account, currency][1] == worth, "the whole balance is worth what its customers' are"
                assert after[account, currency][0] == before[account, currency][0]
        for kept in (("2300", "USD"), ("2300", "JPY"), ("2200", "USD"), ("4000", "USD")):
            assert after.get(kept) == before.get(kept), kept
        gains = sum((i.difference for i in told.items if i.difference > 0), D(0))
        losses = sum((i.difference for i in told.items if i.difference < 0), D(0))
        assert gains > 0 > losses
        assert -sum(after[key][1] for key in after if key[0] == "7940") == gains
        assert -sum(after[key][1] for key in after if key[0] == "7950") == losses
        turned = {key: value for key, value in ledger(app, NEXT).items() if any(value)}
        assert turned == {key: value for key, value in before.items() if any(value)}
        well(app)
        for name, (change, words) in FAULTS.items():
            assert any(words in what for what in planted(app, change())), name


@pytest.mark.capability("A1.3")
@pytest.mark.on_sqlite
def test_a_day_is_revalued_in_open_periods(tmp_path: Path, database_url: str) -> None:
    """Neither the period of the day nor that of the next one may be closed, and nothing is left of an attempt; the same again says
    what was booked; the next closing date starts from the rates of the documents."""
    with company(tmp_path, database_url) as app:
        loaded(app, tmp_path)
        for month in (date(2026, 2, 1), date(2026, 3, 1)):
            app.ledger.set_period("E1", month, "closed", CHANGE)
            with pytest.raises(TollbookError) as caught:
                app.ledger.revalue(CLOSE, CHANGE)
            assert {str(f.code) for f in caught.value.findings} == {"ledger.period-closed"}
            with app.books.reader() as reader:
                assert revaluations(reader, "acme") == []
            assert "revalue" not in {run.kind for run in app.runs()}
            app.ledger.set_period("E1", month, "open", CHANGE)
        told = app.ledger.revalue(CLOSE, CHANGE)
        after = ledger(app, date(2026, 12, 31))
        again = app.ledger.revalue(CLOSE, CHANGE)
        assert again.repeated and (again.items, again.entries, again.run_id) == (told.items, told.entries, told.run_id)
        assert ledger(app, date(2026, 12, 31)) == after
        stories.load(
            app, stories.deliver(tmp_path, "jpy", rates=("base,quote,rate,source,on", "EUR,JPY,180,ECB,2026-03-31"))
        )
        march = app.ledger.revalue(date(2026, 3, 31), CHANGE)
        kept = {
            (i.exposure.account, i.exposure.customer, i.exposure.currency): i.exposure.functional for i in told.items
        }
        assert {
            (i.exposure.account, i.exposure.customer, i.exposure.currency): i.exposure.functional for i in march.items
        } == kept
        well(app)


def result(app: App, on: date) -> tuple[Decimal, Decimal]:
    """What the accounts of gains and of losses come to on a day, a gain being above zero."""
    kept = defaultdict[str, Decimal](Decimal)
    for (account, _), (_, functional) in ledger(app, on).items():
        kept[account] -= functional
    return kept["7940"], kept["7950"]


@pytest.mark.capability("A1.3")
def test_a_day_is_revalued_again_by_the_difference(tmp_path: Path, database_url: str) -> None:
    """Money that reaches a month late is revalued by what it changes, turned round with it; what stands then is what one revaluation
    of all would have booked, every round is kept, and the same again books nothing."""
    with company(tmp_path, database_url) as app:
        loaded(app, tmp_path)
        first = app.ledger.revalue(CLOSE, CHANGE, entity="E1")
        app.accounts.pay("A2", "late", D("50"), CHANGE, on=CLOSE)
        app.accounts.pay("A3", "all", D(900), CHANGE, on=CLOSE)
        dry = app.ledger.revalue(CLOSE, CHANGE, dry_run=True)
        second = app.ledger.revalue(CLOSE, CHANGE)
        assert second.items == dry.items and not second.repeated and second.run_id != first.run_id
        stands = {(i.exposure.account, i.exposure.customer, i.exposure.currency): i for i in first.items}
        for item in second.items:
            one = item.exposure
            there = stands.get((one.account, one.customer, one.currency))
            assert item.before == (there.difference if there else 0)
            assert there is None or (there.exposure, there.worth) != (one, item.worth), "only what has changed"
        third = app.ledger.revalue(CLOSE, CHANGE)
        assert third.repeated and third.entries == first.entries + second.entries
        for item in third.items:
            one = item.exposure
            assert item.worth == (one.amount * item.rate.rate).quantize(D("0.01")), one
            assert item.difference == item.worth - one.functional
        gains = sum((i.difference for i in third.items if i.difference > 0), D(0))
        losses = sum((i.difference for i in third.items if i.difference < 0), D(0))
        assert result(app, CLOSE) == (gains, losses) and gains and losses
        assert result(app, NEXT) == (0, 0)
        assert app.ledger.revalue(CLOSE, CHANGE, entity="E1").repeated
        with app.books.reader() as reader:
            rows = revaluations(reader, "acme")
        assert len(rows) == len(first.items) + len(second.items)
        assert len({row["run_id"] for row in rows}) == 2
        well(app)
        found = planted(app, sa.update(t.REVALUATION).where(t.REVALUATION.c.id == rows[-1]["id"]).values(worth=1))
        assert any("its customers differ by" in what for what in found)


def test_what_keeps_a_revaluation_from_being_right_is_refused(tmp_path: Path, one_url: str) -> None:
    """No rate of a currency that is owed; an account that rules do not agree about."""
    with company(tmp_path, one_url) as app:
        loaded(app, tmp_path)
        with pytest.raises(TollbookError) as caught:
            app.ledger.revalue(date(2027, 1, 31), CHANGE)
        assert sorted(f.what for f in caught.value.findings) == [
            "no rate from JPY to EUR for 2027-01-31",
            "no rate from USD to EUR for 2027-01-31",
        ]
        old = (
            "E1,OLD-2,A1,invoice,2025-12-01,2025-12-31,USD,50,50,45",
            "E1,OLD-3,A1,credit_note,2025-12-01,2025-12-31,USD,-50,-50,-44",
        )
        names = "entity,number,account,kind,document_date,due_date,currency,original,amount,functional_amount"
        report = stories.load(app, stories.deliver(tmp_path, "old", opening_receivables=(names, *old)))
        assert [str(f) for f in report.findings if f.level == "error"] == [], report
        told = app.ledger.revalue(CLOSE, CHANGE, dry_run=True)
        assert [f.what for f in told.findings] == ["A1 has 0 USD on 1200, kept at 1.0000 EUR"]
        assert "A1" not in {item.exposure.customer for item in told.items}
    mixed = "ruleset: posting/mixed\neffective: {from: 2000-01-01}\npriority: 5\nrules:\n"
    mixed += '  - {id: one, when: role == "contract_liability" and country == "XX", then: {account: "1200"}}\n'
    (tmp_path / "rules/posting").mkdir()
    (tmp_path / "rules/posting/mixed.yaml").write_text(mixed)
    with stories.opened(tmp_path, one_url) as app, pytest.raises(TollbookError) as caught:
        app.ledger.revalue(CLOSE, CHANGE)
    assert [str(f.code) for f in caught.value.findings] == ["fx.mixed-account"]


@pytest.mark.capability("A1.3")
def test_other_programs_accept_the_journal(tmp_path: Path, one_url: str) -> None:
    """bean-check finds nothing in a journal with a revaluation, its assertions of each month's end included."""
    pytest.importorskip("beancount", reason="beancount is not installed")
    with company(tmp_path, one_url) as app:
        loaded(app, tmp_path)
        app.ledger.revalue(CLOSE, CHANGE)
        stories.bill(app, "2026-03-01")
        file = tmp_path / "journal.beancount"
        file.write_text("\n".join(app.ledger.export("beancount")))
        own = defaultdict[str, Decimal](Decimal)
        for row in app.ledger.trial_balance()["E1"]:
            own[row["account"]] += row["functional_amount"]
    checked = subprocess.run(
        [Path(sys.executable).parent / "bean-check", file], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "revaluation of 1200 in USD on 2026-02-28" in file.read_text()
    assert own["7940"] == own["7950"] == 0


def verb(folder: Path, url: str, *words: str) -> int:
    return tollbook.run(["--config", str(folder / "config.yaml"), "--set", f"database.url={url}", *words])


def test_the_verb_and_what_explains_it(tmp_path: Path, one_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A table or JSON; a posting of it names the customers and what they were worth."""
    with company(tmp_path, one_url) as app:
        loaded(app, tmp_path)
    words = ("ledger", "revalue", "--on", "2026-02-28", "--as", "ada", "--reason", "close")
    assert verb(tmp_path, one_url, *words, "--dry-run") == 0
    shown = capsys.readouterr()
    assert "dry run: nothing is written" in shown.err and "-210.00 USD" in shown.out
    assert verb(tmp_path, one_url, *words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {"account", "customer", "kept_at", "worth", "difference", "rate_on"} <= told["items"][0].keys()
    assert verb(tmp_path, one_url, *words) == 0
    assert "had booked this before" in capsys.readouterr().err
    with stories.opened(tmp_path, one_url) as app, app.books.reader() as reader:
        entries = [(ident, e) for ident, _, e in reader.journal("acme") if e.kind == "revaluation"]
        ident = next(ident for ident, e in entries if "2350" in e.text)
    assert verb(tmp_path, one_url, "explain", f"posting:{ident}/2") == 0
    out = capsys.readouterr().out
    assert "for unrealised_loss" in out and "kept at -190.00 EUR, worth -200.00 EUR" in out
