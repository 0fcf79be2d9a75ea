"""Customers that differ in one thing each are billed what each owes by itself, whatever was billed to others like them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.billing.alike import Alike
from tests import stories

PRICES = """
ruleset: pricing/abroad
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: segment, when: charge.key == "seats" and account.segment == "consumer", then: {method: per_unit, unit: [7 EUR, 8 USD]}}
  - id: age
    when: charge.key == "seats" and account.country == "DE" and months_since_start >= 1
    then: {method: per_unit, unit: 9 EUR}
  - {id: one, when: charge.key == "base" and account.key == "K7", then: {method: flat, price: 5 EUR}}
"""
TWINS = {
    "like the next": ("NL,EUR,Europe/Amsterdam,business", "1", "1,start,2026-01-16,team,2"),
    "the same": ("NL,EUR,Europe/Amsterdam,business", "1", "1,start,2026-01-16,team,2"),
    "country": ("DE,EUR,Europe/Amsterdam,business", "1", "1,start,2026-01-16,team,2"),
    "currency": ("NL,USD,Europe/Amsterdam,business", "1", "1,start,2026-01-16,team,2"),
    "zone": ("NL,EUR,America/New_York,business", "1", "1,start,2026-01-16,team,2"),
    "segment": ("NL,EUR,Europe/Amsterdam,consumer", "1", "1,start,2026-01-16,team,2"),
    "name in a rule": ("NL,EUR,Europe/Amsterdam,business", "1", "1,start,2026-01-16,team,2"),
    "anchor": ("NL,EUR,Europe/Amsterdam,business", "31", "1,start,2026-01-16,team,2"),
    "start": ("NL,EUR,Europe/Amsterdam,business", "1", "1,start,2026-01-15,team,2"),
    "quantity": ("NL,EUR,Europe/Amsterdam,business", "1", "1,start,2026-01-16,team,3"),
    "digits": ("NL,EUR,Europe/Amsterdam,business", "1", "1,start,2026-01-16,team,2.0"),
    "key of an event": ("NL,EUR,Europe/Amsterdam,business", "1", "2,start,2026-01-16,team,2"),
}


def company(folder: Path, order: int) -> Path:
    """Twins three times each, under keys that begin with another letter; subscriptions in this order."""
    folder.mkdir()
    accounts, subscriptions, events = [], [], []
    for letter in "KLM":
        for n, (who, anchor, event) in enumerate(TWINS.values(), 1):
            key = f"{letter}{n}"
            accounts.append(f"E1,{key},Somebody,{who},,")
            subscriptions.append(f"E1,S{key},{key},{anchor}")
            events.append(f"E1,S{key},{event}")
    events.append("E1,SL2,9,change,2026-02-10,,5")
    return stories.write(
        folder,
        rules={"pricing/abroad.yaml": PRICES},
        accounts=("entity,key,name,country,currency,zone,segment,payer,parent", *accounts),
        subscriptions=("entity,key,account,anchor_day", *subscriptions[::order]),
        subscription_events=("entity,subscription,key,kind,on,plan,quantity", *events[::order]),
        usage=("entity,subscription,meter,key,at,quantity",),
    )


def billed(folder: Path, url: str, **settings: str) -> list[dict[str, Any]]:
    """What two months come to: what is invoiced on the first day of each, and what a change of the past makes of it."""
    with stories.opened(folder, url, **settings) as app:
        assert stories.load(app, folder / "data").findings == ()
        previewed = stories.bill(app, "2026-02-01", dry_run=True)
        ran = stories.bill(app, "2026-02-01")
        assert list(map(str, previewed.findings)) == list(map(str, ran.findings))
        totals = {(one["payer"], Decimal(one["net"])) for one in previewed.details}
        assert totals == {(one["payer"], one["net"]) for one in stories.invoices(app)}
        stories.bill(app, "2026-03-01")
        late = stories.deliver(
            folder,
            "late",
            subscription_events=(
                "entity,subscription,key,kind,on,plan,quantity",
                *(f"E1,S{letter}{n},late,cancel,2026-02-20,," for letter in "KLM" for n in (1, 3, 6, 8)),
            ),
        )
        assert stories.load(app, late).findings == ()
        stories.bill(app, "2026-03-02")
        assert [str(finding) for found in app.verify().values() for finding in found] == []
        return stories.invoices(app)


def test_twins_are_billed_as_if_each_were_alone(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = billed(company(tmp_path / "quick", 1), database_url)
    monkeypatch.setattr(Alike, "statement", lambda *_: None)
    plain = billed(company(tmp_path / "plain", -1), f"sqlite:///{tmp_path / 'plain.db'}", runs__partition_size="7")
    assert quick == plain
    seats = {one["payer"]: one["net"] for one in quick if str(one["invoice_date"]) == "2026-02-01"}
    assert len({seats[f"M{n}"] for n in range(1, 13)}) > 5
