"""Changes that become known after they were billed, through the real books."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests import stories

EVENT = "entity,subscription,key,kind,on,plan,quantity"


def test_a_change_taken_back_on_its_day_is_billed_once(tmp_path: Path, database_url: str) -> None:
    """A plan change cuts the month's usage in two; taken back later, the month is one stretch again and no day is billed twice."""
    folder = stories.write(
        tmp_path,
        plans=stories.add("plans", "mobile,Mobile"),
        charges=stories.add("charges", "mobile,calls,Calls,usage,arrears,1,calls,call,voice,standard"),
        subscription_events=(*stories.FILES["subscription_events"], "E1,S5,2,change,2026-01-11,mobile,"),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        back = stories.deliver(tmp_path, "back", subscription_events=(EVENT, "E1,S5,3,change,2026-01-11,phone,"))
        assert not stories.load(app, back).findings
        stories.bill(app, "2026-03-01")
        calls = [
            (line["text"], str(line["service_from"]), str(line["service_to"]), line["amount"])
            for invoice in stories.invoices(app)
            for line in invoice["lines"]
            if line["charge"] == "calls"
        ]
        assert sum((amount for *_, amount in calls), Decimal(0)) == Decimal(
            "12.50"
        )  # 100 x 0.10 + 50 x 0.05, as if never cut
        assert ("Calls", "2026-01-01", "2026-02-01", Decimal("12.50")) in calls
        assert all(not found for found in app.verify().values())


def test_an_agreed_price_with_two_dates(tmp_path: Path, database_url: str) -> None:
    """A contract holds a price for each time; the one that began last is the one that counts."""
    line = "entity,contract,plan,charge,unit_price,currency,valid_from,valid_to"
    folder = stories.write(
        tmp_path,
        contracts=("entity,key,account,signed_on,payment_days", "E1,C1,A1,2025-12-01,14"),
        contract_lines=(line, "E1,C1,team,seats,8,EUR,,", "E1,C1,team,seats,9,EUR,2026-02-01,"),
        subscriptions=("entity,key,account,contract,anchor_day", "E1,S1,A1,C1,1"),
        subscription_events=(EVENT, "E1,S1,1,start,2026-01-01,team,5"),
        usage=("entity,subscription,meter,key,at,quantity",),
    )
    with stories.opened(folder, database_url) as app:
        assert [f.code for f in stories.load(app, folder / "data").findings] == []
        stories.bill(app, "2026-01-01")
        stories.bill(app, "2026-02-01")
        seats = [
            (line["service_from"].month, line["amount"])
            for invoice in stories.invoices(app)
            for line in invoice["lines"]
            if line["charge"] == "seats"
        ]
        assert seats == [(1, Decimal(40)), (2, Decimal(45))]
