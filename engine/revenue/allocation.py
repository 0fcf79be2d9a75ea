"""The transaction price over obligations: standalone selling prices, discounts and variable amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ZERO, minor_unit
from engine.revenue.spread import cents

NO_SSP = Code("revenue.no-selling-price", "An obligation has no standalone selling price, and no way to estimate one.")
NOT_SHARED = Code("revenue.not-allocable", "A price cannot be shared: no selling price is above zero.")


class Selling(msgspec.Struct, frozen=True):
    """What an obligation would be sold for alone, as far as that is known.

    Attributes:
        key: the obligation.
        observable: price in separate sales.
        market: what others ask for the like, for ``adjusted_market``.
        cost: expected cost, for ``cost_plus``.
        low: low end of the range of separate prices.
        high: high end of it.
    """

    key: str
    observable: Decimal | None = None
    market: Decimal | None = None
    cost: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


class Bundle(msgspec.Struct, frozen=True):
    """Obligations that are regularly sold together for less than the sum of their prices."""

    keys: tuple[str, ...]
    price: Decimal


def option_price(discount: Decimal, likely: Decimal, purchase: Decimal = Decimal(1)) -> Decimal:
    """Standalone price of a material right: what it saves beyond what all may have, times how likely it is used."""
    return purchase * discount * likely


def estimated(how: str, known: Selling, factor: Decimal, stated: Decimal | None) -> Decimal | None:
    """A standalone selling price by a named estimate; None for ``residual``, which is what the others leave.

    ``factor`` is the margin on cost, or the adjustment of the market's price.  ``in_range`` takes the stated price where it
    lies in the range of separate prices, else the middle of the range.

    Raises:
        TollbookError: ``revenue.no-selling-price``.
    """
    found: Decimal | None = None
    if how == "residual":
        return None
    if how in ("observable", "or_stated"):
        found = stated if known.observable is None and how == "or_stated" else known.observable
    elif how == "adjusted_market" and known.market is not None:
        found = known.market * (1 + factor)
    elif how == "cost_plus" and known.cost is not None:
        found = known.cost * (1 + factor)
    elif how == "in_range" and known.low is not None and known.high is not None:
        inside = stated is not None and known.low <= stated <= known.high
        found = stated if inside else (known.low + known.high) / 2
    if found is None:
        raise refuse(
            NO_SSP,
            f"{known.key} has no standalone selling price by {how}",
            why="the price of a contract is shared in proportion to standalone selling prices",
            mend="give what the estimate starts from, or choose another with ssp",
        )
    return found


def _exact(price: Decimal, weights: Mapping[str, Fraction]) -> dict[str, Fraction]:
    total = sum(weights.values(), Fraction(0))
    if total <= 0:
        raise refuse(
            NOT_SHARED,
            f"{price} cannot be shared over {', '.join(weights) or 'nothing'}",
            why="no standalone selling price is above zero",
            mend="give the obligations standalone selling prices",
        )
    return {key: Fraction(price) * weight / total for key, weight in weights.items()}


def largest(exact: Mapping[str, Fraction], price: Decimal, currency: str) -> dict[str, Decimal]:
    """Each share cut to minor units; what is left goes to the largest remainders, the first of equals first."""
    unit = Fraction(minor_unit(currency))
    down = {key: share // unit for key, share in exact.items()}
    left = int((Fraction(price) - sum(down.values()) * unit) / unit)
    order = sorted(exact, key=lambda key: down[key] * unit - exact[key])
    for key in order[:left]:
        down[key] += 1
    return {key: minor_unit(currency) * int(count) for key, count in down.items()}


def to_last(exact: Mapping[str, Fraction], price: Decimal, currency: str) -> dict[str, Decimal]:
    """Each share rounded; the last has the rest."""
    *others, final = exact
    given = {key: cents(exact[key], currency) for key in others}
    return given | {final: price - sum(given.values(), ZERO)}


def running(exact: Mapping[str, Fraction], price: Decimal, currency: str) -> dict[str, Decimal]:
    """The running total is rounded."""
    given, done, shares = ZERO, Fraction(0), {}
    for key, share in exact.items():
        done += share
        due = cents(done, currency)
        shares[key], given = due - given, due
    return shares


CENTS: Mapping[str, Callable[[Mapping[str, Fraction], Decimal, str], dict[str, Decimal]]] = {
    "largest": largest,
    "last": to_last,
    "cumulative": running,
}


def relative(price: Decimal, prices: Mapping[str, Decimal], currency: str, how: str = "largest") -> dict[str, Decimal]:
    """A price in proportion to standalone selling prices, to the cent.

    Raises:
        TollbookError: ``revenue.not-allocable``.
    """
    return CENTS[how](_exact(price, {key: Fraction(value) for key, value in prices.items()}), price, currency)


def variable_to(terms: Mapping[str, Any], expected: Decimal, price: Decimal, fixed: Decimal, others: Decimal) -> str:
    """Whether a variable amount belongs to ``one`` obligation or to ``all`` (IFRS 15.85).

    ``variable_to`` of a rule says it, or leaves it to the criterion: to one if what is ``expected`` of the amount, and the
    ``fixed`` price that is then left for the ``others``, are near the standalone selling prices of each.
    """
    if terms["variable_to"] != "by_criteria":
        return str(terms["variable_to"])
    near = all(abs(part - alone) <= terms["near"] * alone for part, alone in ((expected, price), (fixed, others)))
    return "one" if near else "all"


class Allocation(msgspec.Struct, frozen=True):
    """Shares of a price; ``residual`` is what an obligation without a price of its own was left with, and ``in_range`` whether
    that is a price that it could be sold for; ``exact`` are the shares before rounding, where all have one."""

    shares: Mapping[str, Decimal]
    residual: Decimal | None = None
    in_range: bool = True
    exact: Mapping[str, Decimal] = {}


def allocate(
    price: Decimal,
    prices: Mapping[str, Decimal | None],
    currency: str,
    *,
    bundles: Sequence[Bundle] = (),
    known: Mapping[str, Selling] | None = None,
    how: str = "largest",
) -> Allocation:
    """A price over obligations.

    A discount goes to all, unless it is the very discount of a bundle that is regularly sold (IFRS 15.82): then to that
    bundle.  An obligation without a price (``None``) has what the others leave; if that lies outside of its known range, the
    residual approach does not give a faithful share, and ``in_range`` says so.

    Raises:
        TollbookError: ``revenue.not-allocable``, ``revenue.no-selling-price`` for two obligations without a price.
    """
    without = [key for key, value in prices.items() if value is None]
    if len(without) > 1:
        raise refuse(
            NO_SSP, f"{', '.join(without)} have no standalone selling price", mend="only one may be the residual"
        )
    priced = {key: value for key, value in prices.items() if value is not None}
    total = sum(priced.values(), ZERO)
    groups = [one for one in bundles if set(one.keys) <= set(priced)]
    saved = sum((sum((priced[key] for key in one.keys), ZERO) - one.price for one in groups), ZERO)
    whole = bool(groups) and (bool(without) or total - price == saved)
    shares: dict[str, Decimal] = {}
    if whole:
        inside = {key for one in groups for key in one.keys}
        shares = {key: value for key, value in priced.items() if key not in inside}
        for one in groups:
            shares |= relative(one.price, {key: priced[key] for key in one.keys}, currency, how)
    elif without:
        shares = dict(priced)
    else:
        exact = _exact(price, {key: Fraction(value) for key, value in priced.items()})
        unrounded = {
            key: CONTEXT.divide(Decimal(one.numerator), Decimal(one.denominator)) for key, one in exact.items()
        }
        return Allocation(CENTS[how](exact, price, currency), exact=unrounded)
    if not without:
        return Allocation({key: shares[key] for key in prices})
    rest = price - sum(shares.values(), ZERO)
    about = (known or {}).get(without[0], Selling(without[0]))
    good = rest > 0 and (about.low is None or rest >= about.low) and (about.high is None or rest <= about.high)
    return Allocation({key: shares.get(key, rest) for key in prices}, rest, good)
