"""Usage of long cycles that phases of the price cut in parts: what a later run looks at again is not given back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import stories

EVENTS = "entity,subscription,key,kind,on,plan,quantity"
PRICES = """
ruleset: pricing/data
scope: plan == "data"
priority: 10
effective: {from: 2020-01-01}
rules:
  - id: least
    when: charge.key == "floor"
    then: {method: per_unit, unit: 1 EUR, ramp: [{months: 3, pays: 50 %}, {}], after: [{minimum: 90 EUR}]}
  - {id: other, then: {method: flat, price: 10 EUR}}
"""


@pytest.mark.capability("A4.3")
def test_a_part_of_a_cycle_that_a_later_change_touches(tmp_path: Path, sqlite_url: str) -> None:
    """A quarter is cut on 17 March by a phase, and ends with a change of plan in May; a quantity that is changed in April, known
    later, changes nothing of it."""
    folder = stories.write(
        tmp_path,
        rules={"pricing/data.yaml": PRICES},
        meters=("key,unit,aggregation", "floor,piece,max"),
        plans=stories.add("plans", "data,Data", "bare,Bare"),
        charges=(
            "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
            "data,floor,Floor,usage,arrears,3,floor,piece,x,standard",
        ),
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1"),
        subscription_events=(EVENTS, "E1,S1,1,start,2025-12-17,data,6", "E1,S1,2,change,2026-05-13,bare,2"),
        usage=("entity,subscription,meter,key,at,quantity",),
    )
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-03-04")
        stories.bill(app, "2026-06-02")
        changed = stories.deliver(folder, "changed", subscription_events=(EVENTS, "E1,S1,3,change,2026-04-14,,3"))
        assert stories.load(app, changed).findings == ()
        stories.bill(app, "2026-07-02")
        lines = [
            (str(one["invoice_date"]), str(line["service_from"]), str(line["service_to"]), f"{line['amount']:.2f}")
            for one in stories.invoices(app)
            for line in one["lines"]
        ]
        assert lines == [
            ("2026-03-04", "2025-12-17", "2026-03-01", "37.00"),
            ("2026-06-02", "2026-03-01", "2026-03-17", "7.83"),
            ("2026-06-02", "2026-03-17", "2026-05-13", "55.76"),
        ]
        assert [str(finding) for found in app.verify().values() for finding in found] == []
