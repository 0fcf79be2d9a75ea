"""Prices of every kind in real runs: what the invoices say, what more usage adds, and that every line comes out again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests import stories
from tests.golden.test_explain import words

D = Decimal
EVENT = "entity,subscription,key,kind,on,plan,quantity"
USAGE = "entity,subscription,meter,key,at,quantity"
RULES = """
ruleset: pricing/acme
rules:
  - id: tokens
    when: charge.key == "tokens"
    then:
      method: per_unit
      unit: 2 EUR
      before: [{divide: 1000, round: ceiling}, {free: 1}]
      after: [{discount: 10 %}, {minimum: 20 EUR}, {maximum: 50 EUR}]
  - id: payments
    when: charge.key == "payments"
    then: {method: percentage, rate: 2 %, per_event: 0.25 EUR, free_events: 1, max_per_event: 5 EUR}
  - {id: seats, when: charge.key == "seats", then: {method: graduated_prorated, tiers: [{up_to: 5, unit: 31 EUR}, {unit: 15.50 EUR, flat: 10 EUR}]}}
  - {id: disks, when: charge.key == "disks", then: {method: volume_prorated, tiers: [{up_to: 5, unit: 31 EUR}, {unit: 15.50 EUR}]}}
  - {id: scans, when: charge.key == "scans", then: {method: package, size: 10, price: 3 EUR, per: day}}
  - {id: fee, when: charge.key == "fee", then: {method: matrix, table: fees.csv}}
  - {id: commitment, when: charge.key == "commitment", then: {method: true_up, commitment: 310 EUR, counts: [fee, tokens]}}
"""
FEES = "account.country,plan,flat\nNL,,62 EUR\n,,70 EUR\n"
CHARGES = (
    "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
    "all,fee,Fee,recurring,advance,1,,month,team,standard",
    "all,commitment,Commitment,recurring,arrears,1,,month,team,standard",
    "all,tokens,Tokens,usage,arrears,1,tokens,token,team,standard",
    "all,payments,Payments,usage,arrears,1,payments,euro,team,standard",
    "all,seats,Seats,usage,arrears,1,seats,seat,team,standard",
    "all,disks,Disks,usage,arrears,1,disks,disk,team,standard",
    "all,scans,Scans,usage,arrears,1,scans,scan,team,standard",
)


def used(*rows: str) -> tuple[str, ...]:
    """Usage of the subscription: ``meter key day quantity``."""
    made = []
    for row in rows:
        meter, key, day, quantity = row.split()
        made.append(f"E1,S1,{meter},{key},2026-{day}T10:00:00+01:00,{quantity}")
    return (USAGE, *made)


def company(folder: Path, charges: tuple[str, ...] = CHARGES, usage: tuple[str, ...] = (USAGE,), **more: Any) -> Path:
    return stories.write(
        folder,
        rules={"pricing/acme.yaml": RULES, "pricing/fees.csv": FEES},
        meters=(
            "key,unit,aggregation",
            *(f"{key},unit,sum" for key in ("tokens", "payments", "seats", "disks", "scans")),
        ),
        plans=("key,name", "all,All"),
        charges=charges,
        subscriptions=stories.FILES["subscriptions"][:2],
        subscription_events=more.get("events", (EVENT, "E1,S1,1,start,2026-01-01,all,1")),
        usage=usage,
    )


def lines(app: Any, period: str) -> dict[str, tuple[Decimal, Decimal]]:
    """Quantity and amount by charge, and that every line of that date explains itself to the cent."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for invoice in stories.invoices(app):
        for line in invoice["lines"] if invoice["period"] == period else ():
            told = app.explain(f"{invoice['number']}#{line['number']}")
            assert told.findings == (), words(told)
            quantity, amount = found.get(line["charge"], (D(0), D(0)))
            found[line["charge"]] = (quantity + line["quantity"], amount + line["amount"])
    return found


@pytest.mark.capability("A2.1")
def test_a_month_of_every_kind(tmp_path: Path, database_url: str) -> None:
    """Steps before and after, single events, weights, windows, a table, and a commitment that counts fee and tokens."""
    usage = used(
        "tokens t1 01-10 9500", "tokens t2 01-20 700",
        "payments p1 01-03 10", "payments p2 01-04 100", "payments p3 01-04 1000",
        "seats s1 01-01 4", "seats s2 01-17 3",
        "disks d1 01-01 4", "disks d2 01-17 3",
        "scans c1 01-03 9", "scans c2 01-03 2", "scans c3 01-09 10",
    )  # fmt: skip
    folder = company(tmp_path, usage=usage)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        assert lines(app, "2026-01-01") == {"fee": (D(1), D(62))}
        stories.bill(app, "2026-02-01")
        assert lines(app, "2026-02-01") == {
            "fee": (D(1), D(62)),
            "tokens": (D(10200), D(20)),  # 11 thousands, one free: 20.00, less 10 %, and topped up to 20
            "payments": (D(1110), D("7.25")),  # 2 + 0.25, and 5 for the one that would pay 20.25
            "seats": (D(7), D(164)),  # 4 x 31, then for 15 of 31 days 1 x 31 and 2 x 15.50, and 10 for the second tier
            "disks": (D(7), D("84.5")),  # at the tier of 7: 4 + 3 x 15/31 units
            "scans": (D(21), D(9)),  # two packages on the 3rd, one on the 9th
            "commitment": (D(1), D(228)),  # 310 less 62 and 20
        }


def test_more_usage_of_a_billed_month(tmp_path: Path, database_url: str) -> None:
    """What the month costs now, less what was billed: single events, tokens up to their cap, and a true-up given back."""
    folder = company(tmp_path, usage=used("payments p1 01-03 10", "tokens t1 01-10 9000"))
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        before = lines(app, "2026-02-01")
        assert (before["tokens"], before["commitment"]) == ((D(9000), D(20)), (D(1), D(228)))
        assert "payments" not in before  # the first one is free
        late = used("payments p2 01-02 100", "tokens t2 01-11 100000")
        stories.load(app, stories.deliver(tmp_path, "late", usage=late))
        stories.bill(app, "2026-03-01")
        found = lines(app, "2026-03-01")
        assert found["tokens"] == (D(100000), D(50)), (
            "30 more of January up to its cap of 50, and February's minimum of 20"
        )
        assert found["payments"] == (D(110), D("0.45")), "in order of time, the late one is the free one"
        assert found["commitment"][1] == D(-228) + D(198) + D(228)


def test_a_part_of_a_month(tmp_path: Path, database_url: str) -> None:
    """A minimum and free units shrink with the days, a fee that says so does not."""
    folder = company(tmp_path, usage=used("tokens t1 01-20 1000"), events=(EVENT, "E1,S1,1,start,2026-01-17,all,1"))
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        found = lines(app, "2026-02-01")
        assert found["tokens"][1] == D("9.68"), "20 x 15/31"
        assert found["commitment"][1] == D("110.32"), "310 x 15/31 less 30 and 9.68"
