"""What a price list of another system says, as far as it can be said here, and what cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from engine.base.errors import Code, TollbookError
from engine.base.money import minor_digits, written

UNREADABLE = Code("prices.unreadable", "A price list that is not of the format it is said to be.")

_Part = TypeVar("_Part")

Amount = Callable[[Decimal], Decimal]
"""What a quantity costs by the way of computing that the other system publishes, before it is rounded."""


class Example(msgspec.Struct, frozen=True):
    """A case: what it shows, facts beside plan and charge, the currency, and the amount before rounding."""

    name: str
    given: Mapping[str, Any]
    currency: str
    amount: Decimal


class Left(msgspec.Struct, frozen=True, order=True):
    """Something of the price list that is not taken over: where it stands, what it is, and what to do about it."""

    where: str
    what: str
    mend: str


MALFORMED: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading raises where a part of a file has another shape than the other system gives it."""


def malformed(where: str, error: Exception) -> Left:
    """A part of the price list that has another shape than the other system gives it."""
    return Left(where, f"it cannot be read: {error!r}"[:200], "correct it in the file")


class Charge(msgspec.Struct, frozen=True):
    """A charge of a plan: its row of the catalogue, what its rule decides, and cases.

    ``months`` or ``days`` is its cycle; ``then`` is as a rule file writes it.
    """

    key: str
    name: str
    kind: str
    timing: str
    then: Mapping[str, Any]
    examples: tuple[Example, ...]
    months: int = 1
    days: int = 0
    meter: str = ""
    meters: tuple[str, ...] = ()
    unit: str = "unit"
    product: str = ""
    tax_included: bool = False


class Plan(msgspec.Struct, frozen=True):
    """A plan with its charges."""

    key: str
    name: str
    charges: tuple[Charge, ...]


class PriceList(msgspec.Struct, frozen=True):
    """A whole price list: plans, meters by key with their aggregation, and what is left out."""

    system: str
    plans: tuple[Plan, ...]
    meters: Mapping[str, str]
    left: tuple[Left, ...]


def plans_of(
    parts: Iterable[_Part], read: Callable[[_Part], Plan | None], name: Callable[[_Part], str], left: list[Left]
) -> tuple[Plan, ...]:
    """What is read of the parts of a file, without None; a part of another shape is added to ``left`` under its name."""
    plans = []
    for part in parts:
        try:
            plan = read(part)
        except MALFORMED as error:
            left.append(malformed(name(part), error))
        else:
            plans += [] if plan is None else [plan]
    return tuple(plans)


def slug(text: str) -> str:
    """A text as a key: small letters, digits, - _ and points, at most 80 of them."""
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower())[:80].strip("-._") or "x"


def prices(amounts: Mapping[str, Decimal]) -> str | list[str]:
    """One price, or a list of prices in several currencies."""
    texts = [written(amount, currency) for currency, amount in amounts.items()]
    return texts[0] if len(texts) == 1 else texts


def known_currency(code: str) -> bool:
    """Whether a code is of ISO 4217."""
    try:
        minor_digits(code)
    except TollbookError:
        return False
    return True
