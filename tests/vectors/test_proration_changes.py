"""Changes in mid-cycle, billed by bill runs: credit and charge lines to the cent."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from engine.base.money import ZERO
from engine.base.period import FOREVER, Period, cycle_containing, cycles, local_day
from engine.model.catalog import Charge
from engine.model.decision import Decision
from engine.model.invoice import RatedCharge
from tests.unit.billing.simulator import Shop, charge, decision
from tests.vectors.reading import number, supported

FILE = "proration_changes"
CONVENTIONS: dict[str, dict[str, Any]] = {
    "actual_days": {"method": "actual_days"},
    "d30_360": {"method": "d30_360"},
    "actual_30": {"method": "fixed_days", "days_a_month": 30},
    "none": {"method": "none", "credit": False},
}
ACTIONS = {"change_plan", "change_quantity", "cancel_refund", "start", "pause", "resume", "change_interval"}
HEAD = {"id", "why", "currency", "timezone", "convention", "rounding", "period", "events", "expected", "effective"}
HEAD |= {"next_period", "customer_credit_after", "net_if_rounded_once"}
EVENT = {"at", "action", "from_price", "to_price", "from_qty", "to_qty", "tiers", "to_months", "anchor"}


def local(vector: dict[str, Any], text: str) -> date:
    return local_day(datetime.fromisoformat(text), vector["timezone"])


def period(vector: dict[str, Any]) -> Period:
    return Period(local(vector, vector["period"]["start"]), local(vector, vector["period"]["end"]))


def anchor_day(vector: dict[str, Any]) -> int | None:
    """The anchor day of which the vector's period is a cycle, None where it is none."""
    whole, months = period(vector), vector["period"]["months"]
    for day in (whole.start.day, whole.end.day, 31) if months else ():
        if cycle_containing(whole.start, day, months, whole.start) == whole:
            return day
    return None


def expressible(vector: dict[str, Any]) -> bool:
    events = vector["events"]
    return (
        set(vector) <= HEAD
        and vector["convention"] in CONVENTIONS
        and all(set(event) <= EVENT and event["action"] in ACTIONS for event in events)
        and anchor_day(vector) is not None
        and all(_keeps_the_anchor(vector, event) for event in events)
    )


def _keeps_the_anchor(vector: dict[str, Any], event: dict[str, Any]) -> bool:
    """An anchor that is set anew can be expressed where the change falls on the old one."""
    if event.get("anchor") != "reset":
        return True
    day, anchor = local(vector, event["at"]), anchor_day(vector) or 1
    return cycle_containing(day, anchor, event["to_months"], period(vector).start).start == day


class Scene:
    """A subscription that lives through the events of a vector: each price has a plan of its own."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector, self.currency, self.rounding = vector, vector["currency"], vector["rounding"]
        self.charges: list[Charge] = []
        self.prices: dict[str, Decision] = {}
        first = vector["events"][0]
        lines = vector["expected"]["lines"]
        start = first.get("from_price", lines[0]["full_price"] if lines else "0")
        self.add("plan0", start, vector["period"]["months"], first.get("tiers"))
        for place, event in enumerate(vector["events"], 1):
            months = event.get("to_months", vector["period"]["months"])
            self.add(f"plan{place}", event.get("to_price", start), months, event.get("tiers"))
        convention = CONVENTIONS[vector["convention"]]
        self.shop = Shop(
            self.charges,
            self.prices,
            proration=decision("proration", rounding=self.rounding, **convention),
            anchor_day=anchor_day(vector) or 1,
            currency=self.currency,
        )

    def add(self, plan: str, price: str, months: int, tiers: list[dict[str, Any]] | None) -> None:
        """A plan with one price a unit, or with tiers."""
        self.charges.append(charge(plan=plan, months=months))
        if tiers:
            bounds = [{"up_to": number(t["up_to"])} if t["up_to"] is not None else {} for t in tiers]
            terms = [{**b, "unit": {self.currency: number(t["price"])}} for b, t in zip(bounds, tiers, strict=True)]
            self.prices[f"{plan}/fee"] = decision("pricing", "graduated", tiers=terms, rounding=self.rounding)
        else:
            unit = {self.currency: number(price)}
            self.prices[f"{plan}/fee"] = decision("pricing", "per_unit", unit=unit, rounding=self.rounding)

    def play(self) -> list[RatedCharge]:
        """The lines of the runs that follow each event."""
        events, whole = self.vector["events"], period(self.vector)
        made: list[RatedCharge] = []
        if events[0]["action"] != "start":
            self.shop.know("start", whole.start, "plan0", events[0].get("from_qty", 1))
            self.shop.run(whole.start)
        for place, event in enumerate(events, 1):
            day = local(self.vector, event["at"])
            self.tell(event, day, place)
            made += self.shop.run(day if day != whole.end else day - timedelta(days=1))
        return made

    def tell(self, event: dict[str, Any], day: date, place: int) -> None:
        """What becomes known with an event of the vector."""
        match event["action"]:
            case "start":
                self.shop.know("start", day, "plan0", 1)
            case "pause":
                self.shop.know("pause", day)
            case "resume":
                self.shop.know("resume", day)
            case "cancel_refund":
                self.shop.know("cancel", day)
            case _:
                plan = "plan0" if event.get("tiers") else f"plan{place}"
                self.shop.know("change", day, plan, event.get("to_qty"))


Line = tuple[str, date, date, Fraction, Decimal, Decimal]


def shown(line: RatedCharge) -> Line:
    kind = "credit" if line.credits else "charge"
    return kind, line.service_from, line.service_to, Fraction(line.share), line.full, line.amount


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "vectors", expressible))
def test_change(vector: dict[str, Any]) -> None:
    """Lines compare as a multiset; what is worth nothing is no line."""
    made = Scene(vector).play()
    expected: list[Line] = [
        (
            line["kind"],
            local(vector, line["from"]),
            local(vector, line["to"]),
            Fraction(line["ratio"]),
            number(line["full_price"]),
            number(line["amount"]),
        )
        for line in vector["expected"]["lines"]
        if number(line["amount"])
    ]
    assert Counter(map(shown, made)) == Counter(expected)
    net = sum((line.amount for line in made), ZERO)
    assert net == number(vector["expected"]["net"])
    assert -net == number(vector.get("customer_credit_after", -net))


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "anchors", lambda vector: vector["anchor_kept"]))
def test_anchor(vector: dict[str, Any]) -> None:
    start = date.fromisoformat(str(vector["start"]))
    starts = [date.fromisoformat(str(text)) for text in vector["period_starts"]]
    found = cycles(Period(start, FOREVER), start.day, vector["interval_months"], start)
    assert [cycle.start for cycle in islice(found, len(starts))] == starts
