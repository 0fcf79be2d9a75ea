"""Tiers of a year billed monthly, and phases, in real runs: what the invoices say, and that every line comes out again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests import stories
from tests.golden.test_pricing import lines

D = Decimal
USAGE = "entity,subscription,meter,key,at,quantity"
EVENT = "entity,subscription,key,kind,on,plan,quantity"
RULES = """
ruleset: pricing/acme
rules:
  - id: calls
    when: charge.key == "calls"
    then:
      method: graduated
      window: year
      tiers: [{up_to: 100, unit: 0.10 EUR}, {unit: 0.05 EUR}]
      after: [{minimum: 20 EUR, prorated: false}]
  - {id: new, when: charge.key == "fee" and months_since_start < 2, then: {method: flat, price: 31 EUR}}
  - id: fee
    when: charge.key == "fee"
    then: {method: flat, price: 62 EUR, ramp: [{days: 84, pays: 50 %}, {}]}
"""


def company(folder: Path, start: str = "2026-01-15") -> Path:
    """One subscription with a fee and calls, from the middle of a month on."""
    return stories.write(
        folder,
        rules={"pricing/acme.yaml": RULES},
        plans=("key,name", "all,All"),
        charges=(
            "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
            "all,fee,Fee,recurring,advance,1,,month,team,standard",
            "all,calls,Calls,usage,arrears,1,calls,call,team,standard",
        ),
        subscriptions=stories.FILES["subscriptions"][:2],
        subscription_events=(EVENT, f"E1,S1,1,start,{start},all,1"),
        usage=(USAGE, *used("a 01-20 60", "b 02-10 60", "c 03-10 10")),
    )


def used(*rows: str) -> list[str]:
    """Usage: ``key day quantity``."""
    made = [row.split() for row in rows]
    return [f"E1,S1,calls,{key},2026-{day}T10:00:00+01:00,{quantity}" for key, day, quantity in made]


@pytest.mark.capability("A2.1")
def test_a_year_of_tiers_and_phases(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-15")
        assert lines(app, "2026-01-15") == {"fee": (D(1), D(17))}  # 17 of 31 days at 31
        stories.bill(app, "2026-02-01")
        assert lines(app, "2026-02-01") == {"fee": (D(1), D(31)), "calls": (D(60), D(6))}
        stories.bill(app, "2026-03-01")
        # of March 14 days at 31; the price turns on the 15th, and from then on half of 62 is paid
        assert lines(app, "2026-03-01") == {"fee": (D(1), D(14)), "calls": (D(60), D(5))}
        stories.bill(app, "2026-04-01")
        # 17 days of March at half of 62, and of April the 8 days up to the end of the phase of 84 days
        april = lines(app, "2026-04-01")
        assert april["fee"] == (D(2), D(17) + D("8.27")) and april["calls"] == (D(10), D("0.50"))
        late = stories.deliver(folder, "late", usage=(USAGE, *used("d 01-21 50", "e 04-02 10")))
        stories.load(app, late)
        stories.bill(app, "2026-05-01")
        # 50 more in January move February: 10 of its 60 were in the first tier, now they are all in the second
        may = lines(app, "2026-05-01")
        assert may["calls"] == (D(60), D("4.50") - D(2) + D("0.50"))
        assert may["fee"] == (D(2), D("45.47") + D(62))
        stories.bill(app, "2026-06-01")
        stories.bill(app, "2027-01-01")
        assert lines(app, "2027-01-01")["calls"] == (D(0), D("5.50"))  # 190 calls cost 14.50, and 20 are owed at least
        stories.bill(app, "2027-02-01")
        assert "calls" not in lines(app, "2027-02-01")
