"""Cycles of days, cycles counted from the terms, lines of zero, adjustments and withdrawn changes, through the real books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from tests import stories

EVENT = "entity,subscription,key,kind,on,plan,quantity,charge,amount"
CHARGES = (
    "plan,key,name,kind,timing,months,days,cycles_from,zero_lines,meter,unit,product,tax_code",
    "team,base,Base fee,recurring,advance,1,,,,,month,team,standard",
    "team,seats,Seats,recurring,advance,1,,,,,seat,team,standard",
    "week,base,Week,recurring,advance,,7,terms,,,week,team,standard",
    "early,base,Early,recurring,arrears_early,1,,terms,,,month,team,standard",
    "free,base,Free,recurring,advance,1,,terms,yes,,month,team,standard",
    "phone,calls,Calls,usage,arrears,1,,,,calls,call,voice,standard",
)
PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: seats, when: charge.key == "seats", then: {method: per_unit, unit: 10 EUR}}
  - {id: free, when: plan == "free", then: {method: flat, price: 0 EUR}}
  - {id: base, when: charge.key == "base", then: {method: flat, price: 31 EUR}}
"""


def company(folder: Path, *events: str) -> Path:
    """One customer in euros, with the subscriptions that the events are of, on the 1st."""
    keys = sorted({event.split(",")[1] for event in events})
    return stories.write(
        folder,
        rules={"pricing/acme.yaml": PRICES},
        plans=stories.add("plans", "week,Week", "early,Early", "free,Free"),
        charges=CHARGES,
        subscriptions=("entity,key,account,anchor_day", *(f"E1,{key},A1,1" for key in keys)),
        subscription_events=(EVENT, *events),
        usage=("entity,subscription,meter,key,at,quantity",),
    )


def lines(app: App) -> list[tuple[str, str, str, str]]:
    """Text, first day, day after the last, amount of all lines, in the order of the invoices."""
    return [
        (
            line["text"],
            str(line["service_from"]),
            str(line["service_to"]),
            str(line["amount"].quantize(Decimal("0.01"))),
        )
        for invoice in stories.invoices(app)
        for line in invoice["lines"]
    ]


def sound(app: App) -> bool:
    wrong = [str(finding) for found in app.verify().values() for finding in found]
    assert wrong == []
    return True


def tell(app: App, folder: Path, name: str, *events: str) -> Sequence[Mapping[str, Any]]:
    """Events that become known later."""
    loaded = stories.load(app, stories.deliver(folder, name, subscription_events=(EVENT, *events)))
    return [finding.code for finding in loaded.findings]


@pytest.mark.capability("A2.3")
@pytest.mark.on_sqlite
def test_weeks_from_the_day_of_the_start(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, "E1,S1,1,start,2026-01-03,week,1,,")
    with stories.opened(folder, database_url) as app:
        assert not stories.load(app, folder / "data").findings
        stories.bill(app, "2026-01-03")
        stories.bill(app, "2026-01-12")
        assert tell(app, tmp_path, "end", "E1,S1,2,cancel,2026-01-19,,,,") == []
        stories.bill(app, "2026-01-19")
        assert lines(app) == [
            ("Week", "2026-01-03", "2026-01-10", "31.00"),
            ("Week", "2026-01-10", "2026-01-17", "31.00"),
            ("Week", "2026-01-17", "2026-01-19", "8.86"),
        ]
        assert sound(app)


@pytest.mark.capability("A2.3")
@pytest.mark.on_sqlite
def test_arrears_early_and_lines_of_zero(tmp_path: Path, database_url: str) -> None:
    """The running month is billed by a run in it, not by one on its first day; what is free is told once."""
    folder = company(tmp_path, "E1,S1,1,start,2026-01-01,early,1,,", "E1,S2,1,start,2026-01-01,free,1,,")
    with stories.opened(folder, database_url) as app:
        assert not stories.load(app, folder / "data").findings
        stories.bill(app, "2026-01-01")
        stories.bill(app, "2026-01-02")
        stories.bill(app, "2026-01-20")
        assert lines(app) == [
            ("Free", "2026-01-01", "2026-02-01", "0.00"),
            ("Early", "2026-01-01", "2026-02-01", "31.00"),
        ]
        assert sound(app)


@pytest.mark.capability("A2.3")
@pytest.mark.on_sqlite
def test_an_adjusted_line_gives_back_no_more_than_is_left(tmp_path: Path, database_url: str) -> None:
    """Ten euros come off the line, with their tax; the cancellation gives back the days, as far as money is left of them."""
    folder = company(tmp_path, "E1,S1,1,start,2026-01-01,early,1,,")
    with stories.opened(folder, database_url) as app:
        assert not stories.load(app, folder / "data").findings
        stories.bill(app, "2026-01-02")
        adjusts = ("E1,S1,2,adjust,2026-01-01,,,base,10", "E1,S1,3,adjust,2026-01-01,,,base,22")
        assert tell(app, tmp_path, "sorry", *adjusts) == []
        report = stories.bill(app, "2026-01-03")
        assert "billing.not-adjustable" in [finding.code for finding in report.findings]
        stories.bill(app, "2026-01-04")
        assert tell(app, tmp_path, "end", "E1,S1,4,cancel,2026-01-05,,,,") == []
        stories.bill(app, "2026-01-05")
        assert lines(app) == [
            ("Early", "2026-01-01", "2026-02-01", "31.00"),
            ("Adjustment: Early", "2026-01-01", "2026-01-01", "-10.00"),
            ("Credit: Early", "2026-01-05", "2026-02-01", "-21.00"),
        ]
        gross = sum((invoice["total"] for invoice in stories.invoices(app)), Decimal(0))
        assert gross == 0
        assert sound(app)


@pytest.mark.capability("A2.2")
@pytest.mark.on_sqlite
def test_a_withdrawn_change_was_never_there(tmp_path: Path, database_url: str) -> None:
    """More seats were ordered for February and billed; the order is taken back from the 20th of January on."""
    folder = company(tmp_path, "E1,S1,1,start,2026-01-01,team,5,,", "E1,S1,2,change,2026-02-01,,9,,")
    with stories.opened(folder, database_url) as app:
        assert not stories.load(app, folder / "data").findings
        for day in ("2026-01-01", "2026-02-01"):
            stories.bill(app, day)
        assert tell(app, tmp_path, "back", "E1,S1,3,withdraw,2026-01-20,,,,") == []
        stories.bill(app, "2026-02-02")
        seats = [line for line in lines(app) if "Seats" in line[0]]
        assert seats == [
            ("Seats", "2026-01-01", "2026-02-01", "50.00"),
            ("Seats", "2026-02-01", "2026-03-01", "90.00"),
            ("Credit: Seats", "2026-02-01", "2026-03-01", "-90.00"),
            ("Seats", "2026-02-01", "2026-03-01", "50.00"),
        ]
        assert sound(app)


@pytest.mark.capability("A1.5")
@pytest.mark.on_sqlite
def test_a_dry_run_of_one_customer_says_when_to_run_again(tmp_path: Path, database_url: str) -> None:
    """The week ends before the month; a run of all customers says nothing of the kind."""
    folder = company(tmp_path, "E1,S1,1,start,2026-01-03,week,1,,", "E1,S2,1,start,2026-01-03,team,1,,")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        said = [stories.bill(app, "2026-01-03", account=account, dry_run=True).following for account in ("A1", None)]
        assert said == [date(2026, 1, 10), None]
        stories.bill(app, "2026-01-03")
        stories.bill(app, "2026-01-10")
        assert stories.bill(app, "2026-01-31", account="A1", dry_run=True).following == date(2026, 2, 1)
