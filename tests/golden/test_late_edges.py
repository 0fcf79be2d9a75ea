"""Late usage where it is not one charge of one sum: peaks, events that two charges count, commitments, prices that nobody used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from tests import stories
from tests.golden.test_lateness import late, rule, sound
from tests.golden.test_usage_control import found

USED = "entity,subscription,meter,key,at,quantity"
PRICES = """
ruleset: pricing/data
scope: plan == "data"
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: calls, when: charge.key == "calls", then: {method: per_unit, unit: 0.10 EUR}}
  - {id: fee, when: charge.key == "fee", then: {method: graduated, tiers: [{up_to: 10, unit: 1 EUR}, {unit: 2 EUR}]}}
  - {id: peak, when: charge.key == "peak", then: {method: per_unit, unit: 1 EUR}}
  - {id: typo, when: charge.key == "pique", then: {method: per_unit, unit: 1 EUR}}
"""


def company(tmp_path: Path, then: str, charges: Sequence[str]) -> Path:
    return stories.write(
        tmp_path,
        rules={**rule(then), "pricing/data.yaml": PRICES},
        meters=("key,unit,aggregation", "calls,call,sum", "lines,line,max"),
        plans=stories.add("plans", "data,Data"),
        charges=stories.add("charges", *charges),
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1"),
        subscription_events=("entity,subscription,key,kind,on,plan,quantity", "E1,S1,1,start,2026-01-01,data,1"),
        usage=(
            USED,
            "E1,S1,calls,c1,2026-01-10T10:00:00+01:00,8",
            "E1,S1,lines,l1,2026-01-10T10:00:00+01:00,3",
            "E1,S1,lines,l2,2026-01-10T11:00:00+01:00,5",
        ),
    )


def more(app: App, folder: Path, name: str, *rows: str, back: Sequence[str] = ()) -> None:
    files: dict[str, Any] = {"usage": (USED, *rows)} if rows else {}
    if back:
        files["usage_reversals"] = ("entity,key", *(f"E1,{key}" for key in back))
    assert stories.load(app, stories.deliver(folder, name, **files)).findings == ()


def amounts(app: App, day: str) -> dict[str, str]:
    return {
        line["charge"]: f"{line['amount']:.2f}"
        for one in stories.invoices(app)
        for line in one["lines"]
        if str(one["invoice_date"])[5:] == day
    }


@pytest.mark.capability("A2.5")
@pytest.mark.on_sqlite
def test_a_dropped_peak_is_no_peak(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "{drop_under: 3 EUR}", ["data,peak,Lines,usage,arrears,1,lines,,data,standard"])
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        assert amounts(app, "02-01") == {"peak": "5.00"}
        more(app, folder, "a", "E1,S1,lines,l3,2026-01-10T12:00:00+01:00,7")
        stories.bill(app, "2026-02-02")  # 2.00 more
        more(app, folder, "b", "E1,S1,lines,l4,2026-01-10T12:00:00+01:00,6", back=["l2"])
        stories.bill(app, "2026-02-03")  # 1.00 more: dropped, but without l2 the peak is 3
        assert (amounts(app, "02-02"), amounts(app, "02-03")) == ({}, {"peak": "-2.00"})
        more(app, folder, "c", "E1,S1,lines,l5,2026-01-10T12:00:00+01:00,9")
        stories.bill(app, "2026-02-04")
        assert amounts(app, "02-04") == {"peak": "6.00"}
        assert [(key, back, ended) for key, back, ended, *_ in late(app)] == [
            ("l3", False, "drop"),
            ("l4", False, "drop"),
            ("l2", True, "next_bill"),
            ("l5", False, "next_bill"),
        ]
        stories.bill(app, "2026-03-01")
        assert amounts(app, "03-01") == {} and sound(app)


@pytest.mark.capability("A2.5")
def test_an_event_of_two_charges_ends_once(tmp_path: Path, database_url: str) -> None:
    """What it comes to with both decides: 0.20 alone would be dropped."""
    charges = [
        "data,calls,Calls,usage,arrears,1,calls,,data,standard",
        "data,fee,Fee,usage,arrears,1,calls,,data,standard",
    ]
    folder = company(tmp_path, "{drop_under: 2.20 EUR}", charges)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        more(app, folder, "a", "E1,S1,calls,c2,2026-01-11T12:00:00+01:00,2")
        stories.bill(app, "2026-02-02")
        assert amounts(app, "02-02") == {"calls": "0.20", "fee": "2.00"}
        more(app, folder, "b", "E1,S1,calls,c3,2026-01-11T12:00:00+01:00,1")
        stories.bill(app, "2026-02-03")
        assert amounts(app, "02-03") == {}
        assert late(app) == [("c2", False, "next_bill", 1, "2.20"), ("c3", False, "drop", 2, "2.10")]
        assert sound(app)


@pytest.mark.capability("A2.5")
@pytest.mark.on_sqlite
def test_usage_of_a_voided_invoice_or_of_a_changed_month_is_not_late(tmp_path: Path, database_url: str) -> None:
    """It is owed anew, whole, whatever the policy; that of a month of which money is given back is
    late."""
    folder = company(tmp_path, "{policy: drop}", ["data,calls,Calls,usage,arrears,1,calls,,data,standard"])
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")

        app.void(stories.invoices(app)[0]["number"], date(2026, 2, 2), stories.CHANGE)
        more(app, folder, "a", "E1,S1,calls,c2,2026-01-11T12:00:00+01:00,2")
        stories.bill(app, "2026-02-03")
        assert amounts(app, "02-03") == {"calls": "1.00"}
        more(app, folder, "b", "E1,S1,calls,c3,2026-01-11T12:00:00+01:00,3")
        event = ("entity,subscription,key,kind,on,plan,quantity", "E1,S1,2,cancel,2026-01-21,,")
        stories.load(app, stories.deliver(folder, "events", subscription_events=event))
        stories.bill(app, "2026-02-04")
        assert sorted(amounts(app, "02-04").items()) != [] and late(app) == []
        assert sum(line["amount"] for one in stories.invoices(app) for line in one["lines"]) * 10 == 13
        more(app, folder, "c", "E1,S1,calls,c4,2026-01-12T12:00:00+01:00,5")
        others = (
            "entity,subscription,key,kind,on,plan,quantity,charge,amount",
            "E1,S1,3,adjust,2026-01-01,,,calls,0.30",
        )
        assert stories.load(app, stories.deliver(folder, "others", subscription_events=others)).findings == ()
        stories.bill(app, "2026-02-05")
        assert amounts(app, "02-05") == {"calls": "-0.30"}
        assert late(app) == [("c4", False, "drop", 15, "0.50")]
        more(app, folder, "d", "E1,S1,calls,c5,2026-01-12T13:00:00+01:00,5")
        stories.bill(app, "2026-02-06")
        assert (amounts(app, "02-06"), [one[:3] for one in late(app)][1:]) == ({}, [("c5", False, "drop")])
        assert sound(app)


@pytest.mark.capability("A1.2")
@pytest.mark.on_sqlite
def test_a_price_that_nothing_used_in_the_month(tmp_path: Path, database_url: str) -> None:
    """A rule that priced something earlier in the month is used; a dry run says the same as the run."""
    folder = company(tmp_path, "{grace: 0 days}", ["data,calls,Calls,usage,arrears,1,calls,,data,standard"])

    def unused(day: str) -> set[str]:
        dry = stories.bill(app, day, dry_run=True)
        report = stories.bill(app, day)
        said = [{f.subject for f in one.findings if f.code == "pricing.unused-rule"} for one in (dry, report)]
        assert said[0] == said[1] and found(dry) == found(report)
        return {one.removeprefix("rule/pricing/data/") for one in said[0] if "/data/" in one}

    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        assert unused("2026-01-15") == {"calls", "fee", "peak", "typo"}
        assert unused("2026-02-01") == {"fee", "peak", "typo"}
        assert unused("2026-02-20") == {"fee", "peak", "typo"}
        assert unused("2026-03-01") == {"fee", "peak", "typo"}


def measured(tmp_path: Path, then: str, *charges: str) -> Path:
    """A company whose charges filter or measure their usage."""
    folder = company(tmp_path, then, [])
    header = stories.FILES["charges"][0] + ",filter"
    own = (header, *(f"{line}," for line in stories.FILES["charges"][1:]), *charges)
    stories.deliver(folder, "data", charges=own)
    return folder


@pytest.mark.capability("A2.5")
def test_filtered_usage_is_dropped(tmp_path: Path, database_url: str) -> None:
    """A charge that filters counts its usage anew each time, without what a rule has dropped."""
    folder = measured(tmp_path, "{policy: drop}", "data,calls,Calls,usage,arrears,1,calls,,data,standard,quantity > 1")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        assert amounts(app, "02-01") == {"calls": "0.80"}
        more(app, folder, "a", "E1,S1,calls,c2,2026-01-11T10:00:00+01:00,5")
        report = stories.bill(app, "2026-02-02")
        assert [code for code, _ in found(report)] == ["usage.dropped"]
        assert amounts(app, "02-02") == {} and late(app) == [("c2", False, "drop", 1, "0.50")]
        more(app, folder, "b", "E1,S1,calls,c3,2026-02-11T10:00:00+01:00,2")
        stories.bill(app, "2026-03-01")
        assert amounts(app, "03-01") == {"calls": "0.20"}
        assert sound(app)


LEVELS = """
ruleset: pricing/levels
scope: charge.key == "level" or charge.key == "users"
priority: 20
effective: {from: 2020-01-01}
rules:
  - {id: level, when: charge.key == "level", then: {method: per_unit, unit: 1 EUR}}
  - {id: users, when: charge.key == "users", then: {method: per_unit, unit: 0.60 EUR}}
"""


@pytest.mark.capability("A2.5")
def test_what_a_late_event_is_worth_where_it_is_no_sum(tmp_path: Path, database_url: str) -> None:
    """What all usage owes with the event less what it owes without it: a level goes on beyond its cycle, a user counts once."""
    charges = (
        "data,level,Level,usage,arrears,1,disk,,data,standard,",
        "data,users,Users,usage,arrears,1,seen,,data,standard,",
    )
    folder = measured(tmp_path, "{drop_under: 1 EUR}", *charges)
    (folder / "rules" / "pricing" / "levels.yaml").write_text(LEVELS)
    header = "entity,subscription,meter,key,at,quantity,dimensions"

    def used(name: str, *rows: str) -> None:
        lines = tuple(row.replace("@", '"{""who"": ""') + '""}"' if "@" in row else f"{row}," for row in rows)
        assert stories.load(app, stories.deliver(folder, name, usage=(header, *lines))).findings == ()

    meters = ("key,unit,aggregation,dimensions,dimension", "disk,GB,time_weighted,,", "seen,user,unique,who:text,who")
    stories.deliver(folder, "data", meters=(*meters, "calls,call,sum,,", "lines,line,max,,"))
    (folder / "data" / "usage.csv").unlink()
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        user = "E1,S1,seen,{},2026-01-10T10:00:00+01:00,1,@{}".format
        used("first", "E1,S1,disk,d1,2026-01-01T00:00:00+01:00,10", user("a1", "ann"), user("b1", "bob"))
        stories.bill(app, "2026-02-01")
        stories.bill(app, "2026-03-01")
        assert (amounts(app, "02-01"), amounts(app, "03-01")) == (
            {"level": "10.00", "users": "1.20"},
            {"level": "10.00"},
        )
        # 11 on 15 of 31 days are 0.48 in January alone, and 1.00 in February; bob is known, so that he is worth nothing
        used("a", "E1,S1,disk,d2,2026-01-17T00:00:00+01:00,11", user("b2", "bob"), user("c1", "eve"))
        stories.bill(app, "2026-03-02")
        assert [(key, how, worth) for key, _, how, _, worth in late(app)] == [
            ("d2", "next_bill", "1.48"), ("b2", "drop", "0.60"), ("c1", "drop", "0.60"),
        ]  # fmt: skip
        every = [(f"{x['service_from']:%m}", f"{x['amount']:.2f}") for i in stories.invoices(app) for x in i["lines"]]
        assert sorted(every)[-1] == ("02", "10.00") and ("01", "0.48") in every and ("02", "1.00") in every
        # 14 of 28 days of 0.1 more are 0.05, and nothing of March is billed yet; two users more are 1.20
        used("b", "E1,S1,disk,d3,2026-02-15T00:00:00+01:00,11.1", user("f1", "joe"), user("g1", "sue"))
        stories.bill(app, "2026-03-03")
        assert amounts(app, "03-03") == {"users": "1.20"}
        assert ("d3", False, "drop", 2, "0.05") in late(app)
        stories.bill(app, "2026-04-01")
        assert amounts(app, "04-01") == {"level": "11.00"}
        number = next(i["number"] for i in stories.invoices(app) if str(i["invoice_date"])[5:] == "03-03")
        assert app.explain(f"{number}#1", everything=True).amount == "1.20 EUR"
        assert sound(app)
