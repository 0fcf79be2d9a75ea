"""Which provider takes a payment: of those that a routing rule names, one that has declared that it can.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.model.account import Account
from engine.model.decision import Decide
from engine.model.payment import Method
from engine.model.routing import RoutingFacts
from engine.ports.hookspecs.psp import Capability, Description

NONE: Final = "none"
"""What a routing rule says where no adapter serves."""


class Wish(msgspec.Struct, frozen=True):
    """A payment that is to be routed; ``reserve`` is to be captured later."""

    account: Account
    method: Method
    currency: str
    amount: Decimal
    day: date
    reserve: bool = False


class Chosen(msgspec.Struct, frozen=True):
    """The adapter, and the decision that named it; or why there is none."""

    adapter: str
    decision: int = 0
    why_not: tuple[str, ...] = ()


def choose(decide: Decide, described: Mapping[str, Description], wish: Wish) -> Chosen:
    """The provider of a payment.  A method that a provider keeps can only be used there.

    Raises:
        TollbookError: ``rule.no-answer`` of routing.
    """
    method, account = wish.method, wish.account
    facts = RoutingFacts(
        *("psp", account.entity, account.country, wish.currency, wish.day), method=method.kind, amount=wish.amount
    )
    decision = decide("routing", facts, wish.day)
    named = [name for name in (decision.terms["adapter"], *decision.terms["others"]) if name != NONE]
    if method.provider:
        if method.provider not in named:
            why = f"{method.provider} keeps it, and routing names {', '.join(named) or 'nobody'}"
            return Chosen("", decision.id, (why,))
        named = [method.provider]
    able: list[tuple[str, Capability]] = []
    why_not: list[str] = []
    for name in dict.fromkeys(named):
        fitting, reasons = _fitting(described.get(name), wish)
        why_not += [f"{name}: {reason}" for reason in reasons]
        able += [(name, fitting)] if fitting is not None else []
    if not able:
        return Chosen("", decision.id, tuple(why_not) or ("no adapter serves",))
    rank = RANKS[decision.terms["choose"]]
    best = min(able, key=lambda one: rank(one[1], wish.amount))
    return Chosen(best[0], decision.id)


def cost(one: Capability, amount: Decimal) -> Decimal:
    """What a payment costs by what the provider has declared."""
    return amount * one.cost_rate + one.cost_fixed


RANKS: Final[Mapping[str, Any]] = {
    "first": lambda one, amount: ZERO,
    "cheapest": cost,
    "fastest": lambda one, amount: one.settlement_days,
}
"""What is least of the adapter that is chosen; the earlier one where it is the same."""


def _fitting(described: Description | None, wish: Wish) -> tuple[Capability | None, Sequence[str]]:
    """The first capability that a payment fits, or why none does."""
    if described is None:
        return None, ["no such adapter of the port psp"]
    reasons: list[str] = []
    for one in described.capabilities:
        if one.method != wish.method.kind:
            continue
        reason = _misfit(one, wish)
        if not reason:
            return one, []
        reasons.append(reason)
    return None, reasons or [f"it does not take {wish.method.kind}"]


def _misfit(one: Capability, wish: Wish) -> str:
    method = wish.method
    country = method.country or wish.account.country
    if one.currencies and wish.currency not in one.currencies:
        return f"it does not take {wish.currency} by {one.method}"
    if one.countries and country not in one.countries:
        return f"it does not take {one.method} of {country}"
    if one.least is not None and wish.amount < one.least:
        return f"{wish.amount:f} is less than {one.least:f}, the least it takes"
    if one.most is not None and wish.amount > one.most:
        return f"{wish.amount:f} is more than {one.most:f}, the most it takes"
    if not one.off_session:
        return f"it takes {one.method} only while the customer is there"
    if wish.reserve and not one.manual_capture:
        return f"it cannot reserve by {one.method}"
    return ""
