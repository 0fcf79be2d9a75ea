"""A tax service that times out, fails, leaves lines out or answers twice, as the simulation says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.base.money import round_to
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.hookspecs import Context, Transient, hookimpl
from engine.ports.hookspecs.tax import NoQuote
from tests.simulation.outside import asked, said, spoiled


class SimulatedTax:
    """Rates by tax code and country; how it behaves stands in the folder of the outside world."""

    def __init__(self, context: Context) -> None:
        self.name, self.home = context.adapter, context.home

    @hookimpl
    def tax_quote(self, requests: Sequence[TaxRequest]) -> Any:
        """One answer for each request, unless it is a bad day."""
        state = said(self.home, "tax.json")
        mode = state.get("mode", "none") if state.get("entity") == requests[0].entity else "none"
        if mode == "transient":
            raise Transient("too many requests")
        if mode == "timeout":
            time.sleep(2.5)
        if mode == "silent":
            return None
        answers: list[TaxQuote | NoQuote] = []
        for request in requests:
            bad = spoiled(state.get("salt", 0), request.account, request.tax_code, Fraction(request.amount))
            if mode == "partial" and bad:
                continue
            answers.append(self._quote(request))
            if mode == "double" and bad:
                answers.append(self._quote(request))
        return answers[::-1]

    def _quote(self, request: TaxRequest) -> TaxQuote:
        exact = asked(request.tax_code, request.country)
        rate = Decimal(exact.numerator) / exact.denominator
        amount = round_to(request.amount * rate, request.currency)
        return TaxQuote(request.key, rate, amount, "S" if rate else "Z", request.country, self.name)
