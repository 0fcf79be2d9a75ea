"""Revenue recognition: when what was sold is earned, and how a contract is accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.decision import Family, Method
from engine.revenue import allocation, costs, price, satisfied, schedule, spread


def _choice(allowed: Sequence[str], default: str, description: str) -> dict[str, Any]:
    return {"type": "string", "allowed": list(allowed), "default": default, "meta": {"description": description}}


def _number(kind: str, default: Any, low: int, description: str) -> dict[str, Any]:
    return {"type": kind, "default": default, "min": low, "meta": {"description": description}}


REMAINDER: Mapping[str, Any] = {
    "remainder": _choice(
        ["cumulative", "last"],
        "cumulative",
        "where cents go: cumulative rounds the running total; last rounds each part, and the last has the rest",
    )
}

OBLIGATIONS: Mapping[str, Any] = {
    "into": {
        "type": "string",
        "default": "",
        "meta": {
            "description": "the promise with which this one is one obligation, because it is not distinct from it"
        },
    },
    "warranty": _choice(
        ["none", "assurance", "service"], "none", "an assurance warranty is no obligation (its cost is a provision)"
    ),
    "life_months": _number(
        "integer",
        0,
        0,
        "months over which a promise that is a material right is earned, if they are more than its service",
    ),
    "role": _choice(["principal", "agent"], "principal", "an agent's revenue is the commission, not the gross amount"),
    "combine_within": _number(
        "integer",
        0,
        0,
        "contracts of one customer and purpose signed within so many days of each other are one; the first one's rule says it",
    ),
    "penalty": _number(
        "decimal",
        0,
        0,
        "a penalty for ending a contract binds the customer to its end if it is more than this share of the price",
    ),
}

PRICES: Mapping[str, Any] = {
    "estimate": _choice(list(price.ESTIMATES), "by_outcomes", "how a variable amount is estimated"),
    "constraint": _choice(
        list(price.CONSTRAINTS),
        "certain",
        "what of the estimate counts: all of it, what is highly probable to stay, or nothing that raises the price",
    ),
    "in_kind": _choice(price.MEASURED, "inception", "when consideration in kind is measured"),
    "financing": _choice(
        ["by_term", "always", "never"],
        "by_term",
        "whether interest is apart: by_term if more than a year lies between payment and performance",
    ),
    "ssp": _choice(
        ["or_stated", "observable", "adjusted_market", "cost_plus", "in_range", "residual"],
        "or_stated",
        "how a standalone selling price is found; or_stated is the observable price, else the one in the contract",
    ),
    "factor": {
        "type": "decimal",
        "default": 0,
        "min": -1,
        "meta": {"description": "margin on cost, or adjustment of the market's price: 0.2 adds a fifth"},
    },
    "cents": _choice(
        list(allocation.CENTS), "largest", "where cents of an allocation go; the contract's first rule says it"
    ),
    "variable_to": _choice(
        ["by_criteria", "one", "all"],
        "by_criteria",
        "whether a variable amount is that of its promise alone, or of all",
    ),
    "near": _number("decimal", "0.1", 0, "how far from standalone prices by_criteria may be, as a share of them"),
}

CHANGES: Mapping[str, Any] = {
    "modification": _choice(
        ["by_criteria", "separate_contract", "prospective", "catch_up"],
        "by_criteria",
        "how a modification is accounted for; the contract's first rule says it",
    ),
    "rest": _choice(
        ["distinct", "same"],
        "distinct",
        "whether what is still owed is distinct from what was transferred, as in a series of months; where same, changes catch up",
    ),
}

COSTS: Mapping[str, Any] = {
    "cost": _choice(costs.TREATMENTS, "expense", "what becomes of a cost of a contract"),
    "commensurate": {
        "type": "boolean",
        "default": True,
        "meta": {
            "description": "whether a renewal costs as much again, so that a cost lasts no longer than the contract"
        },
    },
    "impairment": _choice(
        costs.TESTS,
        "none",
        "whether an asset is compared at the end of a month with what is still expected of the contract: written_down keeps a loss "
        "(ASC 340-40), reversible takes it back once more is expected (IFRS 15)",
    ),
    "onerous": _choice(
        ["none", "provide"],
        "none",
        "whether a loss is provided for as soon as what promises still cost exceeds what they still earn; those of a contract whose "
        "rules say so are compared together (IAS 37.66, ASC 605-35-25-45)",
    ),
    "cost_within": _number("integer", 0, 0, "a cost that would last no longer than so many months is expensed"),
}

FAMILY = Family(
    name="revrec",
    doc="When the amount of an invoice line or of a promise becomes revenue, and how its contract is accounted for.",
    facts=schedule.RevenueFacts,
    selected_by="first day of the service period",
    answers="all",
    outcome={**OBLIGATIONS, **PRICES, **CHANGES, **COSTS},
    methods={
        "now": Method(schedule.now, {}),
        "straight_line_day": Method(spread.by_day, REMAINDER),
        "straight_line_month": Method(spread.by_month, REMAINDER),
        "straight_line_prorated": Method(spread.by_prorated_month, REMAINDER),
        "straight_line_second": Method(spread.by_second, REMAINDER),
        "straight_line_week": Method(spread.by_week, REMAINDER),
        "right_to_access": Method(spread.right_to_access, REMAINDER),
        "right_to_use": Method(satisfied.right_to_use, {}),
        "point_in_time": Method(
            satisfied.point_in_time,
            {
                "on": _choice(
                    ["deliver", "accept", "begin", "end"],
                    "deliver",
                    "what passes control: a delivery, an acceptance or a milestone accepted, or the first or last day of service",
                )
            },
        ),
        "units": Method(
            satisfied.units,
            {
                "breakage": {
                    "type": "decimal",
                    "default": 0,
                    "min": 0,
                    "max": 1,
                    "meta": {"description": "share of the units that is expected never to be asked for"},
                }
            },
        ),
        "per_unit": Method(satisfied.per_unit, {}),
        "cost_to_cost": Method(satisfied.cost_to_cost, {}),
        "royalty": Method(
            satisfied.royalty,
            {
                "rate": {
                    "type": "decimal",
                    "required": True,
                    "min": 0,
                    "meta": {"description": "share of sales, usage or assets: 0.05; or an amount for each unit used"},
                },
                "after": _choice(
                    ["begin", "deliver"],
                    "begin",
                    "what the promise is kept with; sales and usage before count on that day",
                ),
            },
        ),
        "as_invoiced": Method(satisfied.as_invoiced, {}),
    },
)
