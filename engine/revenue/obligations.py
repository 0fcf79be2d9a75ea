"""What is promised: combination of contracts, distinct obligations, options, warranties, agents, licences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from engine.base.money import ZERO
from engine.revenue.spread import cents


class Promise(msgspec.Struct, frozen=True):
    """A promise as it was found in a contract, with what the rule says of it.

    Attributes:
        key: its name in the contract.
        price: price that the contract states for it.
        ssp: standalone selling price; None for the residual.
        terms: of the rule that was decided for it.
    """

    key: str
    price: Decimal
    ssp: Decimal | None
    terms: Mapping[str, Any]


class Found(msgspec.Struct, frozen=True):
    """An obligation: one promise, or several that are none by themselves."""

    key: str
    promises: tuple[Promise, ...]

    @property
    def price(self) -> Decimal:
        """Sum of the stated prices."""
        return sum((one.price for one in self.promises), ZERO)

    @property
    def ssp(self) -> Decimal | None:
        """Sum of the selling prices; None where one of them is the residual."""
        known = [one.ssp for one in self.promises if one.ssp is not None]
        return sum(known, ZERO) if len(known) == len(self.promises) else None


def identify(promises: Iterable[Promise]) -> list[Found]:
    """Obligations of promises: those that a rule puts ``into`` the same obligation are one; an assurance warranty is none."""
    groups: dict[str, list[Promise]] = {}
    for one in promises:
        if one.terms["warranty"] != "assurance":
            groups.setdefault(one.terms["into"] or one.key, []).append(one)
    return [Found("+".join(one.key for one in some), tuple(some)) for some in groups.values()]


class Signed(msgspec.Struct, frozen=True):
    """A contract as far as combination goes."""

    key: str
    customer: str
    on: date
    purpose: str = ""


def combine(contracts: Iterable[Signed], within: int) -> list[tuple[str, ...]]:
    """Contracts that count as one: of one customer and one purpose, each signed within so many days of the one before.

    A contract without a purpose stands alone.  The answer does not depend on the order in which they come.
    """
    groups: list[list[Signed]] = []
    for one in sorted(contracts, key=lambda one: (one.customer, one.purpose, one.on, one.key)):
        before = groups[-1][-1] if groups else None
        near = before is not None and one.on - before.on <= timedelta(days=within)
        if (
            before is not None
            and one.purpose
            and near
            and (before.customer, before.purpose) == (one.customer, one.purpose)
        ):
            groups[-1].append(one)
        else:
            groups.append([one])
    return [tuple(one.key for one in some) for some in groups]


class Presented(msgspec.Struct, frozen=True):
    """What is revenue of a sale, and what passes through to the supplier."""

    revenue: Decimal
    payable: Decimal


ROLES: Mapping[str, Callable[[Decimal, Decimal], Presented]] = {
    "principal": lambda gross, kept: Presented(gross, ZERO),
    "agent": lambda gross, kept: Presented(kept, gross - kept),
}
"""Who controls the goods before the customer does shows the gross amount; who only arranges, what he keeps."""


def presented(terms: Mapping[str, Any], gross: Decimal, share: Decimal, currency: str) -> Presented:
    """A sale as the ``role`` of a rule shows it; ``share`` of it is the seller's commission."""
    return ROLES[terms["role"]](gross, cents(Fraction(gross) * Fraction(share), currency))


class LookedThrough(msgspec.Struct, frozen=True):
    """Renewal options counted as if they were sold: expected consideration and expected effort of each period."""

    consideration: Fraction
    efforts: tuple[Fraction, ...]

    def shares(self, currency: str) -> list[Decimal]:
        """What each period earns, in proportion to its effort; each is rounded by itself, as it is only an estimate."""
        total = sum(self.efforts, Fraction(0))
        return [cents(self.consideration * effort / total, currency) for effort in self.efforts]


def look_through(price: Decimal, renewing: Decimal, efforts: Sequence[Decimal]) -> LookedThrough:
    """Instead of a selling price of options to renew (IFRS 15.B43): each period is as likely as all renewals before it."""
    likely = [Fraction(renewing) ** number for number in range(len(efforts))]
    total = sum((Fraction(price) * one for one in likely), Fraction(0))
    return LookedThrough(total, tuple(Fraction(effort) * one for effort, one in zip(efforts, likely, strict=True)))
