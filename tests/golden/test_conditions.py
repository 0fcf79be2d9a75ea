"""Conditions of bill runs: an unmet one keeps the run from starting and says so; a scheduled run starts by itself when it is met."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import Finding, TollbookError
from engine.model.journal import Change
from engine.model.request import RunRequest
from engine.model.worklist import Difference
from engine.ports.host import Host
from tests import stories
from tests.unit.runs.test_queue import CHECK, MONTHLY, POST, look, scheduled
from tests.unit.runs.test_work import WORKER, all_worked

CLEO = Change("cleo", datetime(2026, 2, 1, 9, tzinfo=UTC), "seen")
FEB = date(2026, 2, 1)
TWO = {
    "roles": "{operator: [init, import, run, deliver, close, schedule, resolve, credit], head: [approve]}",
    "people": "{ada: [operator], bob: [operator], cleo: [head]}",
    "approvals": "{open-period: [head], waive-condition: [head]}",
}


def wanting(*thens: str, scope: str = "all") -> dict[str, str]:
    """A rule set that wants these conditions of runs of all accounts."""
    rules = [f'  - {{id: c{n}, when: scope == "{scope}", then: {then}}}' for n, then in enumerate(thens, 1)]
    head = "ruleset: conditions/acme\npriority: 10\neffective: {from: 2020-01-01}\nhit: collect\nrules:\n"
    return {"conditions/acme.yaml": head + "\n".join(rules) + "\n"}


def refused(app: App, on: str = "2026-02-01", **options: str) -> list[Finding]:
    with pytest.raises(TollbookError) as raised:
        stories.bill(app, on, **options)
    assert {f.code for f in raised.value.findings} == {"run.condition-unmet"}
    return list(raised.value.findings)


def kinds(app: App) -> list[str]:
    return sorted(run.kind for run in app.runs())


@pytest.mark.capability("A3.2")
def test_a_scheduled_run_waits_for_its_conditions_and_starts_by_itself(tmp_path: Path, database_url: str) -> None:
    """An approval that is open and a month that is not closed: the real worker waits, says so once, and bills once both are met."""
    folder = stories.write(tmp_path, rules=wanting("{check: approvals}", "{check: quality, kinds: [oddity], most: 0}"))
    with scheduled(folder, database_url, MONTHLY, POST, CHECK, scheduler__lease="2", **TWO) as app:
        stories.load(app, folder / "data")
        with app.books.writer(WORKER, tenant="acme") as writer:
            writer.open_item("acme", Difference("E1", "oddity", "oddity/1", "it is odd", {}, "bob", 0))
        app.ledger.set_period("E1", date(2025, 12, 1), "closed", WORKER)
        asked = app.ledger.set_period("E1", date(2025, 12, 1), "open", WORKER)
        assert asked.approval is not None and not asked.done
        look(app, "2026-01-15 12:00Z")
        look(app, "2026-02-01 12:00Z")

        first = {w.request.schedule: w for w in all_worked(app)}["monthly"]
        assert (first.request.state, first.request.attempts) == ("waiting", 0)
        assert (
            "approval 1 (open-period E1/2025-12) waits for a second person [run.condition-unmet]" in first.request.error
        )
        assert "1 items of the worklist are open (oddity), 0 may be" in first.request.error
        assert "since 2026-04-20 12:00 UTC" in first.request.error
        assert [f.code for f in first.findings] == ["schedule.waiting-for"]
        assert kinds(app) == ["import"] and app.schedules(CLEO.at, 1)[1]["waiting"] == 1

        app.approvals.reject(1, CLEO)
        again = _next(app)
        assert again.state == "waiting" and "approval" not in again.error and "worklist" in again.error
        assert kinds(app) == ["import"]
        app.worklist.resolve(1, "corrected", WORKER)
        done = _next(app)
        assert (done.state, done.error) == ("done", "") and done.summary["invoices"] > 0
        assert kinds(app) == ["bill", "import"]
        assert all(found == () for found in app.verify().values())


def _next(app: App) -> RunRequest:
    """The request that the worker takes next, as it is looked at again."""
    for _ in range(100):
        if (worked := app.work(WORKER, "w")) is not None:
            return worked.request
        threading.Event().wait(0.05)
    raise AssertionError("nothing was looked at again")


def _imported(app: App) -> None:
    with app.books.writer(stories.CHANGE, tenant="acme") as writer:
        writer.note_intake("acme", "data/exemptions.csv", "0", 1, 0)


def _sixteenth(app: App, folder: Path) -> None:
    header, event = "entity,subscription,meter,key,at,quantity", "E1,S5,calls,c16,2026-01-16T10:00:00+01:00,10"
    stories.load(app, stories.deliver(folder, "more", usage=(header, event)))


TOTALS = ("entity,source,meter,day,until,events,quantity", "E1,import,calls,2026-01-01,2026-02-01,16,160")
UNMET: dict[str, tuple[str, dict[str, tuple[str, ...]], str, Callable[[App, Path], None]]] = {
    "source-totals": (
        "{check: source-totals}",
        {"usage_totals": TOTALS},
        "import says 16 events with 160 calls on 2026-01-01..2026-02-01, 15 events with 150 calls arrived",
        _sixteenth,
    ),
    "imports-fresh": (
        "{check: imports-fresh, imports: [exemptions], max_age: 7 days}",
        {},
        "no file exemptions was ever imported",
        lambda app, folder: _imported(app),
    ),
}
"""What a rule wants, the files of the company, what is said, and how it is mended."""


@pytest.mark.parametrize("name", UNMET)
def test_what_is_unmet_is_named_and_mending_it_lets_the_run_start(tmp_path: Path, sqlite_url: str, name: str) -> None:
    then, files, what, mend = UNMET[name]
    folder = stories.write(tmp_path, rules=wanting(then), **files)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        (finding,) = refused(app)
        assert finding.what == f"the bill run of 2026-02-01 waits in E1 since 2026-01-01 12:00 UTC: {what}"
        assert finding.why.startswith("rule conditions/acme#c1 at rules/conditions/acme.yaml:6:")
        (listed,) = app.review.conditions.listed(FEB, stories.CHANGE)
        assert (listed.state, listed.name, listed.what, listed.since) == ("unmet", name, what, stories.CHANGE.at)
        dry = stories.bill(app, "2026-02-01", dry_run=True)
        assert "run.condition-unmet" in {f.code for f in dry.findings} and dry.details
        stories.bill(app, "2026-02-01", account="A3")  # the rule is about runs of all accounts
        mend(app, folder)
        assert [one.state for one in app.review.conditions.listed(FEB, stories.CHANGE)] == ["met"]
        assert stories.bill(app, "2026-02-01").state == "done"
        assert app.review.conditions.listed(FEB, stories.CHANGE) == []
        with app.books.reader() as reader:
            assert reader.unmet_since("acme", FEB, "all") == {}


def test_revenue_of_earlier_months_is_locked(tmp_path: Path, sqlite_url: str) -> None:
    folder = stories.write(tmp_path, rules=wanting("{check: revenue-lock}"))
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        assert stories.bill(app, "2026-01-01").state == "done", "before it there is no month with postings"
        (finding,) = refused(app)
        assert finding.what.endswith(": 2026-01 is not closed")
        app.ledger.set_period("E1", date(2026, 1, 1), "closed", stories.CHANGE)
        assert stories.bill(app, "2026-02-01").state == "done"


def test_a_tax_adapter_that_does_not_answer_keeps_the_run(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, down = Host.ask_tax, [True]

    def asked(self: Host, adapter: str, requests: object) -> object:
        if down:
            raise TollbookError(Finding("adapter.failed", None, f"{adapter} is down"))  # type: ignore[arg-type]
        return whole(self, adapter, requests)  # type: ignore[arg-type]

    monkeypatch.setattr(Host, "ask_tax", asked)
    folder = stories.write(tmp_path, rules=wanting("{check: tax-ready}"))
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        (finding,) = refused(app)
        assert finding.what.endswith("tax adapter tax_table does not answer: tax_table is down")
        down.clear()
        assert stories.bill(app, "2026-02-01").state == "done"


def test_a_condition_is_let_go_by_a_second_person_in_the_words_it_was_seen_in(tmp_path: Path, sqlite_url: str) -> None:
    folder = stories.write(tmp_path, rules=wanting("{check: quality, most: 0}"))
    with stories.opened(folder, sqlite_url, **TWO) as app:
        stories.load(app, folder / "data")
        item(app, 1)
        refused(app)
        rule = "conditions/acme#c1"
        with pytest.raises(TollbookError, match="is no unmet condition"):
            app.review.conditions.waive(FEB, "E2", rule, stories.CHANGE)
        proposed = app.review.conditions.waive(FEB, "E1", rule, stories.CHANGE)
        assert proposed.approval is not None and not proposed.done
        refused(app)
        item(app, 2)
        app.approvals.approve(proposed.approval.id, CLEO)
        refused(app)  # there are two items by now, and one was let go
        again = app.review.conditions.waive(FEB, "E1", rule, stories.CHANGE)
        assert again.approval is not None
        app.approvals.approve(again.approval.id, CLEO)
        (stands,) = app.review.conditions.listed(FEB, stories.CHANGE)
        assert (stands.state, stands.by) == ("waived", "cleo: seen")
        assert stories.bill(app, "2026-02-01").state == "done"
        refused(app, "2026-02-02")  # it was let go for one day
        assert app.verify()["chain"] == ()


def item(app: App, number: int) -> None:
    with app.books.writer(stories.CHANGE, tenant="acme") as writer:
        writer.open_item("acme", Difference("E1", "oddity", f"oddity/{number}", "it is odd", {}, "", 0))
