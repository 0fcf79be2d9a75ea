"""Port ``fx``: exchange rates, from whoever publishes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class FxRequest(msgspec.Struct, frozen=True, gc=False):
    """What is asked: what one unit of ``base`` costs in ``quote`` on a day."""

    key: Annotated[str, Meta(description="names the request")]
    base: Annotated[str, Meta(description="ISO 4217 currency that is priced")]
    quote: Annotated[str, Meta(description="ISO 4217 currency of the price; another one than the base")]
    on: Annotated[date, Meta(description="the day that a rate is wanted for")]


class FxQuote(msgspec.Struct, frozen=True, gc=False):
    """The rate that is in force on the day: that of the day, or the last one before it."""

    key: Annotated[str, Meta(description="key of the request")]
    rate: Annotated[Decimal, Meta(description="what one unit of the base costs in the quote currency; above zero")]
    on: Annotated[date, Meta(description="the day that it was published for; not after the day that was asked for")]
    source: Annotated[str, Meta(description="who publishes it, as in the setting fx.source")]
    at: Annotated[datetime, Meta(description="the moment at which it was read from the source; with a time zone")]


class NoRate(msgspec.Struct, frozen=True, gc=False):
    """That the source has no rate for a request."""

    key: Annotated[str, Meta(description="key of the request")]
    reason: Annotated[str, Meta(description="why: no such currency, or none since a day that is too long ago")]


class FxPort(Protocol):
    """Verb: ask.  What is answered is written into the books once, and used from there."""

    @hookspec(firstresult=True)
    def fx_rates(self, requests: Sequence[FxRequest]) -> Sequence[FxQuote | NoRate]:
        """The rates of pairs of currencies on days.

        When: by ``tollbook rates fetch`` or a schedule of it; again for the same days after a failure, and whenever
        somebody wants to.

        With: ``requests``, at least one, each with another ``key``.

        Answers: exactly one :class:`FxQuote` or :class:`NoRate` for each key, in any order.  A published rate has the digits that
        it was published with; one that is worked out from two of them, over a common currency or the other way round, takes
        both of the same day and says in the plug-in's documentation how it is rounded.  On a day without a rate the last one
        before is given, under its own date.  The same request for a day that is over gives the same rate again.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; a pair or a day that the source
        does not have is an answer, not a failure.

        May not: pass through a float; take a rate of a later day; make up a rate that the source does not bear out.
        """
        ...


PORT: Final = Port(name="fx", contract=CONTRACT, verb="ask", prefix="fx_", spec=FxPort)
