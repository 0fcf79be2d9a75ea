"""Usage that is not complete: totals that disagree and files that do not come hold what they concern, once each, until settled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.runs.run import Report
from tests import stories
from tests.golden.test_lateness import lines, rule, send, sound

TOTALS = "entity,source,meter,day,until,events,quantity"
SOURCES = "entity,key,meters,every,due_days,first_day,totals"
BOB = Change("bob", stories.CHANGE.at, "looked into it")


def control(then: str) -> dict[str, str]:
    """A rule file that says so of all sources."""
    text = f"""
ruleset: usage_control/acme
priority: 10
effective: {{from: 2020-01-01}}
rules:
  - {{id: theirs, then: {then}}}
"""
    return {"usage_control/acme.yaml": text}


def company(tmp_path: Path, rules: Mapping[str, str], **files: Any) -> Path:
    """Two subscriptions: seats, and calls with 15 events of 10 in January."""
    return stories.write(
        tmp_path,
        rules=rules,
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1", "E1,S5,A1,1", "E1,S6,A4,1"),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            "E1,S1,1,start,2026-01-01,team,5",
            "E1,S5,1,start,2026-01-01,phone,1",
            "E1,S6,1,start,2026-01-01,both,1",
        ),
        plans=stories.add("plans", "both,Both"),
        charges=stories.add(
            "charges",
            "both,base,Base fee,recurring,advance,1,,month,team,standard",
            "both,calls,Calls,usage,arrears,1,calls,call,voice,standard",
        ),
        **files,
    )


def found(report: Report) -> list[tuple[str, str]]:
    """Codes and subjects of what a run found, but for prices that were not used."""
    return sorted((f.code, f.subject) for f in report.findings if f.code != "pricing.unused-rule")


def items(app: App, state: str = "unresolved") -> list[tuple[int, str, str, str, str]]:
    return [(i.id, i.kind, i.owner, i.state, i.resolution) for i in app.worklist.listed(state)]


def charged(app: App, day: str) -> list[str]:
    return sorted(
        line["charge"] for one in stories.invoices(app) for line in one["lines"] if str(one["invoice_date"])[5:] == day
    )


@pytest.mark.capability("A2.5")
def test_a_month_end_with_a_late_file_and_totals_that_disagree(tmp_path: Path, database_url: str) -> None:
    rules = {**rule("{grace: 2 days}"), **control("{on_difference: usage, on_missing: warn, owner: metering}")}
    january = (TOTALS, "E1,import,calls,2026-01-01,2026-02-01,15,150", "E1,switch,calls,2026-01-01,2026-02-01,3,90")
    sources = (SOURCES, "E1,switch,calls,month,0,2026-01-01,true")
    folder = company(tmp_path, rules, usage_totals=january[:2], usage_sources=sources)
    subject = "usage-total/E1/switch/calls/2026-01-01"
    with stories.opened(folder, database_url) as app:
        assert stories.load(app, folder / "data").findings == ()
        report = stories.bill(
            app, "2026-02-01"
        )  # the switch's file is not there: noticed, and all waits for the grace anyway
        assert found(report) == [("usage.not-delivered", "usage-missing/E1/switch/2026-01-01")]
        assert charged(app, "02-01") == ["base", "base", "base", "base", "seats", "seats", "setup"]
        assert items(app) == [(1, "usage-missing", "metering", "assigned", "")]
        assert report.counts["findings"] == len(report.findings)

        stories.load(app, stories.deliver(folder, "totals", usage_totals=(TOTALS, january[2])))
        send(app, folder, "switch", "01-20/k1/40", "01-21/k2/40")
        dry = stories.bill(app, "2026-02-03", dry_run=True)
        report = stories.bill(app, "2026-02-03")
        expected = [
            ("usage.held", "subscription/S5"),
            ("usage.held", "subscription/S6"),
            ("usage.totals-differ", subject),
            ("worklist.gone", "usage-missing/E1/switch/2026-01-01"),
        ]
        assert found(report) == found(dry) == expected
        assert [(i["payer"], i["total"]) for i in dry.details] == []
        assert charged(app, "02-03") == []
        assert items(app, "") == [
            (1, "usage-missing", "metering", "resolved", "gone"),
            (2, "usage-total", "metering", "assigned", ""),
        ]
        says = "switch says 3 events with 90 calls on 2026-01-01..2026-02-01, 2 events with 80 calls arrived"
        shown = app.worklist.one(2)
        assert shown["difference"] == says and shown["rule"].startswith("rule theirs of usage_control/acme at ")
        why = app.explain("usage:E1/S5/calls/k1").steps[-1]
        assert why.name == "not billed" and why.details[0][0] == "usage.held" and says in why.details[0][1]

        told = {step.name: step for step in app.explain("subscription:E1/S5").steps}
        assert told["billed"].text.startswith("up to 2026-01-01") and says in told["held"].text
        assert dict(told["held"].details)["rule"].startswith("rule theirs of usage_control/acme at ")
        assert dict(told["held"].details)["item"] == "2 of the worklist, assigned metering"
        assert [step.name for step in app.explain("subscription:E1/S1").steps] == ["billed"]
        with pytest.raises(TollbookError, match="has no subscription"):
            app.explain("subscription:E1/S9")

        assert found(stories.bill(app, "2026-02-04")) == expected[:3]  # the same difference makes no second item
        assert len(items(app, "")) == 2
        app.worklist.assign(2, "bob", BOB)
        assert items(app)[0][2:4] == ("bob", "assigned")

        send(app, folder, "rest", "01-22/k3/10")
        report = stories.bill(app, "2026-02-05")
        assert found(report) == [("worklist.gone", subject)]
        assert lines(app, "02-05") == [("invoice", "01-01", "02-01", "240", "17.00", "18")]
        assert items(app) == [] and items(app, "resolved")[1][4] == "gone"
        history = [one["action"] for one in app.worklist.one(2)["history"]]
        assert history == ["resolve work item", "assign work item", "open work item"]
        assert app.worklist.late() == []  # what was held had not been billed, so that nothing of it is late
        assert found(stories.bill(app, "2026-02-06")) == [] and charged(app, "02-06") == []
        assert sound(app)


@pytest.mark.capability("A2.5")
@pytest.mark.parametrize(
    ("scope", "billed"),
    [
        ("usage", ["base", "base", "seats"]),
        ("subscription", ["base", "seats"]),
        ("entity", []),
        ("warn", ["base", "base", "calls", "seats"]),
    ],
)
def test_what_waits_while_totals_disagree(tmp_path: Path, database_url: str, scope: str, billed: list[str]) -> None:
    """A difference holds what the rule says; once somebody lets it go, a run bills what waited, and asks no more."""
    then = f"{{on_difference: {scope}, tolerance: 1, tolerance_percent: 1 %, tolerance_events: 1}}"
    totals = (TOTALS, "E1,import,calls,2026-01-01,2026-02-01,15,152", "E1,other,calls,2026-01-01,,,1")
    folder = company(tmp_path, control(then), usage_totals=totals)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        stories.bill(app, "2026-02-01")
        assert charged(app, "02-01") == billed
        assert items(app) == [(1, "usage-total", "", "open", "")]
        app.worklist.resolve(1, "corrected", BOB)
        stories.bill(app, "2026-02-02")  # it is not
        assert items(app) == [(2, "usage-total", "", "open", "")]
        app.worklist.resolve(2, "accepted", BOB)
        with pytest.raises(TollbookError, match="was resolved by bob: accepted"):
            app.worklist.resolve(2, "corrected", BOB)
        stories.bill(app, "2026-02-03")
        later = [charge for day in ("02-01", "02-02", "02-03") for charge in charged(app, day)]
        assert sorted(later) == ["base", "base", "calls", "seats"]
        assert found(stories.bill(app, "2026-02-04")) == [] and items(app) == []
        again = (TOTALS, "E1,import,calls,2026-01-01,2026-02-01,15,160")
        stories.load(app, stories.deliver(folder, "again", usage_totals=again))
        stories.bill(app, "2026-02-05")
        assert len(items(app)) == 1  # what the source says anew is another difference
        assert sound(app)


@pytest.mark.capability("A2.5")
@pytest.mark.on_sqlite
def test_a_file_that_does_not_come(tmp_path: Path, database_url: str) -> None:
    """Each delivery that is overdue is one item; it holds the meter of its days until it is there, or is let go."""
    folder = company(
        tmp_path, {}, usage_sources=(SOURCES, "E1,switch,calls,week,1,2026-01-01,false"), usage=stories.FILES["usage"]
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        send(app, folder, "one", "01-02/k1/10", "01-20/k2/10")
        report = stories.bill(app, "2026-01-30")
        assert found(report) == [
            ("usage.not-delivered", "usage-missing/E1/switch/2026-01-08"),
            ("usage.not-delivered", "usage-missing/E1/switch/2026-01-22"),
        ]
        send(app, folder, "two", "01-09/k3/10")
        report = stories.bill(app, "2026-02-01")
        assert [subject for code, subject in found(report) if code == "worklist.gone"] == [
            "usage-missing/E1/switch/2026-01-08"
        ]
        assert "calls" not in charged(app, "02-01")
        ((number, *_),) = items(app)
        app.worklist.resolve(number, "corrected", BOB)
        stories.bill(app, "2026-02-02")
        ((number, *_),) = items(app)
        app.worklist.resolve(number, "accepted", BOB)
        stories.bill(app, "2026-02-03")
        assert charged(app, "02-03") == ["calls"] and items(app) == []
        assert sound(app)


@pytest.mark.capability("A2.5")
def test_a_run_that_is_resumed_holds_what_it_held(tmp_path: Path, database_url: str) -> None:
    """What a run holds is pinned when it starts: mending the cause meanwhile changes the next run, not this one."""
    totals = (TOTALS, "E1,import,calls,2026-01-01,2026-02-01,16,160")
    folder = company(tmp_path, {}, usage_totals=totals)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")

        class Stopped(Exception):
            pass

        def stop(step: str, done: int, total: int) -> None:
            if step == "bill":
                raise Stopped

        with pytest.raises(Stopped):
            stories.bill(app, "2026-02-01", progress=stop)
        late = ("entity,subscription,meter,key,at,quantity", "E1,S5,calls,c16,2026-01-16T10:00:00+01:00,10")
        stories.load(app, stories.deliver(folder, "late", usage=late))
        (run,) = [run for run in app.runs() if run.kind == "bill"]
        report = app.resume(run.id, stories.CHANGE)
        assert "calls" not in charged(app, "02-01")
        assert [code for code, _ in found(report)] == ["usage.held", "usage.held", "usage.totals-differ"]
        stories.bill(app, "2026-02-02")
        assert charged(app, "02-02") == ["calls"] and sound(app)
