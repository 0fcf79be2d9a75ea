"""What else can run by itself: terms renew before their bill, and what has expired leaves the wallets on its day."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import Worked
from tests import stories
from tests.golden import test_direct_debits as sepa
from tests.golden.test_renewals import FILES, PRICES, RULES
from tests.golden.test_wallets import WALLETS, left, well
from tests.unit.runs.test_queue import look, scheduled
from tests.unit.runs.test_work import all_worked

RENEW = "{name: terms, run: renewals, cron: 0 5 1 * *, zone: Europe/Amsterdam, as: ada, reason: terms}"
EXPIRE = "{name: expiry, run: wallet-expire, cron: 0 5 1 * *, zone: Europe/Amsterdam, as: ada, reason: month end}"
GRANTS = (
    "entity,key,wallet,kind,amount,cost,functional_amount,granted_on,expires_on",
    "E1,A,MAIN,paid,100,,,2026-01-01,2026-02-15",
    "E1,B,MAIN,paid,20,,,2026-01-01,2026-03-15",
    "E1,C,MAIN,paid,30,,,2026-01-01,2027-01-01",
)


@pytest.mark.capability("A2.4")
@pytest.mark.on_sqlite
def test_terms_renew_by_themselves(tmp_path: Path, database_url: str) -> None:
    """Of firings that were missed the last one does what all would have done."""
    stories.write(tmp_path, rules={"renewal/acme.yaml": RULES, "pricing/acme.yaml": PRICES}, **FILES)
    with scheduled(tmp_path, database_url, RENEW) as app:
        stories.load(app, tmp_path / "data")
        look(app, "2026-02-15 12:00Z")
        look(app, "2026-04-15 12:00Z")
        (worked,) = all_worked(app)
        assert (worked.request.on, worked.request.state) == (date(2026, 4, 1), "done")
        assert worked.request.summary == {"renewed": 1, "ended": 1, "ahead": 0}
        assert app.subscriptions.renewals(date(2026, 4, 1)).due == ()
        look(app, "2026-05-15 12:00Z")
        assert [one.request.summary["renewed"] for one in all_worked(app)] == [0]


@pytest.mark.capability("A2.4", "A3.2")
@pytest.mark.on_sqlite
def test_wallets_expire_by_themselves(tmp_path: Path, database_url: str) -> None:
    """Firings that were missed are made up for, each with its own date; of a closed month one waits."""
    stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with scheduled(tmp_path, database_url, EXPIRE, scheduler__lease="2") as app:
        stories.load(app, tmp_path / "data")
        look(app, "2026-02-15 12:00Z")
        look(app, "2026-04-15 12:00Z")
        assert app.ledger.set_period("E1", date(2026, 4, 1), "closed", stories.CHANGE).done
        first, second = all_worked(app)
        assert (str(first.request.on), first.request.state, first.request.summary) == (
            "2026-03-01",
            "done",
            {"lots": 1},
        )
        assert second.request.state == "waiting" and "[ledger.period-closed]" in second.request.error
        assert app.ledger.set_period("E1", date(2026, 4, 1), "open", stories.CHANGE).done
        done: list[Worked] = []
        for _ in range(100):
            done += all_worked(app)
            if done:
                break
            threading.Event().wait(0.1)
        told = [(str(one.request.on), one.request.state, one.request.summary) for one in done]
        assert told == [("2026-04-01", "done", {"lots": 1})]
        assert app.runs()[0].period == "2026-04-01"
        assert {lot: rest for lot, rest in left(app, "MAIN").items() if rest} == {"C": Decimal(30)}
        well(app)


DUN = "{name: dun, run: dunning, cron: 0 5 * * *, zone: Europe/Amsterdam, as: ada, reason: each day}"


@pytest.mark.capability("A6.2")
def test_dunning_runs_by_itself(tmp_path: Path, sqlite_url: str) -> None:
    """Of days that were missed the last one takes the step that is due, and only one."""
    stories.write(tmp_path)
    with scheduled(tmp_path, sqlite_url, DUN) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01", account="A1")
        look(app, "2026-03-01 12:00Z")
        look(app, "2026-04-15 12:00Z")
        (worked,) = all_worked(app)
        assert (worked.request.on, worked.request.state) == (date(2026, 4, 15), "done")
        assert worked.request.summary == {"accounts": 1, "steps": 1, "letters": 1, "debit_notes": 0}


@pytest.mark.capability("A4.5")
def test_money_runs_by_itself(tmp_path: Path, sqlite_url: str) -> None:
    """Collections are planned and told of; orders, disputes and postings to the other ledger are looked after."""
    at = "cron: 0 5 * * *, zone: Europe/Amsterdam, as: ada, reason: each day"
    kinds = ("direct-debits", "cash-send", "disputes", "erp")
    sepa.company(tmp_path)
    with scheduled(tmp_path, sqlite_url, *(f"{{name: {kind}, run: {kind}, {at}}}" for kind in kinds)) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01", account="A1")
        look(app, "2026-03-01 12:00Z")
        look(app, "2026-03-02 12:00Z")
        done = {one.request.kind: one.request for one in all_worked(app)}
        assert {kind: (done[kind].state, done[kind].error) for kind in kinds} == dict.fromkeys(kinds, ("done", ""))
        assert done["direct-debits"].summary["planned"] == 1
        assert done["disputes"].summary == {"expired": 0, "worked": 0, "climbed": 0}
