"""A run that is interrupted goes on where it stopped, with the rules that it pinned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError, refuse
from engine.runs import import_run
from engine.runs.billing import run as bill_run
from engine.store.failures import UNAVAILABLE
from tests import stories


class Stopped(Exception):
    """What stands for a crash."""


@pytest.mark.capability("A1.2")
@pytest.mark.parametrize("after", [0, 1, 2])
def test_resume_ends_in_the_same_books(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Stopped after any partition and resumed, even with other rules on disk meanwhile, the books are those of one run."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, f"sqlite:///{tmp_path / 'reference.db'}", runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        expected = stories.invoices(app)
    with stories.opened(folder, database_url, runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        whole = bill_run.bill_partition
        done: list[int] = []

        def stopping(parts: Any, pinned: Any, number: int) -> Any:
            if len(done) == after:
                raise Stopped
            done.append(number)
            return whole(parts, pinned, number)

        monkeypatch.setattr(bill_run, "bill_partition", stopping)
        with pytest.raises(Stopped):
            stories.bill(app, "2026-02-01")
        monkeypatch.setattr(bill_run, "bill_partition", whole)
        assert len(stories.invoices(app)) == after
        run = app.runs()[0]
        assert (run.kind, run.state) == ("bill", "running")
    changed = stories.PRICES.replace("31 EUR", "32 EUR")
    (folder / "rules" / "pricing" / "acme.yaml").write_text(changed)
    with stories.opened(folder, database_url, adapters__delivery_file__settings__folder="elsewhere") as app:
        with pytest.raises(TollbookError) as caught:
            app.resume(run.id, stories.CHANGE)
        assert [f.code for f in caught.value.findings] == ["release.plugins-moved"]
    with stories.opened(folder, database_url) as app:
        with pytest.raises(TollbookError) as caught:
            stories.bill(app, "2026-02-01")
        assert [f.code for f in caught.value.findings] == ["run.release-moved"]
        report = app.resume(run.id, stories.CHANGE)
        assert report.state == "done"
        assert stories.invoices(app) == expected


def test_a_resumed_run_does_not_see_a_subscription_that_came_meanwhile(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither billed nor found to be without a start; the run of the next date bills it."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url, runs__partition_size="1") as app:
        stories.load(app, folder / "data")

        def stopping(parts: Any, pinned: Any, number: int) -> Any:
            raise Stopped

        with monkeypatch.context() as patched:
            patched.setattr(bill_run, "bill_partition", stopping)
            with pytest.raises(Stopped):
                stories.bill(app, "2026-02-01")
        run = app.runs()[0]
        more = stories.deliver(
            tmp_path,
            "more",
            subscriptions=("entity,key,account,anchor_day", "E1,S9,A3,1", "E1,S10,A3,1"),
            subscription_events=("entity,subscription,key,kind,on,plan,quantity", "E1,S9,1,start,2026-01-10,team,1"),
        )
        stories.load(app, more)
        report = app.resume(run.id, stories.CHANGE)
        errors = [(f.code, f.subject) for f in report.findings if f.level == "error"]
        assert errors == [("subscription.no-start", "subscription/S10")]
        stories.bill(app, "2026-02-02")
        billed = {(i["period"], line["subscription"]) for i in stories.invoices(app) for line in i["lines"]}
        assert [period for period, subscription in sorted(billed) if subscription == "S9"] == ["2026-02-02"]


def test_only_bill_runs_are_resumed(tmp_path: Path) -> None:
    """A run that does not exist, or an import, is refused."""
    with stories.opened(stories.write(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as app:
        stories.load(app, tmp_path / "data")
        imported = app.runs()[0].id
        for number in (imported, 999):
            with pytest.raises(TollbookError) as caught:
                app.resume(number, stories.CHANGE)
            assert [f.code for f in caught.value.findings] == ["run.not-resumable"]


@pytest.mark.on_sqlite
def test_an_account_that_does_not_exist_leaves_no_run_behind(tmp_path: Path, database_url: str) -> None:
    """A refused run is not begun, so that it does not stand in the way of the next one."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        with pytest.raises(TollbookError) as caught:
            stories.bill(app, "2026-02-01", account="nobody")
        assert [f.code for f in caught.value.findings] == ["run.unknown-account"]
        assert [run.kind for run in app.runs()] == ["import"]
        assert stories.bill(app, "2026-02-01").state == "done"


def test_what_stops_a_run_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal in the middle of a run says which run it was, and how to go on."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        stories.load(app, folder / "data")

        def refusing(*_: Any) -> Any:
            raise refuse(UNAVAILABLE, "the disk is gone", mend="bring it back; then do it again")

        monkeypatch.setattr(bill_run, "bill_partition", refusing)
        with pytest.raises(TollbookError) as caught:
            stories.bill(app, "2026-02-01")
        (finding,) = caught.value.findings
        run = app.runs()[0].id
        assert finding.code == "store.unavailable"
        assert finding.what == f"bill run {run} of 2026-02-01 stopped: the disk is gone"
        assert finding.mend == f"bring it back; then `tollbook runs resume {run}`"


def test_an_import_that_was_stopped_at_its_very_end_is_finished(tmp_path: Path, database_url: str) -> None:
    """Everything was loaded, but its end was not written: the same import again writes it, and a third changes nothing."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url) as app:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(import_run, "_finish", _stopped)
            with pytest.raises(Stopped):
                stories.load(app, folder / "data")
        assert [run.state for run in app.runs()] == ["running"]
        assert stories.load(app, folder / "data").state == "done"
        with app.books.reader() as reader:
            assert len(reader.intake_files("acme")) == len(stories.FILES)
        assert stories.load(app, folder / "data").state == "unchanged"
        assert [run.state for run in app.runs()] == ["done"]


def _stopped(*_: Any) -> Any:
    raise Stopped
