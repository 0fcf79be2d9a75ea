"""Invoices that something occasions: one customer's within minutes, another's by the nightly run, from one rule set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.model.journal import Change
from engine.runs.billing import run as bill_run
from engine.runs.trigger_desk import Scanned
from tests import stories

NIGHTLY = "{name: nightly, run: bill, cron: 0 23 * * *, zone: UTC, as: ada, reason: nightly bill}"
LOOK = "{name: look, run: triggers, cron: '*/5 * * * *', zone: UTC, as: ada, reason: look for triggers}"
RULES = {
    "triggers/acme.yaml": """
ruleset: triggers/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - id: projects
    when: account.key == "A1"
    then: {when: milestone, within: 15 minutes}
  - id: metered
    when: account.key == "A2"
    then: {when: threshold, threshold: [6 EUR, 500 USD], within: 60 minutes}
  - id: others
    then: {when: nightly}
cases:
  - name: a milestone of a project
    given: {kind: accept, about: design, hour: 10, account: {key: A1}}
    expect: {rule: projects, when: milestone, within: 15}
""",
    "pricing/work.yaml": """
ruleset: pricing/work
scope: plan == "work"
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: build, when: charge.key == "build", then: {method: flat, price: 1000 EUR}}
  - {id: run, when: charge.key == "run", then: {method: flat, price: 31 EUR}}
  - {id: desk, when: charge.key == "desk", then: {method: flat, price: 62 EUR}}
  - {id: kickoff, when: charge.key == "kickoff", then: {method: flat, price: 50 EUR}}
""",
}
EVENT = "entity,subscription,key,kind,on,plan,quantity"
USED = "entity,subscription,meter,key,at,quantity"
CAME = "entity,subscription,key,kind,about,on,accepted_by,evidence"
THIRD = "0.333333333333"


def company(folder: Path, **changed: Sequence[str]) -> Path:
    """A1 has a project and a telephone, A2 a telephone, A4 a project of its own that waits for the nightly run."""
    files: dict[str, Sequence[str]] = {
        "accounts": (
            "entity,key,name,country,currency,zone",
            "E1,A1,One,NL,EUR,Europe/Amsterdam",
            "E1,A2,Two,NL,EUR,Europe/Amsterdam",
            "E1,A4,Four,NL,EUR,Europe/Amsterdam",
        ),
        "plans": stories.add("plans", "work,Work"),
        "charges": (
            "plan,key,name,kind,timing,months,meter,product,starts_on",
            "phone,calls,Calls,usage,arrears,1,calls,voice,",
            "work,build,Build,one_time,advance,1,,work,milestone",
            "work,desk,Desk,recurring,advance,1,,work,",
            "work,kickoff,Kick-off,one_time,advance,1,,work,go_live",
            "work,run,Running,recurring,advance,1,,work,go_live",
        ),
        "subscriptions": ("entity,key,account", "E1,S1,A1", "E1,S2,A2", "E1,S4,A4"),
        "subscription_events": (
            EVENT,
            "E1,S1,1,start,2026-01-01,work,1",
            "E1,S2,1,start,2026-01-01,phone,1",
            "E1,S4,1,start,2026-01-01,work,1",
        ),
        "milestones": (
            "entity,subscription,key,charge,name,amount,share,expected",
            "E1,S1,design,build,Design,,0.3,2026-02-01",
            "E1,S1,test,build,Test,,0.3,2026-03-01",
            "E1,S1,hand-over,build,Hand-over,,0.4,2026-04-01",
            "E1,S4,half,build,Half,500,,2026-02-01",
        ),
        "usage": (USED,),
    }
    return stories.write(folder, rules=RULES, **{**files, **changed})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def change(text: str) -> Change:
    return Change("ada", at(text), "test")


def send(app: App, moment: str, *rows: str) -> Any:
    """Triggers from somewhere, at a moment."""
    names = CAME.split(",")
    return app.triggers.record([dict(zip(names, row.split(","), strict=False)) for row in rows], change(moment), "crm")


def look(app: App, moment: str) -> Scanned:
    return app.triggers.scan(change(moment))


def use(app: App, folder: Path, *rows: str) -> None:
    name = f"used-{rows[0].split(',')[3]}"
    stories.load(app, stories.deliver(folder, name, usage=(USED, *rows)))


def work(app: App, moment: str) -> list[Any]:
    """Everything that waits, worked off at a moment."""
    done = []
    while (one := app.work(change(moment), "w", lambda: at(moment))) is not None:
        done.append(one)
    return done


def lines(app: App, payer: str = "") -> list[tuple[str, str, str, str]]:
    """Lines of all invoices: day, charge, what it counts or the day of service, amount."""
    return [
        (
            str(one["invoice_date"])[5:],
            line["charge"],
            line["exact"] or str(line["service_from"])[5:],
            f"{line['amount']:.2f}",
        )
        for one in sorted(stories.invoices(app), key=lambda one: (one["invoice_date"], one["payer"]))
        for line in one["lines"]
        if payer in ("", one["payer"])
    ]


def clean(app: App) -> None:
    assert {name: found for name, found in app.verify().items() if found} == {}


@pytest.mark.capability("A1.5")
def test_one_rule_set_two_customers(tmp_path: Path, database_url: str) -> None:
    """A milestone of A1 is invoiced and delivered within its 15 minutes; one of A4 by the nightly run of that day."""
    with stories.opened(company(tmp_path), database_url, schedule=f"[{NIGHTLY}, {LOOK}]") as app:
        stories.load(app, tmp_path / "data")
        app.enqueue(change("2026-02-10 10:00"), "s")
        came = ("E1,S1,m1,accept,design,2026-02-10,Bob,protocol 7", "E1,S4,m1,accept,half,2026-02-10,Eve,")
        told = send(app, "2026-02-10 10:01", *came)
        assert (told.taken, told.known, told.findings) == (2, 0, ())
        assert send(app, "2026-02-10 10:02", came[0]).known == 1
        app.enqueue(change("2026-02-10 10:05"), "s")
        scan, bill = work(app, "2026-02-10 10:06")
        assert scan.request.summary == {"triggers": 2, "accounts": 0, "enqueued": 1}
        request = bill.request
        assert (request.state, request.kind, request.deadline) == ("done", "bill", at("2026-02-10 10:16"))
        assert request.summary["accepted"] == 1, "delivered at once"
        assert (bill.findings, [f for f in bill.met if f.level == "error"]) == ((), [])
        assert [line for line in lines(app) if line[1] == "build"] == [("02-10", "build", "milestone/design", "300.00")]
        assert {one["payer"] for one in stories.invoices(app)} == {"A1"}
        app.enqueue(change("2026-02-10 23:00"), "s")
        work(app, "2026-02-10 23:01")
        assert [line for line in lines(app, "A4") if line[1] == "build"] == [
            ("02-10", "build", "milestone/half", "500.00")
        ]
        number = next(one["number"] for one in stories.invoices(app) if one["payer"] == "A1")
        explained = app.explain(number)
        occasion = next(step for step in explained.steps if step.name == "occasion")
        assert "accept design (m1) of S1" in occasion.text
        assert "triggers/acme#projects" in occasion.text
        assert any("Bob" in detail and "protocol 7" in detail for _, detail in occasion.details)
        for payer in ("A1", "A4"):
            invoice = next(one for one in stories.invoices(app) if one["payer"] == payer)
            for position in range(1, len(invoice["lines"]) + 1):
                assert app.explain(f"{invoice['number']}#{position}").findings == ()
        clean(app)


@pytest.mark.capability("A3.6")
@pytest.mark.on_sqlite
def test_services_wait_for_the_go_live_while_the_rest_is_billed(tmp_path: Path, database_url: str) -> None:
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        for month in ("01", "02", "03"):
            stories.bill(app, f"2026-{month}-01")
        assert {line[1] for line in lines(app, "A1")} == {"desk"}
        told = app.triggers.unbilled(date(2026, 3, 15), "A1", change("2026-03-15 12:00"))
        waiting = {(w.charge, w.reason, w.milestone): (w.amount, w.since, w.expected) for w in told.waiting}
        assert waiting == {
            ("build", "milestone", "design"): (Decimal("300.00"), date(2026, 1, 1), date(2026, 2, 1)),
            ("build", "milestone", "test"): (Decimal("300.00"), date(2026, 1, 1), date(2026, 3, 1)),
            ("build", "milestone", "hand-over"): (Decimal("400.00"), date(2026, 1, 1), date(2026, 4, 1)),
            ("kickoff", "go_live", ""): (Decimal("50.00"), date(2026, 1, 1), None),
            ("run", "go_live", ""): (Decimal("31.00"), date(2026, 1, 1), None),
        }
        assert told.waits == {"EUR": Decimal("1081.00")}
        send(app, "2026-03-20 12:00", "E1,S1,live,go_live,,2026-03-22,Bob,")
        stories.bill(app, "2026-03-21")
        assert {line[1] for line in lines(app, "A1")} == {"desk"}
        stories.bill(app, "2026-03-22")
        assert [line for line in lines(app, "A1") if line[0] == "03-22"] == [
            ("03-22", "run", "03-22", "10.00"),
            ("03-22", "kickoff", "03-22", "50.00"),
        ]
        stories.bill(app, "2026-04-01")
        assert sorted(line[1] for line in lines(app, "A1") if line[0] == "04-01") == ["desk", "run"]
        stories.bill(app, "2026-04-02")
        assert [line for line in lines(app, "A1") if line[0] == "04-02"] == []
        clean(app)


@pytest.mark.on_sqlite
def test_a_go_live_that_becomes_known_late_and_one_that_is_revoked(tmp_path: Path, database_url: str) -> None:
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        for month in ("01", "02", "03"):
            stories.bill(app, f"2026-{month}-01")
        send(app, "2026-03-10 12:00", "E1,S1,live,go_live,run,2026-01-22,Bob,")
        stories.bill(app, "2026-03-10")
        assert [line for line in lines(app, "A1") if line[0] == "03-10"] == [
            ("03-10", "run", "01-22", "10.00"),
            ("03-10", "run", "02-01", "31.00"),
            ("03-10", "run", "03-01", "31.00"),
        ]
        send(app, "2026-03-11 12:00", "E1,S1,back,revoke,live,2026-03-11,Bob,wrong service")
        stories.bill(app, "2026-03-11")
        assert sum(Decimal(line[3]) for line in lines(app, "A1") if line[1] == "run") == 0
        send(app, "2026-03-12 12:00", "E1,S1,live2,go_live,,2026-03-22,Bob,")
        stories.bill(app, "2026-03-22")
        assert [line for line in lines(app, "A1") if line[0] == "03-22"] == [
            ("03-22", "run", "03-22", "10.00"),
            ("03-22", "kickoff", "03-22", "50.00"),
        ]
        send(app, "2026-03-23 12:00", "E1,S1,back2,revoke,live2,2026-03-23,Bob,")
        stories.bill(app, "2026-03-23")
        assert [line for line in lines(app, "A1") if line[0] == "03-23"] == [
            ("03-23", "run", "03-22", "-10.00"),
            ("03-23", "kickoff", "03-22", "-50.00"),
        ]
        clean(app)


def test_milestones_lose_no_cent_and_are_billed_once(tmp_path: Path, database_url: str) -> None:
    """Three thirds of 1000, in another order than planned, two on one day; sent twice; one withdrawn before, one after."""
    planned = [
        f"E1,S1,m{n},build,Part {n},,{share},2026-0{n}-20"
        for n, share in enumerate((THIRD, THIRD, "0.333333333334"), 1)
    ]
    folder = company(tmp_path, milestones=("entity,subscription,key,charge,name,amount,share,expected", *planned))
    with stories.opened(folder, database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-01-01")
        send(app, "2026-01-20 12:00", "E1,S1,a3,accept,m3,2026-01-20,Bob,")
        stories.bill(app, "2026-01-20")
        send(app, "2026-02-20 12:00", "E1,S1,a2,accept,m2,2026-02-20,Bob,", "E1,S1,r2,revoke,a2,2026-02-20,Bob,")
        assert stories.bill(app, "2026-02-20").counts["invoices"] > 0  # the desk; no milestone
        came = (
            "E1,S1,a1,accept,m1,2026-03-20,Bob,",
            "E1,S1,b2,accept,m2,2026-03-20,Bob,",
            "E1,S1,c2,accept,m2,2026-03-21,B,",
        )
        assert send(app, "2026-03-20 12:00", *came).taken == 3
        assert send(app, "2026-03-20 12:01", *came).known == 3
        stories.bill(app, "2026-03-20")
        stories.bill(app, "2026-03-25")
        built = [line for line in lines(app, "A1") if line[1] == "build"]
        assert built == [
            ("01-20", "build", "milestone/m3", "333.34"),
            ("03-20", "build", "milestone/m1", "333.33"),
            ("03-20", "build", "milestone/m2", "333.33"),
        ]
        assert sum(Decimal(line[3]) for line in built) == 1000
        send(app, "2026-03-26 12:00", "E1,S1,r1,revoke,a1,2026-03-26,Bob,")
        stories.bill(app, "2026-03-26")
        send(app, "2026-03-27 12:00", "E1,S1,d1,accept,m1,2026-03-27,Bob,")
        stories.bill(app, "2026-03-27")
        assert [line for line in lines(app, "A1") if line[0] in ("03-26", "03-27")] == [
            ("03-26", "build", "milestone/m1", "-333.33"),
            ("03-27", "build", "milestone/m1", "333.33"),
        ]
        clean(app)


@pytest.mark.on_sqlite
def test_a_trigger_that_nothing_waits_for_is_refused(tmp_path: Path, database_url: str) -> None:
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        for row, told in (
            ("E1,S1,a,accept,nothing,2026-01-20,B,", "there is no milestone 'nothing'"),
            ("E1,S1,a,go_live,desk,2026-01-20,B,", "no charge 'desk' that waits for its go_live"),
            ("E1,S1,a,revoke,zzz,2026-01-20,B,", "no acceptance or go-live has the key 'zzz'"),
            ("E1,S9,a,go_live,,2026-01-20,B,", "'S9' does not exist"),
            ("E1,S1,a,accept,,2026-01-20,B,", "accept of nothing"),
        ):
            found = send(app, "2026-01-20 12:00", row)
            assert found.taken == 0
            assert told in found.findings[0].what
        (mistyped,) = send(app, "2026-01-20 12:00", "E1,S1,a,accept,desing,2026-01-20,B,").findings
        assert mistyped.mend == "did you mean 'design'?"
        assert send(app, "2026-01-20 12:00", "E1,S1,a,accept,design,2026-01-20,B,").taken == 1
        (finding,) = send(app, "2026-01-21 12:00", "E1,S1,a,accept,test,2026-01-20,B,").findings
        assert finding.code == "intake.key-conflict"


def test_milestones_over_the_whole_price_are_a_finding(tmp_path: Path, database_url: str) -> None:
    given = (
        "entity,subscription,key,charge,name,amount,share,expected",
        "E1,S1,a,build,A,600,,",
        "E1,S1,b,build,B,,0.5,",
    )
    with stories.opened(company(tmp_path, milestones=given), database_url) as app:
        stories.load(app, tmp_path / "data")
        send(app, "2026-01-20 12:00", "E1,S1,a,accept,a,2026-01-20,B,")
        report = stories.bill(app, "2026-01-20")
        assert "milestone.over-whole" in [f.code for f in report.findings]
        assert {line[1] for line in lines(app, "A1")} == {"desk"}


@pytest.mark.capability("A3.6")
def test_a_threshold_is_reached_at_its_edge_and_again(tmp_path: Path, database_url: str) -> None:
    """Calls cost 0.10 up to 100, then 0.05; the threshold is 6.00."""
    with stories.opened(company(tmp_path), database_url, schedule=f"[{NIGHTLY}]") as app:
        stories.load(app, tmp_path / "data")
        look(app, "2026-01-01 00:00")
        use(app, tmp_path, "E1,S2,calls,u1,2026-01-05T10:00:00+01:00,59")
        assert look(app, "2026-01-05 12:00").enqueued == ()
        use(app, tmp_path, "E1,S2,calls,u2,2026-01-05T11:00:00+01:00,1")
        (wanted,) = look(app, "2026-01-05 12:05").enqueued
        assert (wanted.payer, wanted.kind, wanted.deadline) == ("A2", "threshold", at("2026-01-05 13:05"))
        assert "6.00 EUR unbilled" in wanted.reason
        assert look(app, "2026-01-05 12:06") == Scanned()
        use(app, tmp_path, "E1,S2,calls,u3,2026-01-05T12:00:00+01:00,10")
        assert look(app, "2026-01-05 12:07").enqueued == (), "one request waits already"
        work(app, "2026-01-05 12:10")
        assert lines(app, "A2") == [("01-05", "calls", "01-01", "7.00")]
        app.enqueue(change("2026-01-05 20:00"), "s")
        app.enqueue(change("2026-01-05 23:00"), "s")
        use(app, tmp_path, "E1,S2,calls,u4,2026-01-05T13:00:00+01:00,5")
        work(app, "2026-01-05 23:01")
        assert len(lines(app, "A2")) == 1, "the nightly run leaves the rest to the end of the cycle"
        use(app, tmp_path, "E1,S2,calls,u5,2026-01-05T14:00:00+01:00,95")
        assert len(look(app, "2026-01-05 23:30").enqueued) == 1
        work(app, "2026-01-05 23:31")
        use(app, tmp_path, "E1,S2,calls,u6,2026-01-30T14:00:00+01:00,20")
        look(app, "2026-01-30 23:30")
        stories.bill(app, "2026-02-01")
        assert lines(app, "A2") == [
            ("01-05", "calls", "01-01", "7.00"),
            ("01-06", "calls", "01-01", "6.50"),
            ("02-01", "calls", "01-01", "1.00"),
        ]
        clean(app)


def test_a_request_that_was_killed_is_billed_once(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies between the trigger and the bill, then in the midst of the bill."""
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        send(app, "2026-02-10 10:00", "E1,S1,m1,accept,design,2026-02-10,Bob,")
        look(app, "2026-02-10 10:01")
        real = bill_run.write_partition

        def dies(*arguments: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(bill_run, "write_partition", dies)
        with pytest.raises(KeyboardInterrupt):
            app.work(change("2026-02-10 10:02"), "one", lambda: at("2026-02-10 10:02"))
        monkeypatch.setattr(bill_run, "write_partition", real)
        (worked,) = work(app, "2026-02-10 11:00")
        assert worked.request.state == "done"
        assert [str(f.code) for f in worked.findings] == ["schedule.too-late"]
        assert "was 45 minutes late" in worked.findings[0].what
        assert [line for line in lines(app, "A1") if line[0] == "02-10"] == [
            ("02-10", "build", "milestone/design", "300.00")
        ]
        assert look(app, "2026-02-10 11:01") == Scanned()
        assert stories.bill(app, "2026-02-10").counts["invoices"] == 0
        clean(app)


def test_the_most_urgent_is_taken_first(tmp_path: Path, database_url: str) -> None:
    with stories.opened(company(tmp_path), database_url, schedule=f"[{NIGHTLY}]") as app:
        stories.load(app, tmp_path / "data")
        app.enqueue(change("2026-02-10 20:00"), "s")
        use(app, tmp_path, "E1,S2,calls,u1,2026-02-05T10:00:00+01:00,90")
        send(app, "2026-02-10 22:58", "E1,S1,m1,accept,design,2026-02-10,Bob,")
        look(app, "2026-02-10 22:59")
        app.enqueue(change("2026-02-10 23:00"), "s")
        order = [one.request.schedule for one in work(app, "2026-02-10 23:00")]
        assert order == ["trigger/E1/A1", "threshold/E1/A2", "nightly"]


def test_a_run_of_an_earlier_day_goes_before_what_is_urgent(tmp_path: Path, database_url: str) -> None:
    """Documents are never dated before others that are there: the night of the 10th is billed before the 11th."""
    with stories.opened(company(tmp_path), database_url, schedule=f"[{NIGHTLY}]") as app:
        stories.load(app, tmp_path / "data")
        app.enqueue(change("2026-02-10 20:00"), "s")
        app.enqueue(change("2026-02-10 23:00"), "s")
        send(app, "2026-02-10 23:01", "E1,S1,m1,accept,design,2026-02-10,Bob,")
        look(app, "2026-02-10 23:02")
        done = [(one.request.schedule, one.request.on.day, one.request.state) for one in work(app, "2026-02-10 23:05")]
        assert done == [("nightly", 10, "done"), ("trigger/E1/A1", 11, "done")]


@pytest.mark.capability("A1.5")
def test_thresholds_and_nights_bill_what_nights_bill(tmp_path: Path, database_url: str) -> None:
    """Whatever is billed early, in the end the customer has paid the same."""
    days = [
        (day, quantity) for day, quantity in zip(range(1, 29, 3), (20, 70, 3, 41, 0, 99, 12, 55, 8, 30), strict=True)
    ]
    sums = []
    for early in (True, False):
        folder = tmp_path / str(early)
        folder.mkdir()
        url = database_url if early else f"sqlite:///{folder / 'books.db'}"
        with stories.opened(company(folder), url) as app:
            stories.load(app, folder / "data")
            enqueued = 0
            for day, quantity in days:
                use(app, folder, f"E1,S2,calls,u{day},2026-01-{day:02d}T10:00:00+01:00,{quantity}")
                if early:
                    enqueued += len(look(app, f"2026-01-{day:02d} 12:00").enqueued)
                    work(app, f"2026-01-{day:02d} 12:10")
                stories.bill(app, f"2026-01-{day:02d}")
            stories.bill(app, "2026-02-01")
            stories.bill(app, "2026-02-02")
            assert enqueued > 1 or not early
            sums.append(sum((one["net"] for one in stories.invoices(app) if one["payer"] == "A2"), Decimal(0)))
            clean(app)
    assert sums[0] == sums[1] > 0


@pytest.mark.on_sqlite
def test_a_dry_run_says_what_the_run_bills(tmp_path: Path, database_url: str) -> None:
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        send(app, "2026-02-10 10:00", "E1,S1,m1,accept,design,2026-02-10,Bob,", "E1,S1,l1,go_live,,2026-02-10,Bob,")
        dry = stories.bill(app, "2026-02-10", dry_run=True)
        real = stories.bill(app, "2026-02-10")
        assert dry.counts["lines"] == real.counts["lines"]
        shown = sorted(line["amount"] for one in dry.details for line in one["lines"])
        assert shown == sorted(f"{line['amount']:.2f}" for one in stories.invoices(app) for line in one["lines"])


def test_what_is_late_shows(tmp_path: Path, database_url: str) -> None:
    with stories.opened(company(tmp_path), database_url, schedule=f"[{NIGHTLY}]") as app:
        stories.load(app, tmp_path / "data")
        send(app, "2026-02-10 10:00", "E1,S1,m1,accept,design,2026-02-10,Bob,")
        look(app, "2026-02-10 10:01")
        _, queue = app.schedules(at("2026-02-10 10:05"), 5)
        (urgent,) = queue["urgent"]
        assert (urgent["schedule"], urgent["deadline"], urgent["late"]) == (
            "trigger/E1/A1",
            at("2026-02-10 10:15"),
            None,
        )
        _, queue = app.schedules(at("2026-02-10 10:25"), 5)
        assert queue["urgent"][0]["late"] == timedelta(minutes=10)


def test_usage_is_invoiced_at_once_where_a_rule_says_so(tmp_path: Path, database_url: str) -> None:
    """Each batch is an invoice; a batch of nothing is none."""
    company(tmp_path)
    (tmp_path / "rules" / "triggers" / "acme.yaml").write_text(
        "ruleset: triggers/acme\npriority: 10\neffective: {from: 2020-01-01}\n"
        "rules:\n  - {id: prepaid, then: {when: at_once}}\n"
    )
    with stories.opened(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        for number, quantity in enumerate((30, 0, 90), 1):
            use(app, tmp_path, f"E1,S2,calls,u{number},2026-01-01T1{number}:00:00+01:00,{quantity}")
            (wanted,) = look(app, f"2026-01-01 1{number}:00").enqueued
            assert wanted.deadline is None
            work(app, f"2026-01-01 1{number}:01")
        assert lines(app, "A2") == [("01-01", "calls", "01-01", "3.00"), ("01-01", "calls", "01-01", "8.00")]
        assert app.schedules(at("2026-01-01 14:00"), 5)[1]["urgent"] == []
        clean(app)
