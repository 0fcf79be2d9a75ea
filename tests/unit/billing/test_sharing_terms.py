"""What rules with ``rollover`` or ``pool`` can say beside it, and what a granted quantity does to a price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.billing.pricing import allowance, priced
from engine.billing.pricing.facts import PricingFacts
from tests.unit.billing.simulator import ENTITY, account, charge, decision
from tests.unit.billing.test_pools import JAN

D = Decimal
EUR = {"EUR": D(1)}
FREE = {"free": D(10), "prorated": True, "round": "none"}
CARRIED = {"cycles": 1, "limit": None, "order": "carried_first", "from_parts": True, "across_plans": True}
ROLLOVER = {"rollover": {**CARRIED, "within": "subscription"}}
POOL = {"pool": {"key": "data", "scope": "payer", "allowance": "added", "divide": "by_usage"}}
UNIT = {"unit": EUR, "included": D(10)}
TIERS = {"tiers": [{"up_to": D(5), "unit": {"EUR": D(2)}}, {"unit": EUR}]}


@pytest.mark.parametrize(
    ("method", "terms", "flaws"),
    [
        ("per_unit", {**UNIT, **ROLLOVER}, []),
        ("per_unit", {**UNIT, **POOL}, []),
        ("graduated", {**TIERS, **POOL}, []),
        ("graduated", {**TIERS, **ROLLOVER, "before": [FREE]}, []),
        ("graduated", {**TIERS, **ROLLOVER}, ["rollover"]),  # no allowance that could be carried over
        ("per_unit", {**UNIT, **ROLLOVER, "before": [FREE]}, ["before"]),  # two allowances
        ("per_unit", {"unit": EUR, **POOL, "before": [{"divide": D(2), "round": "none"}, FREE]}, ["before"]),
        ("per_unit", {**UNIT, **ROLLOVER, "per": "day"}, ["per"]),
        ("per_unit", {**UNIT, **POOL, "window": "year"}, ["window"]),
        ("per_unit", {**UNIT, **POOL, "ramp": [{"pays": D(1)}]}, ["ramp"]),
        ("per_unit", {**UNIT, **POOL, **ROLLOVER}, []),
        ("per_unit", {**UNIT, **POOL, "rollover": {**CARRIED, "within": "contract_year"}}, ["rollover"]),
        ("per_unit", {**UNIT, **POOL, "rollover": {**CARRIED, "within": "6 months"}}, ["rollover"]),
        ("per_unit", {**UNIT, **POOL, "rollover": {**CARRIED, "within": "year", "across_plans": False}}, ["rollover"]),
        ("graduated", {**TIERS, **POOL, **ROLLOVER}, ["rollover"]),
        ("formula", {"value": None, **POOL}, ["pool"]),
        ("percentage", {"rate": D(1), **POOL}, ["pool"]),
    ],
)
def test_what_goes_together(method: str, terms: dict[str, Any], flaws: list[str]) -> None:
    made = {"included": D(0), **terms} if method == "per_unit" else terms
    assert [flaw.path[0] for flaw in allowance.check_sharing(decision("pricing", method, **made).terms)] == flaws


@pytest.mark.parametrize(
    ("method", "terms", "quantity", "granted", "amount"),
    [
        ("per_unit", UNIT, 25, 8, 7),  # 10 of its own and 8 more
        ("per_unit", UNIT, 15, 8, 0),
        ("per_unit", UNIT, 5, -4, 0),  # of its own allowance 6 are left
        ("per_unit", UNIT, 25, -4, 19),
        ("graduated", {**TIERS, "before": [FREE]}, 25, 8, 12),  # 7 are left: 5 at 2 and 2 at 1
        ("package", {"size": D(10), "price": EUR, "included": D(10), "round": "up"}, 35, 5, 2),
    ],
)
def test_granted_units_come_after_the_own_allowance(
    method: str, terms: dict[str, Any], quantity: int, granted: int, amount: int
) -> None:
    facts = PricingFacts(
        ENTITY, account(), charge("calls", "usage"), "p", D(quantity), None, None, JAN, JAN, granted=D(granted)
    )
    assert priced(decision("pricing", method, **terms), facts).amount == amount
