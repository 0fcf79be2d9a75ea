"""How credit comes into wallets: by two persons, by import, by a cut-over, by command; and what is said where it does not fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.app import App, Outcome
from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.model.journal import Change
from engine.runs.wallets.desk import Asked
from engine.runs.wallets.moves import Moved
from engine.store.tables import LOT_LEFT, WALLET_STATE
from tests import stories
from tests.golden.test_wallets import GRANTS, TODAY, WALLETS, balances, ledger, left, well

D = Decimal
PEOPLE = {
    "people__ada": "[operator]",
    "people__cleo": "[controller]",
    "approvals": "{grant-credit: [controller]}",
    "approvals_from": "{grant-credit: [100 EUR]}",
}
OPENINGS = {
    "cutovers": ("entity,key,first_day,source", "E1,main,2026-01-01,Old Biller"),
    "opening_wallets": (
        "entity,key,account,granted_on,expires_on,priority,currency,granted,amount,wallet",
        "E1,W-1,A1,2025-06-01,2026-06-01,1,EUR,500,125.50,",
        "E1,W-2,A1,2025-09-01,,2,EUR,,200,",
        "E1,W-3,A1,2025-09-01,,1,EUR,,7,CALLS",
    ),
}


def by(person: str) -> Change:
    return Change(person, datetime(2026, 1, 15, 12, tzinfo=UTC), "because")


def test_a_large_grant_needs_two_persons(tmp_path: Path, database_url: str) -> None:
    """Below the amount one is enough; above it another one approves what was proposed, and it is granted once."""
    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, database_url, **PEOPLE) as app:
        stories.load(app, folder / "data")
        assert isinstance(app.wallets.grant("MAIN", Asked("S", D("99.99"), on=TODAY), by("ada")), Moved)
        proposed = app.wallets.grant("MAIN", Asked("L", D(100), on=TODAY), by("ada"))
        assert isinstance(proposed, Outcome) and not proposed.done and proposed.approval is not None
        assert balances(app)["MAIN"] == D("279.99")
        with pytest.raises(TollbookError) as caught:
            app.wallets.grant_at_once("MAIN", Asked("P", D(100), on=TODAY), by("client/erp"))
        assert [str(f.code) for f in caught.value.findings] == ["wallet.needs-second-person"]
        assert app.approvals.approve(proposed.approval.id, by("cleo")).done
        assert balances(app)["MAIN"] == D("379.99")
        with pytest.raises(TollbookError) as caught:
            app.wallets.grant("MAIN", Asked("L", D(100), on=TODAY), by("ada"))
        assert [str(f.code) for f in caught.value.findings] == ["approval.needless"]
        well(app)


def test_credit_that_came_over_is_credit(tmp_path: Path, database_url: str) -> None:
    """Lots of a cut-over are in wallets, pay invoices in their order, and the ledger follows them."""
    folder = stories.write(tmp_path, wallets=WALLETS, **OPENINGS)
    with stories.opened(folder, database_url) as app:
        assert [str(f) for f in stories.load(app, folder / "data").findings if f.level == "error"] == []
        assert {k: v for k, v in balances(app).items() if v} == {"A1-EUR": D("325.50"), "CALLS": 7}
        assert ledger(app)["2350", "EUR"] == D("-332.50")
        well(app)
        stories.bill(app, "2026-02-01")
        assert 0 < balances(app)["CALLS"] < 7, "it comes after A1-EUR, and pays for calls alone"
        assert left(app, "A1-EUR")["W-1"] == 0, "the lot of the first priority goes first"
        owed = ledger(app)["2350", "EUR"]
        assert owed == -left(app, "A1-EUR")["W-2"] - balances(app)["CALLS"]
        well(app)
        again = stories.load(app, folder / "data")
        assert again.counts["new"] == 0
        assert ledger(app)["2350", "EUR"] == owed
        other = stories.deliver(folder, "other", wallets=("entity,key,account,currency", "E1,A1-EUR,A2,EUR"))
        with pytest.raises(TollbookError) as caught:
            stories.load(app, other)
        assert [str(f.code) for f in caught.value.findings] == ["wallet.other-account"]
        well(app)


@pytest.mark.on_sqlite
def test_grants_that_do_not_fit_are_quarantined(tmp_path: Path, database_url: str) -> None:
    """Each with its line; the others are loaded, and again change nothing."""
    rows = (
        *GRANTS,
        "E1,BAD1,MAIN,paid,0,,,2026-01-01,",
        "E1,BAD2,MAIN,paid,5,6,,2026-01-01,",
        "E1,BAD3,MAIN,promotional,5,1,,2026-01-01,",
        "E1,BAD4,MAIN,paid,5,,,2026-01-01,2026-01-01",
        "E1,BAD5,USD,paid,5,,,2026-01-01,",
        "E1,BAD6,NONE,paid,5,,,2026-01-01,",
        "E1,BAD7,MAIN,paid,5.001,,,2026-01-01,",
        "E1,PAID,MAIN,paid,101,,,2026-01-01,",
    )
    folder = stories.write(tmp_path, wallets=(*WALLETS, "E1,MORE,A4,EUR,0,0,1,calls; cals"), wallet_grants=rows)
    with stories.opened(folder, database_url) as app:
        report = stories.load(app, folder / "data")
        told = {(str(f.where).rpartition(":")[2], str(f.code)) for f in report.findings}
        (named,) = (f for f in report.findings if f.code == "intake.not-in-catalogue")
        assert (named.level, named.what) == ("warning", "no charge 'cals' is in the catalogue")
        assert named.mend == "did you mean 'calls'?"
        with app.books.reader() as reader:
            (purse, *_) = reader.purse("acme", "E1", "MORE") or ()
        assert purse.wallet.charges == ("calls", "cals")
        assert {code for _, code in told} == {
            "intake.contradiction",
            "cutover.no-value",
            "intake.unknown-reference",
            "intake.double-key",
            "intake.not-in-catalogue",
        }
        assert next(f.quarantined for f in report.files if f.kind == "wallet_grants") == 8
        assert balances(app) == {"CALLS": 6, "CHILD": 5, "MAIN": 180, "MORE": 0, "USD": 40}
        changed = stories.deliver(folder, "more", wallet_grants=(GRANTS[0], "E1,PAID,MAIN,paid,101,,,2026-01-01,"))
        assert [str(f.code) for f in stories.load(app, changed).findings] == ["intake.key-conflict"]
        well(app)


@pytest.mark.parametrize(
    "damage",
    [
        sa.update(WALLET_STATE).where(WALLET_STATE.c.key == "MAIN").values(balance=D(500)),
        sa.update(WALLET_STATE).where(WALLET_STATE.c.key == "MAIN").values(version=9),
        sa.update(LOT_LEFT).where(LOT_LEFT.c.amount == 20).values(amount=D(19)),
        sa.delete(LOT_LEFT).where(LOT_LEFT.c.amount == 20),
        sa.text("UPDATE wallet_movement SET cost = cost + 10000 WHERE number = 1 AND wallet = 'MAIN'"),
        sa.text("UPDATE wallet_movement SET amount = amount + 10000 WHERE number = 2 AND wallet = 'MAIN'"),
        sa.text("UPDATE posting SET amount = amount * 2 WHERE number = 1"),
        sa.text("DELETE FROM wallet_movement WHERE wallet = 'MAIN'"),
    ],
)
def test_damage_is_found(tmp_path: Path, database_url: str, damage: sa.Executable) -> None:
    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        well(app)
        with app.books._engine.begin() as connection:
            connection.execute(damage)
        assert app.verify(["wallets-tie"])["wallets-tie"]


def run(folder: Path, *words: str) -> int:
    url = f"sqlite:///{folder / 'books.db'}"
    return tollbook.run(["--config", str(folder / "config.yaml"), "--set", f"database.url={url}", *words])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Grant, draw, show, list, void and expire from the command line; explain of an invoice names the lots."""
    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    who = ("--as", "ada", "--reason", "test")
    assert run(folder, "import", str(folder / "data"), *who) == 0
    day = ("--date", "2026-01-15")
    assert run(folder, "wallet", "grant", "MAIN", "12.50", "--key", "K", "--promotional", *day, *who) == 0
    assert run(folder, "wallet", "draw", "MAIN", "1000", "--key", "D", *day, *who) == 1
    assert "wallet.below-floor" in capsys.readouterr().err
    assert run(folder, "wallet", "draw", "MAIN", "2", "--key", "D", *day, *who) == 0
    assert run(folder, "wallet", "void", "MAIN", "K", *day, *who) == 0
    capsys.readouterr()
    assert run(folder, "wallet", "show", "MAIN", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (D(shown["balance"]), len(shown["movements"])) == (178, 7)
    assert run(folder, "wallet", "show", "MAIN") == run(folder, "wallet", "list") == 0
    out = capsys.readouterr().out
    assert "178.00 EUR in it, 150.00 above the floor of 0.00" in out and "CHILD" in out
    assert run(folder, "run", "bill", "--date", "2026-02-01", *who) == 0
    capsys.readouterr()
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}") as app:
        number = next(i["number"] for i in stories.invoices(app) if i["payer"] == "A1")
    assert run(folder, "explain", number) == 0
    out = capsys.readouterr().out
    assert "MAIN/PAID" in out and "every-line" in out and "due" in out
    assert run(folder, "wallet", "expire", "--date", "2026-06-01", *who) == 0
    assert run(folder, "explain", f"posting:{number}/wallet/1") == 0
    assert run(folder, "verify") == 0


def test_the_document_says_what_is_due(tmp_path: Path) -> None:
    """The page and the data that the customer gets have what was paid from wallets; without wallets they have nothing of it."""
    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        app.deliver(stories.CHANGE, limit=100)
        heads = {i["number"]: i for i in stories.invoices(app)}
    found = {path.stem: json.loads(path.read_text()) for path in (folder / "invoices").rglob("*.json")}
    told = {one["buyer"]["key"]: one for one in found.values() if "buyer" in one}
    one = told["A1"]
    assert D(one["prepaid"]) == 141 and D(one["due"]) == heads[one["number"]]["total"] - 141
    assert "prepaid" not in told["A3"] and "due" not in told["A3"]
    pages = [path.read_text() for path in (folder / "invoices").rglob("*.html")]
    assert sum("Paid from credit" in page for page in pages) == 2


def test_an_account_is_not_read_where_nobody_has_a_wallet(company: App) -> None:
    with company.books.reader() as reader:
        assert reader.purses_paying("acme", "E1", "A3", "A3") == []
        assert [p.wallet.key for p in reader.purses_paying("acme", "E1", "A1", "A1")] == ["CALLS", "CHILD", "MAIN"]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[App]:
    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}") as app:
        stories.load(app, folder / "data")
        yield app
