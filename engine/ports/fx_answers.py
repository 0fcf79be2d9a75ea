"""Whether what an exchange rate adapter answers is a rate within the contract."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.base.errors import Finding, Where
from engine.ports.failure import NO_RATE
from engine.ports.hookspecs.fx import FxQuote, FxRequest, NoRate


def rate_flaws(request: FxRequest, quote: Any) -> str | Finding:
    """What is wrong with a rate; empty where nothing is."""
    if isinstance(quote, NoRate):
        what = f"no rate is known from {request.base} to {request.quote} on {request.on}: {quote.reason}"
        return Finding(NO_RATE, Where(), what, subject=request.key)
    if not isinstance(quote, FxQuote):
        return f"answered {type(quote).__name__} instead of FxQuote"
    if not isinstance(quote.rate, Decimal) or not quote.rate.is_finite() or quote.rate <= 0:
        return f"answered the rate {quote.rate!r}, which is no finite Decimal above 0"
    if not isinstance(quote.on, date) or isinstance(quote.on, datetime) or quote.on > request.on:
        return f"answered a rate of {quote.on!r}, which is no day up to {request.on}"
    if not isinstance(quote.at, datetime) or quote.at.tzinfo is None:
        return f"answered the moment {quote.at!r}, which is no time with a zone"
    if not isinstance(quote.source, str) or not quote.source.strip():
        return "answered no source"
    return ""
