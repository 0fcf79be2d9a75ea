"""Amending and aligning subscriptions: by version, all or nothing, at the money that was shown before."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import Amendment
from engine.base.errors import TollbookError
from tests import stories

BOB = msgspec.structs.replace(stories.CHANGE, who="bob", reason="asked for by the customer")
LARGER = Amendment("S1", "change", date(2026, 1, 20), quantity=Decimal(8), if_version=1)


@pytest.mark.capability("A2.4")
def test_the_second_of_two_is_told_what_the_first_has_changed(tmp_path: Path, database_url: str) -> None:
    """An amendment by a version that is no more is refused, naming what changed, who changed it, and when."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        seen = app.preview_change("A1", {"kind": "change", "on": date(2026, 1, 20), "quantity": Decimal(8)}, "S1")
        assert seen.version == app.subscriptions.show("S1", date(2026, 1, 20)).version == 1
        assert app.subscriptions.amend(LARGER, BOB).version == 2
        assert app.subscriptions.amend(LARGER, BOB).repeated
        other = Amendment("S1", "cancel", date(2026, 2, 1), if_version=1)
        with pytest.raises(TollbookError) as caught:
            app.subscriptions.amend(other, stories.CHANGE)
        (finding,) = caught.value.findings
        assert finding.code == "subscription.version-conflict"
        assert finding.what == "subscription S1 is at version 2, not 1"
        assert finding.why == "since then: change on 2026-01-20 quantity 8 by bob at 2026-01-01 12:00:00 UTC"
        assert app.subscriptions.amend(msgspec.structs.replace(other, if_version=2), stories.CHANGE).version == 3
        known = app.subscriptions.show("S1", date(2026, 1, 20))
        assert [(one.event.kind, one.made.who, one.made.reason) for one in known.events][1:] == [
            ("change", "bob", BOB.reason),
            ("cancel", "ada", "test"),
        ]
        assert (known.plan, known.quantity) == ("team", "8")
        stories.bill(app, "2026-02-01")
        assert app.subscriptions.show("S1", date(2026, 2, 1)).lines[0]["invoice"]


@pytest.mark.capability("A2.4")
def test_of_many_at_once_one_gets_through(tmp_path: Path, database_url: str) -> None:
    """Whoever comes second finds the version moved, however close they were."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        done: list[Any] = []

        def amend(number: int) -> None:
            with stories.opened(folder, database_url) as mine:
                wanted = msgspec.structs.replace(LARGER, quantity=Decimal(10 + number))
                try:
                    done.append(mine.subscriptions.amend(wanted, BOB).version)
                except TollbookError as error:
                    done.append(error.findings[0].code)

        threads = [threading.Thread(target=amend, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(str, done)) == ["2", *["subscription.version-conflict"] * 3]
        assert app.subscriptions.show("S1", date(2026, 1, 20)).version == 2


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Amendment("S9", "cancel", date(2026, 2, 1)), "subscription.unknown"),
        (Amendment("S1", "change", date(2026, 2, 1), plan="tem"), "subscription.unknown-plan"),
        (Amendment("S1", "resume", date(2026, 2, 1)), "subscription.out-of-order"),
        (Amendment("S1", "change", date(2026, 2, 1), quantity=Decimal(2), key="1"), "subscription.key-taken"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, wanted: Amendment, code: str) -> None:
    folder = stories.write(tmp_path)
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        stories.load(app, folder / "data")
        with pytest.raises(TollbookError) as caught:
            app.subscriptions.amend(wanted, BOB)
        assert [finding.code for finding in caught.value.findings] == [code]
        assert app.subscriptions.show("S1", date(2026, 2, 1)).version == 1


@pytest.mark.on_sqlite
def test_an_import_may_say_which_version_it_has_seen(tmp_path: Path, database_url: str) -> None:
    """Rows of a version that is no more are quarantined; the same rows again are known."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        header = "entity,subscription,key,kind,on,quantity,if_version"
        rows = stories.deliver(folder, "more", subscription_events=(header, "E1,S1,2,change,2026-01-20,8,1"))
        assert stories.load(app, rows).counts["new"] == 1
        assert stories.load(app, rows).counts["same"] == 1
        rows = stories.deliver(folder, "late", subscription_events=(header, "E1,S1,3,change,2026-01-25,9,1"))
        report = stories.load(app, rows)
        assert [(f.code, report.counts["quarantined"]) for f in report.findings] == [
            ("subscription.version-conflict", 1)
        ]


def test_subscriptions_are_aligned_all_or_none(tmp_path: Path, database_url: str) -> None:
    """What the move is shown to cost is what the run of the new anchor day bills beside the rest."""
    folder = stories.write(
        tmp_path,
        subscriptions=(*stories.FILES["subscriptions"], "E1,S6,A1,20"),
        subscription_events=stories.add("subscription_events", "E1,S6,1,start,2026-01-20,team,1"),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-20")
        before = {one["number"] for one in stories.invoices(app)}
        shown = app.subscriptions.alignment("A1", 15, date(2026, 3, 1))
        assert (shown.on, shown.done) == (date(2026, 3, 15), False)
        assert [(one.subscription, one.before) for one in shown.moved] == [("S1", 1), ("S5", 1), ("S6", 20)]
        assert app.subscriptions.alignment("A1", 15, date(2026, 3, 1), stories.CHANGE).done
        with pytest.raises(TollbookError) as caught:
            app.subscriptions.alignment("A1", 15, date(2026, 3, 1), stories.CHANGE)
        assert [f.code for f in caught.value.findings] == ["align.nothing"]
        stories.bill(app, "2026-03-15")
        lines = [line for one in stories.invoices(app) if one["number"] not in before for line in one["lines"]]
        mine = [line for line in lines if line["subscription"] in ("S1", "S6") and line["charge"] == "base"]
        assert {line["service_to"] for line in mine if line["service_from"] == date(2026, 3, 15)} >= {date(2026, 4, 15)}
        stories.bill(app, "2026-04-15")
        cycles = {
            (line["service_from"], line["service_to"])
            for one in stories.invoices(app)
            for line in one["lines"]
            if one["period"] == "2026-04-15" and line["subscription"] in ("S1", "S6")
        }
        assert cycles == {(date(2026, 4, 15), date(2026, 5, 15))}
        assert not any(app.verify().values())
