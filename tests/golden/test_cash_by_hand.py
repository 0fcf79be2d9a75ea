"""Money that was booked by hand and stands in a statement as well counts once, whichever came first."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.cli import main as tollbook
from tests import stories
from tests.golden.test_cash import NAMES, billing, codes, day, left, owed, paid_by, well, written
from tests.golden.test_cash import ledger as balances
from tests.stories import CHANGE

D = Decimal


@pytest.fixture(scope="module")
def _once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("by-hand"))
    with billing(folder, f"sqlite:///{folder / 'books.db'}"):
        return folder


@pytest.fixture
def here(tmp_path: Path, _once: Path) -> Iterator[App]:
    """A copy of the billed company on SQLite."""
    shutil.copytree(_once, tmp_path, dirs_exist_ok=True)
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'books.db'}") as app:
        yield app


def states(app: App, on: int = 4) -> list[str]:
    """What became of the open entries in a run."""
    foreseen = [one.state for one in app.cash.match(day(on), None).entries]
    done = [one.state for one in app.cash.match(day(on), CHANGE).entries]
    assert foreseen == done, "the dry run foresees the run"
    return done


def story(app: App, folder: Path) -> None:
    """Half of an invoice by hand, the same half by the bank, then the other half by the bank."""
    number, total = owed(app)["B2"]
    half = (total / 2).quantize(D("0.01"))
    app.accounts.pay("B2", "wire-77", half, CHANGE, invoices=[number], on=day(2))
    first = paid_by(app, folder, ("C", f"{half:.2f}", "K1", NAMES["B2"], f"half of {number}"))
    assert states(app) == ["cleared"]
    assert left(app, "B2") == (total - half, D(0)), "the invoice is paid once"
    assert "1090" not in balances(app, "1090") and balances(app, "1000")["1000"] == half
    paid_by(app, folder, ("C", f"{total - half:.2f}", "K2", NAMES["B2"], f"rest of {number}"), on=5)
    assert states(app, 5) == ["applied"] and left(app, "B2") == (D(0), D(0))
    assert "against payment wire-77" in str(app.explain(f"bank:{first}"))
    well(app)
    app.cash.unapply(first, CHANGE, on=day(6))
    assert [one.entry for one in app.cash.waiting(day(6))] == [first]
    assert states(app, 6) == ["cleared"], "the same act can be cleared again"
    well(app)


@pytest.mark.capability("A4.2")
def test_what_was_booked_by_hand_is_cleared(tmp_path: Path, database_url: str) -> None:
    """The statement's entry pays nothing a second time; the next one of that amount does."""
    with billing(written(tmp_path), database_url) as app:
        story(app, tmp_path)


def test_the_key_or_the_customer_is_enough(here: App, tmp_path: Path) -> None:
    """An entry without a number is of the only payment of its customer and amount; a key outweighs another day."""
    here.accounts.pay("B1", "advice-2026-17", D(10), CHANGE, on=day(1))
    here.accounts.pay("B3", "till 5", D(20), CHANGE, on=day(2))
    paid_by(
        here, tmp_path,
        ("C", "10.00", "K1", "somebody", "your advice 2026/17, thanks"),
        ("C", "20.00", "K2", "Castor SA", "thank you"),
        ("C", "20.00", "K3", "Delta Works BV", "thank you"),
        on=20,
    )  # fmt: skip
    assert states(here, 20) == ["cleared", "unapplied", "unapplied"], (
        "18 days are too many for money that names nothing"
    )
    well(here)


def test_what_may_be_other_money_is_held(here: App, tmp_path: Path) -> None:
    """Another document is named, or two entries fit one payment as well: nothing is applied, and a person says."""
    total = owed(here)["B2"][1]
    other, _ = owed(here)["B4"]
    here.accounts.pay("B2", "till-1", total, CHANGE, on=day(3))
    here.accounts.pay("B4", "till-2", D(30), CHANGE, on=day(3))
    first = paid_by(
        here, tmp_path,
        ("C", "30.00", "K1", "Delta Works BV", "first"),
        ("C", "30.00", "K2", "Delta Works BV", "second"),
        ("C", "30.00", "K3", "Castor SA", "third"),
    )  # fmt: skip
    assert states(here) == ["duplicate", "duplicate", "unapplied"], "who has paid is another customer"
    text = here.cash.entry(first, day(4)).waiting.text
    assert "it could be payment till-2 of B4 on 2026-02-03, which was booked by hand, as another entry could" in text
    assert codes(lambda: here.cash.clear(first, "till-1", CHANGE, on=day(4))) == ["cash.not-the-same"]
    assert codes(lambda: here.cash.clear(first, "till-9", CHANGE, on=day(4))) == ["cash.not-the-same"]
    assert here.cash.clear(first, "till-2", CHANGE, on=day(4)).left == 0
    assert codes(lambda: here.cash.clear(first + 1, "till-2", CHANGE, on=day(4))) == ["cash.not-the-same"]
    before = left(here, "B4")[0]
    here.cash.apply(first + 1, CHANGE, invoices=[(other, None)], on=day(4))
    assert left(here, "B4")[0] == before - 30
    well(here)


def test_money_that_went_out_by_hand(here: App, tmp_path: Path) -> None:
    """A refund by hand is the debit of the statement; a chargeback by hand is the return."""
    here.accounts.pay("B1", "p-100", D(100), CHANGE, on=day(2))
    here.accounts.charged_back("B1", "c-100", D(100), CHANGE, payment="p-100", on=day(3))
    here.accounts.refund("B1", "r-55", D(5), CHANGE, payment=here_paid(here), on=day(3))
    paid_by(
        here, tmp_path,
        ("D", "5.00", "K1", "Adler Bau GmbH", "refund r-55"),
        ("D", "100.00", "K2", "Adler Bau GmbH", "return"),
    )  # fmt: skip
    assert states(here) == ["cleared", "cleared"]
    well(here)


def here_paid(app: App) -> str:
    """The key of a payment of 5 by hand."""
    app.accounts.pay("B1", "p-5", D(5), CHANGE, on=day(2))
    return "p-5"


def test_by_hand_after_the_bank_is_refused(here: App, tmp_path: Path) -> None:
    """Whether the entry waits or was applied; other money may be booked, and the same key stays what it is."""
    number, total = owed(here)["B1"]
    here.accounts.pay("B1", "early", D(7), CHANGE, on=day(2))
    paid_by(here, tmp_path, ("C", f"{total - 7:.2f}", "K1", "Adler Bau GmbH", f"{number}"))

    def pay(key: str, **more: bool) -> object:
        return here.accounts.pay("B1", key, total - 7, CHANGE, on=day(4), **more)

    assert codes(lambda: pay("late")) == ["account.at-the-bank"]
    assert states(here) == ["applied"] and left(here, "B1") == (D(0), D(0))
    assert codes(lambda: pay("late")) == ["account.at-the-bank"]
    pay("other", other_money=True)
    assert left(here, "B1") == (D(0), total - 7)
    pay("other")
    assert left(here, "B1") == (D(0), total - 7)
    well(here)


def test_what_the_close_proposes_empties_clearing(
    here: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Money that waits is used by the command that the check names, in the month; what was used later two persons let go."""
    books = ["--config", str(tmp_path / "config.yaml"), "--set", f"database.url=sqlite:///{tmp_path / 'books.db'}"]

    def hints(last: date) -> list[str]:
        (result,) = here.closing.check("E1", last, CHANGE, ["clearing-not-zero"])
        return [one.mend for one in result.findings]

    def run(words: str) -> int:
        return tollbook.run([*books, *words.split(), "--as", "ada", "--reason", "due"])

    number, total = owed(here)["B1"]
    first = paid_by(here, tmp_path, ("C", f"{total:.2f}", "K1", "x", "y"), ("D", "7.00", "K2", "rent", "z"))
    (both,) = hints(day(28))
    proposed = re.findall("`tollbook ([^`]*)`", both)
    assert proposed == [
        f"cash apply {first} --invoice NUMBER --date 2026-02-28",
        f"cash transfer {first} --gl ACCOUNT --date 2026-02-28",
        "cash show",
    ]
    assert run(proposed[0].replace("NUMBER", number)) == 0 and balances(here, "1090") == {"1090": D(7)}
    (rent,) = hints(day(28))
    assert rent == f"`tollbook cash transfer {first + 1} --gl ACCOUNT --date 2026-02-28`"
    assert run(f"cash transfer {first + 1} --gl 6300 --on 2026-03-01") == 0
    assert hints(day(28)) == [
        "`tollbook close waive clearing-not-zero gl-account/1090/EUR --entity E1 --month 2026-02`"
    ]
    assert hints(date(2026, 3, 31)) == [] and balances(here, "1090") == {}
    well(here)
    here.ledger.set_period("E1", day(28), "closed", CHANGE)
    assert run(f"cash write-off {owed(here)['B2'][0]} --code small_balance --amount 1 --on 2026-02-28") == 1
    assert "ledger.period-closed" in capsys.readouterr().err
