"""Money, its rounding and its splitting.

Inside the core an amount is a plain ``Decimal`` beside a currency code, because objects that are dear to make are what
makes billing slow.  :class:`Money` is for the edges (API, pages, messages): py-moneyed's type, made immutable and deaf
to floats.  Rounding is always by a named mode, and happens once, where a rule says so.
"""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final

import moneyed

from engine.base.errors import Code, did_you_mean, refuse

UNKNOWN_CURRENCY = Code("money.unknown-currency", "A currency code that ISO 4217 does not list.")
NOT_EXACT = Code(
    "money.not-exact", "An amount that is not an exact decimal number (a float, NaN, infinity, or no number at all)."
)

ROUNDING: Final[dict[str, str]] = {
    "half_up": decimal.ROUND_HALF_UP,  # ties away from zero: invoices almost everywhere
    "half_even": decimal.ROUND_HALF_EVEN,  # ties to the even digit: banker's rounding
    "half_down": decimal.ROUND_HALF_DOWN,
    "up": decimal.ROUND_UP,  # away from zero
    "down": decimal.ROUND_DOWN,  # towards zero
    "ceiling": decimal.ROUND_CEILING,
    "floor": decimal.ROUND_FLOOR,
}
"""Rounding modes by the names that rule files use; they behave on negative numbers as Python's ``decimal`` says."""

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
CONTEXT: Final = decimal.Context(prec=50, rounding=decimal.ROUND_HALF_UP)
"""The arithmetic of the core: 50 digits, so that no product or quotient of ours is ever cut before its rounding point."""


NOISE: Final = Decimal("1e-30")
"""Digits beyond these are left by dividing one by one what is divisible together: a third and two thirds are a whole."""
_WIDEST: Final = Decimal("1e20")


def settled(amount: Decimal) -> Decimal:
    """An amount of divided parts without the digits beyond :data:`NOISE`, which would put a tie on the wrong side of its rounding."""
    if not -_WIDEST < amount < _WIDEST:
        return amount
    made = amount.quantize(NOISE, context=CONTEXT)
    return amount if made == amount else made


def exact_arithmetic() -> None:
    """Make :data:`CONTEXT` the arithmetic of the calling thread, and of threads started later.

    Every entry point (command, worker process, web worker) calls this once, before any amount is touched.
    """
    decimal.setcontext(CONTEXT.copy())
    decimal.DefaultContext.prec = CONTEXT.prec
    decimal.DefaultContext.rounding = CONTEXT.rounding


@cache
def minor_digits(currency: str) -> int:
    """Digits after the point that ISO 4217 gives a currency: 2 for EUR, 0 for JPY, 3 for KWD.

    Raises:
        TollbookError: ``money.unknown-currency``.
    """
    try:
        unit = moneyed.get_currency(currency).sub_unit
    except moneyed.CurrencyDoesNotExist:
        raise refuse(
            UNKNOWN_CURRENCY,
            f"{currency!r} is not a currency",
            mend=did_you_mean(currency, moneyed.CURRENCIES),
        ) from None
    return len(str(unit)) - 1


def written(amount: Decimal, currency: str) -> str:
    """An amount with its currency, as rule files and explanations write it: no digit more than needed, no fewer than the currency has."""
    least, amount = minor_digits(currency), amount or ZERO
    text = f"{amount.normalize():f}"
    digits = len(text.partition(".")[2])
    return f"{f'{amount:.{least}f}' if digits < least else text} {currency}"


@cache
def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency, as an exponent for ``quantize``: ``Decimal('0.01')`` for EUR."""
    return Decimal(1).scaleb(-minor_digits(currency))


def round_to(amount: Decimal, currency: str, mode: str = "half_up") -> Decimal:
    """``amount`` rounded to the currency's minor unit by a mode of :data:`ROUNDING`."""
    return amount.quantize(minor_unit(currency), ROUNDING[mode], CONTEXT)


def tax_within(gross: Decimal, rate: Decimal, currency: str) -> Decimal:
    """The tax in an amount that includes it, ``rate`` a share of the rest: 15.97 in 100.00 at 0.19."""
    return gross - round_to(CONTEXT.divide(gross, ONE + rate), currency)


def split(amount: Decimal, weights: Sequence[Decimal], currency: str) -> tuple[Decimal, ...]:
    """Parts of ``amount`` in proportion to ``weights`` that lose no cent.

    Cumulative rounding: part *i* is the rounded running total minus what was given before, so parts differ from their
    exact share by less than one minor unit and always add up to ``amount``.  Weights must not be negative and must not
    sum to zero; ``amount`` is in whole minor units.
    """
    total = sum(weights, ZERO)
    if total <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("weights of a split must not be negative and must sum to more than zero")
    parts, given, running = [], ZERO, ZERO
    for weight in weights:
        running += weight
        due = amount if running == total else round_to(CONTEXT.divide(amount * running, total), currency)
        parts.append(due - given)
        given = due
    return tuple(parts)


def to_decimal(value: Any) -> Decimal:
    """An exact, finite ``Decimal`` of a text, integer or Decimal; a float is refused, because it is not what was written.

    Raises:
        TollbookError: ``money.not-exact``.
    """
    if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) and "_" not in str(value):
        try:
            number = Decimal(value)
        except decimal.InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise refuse(NOT_EXACT, f"{value!r} is not an exact number", mend="write it as digits with a point, such as 12.50")


def _no_float(value: object) -> object:
    return to_decimal(value) if isinstance(value, float) else value


class Money(moneyed.Money):
    """An immutable amount in a currency, for the edges of the system.  Exact numbers only."""

    def __init__(self, amount: Any, currency: str) -> None:
        minor_digits(str(currency))
        super().__init__(to_decimal(amount), str(currency))
        object.__setattr__(self, "_sealed", True)

    def __setattr__(self, name: str, value: Any) -> None:
        if getattr(self, "_sealed", False):
            raise AttributeError(f"Money is immutable: cannot set {name}")
        object.__setattr__(self, name, value)

    def __mul__(self, other: object) -> Money:
        return super().__mul__(_no_float(other))

    def __truediv__(self, other: object) -> Any:
        return super().__truediv__(_no_float(other))

    def __rmod__(self, other: object) -> Money:
        return super().__rmod__(_no_float(other))

    __rmul__ = __mul__

    def rounded(self, mode: str = "half_up") -> Money:
        """This amount in whole minor units of its currency."""
        return Money(round_to(self.amount, self.currency.code, mode), self.currency.code)
