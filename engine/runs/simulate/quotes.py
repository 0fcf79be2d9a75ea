"""Tax in a simulation: adapters at home are asked, those that call another system are not; what they said then is said again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.host import Host
from engine.store.asof import AsOf
from engine.store.asof_documents import taxes

Known = dict[tuple[str, str], TaxQuote]
"""(buyer, tax code) -> the quote that a line of them was billed with."""


class OfflineHost(Host):
    """The adapters without any call to another system."""

    known: Known = {}

    def ask_tax(self, adapter: str, requests: Sequence[TaxRequest]) -> list[TaxQuote]:
        """As :meth:`Host.ask_tax`; for an adapter that calls out the rates that its lines were billed with, where there are any:
        the rest is left to the rules of ``tax_fallback``."""
        if not self._lines[adapter].adapter.manifest.outbound:
            return super().ask_tax(adapter, requests)
        found = ((one, self.known.get((one.account, one.tax_code))) for one in requests)
        return [_again(one, quote) for one, quote in found if quote is not None]


def _again(request: TaxRequest, quote: TaxQuote) -> TaxQuote:
    return msgspec.structs.replace(quote, key=request.key, amount=request.tax_at(quote.rate))


def take_quotes(books: AsOf, host: Host, run_id: int, payers: tuple[str, str, str]) -> None:
    """Have the host know the tax that a run has billed some payers (entity, first, last); nothing where no adapter calls out."""
    if isinstance(host, OfflineHost) and host.calls_out("tax"):
        host.known = taxes(books, run_id, *payers)
