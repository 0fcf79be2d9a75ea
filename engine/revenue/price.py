"""The transaction price: what is expected for all that was promised, without tax and what is passed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ZERO, round_to

NOT_ALL = Code("revenue.odds-not-one", "The likelihoods of the outcomes of a variable amount do not add up to one.")


class Outcome(msgspec.Struct, frozen=True):
    """What a variable amount may come to, and how likely that is (0 to 1)."""

    amount: Decimal
    likely: Decimal


class Variable(msgspec.Struct, frozen=True):
    """A part of the price that depends on what happens.

    Attributes:
        key: what it is called.
        outcomes: all that it may come to.
        certain: the part of it that is highly probable not to be taken back, for the constraint.
    """

    key: str
    outcomes: tuple[Outcome, ...]
    certain: Decimal = ZERO


def _checked(variable: Variable) -> tuple[Outcome, ...]:
    if sum((one.likely for one in variable.outcomes), ZERO) != 1:
        raise refuse(
            NOT_ALL,
            f"the likelihoods of {variable.key or 'a variable amount'} add up to "
            f"{sum((one.likely for one in variable.outcomes), ZERO)}",
            why="an estimate weighs all outcomes",
            mend="give every outcome, with likelihoods that add up to 1",
        )
    return variable.outcomes


def expected_value(variable: Variable) -> Decimal:
    """All outcomes by their likelihood: for many contracts alike, or many outcomes."""
    return sum((one.amount * one.likely for one in _checked(variable)), ZERO)


def most_likely(variable: Variable) -> Decimal:
    """The likeliest outcome, the lesser of equals: for amounts with two outcomes."""
    return max(_checked(variable), key=lambda one: (one.likely, -one.amount)).amount


def by_outcomes(variable: Variable) -> Decimal:
    """The likeliest of two outcomes, the expected value of more."""
    return (most_likely if len(variable.outcomes) <= 2 else expected_value)(variable)


ESTIMATES: Mapping[str, Callable[[Variable], Decimal]] = {
    "expected_value": expected_value,
    "most_likely": most_likely,
    "by_outcomes": by_outcomes,
}


def unconstrained(estimate: Decimal, certain: Decimal) -> Decimal:
    """The estimate, as it is."""
    return estimate


def to_certain(estimate: Decimal, certain: Decimal) -> Decimal:
    """No more than what is highly probable to stay."""
    return min(estimate, certain)


def excluded(estimate: Decimal, certain: Decimal) -> Decimal:
    """Nothing until it is settled; what lowers the price counts in full."""
    return min(estimate, ZERO)


CONSTRAINTS: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "none": unconstrained,
    "certain": to_certain,
    "excluded": excluded,
}


def variable_amount(terms: Mapping[str, Any], variable: Variable) -> Decimal:
    """What counts of a variable amount, by the ``estimate`` and the ``constraint`` of a rule."""
    return CONSTRAINTS[terms["constraint"]](ESTIMATES[terms["estimate"]](variable), variable.certain)


class Price(msgspec.Struct, frozen=True):
    """A transaction price and its parts."""

    fixed: Decimal
    variable: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.fixed + self.variable


def with_penalty(terms: Mapping[str, Any], stated: Decimal, penalty: Decimal) -> Price:
    """A price that is less by a penalty if something goes wrong: that part is variable; what counts of it is for the
    ``constraint`` of a rule."""
    counted = CONSTRAINTS[terms["constraint"]](penalty, ZERO)
    return Price(stated - penalty, counted)


def concession(terms: Mapping[str, Any], stated: Decimal, expected: Decimal, worst: Decimal | None = None) -> Decimal:
    """The price after a concession that is expected, such as 0.4 of what is stated; with the constraint ``certain`` after the
    ``worst`` that may come."""
    estimate, certain = stated * (1 - expected), stated * (1 - (expected if worst is None else worst))
    return CONSTRAINTS[terms["constraint"]](estimate, certain)


def without_tax(gross: Decimal, rate: Decimal, currency: str) -> Decimal:
    """What is collected for an authority is no part of the price."""
    return round_to(CONTEXT.divide(gross, 1 + rate), currency)


def reduction_rate(price: Decimal, payable: Decimal) -> Decimal:
    """By which share revenue is less because the customer is paid something for nothing distinct."""
    return CONTEXT.divide(payable, price)


def less_payable(invoiced: Decimal, price: Decimal, payable: Decimal, currency: str) -> Decimal:
    """Revenue of what was invoiced, less its share of what is payable to the customer."""
    return round_to(CONTEXT.divide(invoiced * (price - payable), price), currency)


class Returns(msgspec.Struct, frozen=True):
    """A sale of which some will come back."""

    revenue: Decimal
    refund_liability: Decimal
    return_asset: Decimal
    cost_of_sales: Decimal


def return_asset(back: Decimal, cost: Decimal, recovery: Decimal = ZERO) -> Decimal:
    """The right to goods that are expected to come back: what they were carried at, less what it costs to have them back, per unit
    (IFRS 15.B25, ASC 606-10-55-27)."""
    return back * max(cost - recovery, ZERO)


def with_returns(units: Decimal, price: Decimal, cost: Decimal, back: Decimal) -> Returns:
    """Revenue for what will stay; the rest is owed back, and the right to the goods is an asset (:func:`return_asset`)."""
    stay = units - back
    return Returns(stay * price, back * price, return_asset(back, cost), stay * cost)


def below_receivable(units: Decimal, invoiced: Decimal, expected: Decimal) -> Returns:
    """Units invoiced at a price of which a part is expected to be owed back."""
    return Returns(units * expected, units * (invoiced - expected), ZERO, ZERO)


MEASURED = ("inception", "performance")
"""When consideration in kind is measured: at contract inception (ASC 606-10-32-21), or as each part is done (IFRS 15.66)."""


def in_kind(terms: Mapping[str, Any], units: Decimal, inception: Decimal, done: Sequence[Decimal]) -> list[Decimal]:
    """What each part earns of consideration in kind: ``units`` of it a part, valued as ``in_kind`` of a rule says."""
    values = [inception] * len(done) if terms["in_kind"] == "inception" else done
    return [units * value for value in values]
