"""What a routing rule may look at."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta


class RoutingFacts(msgspec.Struct, frozen=True, gc=False):
    """One call that needs an adapter; ``method`` and ``amount`` are those of a payment."""

    port: Annotated[str, Meta(description="the port: tax, delivery, ...")]
    entity: Annotated[str, Meta(description="key of the selling legal entity")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the buyer")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the invoice")]
    day: Annotated[date, Meta(description="business date; selects the rule in force")]
    channel: Annotated[
        str,
        Meta(
            description="how a letter is to go: email, post, portal, sms, phone; empty for invoices and all other calls"
        ),
    ] = ""
    method: Annotated[
        str,
        Meta(
            description="psp only: how it is paid: card, sepa_debit, ach_debit, bacs_debit, wallet, bank_transfer; else empty"
        ),
    ] = ""
    amount: Annotated[Decimal, Meta(description="psp only: how much is paid; else 0", extra={"least": 0})] = Decimal(0)
