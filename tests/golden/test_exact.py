"""Changes to the second, differences and extending pauses, through the real books."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from tests import stories

EVENT = "entity,subscription,key,kind,on,plan,quantity,at"
NOTHING_USED = ("entity,subscription,meter,key,at,quantity",)
RULE = """
ruleset: proration/default
effective: {{from: 2000-01-01}}
rules:
  - {{id: all, then: {{{terms}}}}}
"""
PRICES = """
ruleset: pricing/plans
effective: {from: 2000-01-01}
priority: 1
scope: plan == "small" or plan == "large"
rules:
  - {id: small, when: plan == "small", then: {method: per_unit, unit: 30 EUR}}
  - {id: large, when: plan == "large", then: {method: per_unit, unit: 60 EUR}}
"""


def company(folder: Path, terms: str, *events: str) -> Path:
    """One subscription of 30 or 60 EUR a month, from 1 April 2026 on, in Amsterdam."""
    return stories.write(
        folder,
        rules={"proration/default.yaml": RULE.format(terms=terms), "pricing/plans.yaml": PRICES},
        plans=stories.add("plans", "small,Small", "large,Large"),
        charges=stories.add(
            "charges",
            "small,fee,Fee,recurring,advance,1,,seat,team,standard",
            "large,fee,Fee,recurring,advance,1,,seat,team,standard",
        ),
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1"),
        subscription_events=(EVENT, "E1,S1,1,start,2026-04-01,small,1,", *events),
        usage=NOTHING_USED,
    )


def lines(app: App) -> list[tuple[str, str, Decimal]]:
    """Every line that was billed, in the order of the books: first day, day after the last, amount."""
    found: list[dict[str, Any]] = [line for invoice in stories.invoices(app) for line in invoice["lines"]]
    return [(str(line["service_from"]), str(line["service_to"]), line["amount"]) for line in found]


def clean(app: App) -> bool:
    """Whether every check of the books finds nothing."""
    return all(not found for found in app.verify().values())


@pytest.mark.capability("A2.3")
def test_two_changes_on_one_day_to_the_second(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "method: seconds, credit_of: price")
    with stories.opened(folder, database_url) as app:
        assert not stories.load(app, folder / "data").findings
        stories.bill(app, "2026-04-01")
        later = stories.deliver(
            tmp_path,
            "later",
            subscription_events=(
                EVENT,
                "E1,S1,2,change,2026-04-16,large,,2026-04-16T09:00:00+02:00",
                "E1,S1,3,change,2026-04-16,,2,2026-04-16T13:00:00Z",
            ),
        )
        assert not stories.load(app, later).findings
        stories.bill(app, "2026-04-16")
        assert lines(app) == [
            ("2026-04-01", "2026-05-01", Decimal("30.00")),
            ("2026-04-16", "2026-05-01", Decimal("-14.63")),  # 351 of 720 hours
            ("2026-04-16", "2026-04-17", Decimal("0.50")),  # 6 hours of 60.00
            ("2026-04-16", "2026-05-01", Decimal("57.50")),  # 345 hours of 120.00
        ]
        counted = {line["exact"] for invoice in stories.invoices(app) for line in invoice["lines"]} - {""}
        assert "2026-04-16T07:00:00Z/2026-04-16T13:00:00Z 2026-03-31T22:00:00Z/2026-04-30T22:00:00Z" in counted
        stories.bill(app, "2026-04-20")
        assert len(lines(app)) == 4
        stories.bill(app, "2026-05-01")
        assert lines(app)[4:] == [("2026-05-01", "2026-06-01", Decimal("120.00"))]
        ends = stories.deliver(
            tmp_path, "ends", subscription_events=(EVENT, "E1,S1,4,cancel,2026-05-16,,,2026-05-16T12:00:00+02:00")
        )
        stories.load(app, ends)
        stories.bill(app, "2026-05-20")
        assert lines(app)[5:] == [("2026-05-16", "2026-06-01", Decimal("-60.00"))]
        assert clean(app)
        told = [app.explain(f"{i['number']}#{line['number']}") for i in stories.invoices(app) for line in i["lines"]]
        assert not [finding for one in told for finding in one.findings]


@pytest.mark.capability("A2.3")
@pytest.mark.on_sqlite
def test_a_difference_is_one_line_and_goes_back_with_what_it_stands_on(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "method: actual_days, netting: net, credit_of: price")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-04-01")
        for key, day, plan, quantity in (("2", "2026-04-11", "large", ""), ("3", "2026-04-16", "", "3")):
            event = f"E1,S1,{key},change,{day},{plan},{quantity},"
            stories.load(app, stories.deliver(tmp_path, f"change{key}", subscription_events=(EVENT, event)))
            stories.bill(app, day)
        stories.bill(app, "2026-04-18")
        assert lines(app) == [
            ("2026-04-01", "2026-05-01", Decimal("30.00")),
            ("2026-04-11", "2026-05-01", Decimal("20.00")),  # 30.00 more, 20 of 30 days
            ("2026-04-16", "2026-05-01", Decimal("60.00")),  # 120.00 more, 15 of 30 days
        ]
        stories.load(app, stories.deliver(tmp_path, "end", subscription_events=(EVENT, "E1,S1,4,cancel,2026-04-21,,,")))
        stories.bill(app, "2026-04-21")
        assert sorted(lines(app)[3:]) == [
            ("2026-04-21", "2026-05-01", Decimal("-40.00")),
            ("2026-04-21", "2026-05-01", Decimal("-10.00")),
            ("2026-04-21", "2026-05-01", Decimal("-10.00")),
        ]
        assert clean(app)
        told = [app.explain(f"{i['number']}#{line['number']}") for i in stories.invoices(app) for line in i["lines"]]
        assert not [finding for one in told for finding in one.findings]


@pytest.mark.capability("A2.3")
@pytest.mark.on_sqlite
def test_a_pause_that_extends_its_cycle_moves_all_that_follows(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "method: actual_days, pause: extend")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-04-01")
        paused = ("E1,S1,2,pause,2026-04-11,,,", "E1,S1,3,resume,2026-04-21,,,")
        for number, event in enumerate(paused):
            stories.load(app, stories.deliver(tmp_path, f"pause{number}", subscription_events=(EVENT, event)))
            stories.bill(app, event.split(",")[4])
        for day in ("2026-05-01", "2026-05-10"):
            stories.bill(app, day)
        assert lines(app) == [("2026-04-01", "2026-05-01", Decimal("30.00"))]
        stories.bill(app, "2026-05-11")
        assert lines(app)[1:] == [("2026-05-11", "2026-06-11", Decimal("30.00"))]
        stories.load(app, stories.deliver(tmp_path, "end", subscription_events=(EVENT, "E1,S1,4,cancel,2026-05-01,,,")))
        stories.bill(app, "2026-05-12")
        assert sorted(lines(app)[2:]) == [
            ("2026-05-01", "2026-05-11", Decimal("-10.00")),  # the last 10 of the 30 days that April came to
            ("2026-05-11", "2026-06-11", Decimal("-30.00")),
        ]
        assert clean(app)


@pytest.mark.on_sqlite
def test_an_instant_on_another_day_than_its_event_is_refused(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "method: seconds", "E1,S1,2,cancel,2026-04-16,,,2026-04-16T23:30:00Z")
    with stories.opened(folder, database_url) as app:
        (finding,) = stories.load(app, folder / "data").findings
        assert finding.code == "intake.contradiction"
        assert "is on 2026-04-17 in Europe/Amsterdam" in finding.what


@pytest.mark.capability("A2.1")
@pytest.mark.on_sqlite
def test_a_change_is_previewed_as_it_will_be_billed(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "method: actual_days")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-04-01")
        change = {"kind": "change", "on": date(2026, 4, 16), "plan": "large"}
        found = app.preview_change("A1", change)
        assert not found.anyway
        assert [(line["text"], line["amount"]) for line in found.now] == [("Credit: Fee", "-15.00"), ("Fee", "30.00")]
        assert (found.net, found.later_net, str(found.later_on)) == (Decimal(15), Decimal(60), "2026-05-01")
        assert app.preview_change("A1", change) == found
        stories.load(
            app, stories.deliver(tmp_path, "real", subscription_events=(EVENT, "E1,S1,2,change,2026-04-16,large,,"))
        )
        stories.bill(app, "2026-04-16")
        assert [amount for *_, amount in lines(app)[1:]] == [Decimal(line["amount"]) for line in found.now]
