"""Costs of a contract: which are an asset, how long it lasts, and whether the contract makes a loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from engine.base.money import ZERO, round_to
from engine.base.period import add_months
from engine.revenue.schedule import RevenueFacts, ScheduleItem
from engine.revenue.spread import by_month, cents

TREATMENTS = ("expense", "obtain", "fulfil", "other_standard")
"""``obtain``: only because the contract was won; ``fulfil``: makes something that is used for it; ``other_standard``: an asset
by another standard; ``expense``: at once."""


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


TESTS = ("none", "written_down", "reversible")
"""Whether an asset is compared with what is still expected: never; so that a loss stays; so that it may be taken back."""


class Tested(msgspec.Struct, frozen=True):
    """Assets of a contract at the end of a month.

    Attributes:
        left: what amortisation leaves of them, as if there had never been a loss.
        added: of that, what came in the month.
        recoverable: consideration that is still expected, less costs still to come.
    """

    left: Decimal
    added: Decimal
    recoverable: Decimal


def impaired(ends: Iterable[Tested], reversible: bool, currency: str) -> tuple[Decimal, Decimal]:
    """What assets are carried at after so many ends of months, and the losses so far, less what was taken back.

    A loss takes the carrying amount down to what is recoverable (ASC 340-40-35-3, IFRS 15.101), and what is left is amortised over
    the months that are left.  Where it is reversible, it is taken back as far as more is recoverable again, never beyond what would
    be carried without it (IFRS 15.104); ASC 340-40-35-6 forbids that.
    """
    share, loss, after = Fraction(1), ZERO, ZERO
    for end in ends:
        left, added = Fraction(end.left), Fraction(end.added)
        if left:
            share = (share * (left - added) + added) / left
        before = cents(left * share, currency)
        if left:
            most = Fraction(max(end.recoverable, ZERO)) / left
            share = min(most, Fraction(1) if reversible else share)
        after = cents(left * share, currency)
        loss += before - after
    return after, loss


class Loss(msgspec.Struct, frozen=True):
    """A contract so far: revenue, cost, and the loss still to come that is provided for now."""

    revenue: Decimal
    cost: Decimal
    provision: Decimal


def onerous(price: Decimal, revenue: Decimal, incurred: Decimal, expected: Decimal, currency: str) -> Loss:
    """Whether the rest of a contract costs more than it earns (IAS 37.66, ASC 605-35-25-45)."""
    ahead = (price - revenue) - (expected - incurred)
    return Loss(revenue, incurred, round_to(max(ZERO, -ahead), currency))
