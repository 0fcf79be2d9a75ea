"""Prices that follow an index, in real runs: from the anniversary on, within cycles, and every line comes out again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests import stories
from tests.golden.test_explain import words
from tests.golden.test_pricing import lines

D = Decimal
EVENT = "entity,subscription,key,kind,on,plan,quantity"
RULES = """
ruleset: pricing/acme
rules:
  - id: fee
    when: charge.key == "fee"
    then: {method: flat, price: 310 EUR, indexed: {index: cpi, base: 2025-10-01, cap: 5 %, floor: 0 %}}
  - id: rent
    when: charge.key == "rent"
    then: {method: per_unit, unit: 100 EUR, indexed: {index: cpi, base: 2025-10-01, at: calendar, lag: 3, part: 50 %}}
"""
VALUES = ("index,month,value", "cpi,2025-10-01,100", "cpi,2026-10-01,103", "cpi,2027-10-01,120", "other,2026-10-01,1")


@pytest.mark.capability("A2.1")
def test_a_price_follows_its_index_on_the_anniversary(tmp_path: Path, database_url: str) -> None:
    folder = stories.write(
        tmp_path,
        rules={"pricing/acme.yaml": RULES},
        plans=("key,name", "all,All"),
        charges=(
            "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
            "all,fee,Fee,recurring,advance,1,,month,team,standard",
            "all,rent,Rent,recurring,advance,1,,month,team,standard",
        ),
        index_values=VALUES,
        subscriptions=stories.FILES["subscriptions"][:2],
        subscription_events=(EVENT, "E1,S1,1,start,2025-12-11,all,2"),
        usage=stories.FILES["usage"][:1],
    )
    with stories.opened(folder, database_url) as app:
        assert stories.load(app, folder / "data").findings == ()
        stories.bill(app, "2025-12-31")
        stories.bill(app, "2026-12-01")
        report = stories.bill(app, "2026-12-11")
        assert report.findings == () or all(one.level == "info" for one in report.findings)
        # the first anniversary: 3 % more, for 21 of 31 days
        assert lines(app, "2026-12-11") == {"fee": (D(2), D("216.30"))}
        stories.bill(app, "2027-01-01")
        # the calendar: half of 3 % more from January on; of the fee the whole month
        assert lines(app, "2027-01-01") == {"fee": (D(2), D("319.30")), "rent": (D(2), D("203.00"))}
        told = words(app.explain(f"{stories.invoices(app)[-1]['number']}#1"))
        assert "2025-10 100 to 2026-10 103, x 1.03" in told
        stories.bill(app, "2027-12-01")
        stories.bill(app, "2027-12-11")
        # 16.5 % since, of which 5 % at most: 310 x 1.03 x 1.05 = 335.265, for 21 of 31 days
        assert lines(app, "2027-12-11") == {"fee": (D(2), D("227.12"))}
        report = stories.bill(app, "2028-12-11")
        assert [str(one.code) for one in report.findings if one.level == "error"] == ["pricing.no-index-value"]
