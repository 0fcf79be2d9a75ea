"""Cycles, stubs and slices of a published system, where exact fractions give what it states."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest

from engine.base.money import CONTEXT, round_to
from engine.base.period import (
    FOREVER,
    Period,
    add_months,
    cycle_containing,
    cycles,
    days_30_360,
    share_30_360,
    share_actual,
)
from engine.billing.pricing import times
from engine.model.invoice import RatedCharge
from tests.unit.billing.simulator import Shop, charge, flat
from tests.vectors.reading import number, supported

FILE = "proration_periods"
MONTHS = {"MONTHLY": 1, "QUARTERLY": 3, "ANNUAL": 12}
TIMING = {"IN_ADVANCE": "advance", "IN_ARREAR": "arrears"}
BOUNDARIES = {"bills", "billed_until", "first_cycle_day"}


def nine(share: Fraction) -> Decimal:
    exact = CONTEXT.divide(Decimal(share.numerator), Decimal(share.denominator))
    return exact.quantize(Decimal("1e-9"), ROUND_HALF_UP)


def first_cycle_day(vector: dict[str, Any]) -> date:
    """The first day from the start on that begins a cycle."""
    home = cycle_containing(vector["start"], vector["bcd"], MONTHS[vector["period"]], vector["start"])
    return home.start if home.start == vector["start"] else home.end


def served(vector: dict[str, Any]) -> bool:
    """Whether stretches are cut and measured as ours.

    Our longer cycles begin on the last anchor day before the start, theirs on the first after it.  A service that ends within
    its leading stub is measured back from its end there.  And a stub belongs there to a period counted from the day where it
    meets a cycle, here to the cycle between two anchor days: they differ around the 29th, 30th and 31st.
    """
    if vector["period"] not in MONTHS or vector["timing"] not in TIMING:
        return False
    months, begins, end = MONTHS[vector["period"]], first_cycle_day(vector), vector["end"]
    if vector["start"] != begins:
        leading = cycle_containing(vector["start"], vector["bcd"], months, vector["start"])
        if months > 1 or (end is not None and end < begins) or add_months(begins, -months) != leading.start:
            return False
    if end is None:
        return True
    trailing = cycle_containing(end, vector["bcd"], months, vector["start"])
    return end == trailing.start or add_months(trailing.start, months) == trailing.end


def billed(vector: dict[str, Any], price: str) -> tuple[RatedCharge, ...]:
    """The lines of one run on the target day, with everything known."""
    fee = charge(timing=TIMING[vector["timing"]], months=MONTHS[vector["period"]])
    shop = Shop([fee], {"p/fee": flat(price)}, anchor_day=vector["bcd"])
    shop.know("start", vector["start"], "p", 1)
    if vector["end"] is not None:
        shop.know("cancel", vector["end"])
    return shop.run(vector["target"])


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "cycles", served))
def test_cycles(vector: dict[str, Any]) -> None:
    made = billed(vector, "1000000.00")
    expected = vector["expect"]
    assert sum(nine(Fraction(line.share)) for line in made) == number(expected["cycles"])
    if expected["segments"] is not None:
        assert Counter((line.service_from, line.service_to, Fraction(line.share)) for line in made) == Counter(
            (s["from"], s["to"], Fraction(1) if s["days"] == "whole" else Fraction(s["days"]))
            for s in expected["segments"]
        )


@pytest.mark.parametrize(
    "vector", supported(FILE, "boundaries", lambda v: served(v) and bool(set(v["expect"]) & BOUNDARIES))
)
def test_boundaries(vector: dict[str, Any]) -> None:
    """Whether it bills, until when, and the first day of a cycle."""
    made, expected = billed(vector, "10.00") if vector["target"] else (), vector["expect"]
    until = max((line.service_to for line in made), default=None)
    found = {"bills": bool(made), "billed_until": until, "first_cycle_day": first_cycle_day(vector)}
    assert {key: found[key] for key in set(expected) & BOUNDARIES} == {
        key: expected[key] for key in set(expected) & BOUNDARIES
    }


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "segments", served))
def test_segments(vector: dict[str, Any]) -> None:
    """The items; the next day of billing is no notion of ours, a run finds what is due on its day."""
    made = billed(vector, str(vector["price"]))
    items = Counter((item["from"], item["to"], number(item["amount"])) for item in vector["expect"]["items"])
    assert Counter((line.service_from, line.service_to, line.amount) for line in made) == items


def share(part: Period, whole: Period, fixed_month_days: int | None) -> Fraction:
    """Months of 30 days are those of the 30/360 bond basis."""
    return share_30_360(part, 1) if fixed_month_days == 30 else share_actual(part, whole)


@pytest.mark.parametrize(
    "vector",
    supported(FILE, "fractions", lambda v: v["period"] == "MONTHLY" and v["fixed_month_days"] in (None, 30)),
)
def test_fractions(vector: dict[str, Any]) -> None:
    """Stubs over the cycle that would have ended with a leading one, or that begins with a trailing one."""
    part = Period(vector["from"], vector["to"])
    if vector["stub"] == "leading":
        whole = Period(add_months(part.end, -1), part.end)
    else:
        whole = Period(part.start, add_months(part.start, 1))
    found = share(part, whole, vector["fixed_month_days"])
    assert found == Fraction(vector["expect"]["days"])
    assert nine(found) == number(vector["expect"]["fraction"])


@pytest.mark.parametrize("vector", supported(FILE, "fixed_month_day_counts", lambda v: v["fixed_month_days"] == 30))
def test_day_counts(vector: dict[str, Any]) -> None:
    assert days_30_360(Period(vector["from"], vector["to"])) == vector["expect"]["days"]


def exact(vector: dict[str, Any]) -> bool:
    return "nine_digit_effect" not in vector and vector["fixed_month_days"] in (None, 30)


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "slices", exact))
def test_slices(vector: dict[str, Any]) -> None:
    part, whole = Period(vector["from"], vector["to"]), Period(vector["cycle"]["from"], vector["cycle"]["to"])
    found = share(part, whole, vector["fixed_month_days"])
    assert found == Fraction(vector["expect"]["days"])
    assert round_to(times(number(vector["price"]), found), "USD") == number(vector["expect"]["amount"])


@pytest.mark.parametrize("vector", supported(FILE, "period_math", lambda v: v["period"] == "MONTHLY"))
def test_period_math(vector: dict[str, Any]) -> None:
    start = vector["from"]
    if vector["op"] == "add_periods":
        assert add_months(start, vector["count"]) == vector["expect"]
    else:
        found = cycles(Period(start, min(vector["to"], FOREVER)), start.day, 1, start)
        assert sum(cycle.end <= vector["to"] for cycle in found) == vector["expect"]
