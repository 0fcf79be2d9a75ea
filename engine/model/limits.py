"""What a rule about limits may look at."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta


class LimitFacts(msgspec.Struct, frozen=True, gc=False):
    """One bucket that calls of the API are counted in: that of a client, or that of all clients of the tenant."""

    bucket: Annotated[str, Meta(description="whose calls are counted: client or tenant")]
    client: Annotated[str, Meta(description="name of the client in config.yaml; empty for the bucket of the tenant")]
    tenant: Annotated[str, Meta(description="key of the tenant")]
    call: Annotated[str, Meta(description="kind of call: ingest")]
    day: Annotated[date, Meta(description="day of the call in UTC; selects the rule in force")]
