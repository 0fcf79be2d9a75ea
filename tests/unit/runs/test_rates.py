"""Rates that are fetched: each once, under its own day; what contradicts the books is said, and stays out."""

from __future__ import annotations

import json
import shutil
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.app import App
from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.store.tables import FX_RATE
from tests import stories
from tests.stories import CHANGE
from tests.unit.runs.test_queue import look
from tests.unit.runs.test_work import all_worked

ADAPTER = "  - {name: ecb, port: fx, plugin: fx_ecb, settings: {rates: in.csv}, retries: 0}\nfx:"
NAMES = "Date,USD,JPY,GBP,\n"
FRIDAY, SUNDAY = date(2026, 3, 13), date(2026, 3, 15)


@pytest.fixture
def one_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The address of empty books of one kind, for what does not depend on the database."""
    shutil.copy(_sqlite_template, tmp_path / "books.db")
    return f"sqlite:///{tmp_path / 'books.db'}"


def company(folder: Path, url: str, more: str = "") -> AbstractContextManager[App]:
    stories.write(folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("fx:", ADAPTER) + more)
    publish(folder, "2026-03-13,1.0850,161.90,0.84123,", "2026-03-12,1.0912,162.35,0.83,")
    return stories.opened(folder, url)


def publish(folder: Path, *lines: str) -> None:
    (folder / "in.csv").write_text(NAMES + "\n".join(lines) + "\n")


def kept(app: App) -> dict[str, str]:
    """The rates of March by pair and day."""
    with app.books.reader() as reader:
        rows = reader.rows(sa.select(FX_RATE).where(FX_RATE.c.on_day >= date(2026, 3, 1)).order_by(FX_RATE.c.id))
        return {f"{r.source} {r.base}/{r.quote} {r.on_day}": f"{r.rate.normalize():f}" for r in rows}


@pytest.mark.capability("A1.3")
def test_rates_are_fetched_once(tmp_path: Path, database_url: str) -> None:
    """Of the currencies of the accounts alone, of the last day before, and again without effect; documents use them."""
    with company(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        (told,) = app.ledger.fetch_rates(CHANGE, SUNDAY, SUNDAY)
        assert (told.adapter, told.asked, told.taken, told.known, told.findings) == ("ecb", 2, 2, 0, ())
        march = {"ECB EUR/JPY 2026-03-13": "161.9", "ECB EUR/USD 2026-03-13": "1.085"}
        assert kept(app) == march
        (told,) = app.ledger.fetch_rates(CHANGE, date(2026, 3, 12), SUNDAY)
        assert (told.asked, told.taken, told.known) == (8, 2, 2), "a weekend is one rate"
        assert kept(app).keys() - march.keys() == {"ECB EUR/JPY 2026-03-12", "ECB EUR/USD 2026-03-12"}
        with app.books.reader() as reader:
            found = {(r.base, r.quote): (f"{r.rate.normalize():f}", r.on) for r in reader.fx_rates("acme", SUNDAY, 7)}
        assert found["EUR", "USD"] == ("1.085", FRIDAY)
        assert {name: wrong for name, wrong in app.verify().items() if wrong} == {}


def test_a_rate_that_is_in_the_books_stays(tmp_path: Path, database_url: str) -> None:
    """The source says otherwise now: the new one is kept out and named."""
    with company(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        app.ledger.fetch_rates(CHANGE, FRIDAY, FRIDAY)
        before = kept(app)
        publish(tmp_path, "2026-03-13,1.0999,161.90,0.84,")
        (told,) = app.ledger.fetch_rates(CHANGE, FRIDAY, FRIDAY)
        assert (told.taken, told.known, told.differing) == (0, 1, 1)
        assert [str(f.code) for f in told.findings] == ["rates.differs"] and "1.0999" in told.findings[0].what
        assert kept(app) == before


def test_what_an_adapter_lacks_does_not_lose_the_rest(tmp_path: Path, one_url: str) -> None:
    """A currency without a rate is a finding; another source than the one that is used is one, too."""
    with company(tmp_path, one_url) as app:
        stories.load(app, tmp_path / "data")
        publish(tmp_path, "2026-03-13,1.0850,N/A,0.84,")
        (told,) = app.ledger.fetch_rates(CHANGE, FRIDAY, FRIDAY)
        assert told.failed and told.taken == 1
        assert [str(f.code) for f in told.findings] == ["adapter.no-rate"]
        (tmp_path / "in.csv").unlink()
        (told,) = app.ledger.fetch_rates(CHANGE, FRIDAY, FRIDAY)
        assert told.failed and (told.taken, told.known) == (0, 0)
    with stories.opened(tmp_path, one_url, fx__source="NBP") as app:
        publish(tmp_path, "2026-03-13,1.0850,161.90,0.84,")
        (told,) = app.ledger.fetch_rates(CHANGE, FRIDAY, FRIDAY)
        assert [str(f.code) for f in told.findings] == ["rates.other-source"]


def test_what_cannot_be_asked_is_refused(tmp_path: Path, one_url: str) -> None:
    with company(tmp_path, one_url) as app:
        for first, last in ((SUNDAY, FRIDAY), (date(2000, 1, 1), FRIDAY)):
            with pytest.raises(TollbookError) as caught:
                app.ledger.fetch_rates(CHANGE, first, last)
            assert [str(f.code) for f in caught.value.findings] == ["rates.wrong-days"]
        with pytest.raises(TollbookError) as caught:
            app.ledger.fetch_rates(CHANGE, FRIDAY, FRIDAY, ["ebc"])
        assert [str(f.code) for f in caught.value.findings] == ["adapter.unknown"]
        (told,) = app.ledger.fetch_rates(CHANGE, FRIDAY, FRIDAY)
        assert (told.asked, told.taken) == (0, 0), "nobody is billed in another currency yet"
    stories.write(tmp_path)
    with stories.opened(tmp_path, one_url) as app, pytest.raises(TollbookError) as caught:
        app.ledger.fetch_rates(CHANGE, FRIDAY, FRIDAY)
    assert [str(f.code) for f in caught.value.findings] == ["rates.no-adapter"]


@pytest.mark.on_sqlite
def test_a_schedule_fetches_the_rates_of_its_day(tmp_path: Path, database_url: str) -> None:
    more = "schedule:\n  - {name: fx, run: rates, cron: '30 17 * * *', as: ada, reason: daily rates}\n"
    with company(tmp_path, database_url, more) as app:
        stories.load(app, tmp_path / "data")
        look(app, "2026-03-12 18:00Z")
        look(app, "2026-03-13 18:00Z")
        (done,) = all_worked(app)
        assert (done.request.state, done.request.summary, done.met) == ("done", {"taken": 2, "known": 0}, ())
        publish(tmp_path, "2026-03-15,1.1,N/A,1,")
        look(app, "2026-03-15 18:00Z")
        missed, done = all_worked(app)
        assert (missed.request.on, missed.request.state) == (date(2026, 3, 14), "failed")
        assert (done.request.state, done.request.error) == ("failed", "no rates, or not all, came from ecb")
        assert [str(f.code) for f in done.met] == ["adapter.no-rate"]


def test_the_verb(tmp_path: Path, one_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with company(tmp_path, one_url) as app:
        stories.load(app, tmp_path / "data")
    settings = ["--config", str(tmp_path / "config.yaml"), "--set", f"database.url={one_url}"]
    words = ["rates", "fetch", "--from", "2026-03-12", "--date", "2026-03-13", "--as", "ada", "--reason", "month end"]
    assert tollbook.run([*settings, *words, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["adapter"], told["taken"]) == ("ecb", 4)
    assert tollbook.run([*settings, *words[:2], "--date", "2026-01-01", *words[6:]]) == 1
    shown = capsys.readouterr()
    assert "[adapter.no-rate]" in shown.err and "ecb" in shown.out
