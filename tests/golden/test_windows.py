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


MEASURED = """
ruleset: pricing/acme
rules:
  - {id: users, when: charge.key == "users", then: {method: per_unit, unit: 1 EUR, window: year}}
  - {id: both, when: charge.key == "both", then: {method: graduated, window: year, tiers: [{up_to: 100, unit: 1 EUR}, {unit: 0.50 EUR}]}}
  - {id: level, when: charge.key == "level", then: {method: graduated, window: year, tiers: [{up_to: 10, unit: 365 USD}, {unit: 36.50 USD}]}}
  - {id: sites, when: charge.key == "sites", then: {method: per_unit, unit: 365 USD, window: quarter, included: 1}}
  - id: calls
    then: {method: graduated, window: year, tiers: [{up_to: 100, unit: 0.10 EUR}, {unit: 0.05 EUR}]}
"""
NAMED = f"{USAGE},dimensions"
LEVELS = ("disk l1 01-01 100 site=one", "disk l2 02-15 50 site=one", "disk l3 02-20 5000 site=one")


def seen(*rows: str) -> list[str]:
    """Usage: ``meter key day quantity name=value``."""
    made = [row.replace("=", " ").split() for row in rows]
    return [
        f"E1,S1,{meter},{key},2026-{day}T10:00:00+01:00,{quantity}," + f'"{{""{name}"": ""{value}""}}"'
        for meter, key, day, quantity, name, value in made
    ]


@pytest.mark.capability("A2.1")
def test_a_year_of_filtered_grouped_and_unique_usage(tmp_path: Path, database_url: str) -> None:
    """Groups have tiers of a year each by itself, filters count before them, a user counts once a year, and levels are averaged over
    the window."""
    folder = stories.write(
        tmp_path,
        rules={"pricing/acme.yaml": MEASURED},
        plans=("key,name", "all,All", "levels,Levels"),
        meters=(
            "key,unit,aggregation,dimensions,dimension",
            "sold,call,sum,region:text,",
            "logins,user,unique,user:text,user",
            "disk,GB,time_weighted,site:text,",
        ),
        charges=(
            "plan,key,name,kind,timing,months,meter,unit,product,tax_code,filter,group_by,group_lines,meters",
            "all,both,Both,usage,arrears,1,sold,call,team,standard,,,,sold;logins",
            "all,regions,Regions,usage,arrears,1,sold,call,team,standard,,region,true,",
            "all,together,Together,usage,arrears,1,sold,call,team,standard,quantity > 1,region,false,",
            "all,users,Users,usage,arrears,1,logins,user,team,standard,,,,",
            "levels,level,Level,usage,arrears,1,disk,GB,team,standard,quantity < 1000,,,",
            "levels,sites,Sites,usage,arrears,1,disk,GB,team,standard,quantity < 1000,site,true,",
        ),
        subscriptions=stories.FILES["subscriptions"][:3],
        subscription_events=(EVENT, "E1,S1,1,start,2026-01-01,all,1", "E1,S2,1,start,2026-01-01,levels,1"),
        usage=(
            NAMED,
            *seen("sold a 01-20 80 region=EU", "sold b 01-21 1 region=EU", "sold c 02-10 40 region=EU"),
            *seen("sold d 02-11 30 region=US", "logins e 01-05 1 user=ann", "logins f 01-06 1 user=bob"),
            *seen("logins g 02-05 1 user=bob", "logins h 02-06 1 user=eve"),
            *(row.replace("S1,disk", "S2,disk").replace("T10:00:00+01:00", "T00:00:00-05:00") for row in seen(*LEVELS)),
        ),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        made = stories.bill(app, "2026-02-01")
        assert [one for one in made.findings if one.level == "error"] == []
        # 81 at 0.10; with more than one a time 80; ann and bob
        assert lines(app, "2026-02-01") == {
            "regions": (D(81), D("8.10")),
            "together": (D(80), D(8)),
            "users": (D(2), D(2)),
            "both": (D(83), D(83)),  # 81 sold and two users
            # 100 for 31 of 365 days are 8.493151 of the year, all in the first tier; of the quarter,
            # which is an hour shorter than 90 days, 34.460398 less 1 that is free
            "level": (D(100), D("3100.00")),
            "sites": (D(100), D("12213.05")),
        }
        stories.bill(app, "2026-03-01")
        # 100 for 45 and 50 for 14 of 365 days are 14.246575: the tier of 10 is full. Of the quarter 57.804539
        # EU 121 cost 11.05, less 8.10; US 30 cost 3.00. Filtered EU 120 cost 11.00, less 8.00, and US. Of bob and eve one is new
        assert lines(app, "2026-03-01") == {
            "regions": (D(70), D("5.95")), "together": (D(70), D(6)), "users": (D(2), D(1)), "both": (D(72), D(44)),
            "level": (D(75), D("705.00")), "sites": (D(75), D("8520.61")),
        }  # fmt: skip
        down = seen("disk l4 01-22 80 site=one")[0].replace("S1,", "S2,").replace("T10:00:00+01:00", "T00:00:00-05:00")
        late = stories.deliver(
            folder, "late", usage=(NAMED, *seen("sold z 01-22 20 region=EU", "sold y 03-10 10 region=EU"), down)
        )
        assert stories.load(app, late).findings == ()
        stories.bill(app, "2026-03-02")
        # 20 less from the 22nd of January to the 15th of February: 24 days, of which 10 in January
        # January: EU 101 cost 10.05, 1.95 more; February: 141 cost 12.05, less 10.05 is 2.00, 0.95 less. Filtered 2.00 more, 1.00 less
        found = lines(app, "2026-03-02")
        assert (found["regions"], found["together"], found["both"]) == ((D(20), D(1)), (D(20), D(1)), (D(20), D(10)))
        # 14.246575 - 1.315068 = 12.931507 of the year cost 3757.00, less 3805.00; 52.468735 of the quarter 18786.09, less 20733.66
        assert (found["level"][1], found["sites"][1]) == (D("-48.00"), D("-1947.57"))
        stories.bill(app, "2026-04-01")
        assert lines(app, "2026-04-01")["both"] == (D(10), D(5))  # January and February have filled the first tier
        assert app.verify() == dict.fromkeys(app.verify(), ())
