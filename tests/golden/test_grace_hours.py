"""A grace of hours through the real books: what counts is the moment at which a run begins, where the account is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from engine.app import App
from engine.runs.billing.run import run_bill
from engine.runs.run import Report
from tests import stories
from tests.golden.test_lateness import USED, late, lines, rule, send, sound

ZONES = {"S5": "A1", "S6": "A2"}
"""The subscription of an account in Amsterdam, and that of one in New York, which pays itself."""


def company(tmp_path: Path, then: str) -> Path:
    return stories.write(
        tmp_path,
        rules=rule(then),
        subscriptions=("entity,key,account,anchor_day", *(f"E1,{key},{owner},1" for key, owner in ZONES.items())),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            *(f"E1,{key},1,start,2026-01-01,phone,1" for key in ZONES),
        ),
        usage=(USED, *(f"E1,{key},calls,{key}-1,2026-01-10T10:00:00+01:00,10,switch" for key in ZONES)),
    )


def at(app: App, moment: str, day: str, account: str | None = None, dry_run: bool = False) -> Report:
    """A bill run of a day that begins at a moment, in UTC."""
    change = msgspec.structs.replace(stories.CHANGE, at=datetime.fromisoformat(moment).replace(tzinfo=UTC))
    return run_bill(app.parts(), date.fromisoformat(day), change, account=account, dry_run=dry_run)


@pytest.mark.capability("A2.5")
def test_a_bill_waits_for_hours_after_midnight_where_the_account_is(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "{grace: 6 hours, policy: drop}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        early = "2026-02-01T04:59:00"  # 05:59 in Amsterdam, still January in New York
        assert at(app, early, "2026-02-01", dry_run=True).counts["invoices"] == 0
        at(app, early, "2026-02-01", account="A1")
        assert lines(app, "02-01") == []
        waits = app.explain("subscription:E1/S5").steps[1]
        assert waits.text == "calls of 2026-01-01..2026-02-01 for late usage, until 2026-02-01 06:00"
        send(app, folder, "late", "01-20/k1/10")
        assert at(app, "2026-02-01T05:00:00", "2026-02-01", dry_run=True).counts["invoices"] == 1
        at(app, "2026-02-01T05:00:00", "2026-02-01")
        assert lines(app, "02-01") == [("invoice", "01-01", "02-01", "20", "2.00", "2")]
        assert late(app) == []  # k1 came within the grace
        send(app, folder, "later", "01-21/k2/10")
        at(app, "2026-02-02T02:00:00", "2026-02-02")  # in New York the hours of the day before are over
        assert [line[3:5] for line in lines(app, "02-02")] == [("10", "1.20")]
        assert late(app) == [("k2", False, "drop", 1, "1.00")] and sound(app)


@pytest.mark.capability("A2.5")
def test_a_run_of_another_day_counts_to_the_nearest_moment_of_its_own(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "{grace: 30 hours}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        long_after, long_before = "2026-06-01T12:00:00", "2025-06-01T12:00:00"
        made = [
            at(app, moment, f"2026-02-0{day}", account="A1", dry_run=True).counts["invoices"]
            for moment in (long_before, long_after)
            for day in (1, 2, 3)
        ]
        assert made == [0, 0, 1, 0, 1, 1]
        following = [
            at(app, long_after, day, account="A1", dry_run=True).following for day in ("2026-01-10", "2026-02-01")
        ]
        assert [str(day) for day in following] == ["2026-02-02", "2026-02-02"]


def test_hours_that_are_no_grace(tmp_path: Path, database_url: str) -> None:
    """A run that pins no moment leaves none, and whole days of hours are days."""
    folder = company(tmp_path, "{grace: 24 hours}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        at(app, "2026-02-02T00:00:00", "2026-02-02")
        assert [line[3:5] for line in lines(app, "02-02")] == [("10", "1.00"), ("10", "1.20")]
        with app.books.reader() as reader:
            assert "moment" not in reader.runs("acme", 1)[0].parameters
