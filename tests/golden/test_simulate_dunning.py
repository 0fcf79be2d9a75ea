"""Dunning runs by other rules."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from engine.model.journal import Change
from tests import stories
from tests.golden.test_cash import OTHER
from tests.stories import CHANGE


def test_a_later_reminder_is_not_sent_on_the_day(tmp_path: Path, sqlite_url: str) -> None:
    """Reminders of a run that would have waited longer; nothing is written."""
    stories.write(tmp_path)
    with stories.opened(tmp_path, sqlite_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        taken = app.dunning.run(date(2026, 3, 12), CHANGE).counts["steps"]
        head, march = app.chain_head(), date(2026, 3, 1)
        found = app.simulation(sets={"dunning/default.reminder": "60 days"}).simulate(march, march).dunning
        assert app.chain_head() == head
    assert found is not None and taken > 0
    assert (sum(found.before.steps.values()), found.after.steps) == (taken, {})
    assert len(found.changed) == taken and all(one.other_costs is None for one in found.changed)


def test_a_parameter_of_dunning_is_watched(tmp_path: Path, sqlite_url: str) -> None:
    """The curve foresees the steps by account; once it is set, the runs of dunning are held against the band."""
    stories.write(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("bob: []", "bob: [controller]"))
    with stories.opened(tmp_path, sqlite_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        counts = app.dunning.run(date(2026, 3, 12), CHANGE).counts
        found = app.tuning.curve("dunning/default", "reminder", "60 days", months=None, count=2)
        assert found.measure == "dunning" and found.chosen.rates == (("", "", 0),)
        rates = {rate for one in found.points if one.now for _, _, rate in one.rates}
        assert rates == {(Decimal(counts["steps"]) / counts["accounts"]).quantize(Decimal("0.0001"))} != {Decimal(0)}
        outcome = app.tuning.propose(found, CHANGE, Decimal("0.05"))
        assert outcome.approval is not None
        app.approvals.approve(outcome.approval.id, OTHER)
    with stories.opened(tmp_path, sqlite_url) as app:
        app.dunning.run(date(2026, 4, 2), Change("ada", datetime.now(UTC), "test"))
        app.dunning.run(date(2026, 5, 20), Change("ada", datetime.now(UTC), "test"))
        (watched,), findings = app.tuning.watch()
    assert [run for run, _, _ in watched.rates] == list(watched.outside) and len(watched.outside) == 2
    assert "the number of steps for each account that is late" in findings[0].what
