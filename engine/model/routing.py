"""What a routing rule may look at."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta


class RoutingFacts(msgspec.Struct, frozen=True, gc=False):
    """One call that needs an adapter."""

    port: Annotated[str, Meta(description="the port: tax, delivery, ...")]
    entity: Annotated[str, Meta(description="key of the selling legal entity")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the buyer")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the invoice")]
    day: Annotated[date, Meta(description="business date; selects the rule in force")]
