"""Who levies which tax where, for fakes of tax providers: a few places, as of January 2026."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

DIGITS = {"JPY": 0, "KWD": 3}
UNION = ("AT", "BE", "DE", "ES", "FR", "IE", "IT", "NL", "PL")


class Levy(NamedTuple):
    """A tax of one jurisdiction: its level and name, and the rate as a share."""

    level: str
    name: str
    rate: Decimal


def _levies(*rows: tuple[str, str, str]) -> tuple[Levy, ...]:
    return tuple(Levy(level, name, Decimal(rate)) for level, name, rate in rows)


PLACES = {
    "AT": _levies(("Country", "AUSTRIA", "0.20")),
    "DE": _levies(("Country", "GERMANY", "0.19")),
    "FR": _levies(("Country", "FRANCE", "0.20")),
    "GB": _levies(("Country", "UNITED KINGDOM", "0.20")),
    "JP": _levies(("Country", "JAPAN", "0.10")),
    "NL": _levies(("Country", "NETHERLANDS", "0.21")),
    "US-CA": _levies(("State", "CALIFORNIA", "0.06"), ("County", "ORANGE", "0.0025"), ("Special", "OCTA", "0.01")),
    "US-NY": _levies(("State", "NEW YORK", "0.04"), ("City", "NEW YORK CITY", "0.045"), ("Special", "MCTD", "0.00375")),
    "US-OR": (),
    "US-WA": _levies(("State", "WASHINGTON", "0.065"), ("City", "SEATTLE", "0.0385")),
}

UNTAXED = ("NT",)
"""Tax codes of what nobody taxes."""


def levies(country: str, region: str) -> tuple[Levy, ...] | None:
    """Who levies a tax in a place; None where that cannot be told."""
    return PLACES.get(f"{country}-{region}" if region else country, PLACES.get(country))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An amount in the minor units of its currency."""
    return amount.quantize(Decimal(1).scaleb(-DIGITS.get(currency, 2)), ROUND_HALF_UP)
