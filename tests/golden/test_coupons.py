"""Coupons in real runs: what a line says of them, what a credit gives back, and that every line comes out again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests import stories
from tests.golden.test_explain import words

D = Decimal
EVENT = "entity,subscription,key,kind,on,plan,quantity,coupon"
RULES = """
ruleset: pricing/acme
rules:
  - {id: fee, when: charge.key == "fee", then: {method: flat, price: 31 EUR}}
  - {id: extra, when: charge.key == "extra", then: {method: flat, price: 62 EUR}}
  - {id: calls, when: charge.key == "calls", then: {method: per_unit, unit: 1 EUR, after: [{maximum: 50 EUR}]}}
  - {id: texts, when: charge.key == "texts", then: {method: per_unit, unit: 1 EUR, window: quarter}}
"""
COUPONS = (
    "key,name,percent,amount,currency,cycles,valid_from,valid_to,charges,combinable,most",
    "TENTH,A tenth off,10,,,,,,fee,true,0",
    "CALLS,Half of calls,50,,,2,,,calls,true,0",
    "TEN,Ten euros off,,10,EUR,2,,,,true,0",
    "ONE,Only one,20,,,1,,,fee,true,1",
    "OLD,Too late,20,,,1,,2026-01-01,fee,true,0",
    "ALONE,By itself,50,,,,,,fee,false,0",
)


def company(folder: Path, *events: str) -> Path:
    """Subscriptions to two fees and calls, the first of them with coupons."""
    return stories.write(
        folder,
        rules={"pricing/acme.yaml": RULES},
        plans=("key,name", "all,All", "texts,Texts"),
        charges=(
            "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
            "all,fee,Fee,recurring,advance,1,,month,team,standard",
            "all,extra,Extra,recurring,advance,1,,month,team,standard",
            "all,calls,Calls,usage,arrears,1,calls,call,team,standard",
            "texts,texts,Texts,usage,arrears,1,calls,call,team,standard",
        ),
        coupons=COUPONS,
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1", "E1,S2,A4,1", "E1,S3,A4,1"),
        subscription_events=(
            EVENT,
            "E1,S1,1,start,2026-01-01,all,1,",
            "E1,S2,1,start,2026-01-01,all,1,",
            "E1,S3,1,start,2026-01-17,texts,1,",
            *events,
        ),
        usage=(
            "entity,subscription,meter,key,at,quantity",
            *(f"E1,S1,calls,{m},2026-{m:02d}-10T10:00:00+01:00,20" for m in (1, 2, 3, 4)),
            "E1,S3,calls,t1,2026-01-20T10:00:00+01:00,20",
        ),
    )


def billed(app: Any, period: str, subscription: str = "S1") -> list[tuple[str, str, str]]:
    """Text, first day and amount of the lines of a date, each of which explains itself to the cent."""
    found = []
    for invoice in stories.invoices(app):
        for line in invoice["lines"] if invoice["period"] == period else ():
            told = app.explain(f"{invoice['number']}#{line['number']}")
            assert told.findings == (), words(told)
            if line["subscription"] == subscription:
                found.append((line["text"], str(line["service_from"])[5:], str(line["amount"].normalize() + D("0.00"))))
    return sorted(found)


@pytest.mark.capability("A2.1")
@pytest.mark.on_sqlite
def test_percent_for_some_cycles_and_money_spread_over_lines(tmp_path: Path, database_url: str) -> None:
    events = (
        "E1,S1,c1,redeem,2026-01-01,,,CALLS",
        "E1,S1,c2,redeem,2026-01-01,,,TENTH",
        "E1,S1,c3,redeem,2026-02-01,,,TEN",
    )
    folder = company(tmp_path, *events)
    with stories.opened(folder, database_url) as app:
        assert stories.load(app, folder / "data").findings == ()
        stories.bill(app, "2026-01-01")
        assert billed(app, "2026-01-01") == [("Extra", "01-01", "62.00"), ("Fee (TENTH)", "01-01", "27.90")]
        assert billed(app, "2026-01-01", "S2") == [("Extra", "01-01", "62.00"), ("Fee", "01-01", "31.00")]
        stories.bill(app, "2026-02-01")
        # 10.00 in parts that follow 62 and 31: 6.67 and 3.33
        assert billed(app, "2026-02-01") == [
            ("Calls (CALLS)", "01-01", "10.00"),
            ("Extra (TEN)", "02-01", "55.33"),
            ("Fee (TENTH, TEN)", "02-01", "24.57"),
        ]
        stories.bill(app, "2026-03-01")
        stories.bill(app, "2026-04-01")
        assert billed(app, "2026-04-01") == [  # both are over
            ("Calls", "03-01", "20.00"),
            ("Extra", "04-01", "62.00"),
            ("Fee (TENTH)", "04-01", "27.90"),
        ]


@pytest.mark.capability("A2.1")
@pytest.mark.on_sqlite
def test_a_coupon_in_mid_cycle_and_a_credit_of_a_lower_line(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        more = (
            EVENT,
            "E1,S1,c1,redeem,2026-01-11,,,ALONE",
            "E1,S1,c2,redeem,2026-01-11,,,TENTH",
            "E1,S1,c3,redeem,2026-01-11,,,OLD",
            "E1,S2,c1,redeem,2026-02-11,,,OLD",
            "E1,S3,c1,redeem,2026-01-17,,,TEN",
        )
        stories.load(app, stories.deliver(folder, "more", subscription_events=more))
        stories.bill(app, "2026-01-11")
        # 21 of 31 days are given back at 31, and charged at half of it; a tenth beside it is not borne
        assert billed(app, "2026-01-11") == [("Credit: Fee", "01-11", "-21.00"), ("Fee (ALONE)", "01-11", "10.50")]
        stories.load(app, stories.deliver(folder, "end", subscription_events=(EVENT, "E1,S1,9,cancel,2026-01-22,,,")))
        stories.bill(app, "2026-01-22")
        assert billed(app, "2026-01-22") == [
            ("Calls", "01-01", "20.00"),
            ("Credit: Extra", "01-22", "-20.00"),
            ("Credit: Fee (ALONE)", "01-22", "-5.00"),
        ]
        stories.bill(app, "2026-02-01")
        assert billed(app, "2026-02-01") == []
        # money off shrinks to the part of the cycle, 15 of 31 days, as it does for fees
        assert billed(app, "2026-02-01", "S3") == [("Texts (TEN)", "01-17", "15.16")]
        # a coupon that does not apply cuts nothing
        assert billed(app, "2026-02-01", "S2") == [("Extra", "02-01", "62.00"), ("Fee", "02-01", "31.00")]


def test_a_coupon_that_is_used_up_and_one_that_is_unknown(tmp_path: Path, database_url: str) -> None:
    events = ("E1,S2,c1,redeem,2026-01-01,,,ONE", "E1,S1,c1,redeem,2026-01-01,,,NONE", "E1,S1,c2,redeem,2026-01-01,,,")
    folder = company(tmp_path, *events)
    with stories.opened(folder, database_url) as app:
        report = stories.load(app, folder / "data")
        assert len(report.findings) == 2  # no such coupon, and a redeem without one
        late = stories.deliver(folder, "late", subscription_events=(EVENT, "E1,S1,c3,redeem,2026-01-01,,,ONE"))
        stories.load(app, late)
        stories.bill(app, "2026-01-01")
        assert billed(app, "2026-01-01")[1] == ("Fee", "01-01", "31.00")
        assert billed(app, "2026-01-01", "S2")[1] == ("Fee (ONE)", "01-01", "24.80")
