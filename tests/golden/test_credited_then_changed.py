"""A fee all of which was given back by hand, and whose terms change afterwards: its days are charged on the new terms, once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests import stories
from tests.stories import CHANGE

EVENTS = "entity,subscription,key,kind,on,plan,quantity"


@pytest.mark.capability("A1.2")
@pytest.mark.on_sqlite
def test_days_of_a_line_of_which_nothing_is_left(tmp_path: Path, database_url: str) -> None:
    """The goodwill stays, the days left are charged for the new quantity, and verify finds no day billed twice."""
    folder = stories.write(
        tmp_path,
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1"),
        subscription_events=(EVENTS, "E1,S1,1,start,2026-02-01,team,3"),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        for line in (1, 2):
            made = app.accounts.memos.credit("E1-2026-000001", "goodwill", date(2026, 2, 2), CHANGE, line=line)
            assert made.state == "issued"
        changed = stories.deliver(folder, "changed", subscription_events=(EVENTS, "E1,S1,2,change,2026-02-15,,5"))
        assert stories.load(app, changed).findings == ()
        stories.bill(app, "2026-02-15")
        (bill,) = [one for one in stories.invoices(app) if str(one["invoice_date"]) == "2026-02-15"]
        assert {(str(line["service_from"]), str(line["service_to"]), line["quantity"]) for line in bill["lines"]} == {
            ("2026-02-15", "2026-03-01", 5)
        }
        assert bill["kind"] == "invoice"
        assert [str(finding) for found in app.verify().values() for finding in found] == []


PRICES = """
ruleset: pricing/data
scope: plan == "data"
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: calls, when: charge.key == "calls", then: {method: per_unit, unit: 0.10 EUR}}
"""
USED = "entity,subscription,meter,key,at,quantity"


@pytest.mark.capability("A1.2")
@pytest.mark.on_sqlite
def test_usage_of_days_left_of_a_stretch_all_of_which_was_given_back(tmp_path: Path, database_url: str) -> None:
    """What is left of the stretch after a pause is charged once, though late usage of later days is all that a run looks at."""
    folder = stories.write(
        tmp_path,
        rules={"pricing/data.yaml": PRICES},
        meters=("key,unit,aggregation", "calls,call,sum"),
        plans=stories.add("plans", "data,Data"),
        charges=stories.add("charges", "data,calls,Calls,usage,arrears,1,calls,,data,standard"),
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1"),
        subscription_events=(EVENTS, "E1,S1,1,start,2026-01-01,data,1"),
        usage=(USED, "E1,S1,calls,c1,2026-01-10T10:00:00+01:00,8", "E1,S1,calls,c2,2026-01-25T10:00:00+01:00,2"),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        assert (
            app.accounts.memos.credit("E1-2026-000001", "goodwill", date(2026, 2, 2), CHANGE, line=1).state == "issued"
        )
        paused = stories.deliver(folder, "paused", subscription_events=(EVENTS, "E1,S1,2,pause,2026-01-15,,"))
        assert stories.load(app, paused).findings == ()
        stories.bill(app, "2026-02-05")
        late = stories.deliver(folder, "late", usage=(USED, "E1,S1,calls,c3,2026-01-20T10:00:00+01:00,5"))
        stories.load(app, late)
        stories.bill(app, "2026-02-10")
        stretches = [
            (str(one["invoice_date"]), str(line["service_to"]), f"{line['amount']:.2f}")
            for one in stories.invoices(app)
            for line in one["lines"]
            if str(one["invoice_date"]) > "2026-02-02"
        ]
        assert stretches == [("2026-02-05", "2026-01-15", "0.80")]
        assert [str(finding) for found in app.verify().values() for finding in found] == []
