"""The currencies of a month: what each costs on each day, drawn from the seed, and what an amount is in the currency of the books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from random import Random

CENT = Decimal("0.01")
UNITS = {"EUR": CENT, "GBP": CENT, "JPY": Decimal(1)}
"""The smallest amount of each currency."""
OWN = "EUR"
ACCOUNTS = {"EUR": "DE89370400440532013000", "GBP": "GB29NWBK60161331926819", "JPY": "GB82WEST12345698765432"}
"""The accounts at the bank."""
FROM, UNTIL = date(2026, 2, 1), date(2026, 3, 31)
_BEGIN = {"GBP": Decimal("0.8432"), "JPY": Decimal("162.35")}


def cut(amount: Decimal, currency: str) -> Decimal:
    """An amount to the smallest unit of its currency, half up."""
    return amount.quantize(UNITS[currency], ROUND_HALF_UP)


def minor(amount: int, currency: str) -> Decimal:
    """What a provider writes in smallest units."""
    return amount * UNITS[currency.upper()]


class Rates:
    """What a euro costs in each currency, on each day; it moves by up to 1.2 % a day."""

    def __init__(self, random: Random) -> None:
        self.published: dict[tuple[str, date], Decimal] = {}
        for currency, rate in _BEGIN.items():
            for day in (FROM + timedelta(days=n) for n in range((UNTIL - FROM).days + 1)):
                rate = (rate * (1 + Decimal(random.randint(-120, 120)) / 10_000)).quantize(Decimal("0.0001"))
                self.published[currency, day] = rate

    def lines(self) -> Iterator[str]:
        """The file of rates."""
        yield "base,quote,rate,source,on"
        for (currency, day), rate in self.published.items():
            yield f"{OWN},{currency},{rate},ECB,{day}"

    def worth(self, amount: Decimal, currency: str, day: date) -> Decimal:
        """An amount in euros: at the published rate turned round, which has 12 digits after the point."""
        if currency == OWN:
            return amount
        turned = (1 / self.published[currency, day]).quantize(Decimal("1e-12"), ROUND_HALF_EVEN)
        return cut(amount * turned, OWN)


def share(worth: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """What a part is worth of something that is worth so much as a whole, in euros."""
    return worth if part == whole else cut(worth * part / whole, OWN)
