"""Usage through the real books: several meters, last days, moved anchors, cancellations and readings that are taken back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from tests import stories

EVENT = "entity,subscription,key,kind,on,plan,quantity,anchor_day"
USED = "entity,subscription,meter,key,at,quantity"
RULES = {
    "metering/acme.yaml": """
ruleset: metering/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - id: theirs
    then: {through_changes: true, last_day: true, at_once: true, zero_line: true, give_back: false, late_cycles: 1}
""",
    "pricing/data.yaml": """
ruleset: pricing/data
scope: plan == "data"
priority: 10
effective: {from: 2020-01-01}
rules:
  - id: blocks
    when: charge.key == "blocks"
    then:
      method: block_tiers
      by_meter:
        minutes: [{size: 10, blocks: 10, price: 1 EUR}, {size: 10, price: 0.50 EUR}]
        bytes: [{size: 1, price: 0.10 EUR}]
  - id: peak
    when: charge.key == "peak"
    then: {method: capacity, tiers: [{limits: {lines: 5}, price: 7 EUR}, {price: 70 EUR}]}
""",
}


def company(tmp_path: Path) -> Path:
    return stories.write(
        tmp_path,
        rules=RULES,
        meters=("key,unit,aggregation", "calls,call,sum", "minutes,minute,sum", "bytes,byte,sum", "lines,line,max"),
        plans=stories.add("plans", "data,Data"),
        charges=(
            "plan,key,name,kind,timing,months,meter,meters,product",
            "team,base,Base fee,recurring,advance,1,,,team",
            "team,seats,Seats,recurring,advance,1,,,team",
            "phone,calls,Calls,usage,arrears,1,calls,,voice",
            "data,blocks,Blocks,usage,arrears,1,minutes,minutes;bytes,data",
            "data,peak,Lines,usage,arrears,1,lines,,data",
        ),
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1", "E1,S2,A4,1"),
        subscription_events=(EVENT, "E1,S1,1,start,2026-01-01,data,1,", "E1,S2,1,start,2026-01-01,team,2,"),
        usage=(
            USED,
            "E1,S1,minutes,m1,2026-01-10T10:00:00+01:00,95",
            "E1,S1,bytes,b1,2026-01-10T10:00:00+01:00,30",
            "E1,S1,lines,l1,2026-01-11T10:00:00+01:00,3",
            "E1,S1,lines,l2,2026-01-12T10:00:00+01:00,6",
        ),
    )


def told(app: App) -> list[tuple[str, ...]]:
    """Lines of all invoices: day, charge, service, amount, events."""
    found = [
        (
            str(one["invoice_date"])[5:],
            line["charge"],
            str(line["service_from"])[5:],
            str(line["service_to"])[5:],
            f"{line['amount']:.2f}",
            str(line["events"]),
        )
        for one in stories.invoices(app)
        for line in one["lines"]
    ]
    return sorted(found)


def explained(app: App, charge: str) -> list[tuple[Any, ...]]:
    """What explanations of the lines of a charge find wrong, and their prices."""
    found = []
    for one in stories.invoices(app):
        for number, line in enumerate(one["lines"], 1):
            if line["charge"] == charge and not line["credits"]:
                told = app.explain(f"{one['number']}#{number}")
                assert told.findings == ()
                found.append(next(step.details for step in told.steps if step.name == "price"))
    return found


@pytest.mark.capability("A2.1")
@pytest.mark.capability("A2.5")
def test_meters_priced_together_and_a_reading_taken_back(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        assert stories.load(app, folder / "data").findings == ()
        stories.bill(app, "2026-02-01")
        january = [
            ("02-01", "blocks", "01-01", "02-01", "13.00", "2"),
            ("02-01", "peak", "01-01", "02-01", "70.00", "2"),
        ]
        assert [line for line in told(app) if line[1] in ("blocks", "peak")] == january
        back = stories.deliver(
            tmp_path,
            "back",
            usage=(USED, "E1,S1,minutes,m2,2026-01-20T10:00:00+01:00,20"),
            usage_reversals=("entity,key", "E1,l2", "E1,b1"),
        )
        assert stories.load(app, back).findings == ()
        assert stories.load(app, back).state == "unchanged"
        stories.bill(app, "2026-02-10")
        assert [line for line in told(app) if line[0] == "02-10"] == [
            ("02-10", "blocks", "01-01", "02-01", "-2.00", "0"),  # 1.50 for minutes more, 3.00 for bytes taken back
            ("02-10", "peak", "01-01", "02-01", "-63.00", "-1"),
        ]
        stories.bill(app, "2026-02-11")
        assert not [line for line in told(app) if line[0] == "02-11"]
        assert [str(finding) for found in app.verify().values() for finding in found] == []
        assert ("tier 1 of minutes", "10 x 1 = 10 EUR") in explained(app, "blocks")[0]
        assert ("adds tier 2 of minutes", "2 x 0.5 = 1 EUR") in explained(app, "blocks")[1]
        gone = app.explain("usage:E1/S1/bytes/b1")
        assert [step.name for step in gone.steps] == ["event", "billed", "taken back"]
        assert gone.steps[-1].text.endswith("given back on E1-CN-2026-000001#1")


@pytest.mark.capability("A2.3")
@pytest.mark.on_sqlite
def test_a_moved_anchor_a_last_day_and_a_cancellation_taken_back(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        events = (
            "E1,S1,2,anchor,2026-02-03,,,5",
            "E1,S1,3,cancel,2026-03-20,,,",
            "E1,S2,2,cancel,2026-02-15,,,",
            "E1,S2,3,uncancel,2026-02-15,,,",
        )
        used = ("E1,S1,minutes,m3,2026-02-04T10:00:00+01:00,10", "E1,S1,minutes,m4,2026-03-20T10:00:00+01:00,10")
        more = stories.deliver(tmp_path, "more", subscription_events=(EVENT, *events), usage=(USED, *used))
        assert stories.load(app, more).findings == ()
        for day in ("2026-02-05", "2026-03-01", "2026-03-05", "2026-03-20"):
            stories.bill(app, day)
        assert [line for line in told(app) if line[1] == "blocks"][1:] == [
            ("02-05", "blocks", "02-01", "02-05", "1.00", "1"),
            ("03-05", "blocks", "02-05", "03-05", "0.00", "0"),
            ("03-20", "blocks", "03-05", "03-20", "1.00", "1"),
        ]
        late = stories.deliver(tmp_path, "late", usage=(USED, "E1,S1,minutes,m5,2026-03-20T11:00:00+01:00,10"))
        stories.load(app, late)
        stories.bill(app, "2026-03-25")
        assert [line for line in told(app) if line[0] == "03-25"] == [
            ("03-25", "blocks", "03-05", "03-20", "1.00", "1")
        ]
        stories.bill(app, "2026-04-25")
        base = [line for line in told(app) if line[1] == "base"]
        assert [line[2:5] for line in base] == [
            ("01-01", "02-01", "31.00"),
            ("02-01", "03-01", "31.00"),
            ("03-01", "04-01", "31.00"),
            ("04-01", "05-01", "31.00"),
        ]
        assert [str(finding) for found in app.verify().values() for finding in found] == []
        assert len(explained(app, "blocks")) == 5
        assert [step.name for step in app.explain("usage:E1/S1/minutes/m4").steps] == ["event", "billed"]
        assert Decimal(0) == sum(
            line["amount"] for one in stories.invoices(app) for line in one["lines"] if line["credits"]
        )


@pytest.mark.capability("A2.5")
@pytest.mark.on_sqlite
def test_a_voided_invoice_is_given_back_and_owed_again(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        (first,) = stories.invoices(app)
        before = told(app)
        done = app.void(first["number"], date(2026, 2, 3), stories.CHANGE)
        assert done.counts == {"invoices": 1, "lines": 6, "postings": 25, "findings": 0} and not done.repeated
        note = stories.invoices(app)[1]
        assert (note["kind"], note["total"], note["tax"]) == ("credit_note", -first["total"], -first["tax"])
        assert app.void(first["number"], date(2026, 2, 3), stories.CHANGE).repeated
        with pytest.raises(TollbookError, match="nothing is left"):
            app.void(first["number"], date(2026, 2, 4), stories.CHANGE)
        with pytest.raises(TollbookError, match="did you mean"):
            app.void(first["number"][:-1] + "9", date(2026, 2, 4), stories.CHANGE)
        late = stories.deliver(tmp_path, "late", usage=(USED, "E1,S1,bytes,b2,2026-01-20T10:00:00+01:00,10"))
        stories.load(app, late)
        stories.bill(app, "2026-02-03")  # on the day of the credit note
        again = [line[1:5] for line in told(app) if line[0] == "02-03" and not line[4].startswith("-")]
        expected = [line[1:5] for line in before]
        assert sorted(again) == sorted(
            [*(x for x in expected if x[0] != "blocks"), ("blocks", "01-01", "02-01", "14.00")]
        )
        stories.bill(app, "2026-02-04")
        assert not [line for line in told(app) if line[0] == "02-04"]
        assert [str(finding) for found in app.verify().values() for finding in found] == []
        assert len(explained(app, "blocks")) == 2
