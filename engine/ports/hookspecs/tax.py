"""Port ``tax``: what tax is due on an invoice line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""

CATEGORIES: Final = ("S", "Z", "E", "AE", "K", "G", "O")
"""EN 16931 categories that a quote may have; all but S mean a rate of zero."""

REASONED: Final = ("E", "AE", "K", "G", "O")
"""Categories that need a reason to be printed."""


class NoQuote(msgspec.Struct, frozen=True, gc=False):
    """An answer that there is none: the provider cannot tell the tax on this line, and ``reason`` says why."""

    key: Annotated[str, Meta(description="key of the request")]
    reason: Annotated[str, Meta(description="why, for the person who has to mend it")]


class TaxPort(Protocol):
    """Verb: ask.  An answer is an estimate that becomes a fact of the invoice; it commits nothing at the provider."""

    @hookspec(firstresult=True)
    def tax_quote(self, requests: Sequence[TaxRequest]) -> Sequence[TaxQuote | NoQuote]:
        """What tax is due on each of these lines.

        When: once for each batch of invoice drafts, and again whenever a run is tried again; also by previews.

        With: ``requests``, at least one, each with another ``key``; not in a promised order.

        Answers: exactly one :class:`TaxQuote` or :class:`NoQuote` for each key, in any order.  ``amount`` is in the
        request's currency, in whole minor units, with the sign of the request's amount; ``category`` is one of
        :data:`CATEGORIES`, with a rate and an amount of zero unless it is ``S``; ``reason`` is the text to be printed
        where the category is one of :data:`REASONED`; ``jurisdiction`` names who levies; ``source`` is the
        adapter's name.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole.

        May not: record or commit anything at the provider; answer nothing; answer for a key that was not asked.
        """
        ...


PORT: Final = Port(name="tax", contract=CONTRACT, verb="ask", prefix="tax_", spec=TaxPort)
