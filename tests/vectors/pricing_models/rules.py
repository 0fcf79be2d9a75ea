"""From the parameters of a vector to the ``then`` of a pricing rule, and to a rule book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import yaml

from engine import families
from engine.rulebook.rulebook import RuleBook, compile_book
from tests.vectors.reading import number

CURRENCY = "EUR"
DAY = date(2026, 1, 1)
ROUNDED = "half_up_2"
Then = dict[str, Any]


def eur(value: Any) -> str:
    """An amount as a rule file writes it."""
    return f"{number(value):f} {CURRENCY}"


def plain(value: Any) -> str:
    """A number as a rule file writes it."""
    return f"{number(value):f}"


def given(params: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of some parameters that say something."""
    return {name: params[name] for name in names if params.get(name) is not None}


def _tiers(params: Mapping[str, Any], method: str) -> Then:
    tiers = []
    for tier in params["tiers"]:
        made = {"up_to": plain(tier["up_to"])} if tier.get("up_to") is not None else {}
        made |= {name: eur(value) for name, value in given(tier, "unit", "flat", "cap").items()}
        if tier.get("rate_pct") is not None:
            made["rate"] = f"{plain(tier['rate_pct'])} %"
        tiers.append(made)
    zero = "first_tier" if params.get("zero_usage") == "first_tier_flat" else "nothing"
    return {"method": method, "tiers": tiers, "zero_usage": zero}


def _of_units(params: Mapping[str, Any]) -> str | None:
    """How units are rounded; ``half_up_2`` is about money."""
    return None if params.get("round") == ROUNDED else params.get("round")


def _package(params: Mapping[str, Any]) -> Then:
    free = plain(params.get("free_units") or 0)
    round_ = _of_units(params) or "up"
    return {
        "method": "package",
        "size": plain(params["size"]),
        "price": eur(params["amount"]),
        "included": free,
        "round": round_,
    }


def _percentage(params: Mapping[str, Any]) -> Then:
    then: Then = {"method": "percentage", "rate": f"{plain(params['rate_pct'])} %"}
    prices = given(params, "fixed_per_event", "min_per_event", "max_per_event")
    then |= {name.replace("fixed_per", "per"): eur(value) for name, value in prices.items()}
    if params.get("free_events") is not None:
        then["free_events"] = int(params["free_events"])
    if params.get("free_amount") is not None:
        then["free_amount"] = plain(params["free_amount"])
    return then


def _blocks(params: Mapping[str, Any]) -> Then:
    tiers = []
    for tier in params["tiers"]:
        made: dict[str, Any] = {"size": plain(tier["block_size"]), "price": eur(tier["price"])}
        if tier.get("max_blocks") is not None:
            made["blocks"] = plain(tier["max_blocks"])
        tiers.append(made)
    return {"method": "block_tiers", "mode": params["mode"], "tiers": tiers}


TIERED = {
    "graduated": "graduated",
    "graduated_delta": "graduated",
    "graduated_percentage": "graduated_percentage",
    "graduated_prorated": "graduated_prorated",
    "volume": "volume",
    "volume_delta": "volume",
    "volume_prorated": "volume_prorated",
}


def _method(model: str, params: Mapping[str, Any]) -> Then:
    """The method of a model; of those that say no method, by what they give a price for."""
    if model == "block_tiers":
        return _blocks(params)
    if model == "percentage":
        return _percentage(params)
    if model == "dynamic_multiplier":
        return {"method": "dynamic", "multiplier": plain(params["multiplier"])}
    if params.get("tiers") is not None:
        return _tiers(params, TIERED.get(model) or TIERED[params.get("mode") or "graduated"])
    if params.get("size") is not None:
        return _package(params)
    return {"method": "per_unit", "unit": eur(params.get("unit") or 0)}


def _before(model: str, params: Mapping[str, Any]) -> list[Then]:
    steps: list[Then] = []
    if params.get("op") is not None:
        steps.append({params["op"]: plain(params["factor"]), "round": _of_units(params) or "none"})
    for name in ("usage_discount_after_conversion", *(("free_units",) if model != "package" else ())):
        if params.get(name) is not None and "size" not in params:
            steps.append({"free": plain(params[name])})
    return steps


def _after(params: Mapping[str, Any], of: str = "period") -> list[Then]:
    """Discount, least and most in the order that the vector declares; credits last."""
    discount: list[Then] = []
    if params.get("discount_pct") is not None:
        discount = [{"discount": f"{plain(params['discount_pct'])} %", "of": of}]
    limits = [
        {kind: eur(value), "of": of}
        for kind in ("minimum", "maximum")
        for value in given(params, kind, kind[:3]).values()
    ]
    first = params.get("discount_before_cap", "maximum" not in params)
    steps = [*discount, *limits] if first else [*limits, *discount]
    if params.get("credits") is not None:
        steps.append({"credit": eur(params["credits"]), "of": of})
    return steps


def then_of(model: str, params: Mapping[str, Any]) -> Then:
    """The ``then`` of the rule that a vector describes."""
    if model == "bucketed":
        inner = params["inner"]
        then = then_of(inner["model"], inner)
        steps = [{**step, "of": "window"} for step in then["after"]]
        return {**then, "per": "day", "after": [*steps, *_after(params)]}
    return {**_method(model, params), "before": _before(model, params), "after": _after(params)}


def book(thens: Sequence[Then], family: str = "pricing") -> RuleBook:
    """The rule book with one rule for each ``then``: the n-th holds on the n-th day of 2026, a single one always."""
    rules = [
        {"id": f"rule-{n}", "then": then}
        | ({"when": f'day == d"{DAY + timedelta(days=n - 1)}"'} if len(thens) > 1 else {})
        for n, then in enumerate(thens, 1)
    ]
    text = yaml.safe_dump({"ruleset": f"{family}/vector", "hit": "first", "rules": rules}, sort_keys=False)
    return compile_book({f"rules/{family}/vector.yaml": text.encode()}, families.ALL)
