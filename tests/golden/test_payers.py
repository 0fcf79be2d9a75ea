"""Subscriptions for which another account pays from a day on: each is invoiced for its own days, and gives back its own lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import Amendment, App
from engine.base.errors import TollbookError
from tests import stories

COMPANY = {
    "accounts": stories.add("accounts", "E1,A9,Holding,NL,EUR,Europe/Amsterdam,,"),
    "subscriptions": ("entity,key,account,anchor_day", "E1,S1,A1,1", "E1,S5,A1,1"),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity,payer",
        "E1,S1,1,start,2026-01-01,team,5,",
        "E1,S5,1,start,2026-01-01,phone,1,",
        "E1,S5,2,payer,2026-01-11,,,A9",
    ),
}
HOLDING = Amendment("S1", "payer", date(2026, 1, 17), payer="A9")
BACK = Amendment("S1", "payer", date(2026, 3, 1))


def lines(app: App, period: str) -> list[tuple[str, str, str, str, str, str]]:
    """(payer, owner, charge, first day, day after the last, amount) of the lines of a date, in order."""
    found = [
        (
            i["payer"], line["account"], line["charge"], f"{line['service_from']:%m-%d}", f"{line['service_to']:%m-%d}",
            f"{line['amount']:.2f}",
        )
        for i in stories.invoices(app)
        if i["period"] == period
        for line in i["lines"]
    ]  # fmt: skip
    return sorted(found)


def late(folder: Path, *events: str) -> Sequence[str]:
    return ("entity,subscription,meter,key,at,quantity", *(f"E1,S5,calls,{event}" for event in events))


def open_(app: App) -> dict[str, Decimal]:
    """What each account was invoiced, before tax."""
    sums: dict[str, Decimal] = {}
    for invoice in stories.invoices(app):
        sums[invoice["payer"]] = sums.get(invoice["payer"], Decimal()) + invoice["net"]
    return sums


@pytest.mark.capability("A2.3")
@pytest.mark.capability("A2.2")
def test_each_payer_owes_its_own_days(tmp_path: Path, database_url: str) -> None:
    """A change in mid-cycle, shown before; late usage after it; void and bill again; back to the payer of the account."""
    folder = stories.write(tmp_path, **COMPANY)
    with stories.opened(folder, database_url, runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        assert lines(app, "2026-01-01") == [
            ("A1", "A1", "base", "01-01", "02-01", "31.00"),
            ("A1", "A1", "seats", "01-01", "02-01", "50.00"),
            ("A1", "A1", "setup", "01-01", "01-02", "99.00"),
        ]
        _shown_before(app)
        app.subscriptions.amend(HOLDING, stories.CHANGE)
        stories.bill(app, "2026-01-17")
        # 15 of 31 days: 31 x 15/31 = 15.00 and 50 x 15/31 = 24.193..; the set-up fee stays where it was billed
        assert lines(app, "2026-01-17") == [
            ("A1", "A1", "base", "01-17", "02-01", "-15.00"),
            ("A1", "A1", "seats", "01-17", "02-01", "-24.19"),
            ("A9", "A1", "base", "01-17", "02-01", "15.00"),
            ("A9", "A1", "seats", "01-17", "02-01", "24.19"),
        ]
        stories.bill(app, "2026-02-01")
        # 10 calls a day on 15 days: 100 at 0.10 are those of ten days, and 50 at 0.10 those of five, whose tiers begin anew
        assert lines(app, "2026-02-01") == [
            ("A1", "A1", "calls", "01-01", "01-11", "10.00"),
            ("A9", "A1", "base", "02-01", "03-01", "31.00"),
            ("A9", "A1", "calls", "01-11", "02-01", "5.00"),
            ("A9", "A1", "seats", "02-01", "03-01", "50.00"),
        ]
        usage = late(folder, "l1,2026-01-05T10:00:00+01:00,20", "l2,2026-01-20T10:00:00+01:00,60")
        stories.load(app, stories.deliver(folder, "late", usage=usage))
        assert app.explain("usage:E1/S5/calls/l2").steps[-1].text.startswith("it became known after the last run")
        app.subscriptions.amend(BACK, stories.CHANGE)
        stories.bill(app, "2026-03-01")
        # 20 more are above 100: 20 x 0.05; 110 are 100 x 0.10 + 10 x 0.05 = 10.50, of which 5.00 is billed
        assert lines(app, "2026-03-01") == [
            ("A1", "A1", "base", "03-01", "04-01", "31.00"),
            ("A1", "A1", "calls", "01-01", "01-11", "1.00"),
            ("A1", "A1", "seats", "03-01", "04-01", "50.00"),
            ("A9", "A1", "calls", "01-11", "02-01", "5.50"),
        ]
        told = app.explain("usage:E1/S5/calls/l2")
        assert "to A9" in dict(told.steps[-1].details)["invoice"]
        assert [step.text for step in app.explain("subscription:E1/S1").steps][:2] == [
            "up to 2026-03-01, by a run of 2026-03-01",
            "up to 2026-03-01 to A9",
        ]
        assert stories.bill(app, "2026-03-02").counts.get("invoices", 0) == 0
        assert app.verify() == dict.fromkeys(app.verify(), ())
        _again(app)


def _shown_before(app: App) -> None:
    """The preview names who gives back and who is charged, and the bills of both."""
    found = app.preview_change("A1", {"kind": "payer", "on": HOLDING.on, "payer": "A9"}, "S1")
    assert [(one["payer"], one["amount"]) for one in found.now] == [
        ("A1", "-15.00"), ("A1", "-24.19"), ("A9", "15.00"), ("A9", "24.19"),
    ]  # fmt: skip
    assert found.net == 0 and found.later_on == date(2026, 2, 1) and found.later_net == 81
    assert {one["payer"]: Decimal(one["net"]) for one in found.bill.documents} == {
        "A1": Decimal("-39.19"), "A9": Decimal("39.19"),
    }  # fmt: skip


def _again(app: App) -> None:
    """What a payer of its own was invoiced is given back to it, and billed to it again."""
    before = open_(app)
    number = next(i["number"] for i in stories.invoices(app) if (i["payer"], i["period"]) == ("A9", "2026-02-01"))
    app.void(number, date(2026, 3, 3), stories.CHANGE)
    assert open_(app)["A9"] == before["A9"] - 86
    stories.bill(app, "2026-03-04")
    assert open_(app) == before
    assert {line[0] for line in lines(app, "2026-03-04")} == {"A9"}
    assert app.verify() == dict.fromkeys(app.verify(), ())


@pytest.mark.on_sqlite
def test_a_payer_that_nobody_has_is_refused(tmp_path: Path, database_url: str) -> None:
    """By an amendment, a preview and an import, each with what to do; nothing is written."""
    folder = stories.write(tmp_path, **COMPANY)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        for refused in (
            lambda: app.subscriptions.amend(Amendment("S1", "payer", date(2026, 2, 1), payer="A0"), stories.CHANGE),
            lambda: app.preview_change("A1", {"kind": "payer", "on": date(2026, 2, 1), "payer": "A0"}, "S1"),
        ):
            with pytest.raises(TollbookError) as caught:
                refused()
            assert caught.value.findings[0].code == "subscription.unknown-payer"
        rows = (
            "entity,subscription,key,kind,on,plan,quantity,payer",
            "E1,S1,9,payer,2026-02-01,,,A0",
            "E1,S1,8,change,2026-02-01,team,6,A9",
            "E1,S1,7,payer,2025-02-01,,,A9",
        )
        report: Any = stories.load(app, stories.deliver(folder, "bad", subscription_events=rows))
        codes = sorted(str(f.code) for f in report.findings if f.level == "error")
        assert codes == ["intake.contradiction", "intake.event-order", "intake.unknown-reference"]
        assert app.subscriptions.show("S1", date(2026, 2, 1)).version == 1
