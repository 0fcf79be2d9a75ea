"""Rates from published tables, and what an amount is in functional currency."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, round_to
from engine.model.journal import FxRate

NO_RATE = Code("fx.no-rate", "No published rate leads from one currency to another on that day.")

UNITY = Decimal(1)


class RateTable:
    """Rates in force on one day; finds a direct, an inverse or a cross rate (over one common currency).

    ``digits``: an inverse or cross rate is rounded half up to this many digits after the point, and is then the rate that is
    used and kept.
    """

    def __init__(self, rates: Iterable[FxRate], on: date, digits: int = 12) -> None:
        self.on = on
        self._scale = Decimal(1).scaleb(-digits)
        self._known = {(rate.base, rate.quote): rate for rate in rates}
        self._found: dict[tuple[str, str], FxRate] = {}

    def rate(self, base: str, quote: str) -> FxRate:
        """What one unit of ``base`` costs in ``quote``, with its source and the day that it was published for.

        Raises:
            TollbookError: ``fx.no-rate``.
        """
        found = self._found.get((base, quote))
        if found is None:
            found = self._found[base, quote] = self._look_up(base, quote)
        return found

    def _look_up(self, base: str, quote: str) -> FxRate:
        if base == quote:
            return FxRate(base, quote, UNITY, "same currency", self.on)
        direct = self._known.get((base, quote))
        if direct:
            return direct
        inverse = self._known.get((quote, base))
        if inverse:
            return FxRate(base, quote, self._cut(1 / Fraction(inverse.rate)), inverse.source, inverse.on)
        for common in sorted({currency for pair in self._known for currency in pair}):
            first, second = self._leg(base, common), self._leg(common, quote)
            if first and second:
                rate = self._cut(first[0] * second[0])
                return FxRate(base, quote, rate, f"{second[1].source} cross {common}", min(first[1].on, second[1].on))
        raise refuse(
            NO_RATE,
            f"no rate from {base} to {quote} for {self.on}",
            mend="import a rates file that has it, or raise fx.max_age_days",
        )

    def _leg(self, base: str, quote: str) -> tuple[Fraction, FxRate] | None:
        """The exact rate of one step, from a published rate or the inverse of one."""
        direct, inverse = self._known.get((base, quote)), self._known.get((quote, base))
        if direct:
            return Fraction(direct.rate), direct
        return (1 / Fraction(inverse.rate), inverse) if inverse else None

    def _cut(self, rate: Fraction) -> Decimal:
        return CONTEXT.divide(Decimal(rate.numerator), Decimal(rate.denominator)).quantize(self._scale, context=CONTEXT)


def convert(amount: Decimal, rate: FxRate) -> Decimal:
    """``amount`` in the rate's quote currency, rounded half up to its minor unit."""
    return amount if rate.base == rate.quote else round_to(amount * rate.rate, rate.quote)
