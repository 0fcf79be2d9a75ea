"""Late usage through the real books: waited for, billed as a difference, given back and billed anew, or dropped; each event once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.runs.simulate.shares import late_split, together
from engine.store.tuned import late_by
from tests import stories

USED = "entity,subscription,meter,key,at,quantity,source"


def rule(then: str) -> dict[str, str]:
    """A rule file that says so of all usage."""
    text = f"""
ruleset: lateness/acme
priority: 10
effective: {{from: 2020-01-01}}
rules:
  - {{id: theirs, then: {then}}}
"""
    return {"lateness/acme.yaml": text}


def company(tmp_path: Path, then: str) -> Path:
    """One subscription of calls with 15 events of 10 in January."""
    return stories.write(
        tmp_path,
        rules=rule(then),
        subscriptions=("entity,key,account,anchor_day", "E1,S5,A1,1"),
        subscription_events=("entity,subscription,key,kind,on,plan,quantity", "E1,S5,1,start,2026-01-01,phone,1"),
    )


def send(app: App, folder: Path, name: str, *events: str, back: Sequence[str] = ()) -> None:
    """Usage events, written as day/key/quantity, and keys of events that are taken back."""
    rows = []
    for event in events:
        day, key, quantity = event.split("/")
        rows.append(f"E1,S5,calls,{key},2026-{day}T10:00:00+01:00,{quantity},switch")
    files: dict[str, Sequence[str]] = {"usage": (USED, *rows)} if rows else {}
    if back:
        files["usage_reversals"] = ("entity,key,source", *(f"E1,{key},switch" for key in back))
    assert stories.load(app, stories.deliver(folder, name, **files)).findings == ()


def lines(app: App, day: str) -> list[tuple[str, ...]]:
    """Documents of a day: kind, service, quantity, amount, events."""
    return sorted(
        (
            one["kind"],
            str(line["service_from"])[5:],
            str(line["service_to"])[5:],
            f"{line['quantity'].normalize():f}",
            f"{line['amount']:.2f}",
            str(line["events"]),
        )
        for one in stories.invoices(app)
        for line in one["lines"]
        if str(one["invoice_date"])[5:] == day
    )


def late(app: App) -> list[tuple[Any, ...]]:
    """Late events as they ended: key, taken back, disposition, days late, amount."""
    with app.books.reader() as reader:
        found = [record for record, *_ in reader.late_records("acme", limit=1000)]
    return [
        (one.key, one.usage_id != one.event_id, one.disposition, one.days_late, f"{one.amount:.2f}")
        for one in reversed(found)
    ]


def sound(app: App) -> bool:
    return [str(finding) for found in app.verify().values() for finding in found] == []


@pytest.mark.capability("A2.5")
def test_a_bill_waits_for_its_grace(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "{grace: 2 days}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        nexts = [stories.bill(app, day, account="A1", dry_run=True).following for day in ("2026-01-10", "2026-02-01")]
        assert [str(day) for day in nexts] == ["2026-02-03", "2026-02-03"]
        stories.bill(app, "2026-02-01")
        assert lines(app, "02-01") == []
        waits = app.explain("subscription:E1/S5").steps[-1]
        assert (waits.name, waits.text) == ("waits", "calls of 2026-01-01..2026-02-01 for late usage, until 2026-02-03")
        assert waits.details[0][0] == "rule theirs"
        send(app, folder, "late", "01-20/k1/10")
        stories.bill(app, "2026-02-02")
        assert lines(app, "02-02") == []
        stories.bill(app, "2026-02-03")
        assert lines(app, "02-03") == [("invoice", "01-01", "02-01", "160", "13.00", "16")]
        assert late(app) == []  # it came in time
        send(app, folder, "later", "01-21/k2/10")
        stories.bill(app, "2026-02-04")
        assert lines(app, "02-04") == [("invoice", "01-01", "02-01", "10", "0.50", "1")]
        assert late(app) == [("k2", False, "next_bill", 3, "0.50")]
        stories.bill(app, "2026-03-03")
        assert lines(app, "03-03") == [] and sound(app)


@pytest.mark.capability("A2.5")
@pytest.mark.on_sqlite
def test_late_usage_is_on_the_next_bill(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "{policy: next_bill}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        send(app, folder, "late", "01-20/k1/10", "01-20/k2/20", "02-05/k3/7")
        stories.bill(app, "2026-02-10")
        assert lines(app, "02-10") == [("invoice", "01-01", "02-01", "30", "1.50", "2")]
        send(app, folder, "gone", back=["k1"])
        stories.bill(app, "2026-02-12")
        assert lines(app, "02-12") == [("credit_note", "01-01", "02-01", "-10", "-0.50", "-1")]
        assert late(app) == [
            ("k1", False, "next_bill", 9, "1.50"),
            ("k2", False, "next_bill", 9, "1.50"),
            ("k1", True, "next_bill", 11, "-0.50"),
        ]
        stories.bill(app, "2026-03-01")
        assert lines(app, "03-01") == [("invoice", "02-01", "03-01", "7", "0.70", "1")]
        assert len(late(app)) == 3 and sound(app)


@pytest.mark.capability("A2.5")
@pytest.mark.parametrize("documents", ["together", "apart"])
@pytest.mark.on_sqlite
def test_late_usage_is_credited_and_billed_anew(tmp_path: Path, database_url: str, documents: str) -> None:
    folder = company(tmp_path, f"{{policy: credit_and_rebill, documents: {documents}}}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        send(app, folder, "late", "01-20/k1/10")
        stories.bill(app, "2026-02-10")
        kind = "invoice" if documents == "together" else "credit_note"
        assert lines(app, "02-10") == sorted(
            [
                (kind, "01-01", "02-01", "150", "-12.50", "0"),
                ("invoice", "01-01", "02-01", "160", "13.00", "16"),
            ]
        )
        send(app, folder, "more", "01-21/k2/10", back=["k1"])
        stories.bill(app, "2026-02-11")
        assert lines(app, "02-11") == sorted(
            [
                (kind, "01-01", "02-01", "160", "-13.00", "0"),
                ("invoice", "01-01", "02-01", "160", "13.00", "16"),
            ]
        )
        assert late(app) == [
            ("k1", False, "credit_and_rebill", 9, "0.50"),
            ("k2", False, "credit_and_rebill", 10, "0.00"),
            ("k1", True, "credit_and_rebill", 10, "0.00"),
        ]
        stories.bill(app, "2026-03-01")
        assert lines(app, "03-01") == [] and sound(app)


def simulated(app: App, folder: Path) -> None:
    """The same months with nothing dropped: how late usage ends by both rules, as the books have counted it by their own."""
    (folder / "kind" / "lateness").mkdir(parents=True)
    (folder / "kind" / "lateness" / "acme.yaml").write_text(rule("{policy: next_bill}")["lateness/acme.yaml"])
    found = app.simulation([folder / "kind"]).simulate(date(2026, 2, 1), date(2026, 2, 1))
    with app.books.reader() as reader:
        rows = late_by(reader, "acme", [run.id for run in found.runs]).values()
    held = together(map(late_split, rows))
    assert {(one.part, one.currency): one.before for one in found.late} == held
    assert held == {("drop", ""): 2, ("drop", "EUR"): Decimal("0.75"), ("next_bill", ""): 2, ("next_bill", "EUR"): 3}
    assert [one for one in found.late if one.part == "drop" and one.after] == [] == list(found.drift)


@pytest.mark.capability("A2.5")
def test_late_usage_under_an_amount_is_dropped(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "{policy: next_bill, drop_under: 1 EUR}")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        redeemed = ("entity,subscription,key,kind,on,coupon", "E1,S5,c1,redeem,2026-01-15,FEES")
        coupons = (
            "key,name,percent,charges",
            "FEES,A fifth off fees,20,fee",
        )  # not for calls: their usage is late all the same
        stories.load(app, stories.deliver(folder, "coupon", coupons=coupons, subscription_events=redeemed))
        send(app, folder, "late", "01-20/k1/10", "01-03/k2/5")
        report = stories.bill(app, "2026-02-10")
        assert lines(app, "02-10") == []
        assert [f.code for f in report.findings if f.level != "info" or "dropped" in f.code] == ["usage.dropped"]
        send(app, folder, "more", "01-20/k3/30")
        stories.bill(app, "2026-02-11")
        assert lines(app, "02-11") == [("invoice", "01-01", "02-01", "30", "1.50", "1")]
        send(app, folder, "back", back=["k3", "k1"])
        stories.bill(app, "2026-02-12")  # k1 counts no more, so taking it back changes nothing
        assert lines(app, "02-12") == [("credit_note", "01-01", "02-01", "-30", "-1.50", "-1")]
        assert late(app) == [
            ("k1", False, "drop", 9, "0.75"),
            ("k2", False, "drop", 9, "0.75"),
            ("k3", False, "next_bill", 10, "1.50"),
            ("k3", True, "next_bill", 11, "-1.50"),
        ]
        told = app.explain("usage:E1/S5/calls/k1").steps
        assert [step.name for step in told] == ["event", "late"]
        assert "9 days after the end of phone/calls of 2026-01-01..2026-02-01: it was dropped" in told[1].text
        assert dict(told[1].details)["rule"].startswith("rule theirs of lateness/acme at ")
        for number in ("E1-2026-000001#1", "E1-2026-000002#1", "E1-CN-2026-000001#1"):
            assert app.explain(number).findings == ()
        listed = {row["key"]: row["lines"] for row in app.worklist.late(account="A1") if not row["back"]}
        assert listed == {"k1": [], "k2": [], "k3": ["E1-2026-000002#1"]}
        simulated(app, tmp_path)
        stories.bill(app, "2026-03-01")
        assert lines(app, "03-01") == [] and sound(app)
