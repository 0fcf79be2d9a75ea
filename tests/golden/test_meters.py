"""Meters of every aggregation through the real books: late usage, usage taken back, groups, filters, explanations."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from tests import stories

D = Decimal
RULES = {
    "pricing/metered.yaml": """
ruleset: pricing/metered
scope: plan == "metered"
priority: 10
effective: {from: 2020-01-01}
rules:
  - id: regions
    when: charge.key in ["regions", "lines"]
    then:
      method: matrix
      dimensions: [group.region]
      rows: [{at: [EU], unit: 1 EUR}, {at: [US], unit: 2 EUR}, {at: ["*"], unit: 3 EUR}]
  - id: vips
    when: charge.key == "vips" and group&["vip"] == "true"
    then: {method: per_unit, unit: 10 EUR}
  - {id: usage, when: charge.kind == "usage", then: {method: per_unit, unit: 1 EUR}}
"""
}
METERS = (
    "key,unit,aggregation,dimensions,others,dimension,percentile,expression,filter",
    "users,user,unique,user:text,,user,,,",
    "times,ms,percentile,,,,95,,",
    "space,GB,time_weighted,,,,,,",
    "seats,seat,weighted_sum,,,,,,",
    "level,piece,latest,,,,,,",
    "least,piece,min,,,,,,",
    "work,unit,expression,size:number,,,,quantity * (dim.size ?? 1),",
    'paid,call,sum,region:text;vip:boolean,,,,,"dim.region != ""free"" and quantity > 1"',
    "sold,piece,sum,region:text;vip:boolean,refuse,,,,",
)
CHARGES = (
    "plan,key,name,kind,timing,meter,filter,group_by,group_lines",
    *(
        f"metered,{key},{key.title()},usage,arrears,{key},,,"
        for key in ("users", "times", "space", "seats", "level", "least")
    ),
    "metered,work,Work,usage,arrears,work,,,",
    "metered,paid,Paid,usage,arrears,paid,dim.vip == true,,",
    "metered,lines,By line,usage,arrears,sold,,region,true",
    "metered,regions,In sum,usage,arrears,sold,,region,false",
    "metered,vips,Vips,usage,arrears,sold,,vip,true",
)
USED = "entity,subscription,meter,key,at,quantity,dim.user,dim.region,dim.size,dim.vip"


def used(
    meter: str, key: str, day: str, quantity: object, user: str = "", region: str = "", size: str = "", vip: str = ""
) -> str:
    return f"E1,S1,{meter},{key},2026-{day}T10:00:00+01:00,{quantity},{user},{region},{size},{vip}"


USAGE = (
    USED,
    used("users", "u1", "01-02", 1, "a"),
    used("users", "u2", "01-03", 1, "b"),
    used("users", "u3", "01-04", 1, "a"),
    used("users", "u4", "01-05", 1),
    *(used("times", f"t{n}", f"01-{n:02d}", n) for n in range(1, 21)),
    used("space", "s1", "01-11", 31),
    used("seats", "e1", "01-11", 31),
    used("level", "l1", "01-20", 7),
    used("level", "l2", "01-10", 9),
    used("least", "n1", "01-20", 7),
    used("least", "n2", "01-10", 9),
    used("work", "w1", "01-10", 2, size="1.50"),
    used("work", "w2", "01-11", 4),
    used("paid", "p1", "01-10", 2, region="EU", vip="yes"),
    used("paid", "p2", "01-11", 3, region="free", vip="yes"),
    used("paid", "p3", "01-12", 1, region="EU", vip="yes"),
    used("paid", "p4", "01-13", 9, region="EU", vip="no"),
    used("sold", "d1", "01-10", 2, region="EU", vip="yes"),
    used("sold", "d2", "01-11", 3, region="US"),
    used("sold", "d3", "01-12", 4),
    used("sold", "d4", "01-13", 5, region="EU"),
)


def company(tmp_path: Path) -> Path:
    return stories.write(
        tmp_path,
        rules=RULES,
        meters=METERS,
        plans=("key,name", "metered,Metered"),
        charges=CHARGES,
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1"),
        subscription_events=("entity,subscription,key,kind,on,plan,quantity", "E1,S1,1,start,2026-01-01,metered,1"),
        usage=USAGE,
    )


def told(app: App, on: str) -> dict[tuple[str, str], tuple[Decimal, Decimal, int]]:
    """Lines of the invoices of a day: by charge and group, quantity, amount, events."""
    return {
        (line["charge"], line["grouped"]): (line["quantity"], line["amount"], line["events"])
        for one in stories.invoices(app)
        if str(one["invoice_date"]) == on
        for line in one["lines"]
    }


JANUARY = {
    ("users", ""): (D(2), D(2), 4),
    ("times", ""): (D(19), D(19), 20),
    ("space", ""): (D("20.583333"), D("20.58"), 1),
    ("seats", ""): (D("20.583333"), D("20.58"), 1),
    ("level", ""): (D(7), D(7), 2),
    ("least", ""): (D(7), D(7), 2),
    ("work", ""): (D(7), D(7), 2),
    ("paid", ""): (D(2), D(2), 1),
    ("lines", '{"region":"EU"}'): (D(7), D(7), 2),
    ("lines", '{"region":"US"}'): (D(3), D(6), 1),
    ("lines", '{"region":null}'): (D(4), D(12), 1),
    ("regions", ""): (D(14), D(25), 4),
    ("vips", '{"vip":"true"}'): (D(2), D(20), 1),
    ("vips", '{"vip":null}'): (D(12), D(12), 3),
}


def right(app: App) -> None:
    """Verify has nothing to say, and every line explains itself to the cent."""
    assert [str(finding) for found in app.verify().values() for finding in found] == []
    for one in stories.invoices(app):
        for line in one["lines"]:
            said = app.explain(f"{one['number']}#{line['number']}", everything=True)
            assert [str(finding) for finding in said.findings] == []


@pytest.mark.capability("A2.2")
def test_every_aggregation_is_billed_and_late_usage_gives_the_difference(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        assert stories.load(app, folder / "data").findings == ()
        stories.bill(app, "2026-02-01")
        assert told(app, "2026-02-01") == JANUARY
        right(app)
        late = stories.deliver(
            folder,
            "late",
            usage=(
                USED,
                used("users", "u5", "01-30", 1, "c"),
                used("users", "u6", "01-30", 1, "b"),
                used("times", "t21", "01-30", 100),
                used("space", "s2", "01-21", 0),
                used("seats", "e2", "01-21", -31),
                used("level", "l3", "01-30", 5),
                used("least", "n3", "01-30", 3),
                used("work", "w3", "01-30", 1, size="0.25"),
                used("paid", "p5", "01-30", 4, region="US", vip="yes"),
                used("paid", "p6", "01-30", 4, region="free", vip="yes"),
                used("sold", "d5", "01-30", 1, region="US"),
            ),
            usage_reversals=("entity,key", "E1,d3", "E1,p1"),
        )
        assert stories.load(app, late).findings == ()
        stories.bill(app, "2026-03-01")
        assert told(app, "2026-03-01") == {
            ("users", ""): (D(1), D(1), 2),
            ("times", ""): (D(1), D(1), 1),
            ("space", ""): (D("-10.583333"), D("-10.58"), 1),
            ("seats", ""): (D("-10.583333"), D("-10.58"), 1),
            ("level", ""): (D(-2), D(-2), 1),
            ("least", ""): (D(-4), D(-4), 1),
            ("work", ""): (D("0.25"), D("0.25"), 1),
            ("paid", ""): (D(2), D(2), 0),
            ("lines", '{"region":"US"}'): (D(1), D(2), 1),
            ("lines", '{"region":null}'): (D(4), D(-12), 0),
            ("regions", ""): (D(-3), D(-10), 0),
            ("vips", '{"vip":null}'): (D(-3), D(-3), 0),
        }
        right(app)
        stories.bill(app, "2026-03-02")
        assert told(app, "2026-03-02") == {}
        totals = ("E1,import,seats,2026-01-21,,1,-31", "E1,import,seats,2026-01-11,,1,-31")
        header = "entity,source,meter,day,until,events,quantity"
        stories.load(app, stories.deliver(folder, "totals", usage_totals=(header, *totals)))
        (one,) = app.usage.control.lacking(date(2026, 3, 2), stories.CHANGE)
        assert (
            "import says 1 events with -31 seats on 2026-01-11..2026-01-12, 1 events with 31 seats arrived" in one.what
        )


@pytest.mark.capability("A2.2")
@pytest.mark.on_sqlite
def test_a_level_is_carried_into_cycles_without_events(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        for day in ("2026-02-01", "2026-03-01"):
            stories.bill(app, day)
        assert told(app, "2026-03-01") == dict.fromkeys([("space", ""), ("seats", "")], (D(31), D(31), 0))
        last = next(one for one in stories.invoices(app) if str(one["invoice_date"]) == "2026-03-01")
        (events,) = (step for step in app.explain(f"{last['number']}#1").steps if step.name == "events")
        assert ("carried over", "31 from before") in events.details
        right(app)


@pytest.mark.capability("A2.2")
@pytest.mark.on_sqlite
def test_a_line_lists_the_events_that_it_counts(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        (invoice,) = stories.invoices(app)
        listed = {}
        for line in invoice["lines"]:
            said = app.explain(f"{invoice['number']}#{line['number']}", everything=True)
            (events,) = (step for step in said.steps if step.name == "events")
            names = [text.split("/")[-1].split(" ")[0] for label, text in events.details if label.startswith("2026")]
            deciding = [text.split()[1].rstrip(",") for label, text in events.details if label == "decided by"]
            listed[line["charge"], line["grouped"]] = (names, deciding)
        assert listed["paid", ""] == (["p1"], [])
        assert listed["lines", '{"region":"EU"}'] == (["d1", "d4"], [])
        assert listed["lines", '{"region":null}'] == (["d3"], [])
        assert listed["regions", ""] == (["d1", "d2", "d3", "d4"], [])
        assert listed["level", ""] == (["l2", "l1"], ["l1"])
        assert listed["least", ""] == (["n2", "n1"], ["n1"])
        assert listed["times", ""][1] == ["t19"]
        billed = {step.text for step in app.explain("usage:E1/S1/sold/d1").steps if step.name == "billed"}
        assert {text.split(": ")[1] for text in billed} == {"By line (EU)", "In sum", "Vips (true)"}
        assert not [step for step in app.explain("usage:E1/S1/paid/p2").steps if step.name == "billed"]


@pytest.mark.on_sqlite
def test_groups_that_several_rules_price_have_no_line_in_sum(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    charges = [row.replace("vip,true", "vip,false") for row in CHARGES if "lines" in row or "vips" in row]
    stories.deliver(folder, "data", charges=(CHARGES[0], *charges[1:]))
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        with app.books.reader() as reader:
            codes = [str(finding.code) for finding in reader.findings("acme", reader.runs("acme", 1)[0].id)]
        assert "pricing.several-rules" in codes
        assert stories.invoices(app) == []


BY_DAY = """
ruleset: pricing/metered
scope: plan == "metered"
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: month, when: charge.key == "space", then: {method: per_unit, unit: 31 EUR, per: month}}
  - {id: usage, then: {method: per_unit, unit: 1 EUR, per: day, after: [{maximum: 3 EUR, of: window}]}}
"""


@pytest.mark.capability("A2.2")
def test_measured_usage_is_priced_by_day(tmp_path: Path, sqlite_url: str) -> None:
    """Users of each day, the highest of it, levels over it, and groups and filters with days of their own, at most 3 a day."""
    folder = company(tmp_path)
    (folder / "rules" / "pricing" / "metered.yaml").write_text(BY_DAY)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        found = {key: amount for key, (_, amount, _) in told(app, "2026-02-01").items()}
        assert found[("users", "")] == D(3)  # a, b and a: each counts on its day, and one has no name
        assert found[("times", "")] == D(1 + 2 + 18 * 3)  # 1, 2, 3 to 20: 3 at most
        assert found[("space", "")] == D("638.08")  # 31 from 10:00 on the 11th on: 20.583333 of the month
        assert found[("level", "")] == D(6)
        assert found[("paid", "")] == D(2)  # the meter leaves out what is free, and the charge what is no vip's
        assert (found[("lines", '{"region":"EU"}')], found[("regions", "")]) == (D(2 + 3), D(2 + 3 + 3 + 3))
        right(app)
        late = stories.deliver(
            folder,
            "late",
            usage=(USED, used("users", "u9", "01-02", 1, "z"), used("sold", "d9", "01-10", 5, region="EU")),
        )
        stories.load(app, late)
        stories.bill(app, "2026-03-01")
        found = {key: amount for key, (_, amount, _) in told(app, "2026-03-01").items()}
        assert found == {
            ("users", ""): D(1), ("lines", '{"region":"EU"}'): D(1), ("regions", ""): D(1), ("vips", '{"vip":null}'): D(3),
            ("space", ""): D(961), ("seats", ""): D(84),
        }  # fmt: skip
        right(app)
