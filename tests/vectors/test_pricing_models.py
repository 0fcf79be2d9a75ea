"""Published prices: flat, per unit, graduated, volume, package; differences to what was billed; parts of periods."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from engine.base.money import ZERO, round_to
from engine.base.period import Period, share_actual
from engine.billing.pricing import PricingFacts, times
from engine.model.decision import Decision
from tests.unit.billing.simulator import ENTITY, Shop, account, charge, decision
from tests.vectors.reading import number, supported

FILE = "pricing_models"
HEAD = {"id", "source", "source_ref", "model", "params", "quantity", "expected", "note", "tolerance"}
PARAMS = {
    "per_unit": {"unit"},
    "graduated": {"tiers", "zero_usage"},
    "volume": {"tiers", "zero_usage"},
    "package": {"size", "amount", "free_units", "round"},
}
TIER = {"up_to", "unit", "flat"}
ZERO_USAGE = {"first_tier_flat": "first_tier", None: "nothing"}


def plain(vector: dict[str, Any], model: str) -> bool:
    params = vector["params"]
    return (
        set(params) <= PARAMS.get(model, set())
        and all(set(tier) <= TIER for tier in params.get("tiers", ()))
        and params.get("round", "up") in ("up", "down")
        and params.get("zero_usage") in ZERO_USAGE
    )


def whole_price(vector: dict[str, Any]) -> bool:
    return set(vector) <= HEAD and vector["model"] in PARAMS and plain(vector, vector["model"])


def difference(vector: dict[str, Any]) -> bool:
    model = vector["model"].removesuffix("_delta").removesuffix("_split")
    return model != vector["model"] and set(vector) <= HEAD | {"prior_quantity"} and plain(vector, model)


def eur(value: Any) -> dict[str, Decimal]:
    return {"EUR": number(value)}


def priced(model: str, params: dict[str, Any]) -> Decision:
    """The pricing decision that the vector's parameters describe."""
    if model == "per_unit":
        return decision("pricing", "per_unit", unit=eur(params["unit"]))
    if model == "package":
        terms = {"size": number(params["size"]), "price": eur(params["amount"]), "round": params["round"]}
        return decision("pricing", "package", included=number(params["free_units"]), **terms)
    tiers = []
    for tier in params["tiers"]:
        prices = {name: eur(tier[name]) for name in ("unit", "flat") if name in tier}
        tiers.append(prices if tier["up_to"] is None else {**prices, "up_to": number(tier["up_to"])})
    return decision("pricing", model, tiers=tiers, zero_usage=ZERO_USAGE[params.get("zero_usage")])


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize("vector", supported(FILE, "vectors", whole_price))
def test_price(vector: dict[str, Any]) -> None:
    made = priced(vector["model"], vector["params"])
    day = date(2026, 1, 1)
    facts = PricingFacts(ENTITY, account(), charge(), "p", number(vector["quantity"]), None, None, day, day)
    assert made.method is not None
    amount = sum((part.amount for part in made.method(made.terms, facts)), ZERO)
    assert abs(amount - number(vector["expected"])) <= number(vector.get("tolerance", 0))


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize("vector", supported(FILE, "vectors", difference))
def test_what_more_usage_adds_to_what_was_billed(vector: dict[str, Any]) -> None:
    """Usage that becomes known after a part of it was billed; the quantity of a delta is the total, of a split what is added."""
    model, kind = vector["model"].rsplit("_", 1)
    before, now = number(vector["prior_quantity"]), number(vector["quantity"])
    shop = Shop([charge("calls", "usage", meter="calls")], {"p/calls": priced(model, vector["params"])})
    day = date(2026, 1, 1)
    shop.know("start", day, "p", 1)
    if before:
        shop.use(day, str(before))
        shop.run(day)
    shop.use(day, str(now - before if kind == "delta" else now))
    assert sum((line.amount for line in shop.run(day)), ZERO) == number(vector["expected"])


def part_of_a_period(vector: dict[str, Any]) -> bool:
    return bool(vector["model"] == "proration_single" and vector["params"].get("round") == "half_up_2")


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "vectors", part_of_a_period))
def test_part_of_a_period(vector: dict[str, Any]) -> None:
    params = vector["params"]
    share = Fraction(params["active_days"], params["period_days"])
    assert round_to(times(number(params["amount"]), share), "EUR") == number(vector["expected"])


def change_in_a_period(vector: dict[str, Any]) -> bool:
    return bool(vector["model"] == "proration_change" and vector["params"].get("line_round") == "half_up_2")


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("vector", supported(FILE, "vectors", change_in_a_period))
def test_change_in_a_period(vector: dict[str, Any]) -> None:
    params = vector["params"]
    start, end, at = (date.fromisoformat(str(params[key])) for key in ("period_start", "period_end", "change_at"))
    whole = Period(start, end + timedelta(days=1) if params["end"] == "inclusive" else end)
    rest = Period(at, whole.end)
    net = ZERO
    for sign, items in ((-1, params["removed"]), (1, params["added"])):
        for item in items:
            own = item.get("own_period_days")
            share = Fraction(rest.days, own) if own else share_actual(rest, whole)
            net += sign * round_to(times(number(item["amount"]) * number(item["quantity"]), share), "EUR")
    assert net == number(vector["expected"])
