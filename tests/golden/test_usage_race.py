"""Usage that is written while the plan changes and bills run: every event is billed once, on its side of the change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from tests import stories

EVENT = "entity,subscription,key,kind,on,plan,quantity"
PRICES = """
ruleset: pricing/data
priority: 10
scope: charge.key == "calls"
effective: {from: 2020-01-01}
rules:
  - {id: phone, when: plan == "phone", then: {method: per_unit, unit: 0.01 EUR}}
  - {id: large, when: plan == "large", then: {method: per_unit, unit: 1 EUR}}
"""
WRITERS, BATCHES, EVENTS = 3, 8, 20
CHANGED = date(2026, 1, 16)


def company(tmp_path: Path) -> Path:
    return stories.write(
        tmp_path,
        rules={"pricing/data.yaml": PRICES},
        plans=stories.add("plans", "large,Large"),
        charges=stories.add("charges", "large,calls,Calls,usage,arrears,1,calls,call,voice,standard"),
        usage=("entity,subscription,meter,key,at,quantity",),
    )


def moment(number: int) -> datetime:
    """Half of the events lie within hours of the change, on both sides of its midnight in Amsterdam."""
    midnight = datetime(2026, 1, 15, 23, tzinfo=UTC)
    return midnight + (timedelta(minutes=number - 240) if number % 2 else timedelta(hours=number % 400 - 200))


def write_usage(app: App, writer: int, failures: list[BaseException]) -> None:
    """Events in batches, each batch sent twice, as by a sender that lost the answer."""
    try:
        door, now = app.usage_door(), datetime(2026, 12, 1, tzinfo=UTC)
        for batch in range(BATCHES):
            numbers = [(batch * EVENTS + n) * WRITERS + writer for n in range(EVENTS)]
            rows: list[Any] = [
                {
                    "key": f"e{n:05}",
                    "entity": "E1",
                    "subscription": "S5",
                    "meter": "calls",
                    "at": moment(n).isoformat(),
                    "quantity": "1",
                }
                for n in numbers
            ]
            block = door.judge(rows, "phones", now, 0).good
            first, again = door.write("phones", [block], now), door.write("phones", [block], now)
            assert (first[0].taken, again[0].known) == (EVENTS, EVENTS)
    except BaseException as error:
        failures.append(error)


def at_once(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.capability("A2.4")
def test_events_race_a_change_of_plan_and_bill_runs(tmp_path: Path, database_url: str) -> None:
    """Concurrent writers, the import of the change, and bill runs; afterwards a last run bills what is left.  What was
    billed of each plan is exactly what its days have, however the race went."""
    folder, failures = company(tmp_path), list[BaseException]()
    stories.deliver(folder, "change", subscription_events=(EVENT, f"E1,S5,2,change,{CHANGED},large,"))
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")

        def guarded(work: Callable[[], object]) -> Callable[[], None]:
            def run() -> None:
                try:
                    work()
                except BaseException as error:
                    failures.append(error)

            return run

        def bills() -> None:
            for day in range(1, 7):
                stories.bill(app, f"2026-02-{day:02}")

        writers = [lambda number=n: write_usage(app, number, failures) for n in range(WRITERS)]  # type: ignore[misc]
        at_once([*writers, guarded(lambda: stories.load(app, folder / "change")), guarded(bills)])
        assert failures == []
        stories.bill(app, "2026-02-20")
        numbers = range(WRITERS * BATCHES * EVENTS)
        before = [n for n in numbers if (moment(n) + timedelta(hours=1)).date() < CHANGED]
        assert 0 < len(before) < len(numbers)
        billed = {"phone": Decimal(0), "large": Decimal(0)}
        for invoice in stories.invoices(app):
            for line in invoice["lines"]:
                if line["charge"] == "calls":
                    billed[line["plan"]] += line["amount"]
        assert billed == {"phone": len(before) * Decimal("0.01"), "large": Decimal(len(numbers) - len(before))}
        assert [found for found in app.verify().values() if found] == []
