"""A significant financing component: the price as if it were paid when it is earned, and interest beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.base.period import add_months


def significant(terms: Mapping[str, Any], paid: date, earned: date) -> bool:
    """Whether interest is apart, by ``financing`` of a rule: ``never`` (the time of payment has other reasons), ``always``,
    or ``by_term``: if more than a year lies between payment and performance."""
    far = max(paid, earned) > add_months(min(paid, earned), 12)
    return {"never": False, "always": True, "by_term": far}[terms["financing"]]


def level_payment(value: Decimal, rate: Decimal, count: int) -> Decimal:
    """The payment at the end of each of ``count`` periods that is worth ``value`` now, at a rate per period; not rounded."""
    if not rate:
        return CONTEXT.divide(value, Decimal(count))
    return CONTEXT.divide(value * rate, 1 - CONTEXT.power(1 + rate, Decimal(-count)))


def present_value(payment: Decimal, rate: Decimal, count: int) -> Decimal:
    """What such payments are worth now; not rounded."""
    if not rate:
        return payment * count
    return CONTEXT.divide(payment * (1 - CONTEXT.power(1 + rate, Decimal(-count))), rate)


def grown(value: Decimal, rate: Decimal, periods: int) -> Decimal:
    """A value after so many periods of interest; not rounded."""
    return value * CONTEXT.power(1 + rate, Decimal(periods))


def monthly(rate: Decimal) -> Decimal:
    """The rate of a month of a nominal rate of a year."""
    return CONTEXT.divide(rate, Decimal(12))


class Step(msgspec.Struct, frozen=True):
    """One period of a service that was paid before: interest on what is owed, revenue, and the liability after both."""

    interest: Decimal
    revenue: Decimal
    liability: Decimal


def prepaid(paid: Decimal, rate: Decimal, count: int, currency: str) -> list[Step]:
    """A service that was paid before, equal in each period: revenue is what was paid plus interest, and the last period
    absorbs cents, so that the liability ends at nothing."""
    level, exact, steps = level_payment(paid, rate, count), paid, []
    liability, revenue = paid, round_to(level, currency)
    whole = round_to(level * count, currency)
    for number in range(count):
        after = exact * (1 + rate) - level
        earned = revenue if number < count - 1 else whole - revenue * (count - 1)
        left = round_to(after, currency) if number < count - 1 else ZERO
        steps.append(Step(left - liability + earned, earned, left))
        exact, liability = after, left
    return steps
