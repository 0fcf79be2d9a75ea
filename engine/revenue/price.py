"""The transaction price: what is expected for all that was promised, without tax and what is passed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO

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


def return_asset(back: Decimal, cost: Decimal, recovery: Decimal = ZERO) -> Decimal:
    """The right to goods that are expected to come back: what they were carried at, less what it costs to have them back, per unit
    (IFRS 15.B25, ASC 606-10-55-27)."""
    return back * max(cost - recovery, ZERO)


MEASURED = ("inception", "performance")
"""When consideration in kind is measured: at contract inception (ASC 606-10-32-21), or as each part is done (IFRS 15.66)."""


def in_kind(terms: Mapping[str, Any], units: Decimal, inception: Decimal, done: Sequence[Decimal]) -> list[Decimal]:
    """What each part earns of consideration in kind: ``units`` of it a part, valued as ``in_kind`` of a rule says."""
    values = [inception] * len(done) if terms["in_kind"] == "inception" else done
    return [units * value for value in values]
