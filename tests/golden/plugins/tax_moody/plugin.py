"""A tax adapter that is silent from one call to another, or while a file is there."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.hookspecs import Context, hookimpl

RATES = {"NL": "0.21", "DE": "0.16", "FR": "0.2", "US-NY": "0.08875", "US-TX": "0.0825"}


class TaxMoody:
    """Answers from a few rates of its own, which are not those of the rules."""

    def __init__(self, context: Context) -> None:
        self.context, self.calls = context, 0

    @hookimpl
    def tax_quote(self, requests: Sequence[TaxRequest]) -> list[TaxQuote]:
        """The tax on each line, or nothing at all."""
        self.calls += 1
        silent = range(self.context.settings["silent_from"], self.context.settings["silent_to"])
        if self.calls in silent or (self.context.home / "down").exists():
            raise ConnectionError("no route to the tax authority")
        return [self._quote(request) for request in requests]

    def _quote(self, request: TaxRequest) -> TaxQuote:
        place = f"{request.country}-{request.region}" if request.region else request.country
        rate = Decimal(0) if request.exempt else Decimal(RATES[place])
        return TaxQuote(
            request.key,
            rate,
            request.tax_at(rate),
            "E" if request.exempt else "S",
            place,
            self.context.adapter,
            "Exempt by certificate" if request.exempt else "",
        )
