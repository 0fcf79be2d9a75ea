"""Coupons on usage that is priced by group: off each line, or off the line for all, and no cent is lost."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from tests import stories
from tests.golden.test_coupons import COUPONS, EVENT, RULES

D = Decimal
EXPECTED = {  # plan with a line for each group or one line, coupons: amounts of a month in order
    "each": ["3.02", "20.10", "30.15"],
    "each-CALLS": ["1.51", "10.05", "15.08"],
    "each-TEN": ["2.45", "16.33", "24.49"],
    "one": ["53.27"],
    "one-CALLS": ["26.63"],
    "one-TEN": ["43.27"],
    "one-CALLS-TEN": ["16.63"],
}


def company(folder: Path) -> Path:
    """Subscriptions whose calls are priced by region: 20 in EU, 30 in US, 3 in no region, in January and in February."""
    used = [
        f"E1,{key},calls,{key}{m}{n},2026-{m:02d}-10T10:00:00+01:00,{quantity},{region}"
        for key in EXPECTED
        for m in (1, 2)
        for n, (quantity, region) in enumerate(((20, "EU"), (30, "US"), (3, "")))
    ]
    events = [
        f"E1,{key},{n},redeem,2026-01-01,,,{coupon}"
        for key in EXPECTED
        for n, coupon in enumerate(key.split("-")[1:], 2)
    ]
    return stories.write(
        folder,
        rules={"pricing/acme.yaml": RULES.replace("unit: 1 EUR", "unit: 1.005 EUR")},
        meters=("key,unit,aggregation,dimensions", "calls,call,sum,region:text"),
        plans=("key,name", "each,A line for each", "one,One line"),
        charges=(
            "plan,key,name,kind,timing,months,meter,product,tax_code,group_by,group_lines",
            "each,calls,Calls,usage,arrears,1,calls,team,standard,region,true",
            "one,calls,Calls,usage,arrears,1,calls,team,standard,region,false",
        ),
        coupons=COUPONS,
        subscriptions=("entity,key,account,anchor_day", *(f"E1,{key},A1,1" for key in EXPECTED)),
        subscription_events=(
            EVENT,
            *(f"E1,{key},1,start,2026-01-01,{key.split('-')[0]},1," for key in EXPECTED),
            *events,
        ),
        usage=("entity,subscription,meter,key,at,quantity,dim.region", *used),
    )


def billed(app: App, period: str) -> dict[str, list[str]]:
    """Amounts of a date by subscription; each line names its coupons."""
    found = defaultdict(list)
    for invoice in stories.invoices(app):
        for line in invoice["lines"] if invoice["period"] == period else ():
            key = line["subscription"]
            assert all((coupon in line["text"]) == (coupon in key) for coupon in ("CALLS", "TEN")), line["text"]
            found[key].append(line["amount"])
    return {key: [f"{amount:.2f}" for amount in sorted(amounts)] for key, amounts in found.items()}


@pytest.mark.capability("A2.1", "A2.5")
@pytest.mark.on_sqlite
def test_coupons_lower_usage_by_group(tmp_path: Path, database_url: str) -> None:
    """Each line explains itself to the cent; the second month is as the first one, and a run with nothing new bills nothing."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        assert stories.load(app, folder / "data").findings == ()
        stories.bill(app, "2026-02-01")
        assert billed(app, "2026-02-01") == EXPECTED
        (invoice,) = stories.invoices(app)
        for line in invoice["lines"]:
            assert app.explain(f"{invoice['number']}#{line['number']}").findings == ()
        stories.bill(app, "2026-03-01")
        assert billed(app, "2026-03-01") == EXPECTED
        stories.bill(app, "2026-03-02")
        assert billed(app, "2026-03-02") == {} and not any(app.verify().values())
