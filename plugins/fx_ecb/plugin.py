"""The euro reference rates of the European Central Bank, from a file or over HTTP."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Final

from engine.ports.hookspecs import Context as Given
from engine.ports.hookspecs import Permanent, Transient, hookimpl
from engine.ports.hookspecs.fx import FxQuote, FxRequest, NoRate

from .eurofxref import LARGEST, Published, price, read

EURO: Final = "EUR"
UNIT: Final = Decimal("1e-12")
WORKED_OUT: Final = Context(prec=50, rounding=ROUND_HALF_EVEN)
"""How a rate is worked out that the bank does not publish: exactly, then to 12 digits after the point, ties to the even one."""
COME_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP answers after which the same request may work later."""


class EcbRates:
    """Reads the file anew for each call, so that what the bank has added is seen."""

    def __init__(self, context: Given) -> None:
        settings = context.settings
        self.place: str = settings["rates"]
        self.file: Path = context.home / self.place
        self.source: str = settings["source"]
        self.oldest = timedelta(days=settings["max_age_days"])
        self.wait: int = settings["wait"]

    @hookimpl
    def fx_rates(self, requests: Sequence[FxRequest]) -> list[FxQuote | NoRate]:
        """The rate of each pair on its day, or on the last day before it on which the bank published both currencies."""
        data, now = self._data(), datetime.now(UTC)
        try:
            published = read(data)
            days = sorted(published)
            return [self._answer(request, published, days, now) for request in requests]
        except (ValueError, LookupError) as error:
            raise Permanent(f"the rates cannot be read: {error}") from None

    def _answer(self, asked: FxRequest, published: Published, days: Sequence[date], now: datetime) -> FxQuote | NoRate:
        earliest = asked.on - self.oldest
        for day in reversed(days[: bisect_right(days, asked.on)]):
            if day < earliest:
                break
            rate = _rate(published[day], asked.base, asked.quote)
            if rate is not None:
                return FxQuote(asked.key, rate, day, self.source, now)
        return NoRate(asked.key, f"the bank published none from {earliest} to {asked.on}")

    def _data(self) -> bytes:
        if self.place.startswith(("http://", "https://")):
            return self._fetched()
        try:
            with self.file.open("rb") as file:
                return file.read(LARGEST + 1)
        except OSError as error:
            raise Transient(f"{self.file.name} cannot be read: {error.strerror}") from None

    def _fetched(self) -> bytes:
        """The answer of the address.  Nothing is changed by asking, so that whatever broke off may be asked again."""
        try:
            with urllib.request.urlopen(self.place, timeout=self.wait) as answer:
                data = bytes(answer.read(LARGEST + 1))
                missing = answer.length  # reading so many bytes at most does not complain about fewer
        except urllib.error.HTTPError as error:
            error.close()
            kind = Transient if error.code in COME_AGAIN else Permanent
            raise kind(f"the address answered {error.code}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Transient(f"the address gave no whole answer: {error}") from None
        if missing and len(data) <= LARGEST:
            raise Transient(f"the address broke off {missing} bytes before the end")
        return data


def _rate(prices: Mapping[str, str], base: str, quote: str) -> Decimal | None:
    """What one unit of ``base`` costs in ``quote``: as published where the base is the euro, else worked out over the euro."""
    if not all(currency == EURO or currency in prices for currency in (base, quote)):
        return None
    of_quote = Decimal(1) if quote == EURO else price(prices[quote])
    if base == EURO:
        return of_quote
    return WORKED_OUT.divide(of_quote, price(prices[base])).quantize(UNIT, context=WORKED_OUT)
