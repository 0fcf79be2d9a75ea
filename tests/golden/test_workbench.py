"""Consultant and finance on one installation of approved releases: what is looked at, tried, tuned and released holds together."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.model.journal import Change
from tests import stories
from tests.golden.test_cash import day, paid_by, written
from tests.golden.test_releases import PRICES, codes
from tests.golden.test_simulate_cash import paid

JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))
SETTINGS = {
    "rules__releases": "approved",
    "roles": "{operator: [init, import, run, release], finance_admin: [run, approve], controller: [run, approve, resolve]}",
    "people": "{ada: [operator], fin: [finance_admin], bob: [controller]}",
}
WHICH = "matching/default"
MINUTES = itertools.count()


def by(name: str) -> Change:
    """A change by a person, each a minute after the one before."""
    moment = datetime(2026, 1, 1, 9, tzinfo=UTC) + timedelta(minutes=next(MINUTES))
    return Change(name, moment, f"{name} wants it")


@pytest.fixture
def company(tmp_path: Path) -> tuple[Path, str]:
    """The company of the cash stories, and the shipped rules without their cases."""
    return written(tmp_path), f"[{stories.lean_rules(tmp_path / 'lean')}, rules]"


def approved(app: App, start: date) -> str:
    """Propose what is in the folders, and let another person agree."""
    release = app.releases.propose(by("ada"), start, changes="past").release
    app.releases.approve(release, by("bob"))
    return release


def looked_at_before_anything_is_approved(app: App) -> None:
    """What lists and shows works; what decides or writes is refused, and nothing of it is left."""
    head = app.chain_head()
    assert app.report(app.runs()[0].id).kind == "import"
    assert app.cash.waiting(day(1)) == [] and app.requests.listed("", None, False, 5) == []
    assert app.accounts.shown("A1").items == ()
    assert [one.key for one in app.tuning.listed() if one.ruleset == WHICH] and "rules of the folders" in app.notice
    for work in (
        lambda: app.bill(FEB, by("ada")),
        lambda: app.bill(FEB, by("ada"), dry_run=True),
        lambda: app.cash.match(day(4), by("ada")),
        lambda: app.deliver(by("ada"), limit=5),
    ):
        assert codes(work) == ["release.none-in-force"]
    assert app.chain_head() == head
    assert app.triggers.unbilled(FEB, "A1", by("ada")).owed


def tuned(app: App) -> None:
    """The finance admin tunes the tolerance while a proposal waits; another person agrees to that."""
    found = app.tuning.curve(WHICH, "tolerance", "0.50", months=None, count=2)
    outcome = app.tuning.propose(found, by("fin"), Decimal("0.04"))
    assert outcome.approval is not None
    app.approvals.approve(outcome.approval.id, by("bob"))


@pytest.mark.capability("B6.7")
@pytest.mark.capability("B4.7")
def test_a_value_that_is_tuned_gets_into_the_next_release(
    tmp_path: Path, database_url: str, company: tuple[Path, str]
) -> None:
    """Tuned between a proposal and its approval: not in that release, not watched by it, and in the one after it."""
    folder, lean = company
    settings = {**SETTINGS, "rules__folders": lean}
    with stories.opened(folder, database_url, **settings) as app:
        stories.load(app, folder / "data")
        looked_at_before_anything_is_approved(app)
        first = approved(app, JAN)
        assert app.bill(FEB, by("ada")).release == first
        paid(app, tmp_path)
    (folder / "rules" / PRICES).write_text(stories.PRICES.replace("31 EUR", "33 EUR"))
    with stories.opened(folder, database_url, **settings) as app:
        head = app.chain_head()
        found = app.simulation().simulate(FEB, FEB)
        assert app.chain_head() == head and found.changed == ("pricing",) and found.ties_hold and not found.drift
        second = app.releases.propose(by("ada"), MAR, changes="past").release
        tuned(app)
        app.releases.approve(second, by("bob"))
        assert app.releases.diff("approved", "disk").changes[0].kind == "parameter"
        paid_by(app, tmp_path, ("C", "77.77", "BK9", "Nobody Known", "hello"), on=25)
        assert app.cash.match(day(25), by("ada")).entries
        (watched,), findings = app.tuning.watch()
        assert (watched.rates, findings) == ((), [])
        third = approved(app, MAR)
        with app.books.reader() as reader:
            contents = [reader.release_content("acme", one) for one in (second, third)]
        assert [one and one.overrides for one in contents] == [{}, {WHICH: {"tolerance": "0.50"}}]
        assert app.releases.status(MAR).disk == third == app.releases.status(MAR).in_force
        assert app.bill(FEB, by("ada")).repeated
        assert app.bill(MAR, by("ada")).release == third
        app.cash.match(MAR, by("ada"))
        (watched,), findings = app.tuning.watch()
        assert len(watched.rates) == len(watched.outside) == len(findings) == 1
        app.releases.rollback(by("ada"), APR)
        assert app.bill(APR, by("ada")).release == second
        assert {one.kind for one in app.releases.impact(third).items} >= {"run", "document", "rule"}
        assert not any(app.verify().values())
