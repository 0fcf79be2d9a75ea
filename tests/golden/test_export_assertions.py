"""The exported journal with its assertions: bean-check and hledger accept it, and refuse it when the books were changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.app import App
from engine.runs.verify import run_checks
from tests import stories
from tests.golden.test_export import three_months


def bean_check(file: Path) -> str:
    """What beancount finds wrong."""
    pytest.importorskip("beancount", reason="beancount is not installed")
    command = [Path(sys.executable).parent / "bean-check", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


def hledger(file: Path) -> str:
    """What hledger finds wrong when it is strict."""
    if not shutil.which("hledger"):
        pytest.skip("hledger is not installed (Debian: apt-get install hledger)")
    command = ["hledger", "-f", file, "check", "--strict"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"LANG": "C.UTF-8"})
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


CHECKERS: dict[str, Callable[[Path], str]] = {"beancount": bean_check, "hledger": hledger}


def exported(app: App, folder: Path, form: str) -> Path:
    """The journal in a file."""
    file = folder / f"journal.{form}"
    file.write_text("\n".join(app.ledger.export(form)) + "\n", encoding="utf-8")
    return file


@pytest.fixture(params=CHECKERS)
def form(request: pytest.FixtureRequest) -> str:
    """Each format."""
    return str(request.param)


@pytest.mark.capability("A1.3")
@pytest.mark.on_sqlite
def test_accepted_with_every_month_asserted(tmp_path: Path, database_url: str, form: str) -> None:
    """Each account and currency is asserted at the end of each month and at the end, and the other program agrees."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        three_months(tmp_path, app)
        file = exported(app, tmp_path, form)
        final = {
            (r["account"], r["currency"]) for rows in app.ledger.trial_balance().values() for r in rows if r["amount"]
        }
    assert CHECKERS[form](file) == ""
    lines = file.read_text().splitlines()
    if form == "beancount":
        asserted = [line.split() for line in lines if " balance " in line]
        days = sorted({words[0] for words in asserted})
        assert days == ["2026-03-01", "2026-04-01", "2026-04-02"]  # the morning after
        last = {(words[2].split(":")[2].split("-")[0], words[-1]) for words in asserted if words[0] == days[-1]}
    else:
        days = [line[:10] for line in lines if "* balances of" in line]
        assert days == ["2026-02-28", "2026-03-31", "2026-04-01"]
        tail = lines[max(n for n, line in enumerate(lines) if "* balances of" in line) + 1 :]
        last = {(line.split(":")[2].split("-")[0], line.split()[-1]) for line in tail if line.strip()}
    assert final <= last


PLANTED = {
    "another account": "UPDATE posting SET account = '2200' WHERE number = 2 AND entry_id = (SELECT min(id) FROM entry)",
    "another month": "UPDATE entry SET posting_date = '2026-03-01' WHERE id = (SELECT min(id) FROM entry)",
    "an account of its own": "UPDATE posting SET account = '7900' WHERE number = 1 AND entry_id = (SELECT max(id) FROM entry)",
    "a posting less": "DELETE FROM posting WHERE entry_id = (SELECT max(id) FROM entry)",
}
"""What somebody did to the books by hand; entries still balance."""


@pytest.mark.capability("A1.3")
@pytest.mark.parametrize("planted", PLANTED)
def test_a_posting_that_was_moved_is_refused(tmp_path: Path, database_url: str, form: str, planted: str) -> None:
    """A posting that was changed by hand in the books makes the other program refuse the journal, and names the account."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        three_months(tmp_path, app)
        with app.books._engine.begin() as connection:
            assert connection.exec_driver_sql(PLANTED[planted]).rowcount > 0
        file = exported(app, tmp_path, form)
        found = run_checks(app.books, "acme", ("ledger-totals",))["ledger-totals"]
    said = CHECKERS[form](file)
    assert "alance" in said
    assert found
    assert any(finding.subject.rpartition("/")[2] in said for finding in found)


def test_a_cent_in_an_assertion_is_seen(tmp_path: Path, form: str) -> None:
    """Assertions are exact: a total that was changed by one cent is refused."""
    with stories.opened(stories.write(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as app:
        three_months(tmp_path, app)
        with app.books._engine.begin() as connection:
            total = "SELECT min(entry_id) FROM ledger_total WHERE account = '1200' AND currency = 'EUR'"
            change = f"UPDATE ledger_total SET amount = amount + 100 WHERE account = '1200' AND currency = 'EUR' AND entry_id = ({total})"
            assert connection.exec_driver_sql(change).rowcount == 1
        assert "1200" in CHECKERS[form](exported(app, tmp_path, form))


def test_up_to_a_day_within_a_month(tmp_path: Path, form: str) -> None:
    """The last assertion is of the day that was asked for, also where nothing was posted on it."""
    with stories.opened(stories.write(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as app:
        three_months(tmp_path, app)
        file = tmp_path / "journal"
        lines = list(app.ledger.export(form, up_to=stories.date(2026, 3, 17)))
    file.write_text("\n".join(lines) + "\n")
    assert CHECKERS[form](file) == ""
    assert any(
        line.startswith("2026-03-18 balance" if form == "beancount" else "2026-03-17 * balances") for line in lines
    )
    assert not any(line.startswith("2026-04") for line in lines)


def test_migration_adds_up_what_is_posted(tmp_path: Path, database_url: str) -> None:
    """Books from before the totals get them from their postings."""
    from alembic import command

    from engine.store.migrations import configuration

    with stories.opened(stories.write(tmp_path), database_url) as app:
        three_months(tmp_path, app)
        with app.books.reader() as reader:
            before = reader.ledger_totals("acme", "E1")
        with app.books._engine.begin() as connection:
            command.downgrade(configuration(connection), "0005")
            assert "ledger_total" not in sa.inspect(connection).get_table_names()
        app.books.migrate()
        with app.books.reader() as reader:
            assert reader.ledger_totals("acme", "E1") == before
        assert before
