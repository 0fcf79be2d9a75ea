"""Dunning runs by other rules."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests import stories
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
