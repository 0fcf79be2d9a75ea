"""Two persons for one act: who may, what lapses, and that it is done once, as it was proposed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine import config
from engine.app import App, Outcome
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.runs import acts
from engine.runs.billing import run as bill_run
from engine.store.tables import APPROVAL
from tests import stories
from tests.unit.store.test_store_approvals import together

JANUARY = date(2026, 1, 1)
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
PEOPLE = {"ada": "[operator]", "bob": "[operator]", "cleo": "[controller]", "dan": "[controller, operator]"}
TWO = {"approvals": "{open-period: [controller], abandon-run: [controller]}"}


def by(person: str, reason: str = "because") -> Change:
    return Change(person, NOW, reason)


@contextmanager
def company(folder: Path, url: str, **settings: str) -> Iterator[App]:
    """A company whose period of January is closed."""
    if not (folder / "config.yaml").exists():
        stories.write(folder)
    given = {**{f"people__{name}": roles for name, roles in PEOPLE.items()}, **TWO, **settings}
    with stories.opened(folder, url, **given) as app:
        if not app.runs():
            stories.load(app, folder / "data")
            assert app.ledger.set_period("E1", JANUARY, "closed", by("ada")).done
        yield app


def period(app: App) -> str:
    with app.books.reader() as reader:
        return reader.period_state("acme", "E1", JANUARY)


def proposed(app: App, person: str = "ada") -> int:
    outcome = app.ledger.set_period("E1", JANUARY, "open", by(person, "a late invoice"))
    assert not outcome.done
    assert outcome.approval is not None
    return outcome.approval.id


def refused(app: App, number: int, change: Change, verb: str = "approve") -> str:
    with pytest.raises(TollbookError) as caught:
        getattr(app.approvals, verb)(number, change)
    (finding,) = caught.value.findings
    return str(finding.code)


def actions(app: App, subject: str) -> list[tuple[str, str, str]]:
    with app.books.reader() as reader:
        return [(r.action, r.who, r.reason) for r in reversed(reader.audit_rows("acme", subject))]


def test_the_configuration_names_the_acts_that_there_are() -> None:
    assert config.ACTS.keys() == acts.ACTS.keys()
    assert {name for name, act in config.ACTS.items() if act.money} == {
        name for name, doing in acts.ACTS.items() if doing.amounts is not acts.no_amounts
    }


@pytest.mark.capability("A8.2")
@pytest.mark.on_sqlite
def test_one_proposes_another_approves_and_it_is_done(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        with pytest.raises(TollbookError, match="2026-01 is closed in the books of E1"):
            app.ledger.set_period("E1", JANUARY, "closed", by("ada"))  # one person may; nothing is left to do
        number = proposed(app)
        assert period(app) == "closed"
        outcome = app.approvals.approve(number, by("cleo", "I have seen it"))
        assert (outcome.done, outcome.text) == (True, "open 2026-01 of E1 again")
        assert period(app) == "open"
        approval = app.approvals.one(number)
        assert (approval.state, approval.maker, approval.checker) == ("approved", "ada", "cleo")
        assert (approval.reason, approval.check_reason) == ("a late invoice", "I have seen it")
        assert actions(app, "approval/open-period/E1/2026-01/1") == [
            ("propose", "ada", "a late invoice"),
            ("approve", "cleo", "I have seen it"),
        ]
        assert actions(app, "period/E1/2026-01")[-1] == ("open period", "cleo", "I have seen it")
        for verb in ("approve", "reject"):
            assert refused(app, number, by("dan"), verb) == "approval.decided"


@pytest.mark.on_sqlite
def test_a_rejected_act_is_not_done(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        number = proposed(app)
        assert app.approvals.reject(number, by("cleo", "no")).state == "rejected"
        assert period(app) == "closed"
        assert refused(app, number, by("cleo")) == "approval.decided"
        assert proposed(app) != number


NOT_THEIRS = (
    ("dan", "dan", "approval.same-person"),
    ("dan", "Dan", "approval.same-person"),
    ("dan", " d an ", "approval.same-person"),
    ("dan", "ＤＡＮ", "approval.same-person"),
    ("ada", "bob", "approval.not-allowed"),
    ("ada", "nobody", "approval.not-allowed"),
    ("ada", "CLEO", "approval.not-allowed"),
    ("ada", "", "change.no-person"),
)
"""Who has proposed, who would decide, and why they may not."""


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.on_sqlite
def test_who_may_not_decide(tmp_path: Path, database_url: str, verb: str) -> None:
    with company(tmp_path, database_url) as app:
        for maker, checker, code in NOT_THEIRS:
            number = proposed(app, maker)
            assert refused(app, number, by(checker), verb) == code, checker
            assert refused(app, number, by("cleo", " "), verb) == "change.no-reason"
            assert app.approvals.one(number).state == "pending"
            assert period(app) == "closed"
            app.approvals.reject(number, by("cleo"))
        assert refused(app, 99, by("cleo"), verb) == "approval.unknown"


@pytest.mark.on_sqlite
def test_a_namesake_in_the_configuration_is_no_second_person(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url, people__Dan="[controller]") as app:
        number = proposed(app, "dan")
        assert refused(app, number, by("Dan")) == "approval.same-person"
        assert app.approvals.approvers(app.approvals.one(number)) == ["cleo"]


@pytest.mark.on_sqlite
def test_a_reason_is_needed_to_propose(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        with pytest.raises(TollbookError) as caught:
            app.ledger.set_period("E1", JANUARY, "open", by("ada", " "))
        assert [f.code for f in caught.value.findings] == ["change.no-reason"]
        assert app.approvals.listed() == []


TAMPERING = (
    {"content": '{"do":{"entity":"E1","month":"2026-02"},"relies":{"state":"closed"}}'},
    {"maker": "bob"},
    {"sha256": "0" * 64},
    {"subject": "E1/2026-02"},
    {"act": "close-period"},
)


def test_what_was_changed_by_hand_lapses(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        for changed in TAMPERING:
            number = proposed(app)
            with app.books._engine.begin() as connection:
                connection.execute(sa.update(APPROVAL).where(APPROVAL.c.id == number).values(**changed))
            assert refused(app, number, by("cleo")) == "approval.changed", changed
            approval = app.approvals.one(number)
            assert (approval.state, approval.checker) == ("lapsed", "cleo")
            assert period(app) == "closed"
            assert refused(app, number, by("cleo")) == "approval.decided"


def test_a_proposal_lapses_when_the_world_has_changed(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        number = proposed(app)
    with company(tmp_path, database_url, approvals="{}") as app:
        assert app.ledger.set_period("E1", JANUARY, "open", by("bob")).done
    with company(tmp_path, database_url) as app:
        with pytest.raises(TollbookError) as caught:
            app.approvals.approve(number, by("cleo"))
        assert "2026-01 is open in the books of E1" in str(caught.value)
        approval = app.approvals.one(number)
        assert (approval.state, approval.check_reason) == (
            "lapsed",
            f"approval {number} has lapsed: 2026-01 is open in the books of E1",
        )
        with pytest.raises(TollbookError) as caught:
            app.ledger.set_period("E1", JANUARY, "open", by("ada"))
        assert caught.value.findings[0].code == "approval.needless"


@pytest.mark.on_sqlite
def test_a_proposal_lapses_when_its_maker_may_no_more(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        number = proposed(app)
    with company(tmp_path, database_url, people__ada="[auditor]") as app:
        assert refused(app, number, by("cleo")) == "approval.stale"
        assert app.approvals.one(number).state == "lapsed"
        assert period(app) == "closed"


def test_an_act_of_another_version_waits_for_it(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with company(tmp_path, database_url) as app:
        number = proposed(app)
        known = {name: doing for name, doing in acts.ACTS.items() if name != "open-period"}
        monkeypatch.setattr("engine.runs.approvals.ACTS", known)
        assert refused(app, number, by("cleo")) == "approval.unknown-act"
        assert app.approvals.one(number).state == "pending"


@pytest.mark.on_sqlite
def test_the_same_proposal_twice_is_one(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        assert proposed(app, "ada") == proposed(app, "ada") == proposed(app, "bob")
        assert app.approvals.listed()[0].maker == "ada"


def test_two_checkers_at_once_do_it_once(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        number = proposed(app)
        results = together(*(lambda who=who: app.approvals.approve(number, by(who)) for who in ("cleo", "dan") * 3))
        assert sum(isinstance(result, Outcome) for result in results) == 1
        assert results.count("approval.decided") == 5
        opened = [row for row in actions(app, "period/E1/2026-01") if row[0] == "open period"]
        assert len(opened) == 1


@pytest.mark.on_sqlite
def test_without_the_act_in_the_configuration_one_person_is_enough(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url, approvals="{}") as app:
        outcome = app.ledger.set_period("E1", JANUARY, "open", by("ada"))
        assert (outcome.done, outcome.findings, period(app)) == (True, (), "open")


def test_switched_off_approvals_say_so_every_time(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url, approvals_off="true") as app:
        outcome = app.ledger.set_period("E1", JANUARY, "open", by("ada"))
        assert (outcome.done, period(app)) == (True, "open")
        (finding,) = outcome.findings
        assert (finding.code, finding.level) == ("approval.switched-off", "warning")
        assert actions(app, "open-period/E1/2026-01") == [("act alone", "ada", "because")]
        assert app.ledger.set_period("E1", JANUARY, "closed", by("ada")).findings == ()


# Giving up a run, whose amount is what it has invoiced


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that bills until one partition is done, and leaves the run unfinished."""
    whole = bill_run.bill_partition

    def stop(app: App) -> int:
        done: list[int] = []

        def stopping(parts: Any, pinned: Any, number: int) -> Any:
            if done:
                raise RuntimeError("stopped")
            done.append(number)
            return whole(parts, pinned, number)

        monkeypatch.setattr(bill_run, "bill_partition", stopping)
        with pytest.raises(RuntimeError):
            stories.bill(app, "2026-02-01")
        monkeypatch.setattr(bill_run, "bill_partition", whole)
        return app.runs()[0].id

    return stop


def test_giving_up_a_run_takes_two(tmp_path: Path, database_url: str, stopped: Any) -> None:
    with company(tmp_path, database_url, runs__partition_size="1") as app:
        run = stopped(app)
        outcome = app.abandon(run, by("ada"))
        assert not outcome.done
        assert outcome.approval is not None
        content = json.loads(outcome.approval.content)
        assert content["do"] == {"run": run}
        assert content["relies"]["partitions"] == "1 of 3"
        assert app.report(run).state == "running"
        assert app.approvals.approve(outcome.approval.id, by("cleo")).done
        assert app.report(run).state == "failed"


def test_a_run_that_went_on_is_not_given_up(tmp_path: Path, database_url: str, stopped: Any) -> None:
    """What was proposed of a run with one partition done is not what would be done to one with all of them done."""
    with company(tmp_path, database_url, runs__partition_size="1") as app:
        run = stopped(app)
        first = app.abandon(run, by("ada")).approval
        assert first is not None
        assert app.resume(run, by("bob")).state == "done"
        assert refused(app, first.id, by("cleo")) == "approval.stale"
        assert app.report(run).state == "done"


def test_a_proposal_is_made_anew_when_the_run_went_on(tmp_path: Path, database_url: str, stopped: Any) -> None:
    with company(tmp_path, database_url, runs__partition_size="1") as app:
        run = stopped(app)
        first = app.abandon(run, by("ada")).approval
        assert first is not None
        bill_run.bill_partition(app.parts(), bill_run._pinned(app.runs()[0], date(2026, 2, 1), by("ada")), 2)
        second = app.abandon(run, by("ada")).approval
        assert second is not None
        assert second.id != first.id
        assert app.approvals.one(first.id).state == "lapsed"
        assert '"partitions":"2 of 3"' in second.content


@pytest.mark.parametrize(
    ("limits", "done"),
    [("[1000000 EUR]", True), ("[81 EUR]", False), ("[1000000 USD]", False), ("[0 EUR]", False)],
)
def test_an_amount_below_the_limit_needs_one_person(
    tmp_path: Path, database_url: str, stopped: Any, limits: str, done: bool
) -> None:
    settings = {"runs__partition_size": "1", "approvals_from__abandon-run": limits}
    with company(tmp_path, database_url, **settings) as app:
        assert app.abandon(stopped(app), by("ada")).done is done


# The command line


@pytest.mark.on_sqlite
def test_the_command_line_proposes_and_approves(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from engine.cli import main as tollbook

    with company(tmp_path, database_url):
        pass
    settings = {"database.url": database_url, **{f"people.{k}": v for k, v in PEOPLE.items()}, **TWO}
    given = [word for name, text in settings.items() for word in ("--set", f"{name}={text}")]

    def say(*words: str, code: int = 0) -> tuple[str, str]:
        assert tollbook.run(["--config", str(tmp_path / "config.yaml"), *given, *words]) == code
        said = capsys.readouterr()
        return said.out, said.err

    opening = ("ledger", "open-period", "E1", "2026-01", "--as", "ada", "--reason", "late")
    shown = json.loads(say(*opening, "--json")[0])
    number = str(shown["approval"]["id"])
    assert (shown["done"], shown["approval"]["content"]["do"]["month"]) == (False, "2026-01")
    assert f"approval {number}: to open 2026-01 of E1 again; nothing is done yet" in say(*opening)[0]
    assert "may decide   cleo, dan" in say("approvals", "show", number)[0]
    assert [a["id"] for a in json.loads(say("approvals", "list", "--state", "pending", "--json")[0])] == [int(number)]
    assert "config.not-allowed" in say("approvals", "approve", number, "--as", "bob", "--reason", "x", code=1)[1]
    assert "and it is done" in say("approvals", "approve", number, "--as", "cleo", "--reason", "x")[0]
    closing = ("ledger", "close-period", "E1", "2026-01", "--as", "ada", "--reason", "x", "--json")
    assert json.loads(say(*closing)[0]) == {"entity": "E1", "month": "2026-01", "state": "closed", "done": True}
    given += ["--set", "approvals_off=true"]
    assert "approval.switched-off" in say(*opening)[1]
