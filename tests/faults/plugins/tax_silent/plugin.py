"""A tax adapter that never answers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.hookspecs import Context, hookimpl


class TaxSilent:
    """Sleeps for an hour, whatever it is asked."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @hookimpl
    def tax_quote(self, requests: Sequence[TaxRequest]) -> list[TaxQuote]:
        """Sleep."""
        time.sleep(3600)
        return []
