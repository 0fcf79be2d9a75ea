"""Releases of rules: proposed, agreed to by others, in force from a day on, rolled back, and what one of them touched."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.app import App, write_impact
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.runs.billing import run as bill_run
from tests import stories

JAN, FEB, MID, MAR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 2, 15), date(2026, 3, 1)
PRICES = "pricing/acme.yaml"
SETTINGS = {
    "rules__releases": "approved",
    "roles": "{operator: [init, import, run, deliver, release, approve], head: [approve], legal: [approve], auditor: []}",
    "people": "{ada: [operator], bob: [], cleo: [head], lea: [legal]}",
}
TWO_ROLES = """
ruleset: approval/acme
priority: 10
effective: {from: 2000-01-01}
rules:
  - {id: prices, when: family == "pricing" and change != "added", then: {roles: [head, legal]}}
  - {id: others, then: {roles: [head]}}
"""


def who(name: str, at: date = JAN) -> Change:
    return Change(name, datetime(at.year, at.month, at.day, 9, tzinfo=UTC), f"{name} wants it")


ADA, CLEO, LEA = who("ada"), who("cleo"), who("lea")


@pytest.fixture(scope="module")
def lean(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The shipped rules without their cases, as a setting."""
    return f"[{stories.lean_rules(tmp_path_factory.mktemp('lean'))}, rules]"


@contextmanager
def opened(folder: Path, url: str, **more: str) -> Iterator[App]:
    with stories.opened(folder, url, **{**SETTINGS, **more}) as app:
        yield app


def codes(work: Callable[[], Any]) -> list[str]:
    with pytest.raises(TollbookError) as raised:
        work()
    return [str(finding.code) for finding in raised.value.findings]


def write_prices(folder: Path, text: str) -> None:
    (folder / "rules" / PRICES).write_text(text)


def approved(app: App, day: date | None = JAN, by: tuple[Change, ...] = (CLEO,)) -> str:
    release: str = app.releases.propose(ADA, day, changes="past").release
    for one in by:
        app.releases.approve(release, one)
    return release


@pytest.mark.capability("B6.7")
@pytest.mark.capability("A8.2")
def test_a_release_from_proposal_to_rollback(tmp_path: Path, database_url: str) -> None:
    """Wrong, mended, proposed, agreed to by another, in force next month, rolled back; and everything that it touched."""
    folder = stories.write(tmp_path)
    with opened(folder, database_url) as app:
        stories.load(app, folder / "data")
    write_prices(folder, stories.PRICES.replace("per_unit", "per_unitt"))
    with opened(folder, database_url) as app:
        assert codes(lambda: app.releases.propose(ADA, JAN)) == ["rule.unknown-method"]
        assert app.releases.log() == []
        assert codes(lambda: app.bill(FEB, ADA)) == ["release.none-in-force"]
    write_prices(folder, stories.PRICES)
    with opened(folder, database_url) as app:
        made = app.releases.propose(ADA, JAN)
        first = made.release
        assert made.cases > 200 and made.roles == ("",) and not made.known
        assert codes(lambda: app.releases.approve(first, ADA)) == ["approval.same-person"]
        assert codes(lambda: app.releases.approve(first, who("bob"))) == ["approval.not-allowed"]
        assert codes(lambda: app.bill(FEB, ADA)) == ["release.none-in-force"]
        app.releases.approve("proposed", CLEO)
        assert app.bill(FEB, ADA).release == first
    dearer = stories.PRICES.replace("[10 EUR", "[11 EUR")
    write_prices(folder, dearer)
    with opened(folder, database_url) as app:
        with pytest.raises(TollbookError) as refused:
            app.releases.propose(ADA, MID)
        (wrong,) = refused.value.findings
        assert (wrong.code, wrong.level) == ("release.changes-the-past", "error")
        assert f"effective from {MID}" in wrong.mend and "--changes past" in wrong.mend
        assert app.releases.status(MID).proposed == first  # nothing of it was kept
        made = app.releases.propose(ADA, MID, changes="past")
        assert ["bills days before that again by pricing/acme" in one.text for one in made.outcomes] == [True]
        said = made.difference.changes
        assert [str(one.code) for one in made.findings if one.level == "warning"] == ["release.changes-the-past"]
        assert [one.what for one in said] == [
            "rule seats, unit: [10 EUR, 12 USD, 1500 JPY] -> [11 EUR, 12 USD, 1500 JPY]"
        ]
        second = app.releases.approve("proposed", CLEO)[0].subject.partition("/")[0]
        assert [(one.release, one.start, one.end) for one in app.releases.timeline()] == [
            (first, JAN, MID),
            (second, MID, None),
        ]
        before = stories.invoices(app)
        assert app.bill(FEB, ADA).repeated and stories.invoices(app) == before
        assert app.bill(FEB, ADA).release == first
        billed = app.bill(MAR, ADA)
        assert (billed.release, billed.rules) == (second, "approved")
        assert codes(lambda: app.releases.rollback(ADA, MID)) == ["release.in-the-past"]
        assert app.releases.rollback(ADA, MAR).text.endswith("which bills days before that again by pricing/acme")
        assert codes(lambda: app.releases.rollback(ADA, MAR)) == ["release.nothing-earlier"]
        assert app.bill(date(2026, 4, 1), ADA).release == first
        check_impact(app, second, billed.run_id, tmp_path / "impact.csv")
        assert [one.rules for one in app.runs() if one.kind == "bill"] == ["approved"] * 3
        assert {name: found for name, found in app.verify().items() if found} == {}
        with app.books.reader() as reader:
            audited = [row.action for row in reader.audit_rows("acme", f"release/{second}")]
        assert {"proposed release", "agreed release", "approved release", "scheduled release"} <= {*audited}


def check_impact(app: App, release: str, run: int, file: Path) -> None:
    """The report names the run and each of its documents, and its sums are those of the books."""
    found = app.releases.impact(release)
    documents = [one for one in found.items if one.kind == "document"]
    with app.books.reader() as reader:
        heads = [one for one in reader.invoices("acme") if one["run_id"] == run]
        lines = [line for one in reader.invoices("acme") for line in reader.invoice_lines(one["id"])]
        releases = {one["id"]: one["release"] for one in reader.decisions([li["decision"] for li in lines]).values()}
    assert [(one.key, one.amount) for one in documents] == [(one["number"], one["total"]) for one in heads]
    assert {one.undo for one in documents} == {f"tollbook void {one['number']} --date DAY" for one in heads}
    assert [(one.kind, one.key) for one in found.items if one.kind == "run"] == [("run", str(run))]
    rules = sum((one.amount for one in found.items if one.kind == "rule"), Decimal(0))
    assert rules == sum(line["amount"] for line in lines if releases[line["decision"]] == release) != 0
    write_impact(found, file)
    with file.open(newline="") as rows:
        assert [row["key"] for row in csv.DictReader(rows)] == [one.key for one in found.items]


def test_several_have_to_agree_and_a_change_of_content_starts_again(tmp_path: Path, sqlite_url: str, lean: str) -> None:
    """Rules in force say who: legal and the head for prices.  New content lapses what was agreed; so does a tampered row."""
    folder = stories.write(tmp_path, rules={"approval/acme.yaml": TWO_ROLES})
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        stories.load(app, folder / "data")
        assert app.releases.propose(ADA, JAN).roles == ("head",)
        app.releases.approve("proposed", CLEO)
    write_prices(folder, stories.PRICES.replace("31 EUR", "32 EUR"))
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        made = app.releases.propose(ADA, MAR)
        assert made.roles == ("head", "legal")
        app.releases.approve(made.release, CLEO)
        assert app.releases.status(MAR).state == "proposed"
        assert app.releases.status(MAR).waits == {f"{made.release}/legal": ("lea",)}
        assert codes(lambda: app.releases.approve(made.release, CLEO)) == ["approval.not-allowed"]
        assert codes(lambda: app.releases.schedule(made.release, MAR, ADA)) == ["release.not-approved"]
        assert app.releases.propose(ADA, MAR).known
    write_prices(folder, stories.PRICES.replace("31 EUR", "33 EUR"))
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        again = app.releases.propose(ADA, MAR)
        assert again.release != made.release and not again.known
        assert codes(lambda: app.releases.approve(made.release, LEA)) == ["release.nothing-waits"]
        assert app.releases.show(made.release).state == "lapsed"
        app.releases.approve(again.release, LEA)
        with app.books._engine.begin() as connection:
            sha = connection.execute(sa.text("SELECT sha256 FROM rule_file WHERE content LIKE '%33 EUR%'")).scalar()
            change = "UPDATE rule_file SET content = replace(content, '33 EUR', '1 EUR') WHERE sha256 = :sha"
            connection.execute(sa.text(change), {"sha": sha})
        assert codes(lambda: app.releases.approve(again.release, CLEO)) == ["release.altered"]
        assert not app.releases.show(again.release).whole
        rejected = app.releases.reject(again.release, CLEO)
        assert [one.state for one in rejected] == ["rejected"]
        assert app.releases.show(again.release).state == "rejected"


def test_a_failing_case_is_no_release(tmp_path: Path, sqlite_url: str, lean: str) -> None:
    folder = stories.write(tmp_path)
    case = "cases:\n  - {given: {charge: {key: seats}, quantity: 2}, expect: {rule: seats, amount: 21 EUR}}\n"
    write_prices(folder, stories.PRICES + case)
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        with pytest.raises(TollbookError) as raised:
            app.releases.propose(ADA)
        assert {str(one.code).partition(".")[0] for one in raised.value.findings} == {"case"}
        assert all(one.where.file.endswith(PRICES) for one in raised.value.findings)


@pytest.mark.capability("A1.2")
def test_an_interrupted_run_and_workers_keep_the_release_that_was_pinned(
    tmp_path: Path, sqlite_url: str, lean: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release comes into force on the same day: the run goes on by its own, in worker processes too."""
    folder = stories.write(tmp_path)
    with opened(folder, sqlite_url, rules__folders=lean, runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        first = approved(app)
        whole = bill_run.bill_partition
        with monkeypatch.context() as patched:
            patched.setattr(bill_run, "bill_partition", lambda *given: whole(*given) if given[2] == 1 else 1 // 0)
            with pytest.raises(ZeroDivisionError):
                app.bill(FEB, ADA)
    write_prices(folder, stories.PRICES.replace("[10 EUR", "[99 EUR"))
    with opened(folder, sqlite_url, rules__folders=lean, runs__partition_size="1", runs__workers="2") as app:
        second = approved(app, FEB)
        assert codes(lambda: app.bill(FEB, ADA)) == ["run.release-moved"]
        report = app.resume(app.runs()[0].id, ADA)
        assert (report.state, report.release, report.rules) == ("done", first, "approved")
        assert app.bill(MAR, ADA).release == second


def test_plug_ins_are_part_of_what_was_agreed(tmp_path: Path, sqlite_url: str, lean: str) -> None:
    folder = stories.write(tmp_path)
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        stories.load(app, folder / "data")
        approved(app)
    with opened(folder, sqlite_url, rules__folders=lean, adapters__delivery_file__settings__folder="elsewhere") as app:
        assert codes(lambda: app.bill(FEB, ADA)) == ["release.plugins-moved"]
        assert app.releases.diff("in-force", "disk").changes[0].what.startswith("plug-in delivery_file")


def test_development_says_so(tmp_path: Path, sqlite_url: str, lean: str) -> None:
    """Rules on disk are used at once; every run has it in its row and in its report, and the command says it."""
    folder = stories.write(tmp_path)
    with opened(folder, sqlite_url, rules__folders=lean, rules__releases="development") as app:
        stories.load(app, folder / "data")
        report = app.bill(FEB, ADA)
        assert (
            report.rules == "development"
            and app.notice == f"development rules: {report.release}, which nobody had to approve"
        )
        assert [run.rules for run in app.runs()] == ["development", ""]
        assert app.bill(MAR, ADA, dry_run=True).rules == "development"
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        approved(app, MAR)
        assert app.bill(MAR, ADA).rules == "approved" and app.notice == ""


def test_parameters_stay_with_releases(tmp_path: Path, sqlite_url: str, lean: str) -> None:
    """A value that a release sets is carried on by the next one, until it is taken back."""
    folder = stories.write(tmp_path)
    head = "parameters:\n  fee: {type: price, value: 31 EUR, why: test}\nrules:"
    priced = stories.PRICES.replace("rules:", head).replace("[31 EUR, 40 USD, 5000 JPY]", "$fee")
    write_prices(folder, priced)
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        app.releases.propose(ADA, JAN, {"pricing/acme": {"fee": "35 EUR"}})
        app.releases.approve("proposed", CLEO)
        assert codes(lambda: app.releases.propose(ADA)) == ["release.nothing-new"]
        back = app.releases.propose(ADA, FEB, {"pricing/acme": {"fee": None}})
        assert [one.what for one in back.difference.changes] == ["parameter fee: 35 EUR -> 31 EUR"]
        assert [one.change for one in back.difference.touched] == ["parameters"]


def test_a_release_knows_its_commit(tmp_path: Path, sqlite_url: str, lean: str) -> None:
    folder = stories.write(tmp_path)
    rules = folder / "rules"

    def git(*words: str) -> str:
        person = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        done = subprocess.run(("git", *person, "-C", str(rules), *words), check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "rules")
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        mine = app.releases.propose(ADA).origins[-1]
        assert (mine.commit, mine.dirty) == (git("rev-parse", "HEAD"), False)
        write_prices(folder, stories.PRICES.replace("31 EUR", "32 EUR"))
    with opened(folder, sqlite_url, rules__folders=lean) as app:
        release = app.releases.propose(ADA).release
        assert app.releases.show(release).origins[-1].dirty is True
