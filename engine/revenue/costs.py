"""Costs of a contract: which are an asset, how long it lasts, and whether the contract makes a loss."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import ZERO, round_to
from engine.base.period import add_months
from engine.revenue.schedule import RevenueFacts, ScheduleItem
from engine.revenue.spread import by_month

TREATMENTS = ("expense", "obtain", "fulfil", "other_standard")
"""``obtain``: only because the contract was won; ``fulfil``: makes something that is used for it; ``other_standard``: an asset
by another standard; ``expense``: at once."""


class Costs(msgspec.Struct, frozen=True):
    """Costs by what becomes of them."""

    expense: Decimal = ZERO
    obtain: Decimal = ZERO
    fulfil: Decimal = ZERO
    other_standard: Decimal = ZERO


def sorted_out(costs: Mapping[str, Decimal], terms: Mapping[str, Mapping[str, Any]]) -> Costs:
    """Costs by the ``cost`` of the rule of each.  The expedient ``cost_within`` expenses an asset that would last no longer
    than so many months."""
    sums = dict.fromkeys(TREATMENTS, ZERO)
    for key, amount in costs.items():
        sums[terms[key]["cost"]] += amount
    return Costs(**sums)


def lasts(terms: Mapping[str, Any], contract_months: int, customer_months: int) -> int:
    """Months over which a cost is amortised: over the contract if a renewal costs as much again (``commensurate``), else over
    the time that the customer is expected to stay; 0 where the expedient expenses it at once."""
    months = contract_months if terms["commensurate"] else max(contract_months, customer_months)
    return 0 if months <= terms["cost_within"] else months


def amortised(facts: RevenueFacts, months: int) -> tuple[ScheduleItem, ...]:
    """A cost over so many months from the beginning of its service, all at once where there are none."""
    if not months:
        return (ScheduleItem(facts.service_from, facts.amount),)
    end = add_months(facts.service_from, months)
    return by_month({}, msgspec.structs.replace(facts, service_to=end))


class Loss(msgspec.Struct, frozen=True):
    """A contract so far: revenue, cost, and the loss still to come that is provided for now."""

    revenue: Decimal
    cost: Decimal
    provision: Decimal


def onerous(price: Decimal, revenue: Decimal, incurred: Decimal, expected: Decimal, currency: str) -> Loss:
    """Whether the rest of a contract costs more than it earns (IAS 37.66, ASC 605-35-25-45)."""
    ahead = (price - revenue) - (expected - incurred)
    return Loss(revenue, incurred, round_to(max(ZERO, -ahead), currency))
