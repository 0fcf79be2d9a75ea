"""What happens that may make an invoice due at once, and what a rule may look at then."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.entity import LegalEntity

TriggerKind = Literal["usage", "accept", "go_live", "revoke"]


class TriggerFacts(msgspec.Struct, frozen=True, gc=False):
    """Something that happened, and the account that would be invoiced for it."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that receives the invoice")]
    kind: Annotated[
        TriggerKind,
        Meta(description="what happened: usage came in, a milestone was accepted, a go-live came, or one was revoked"),
    ]
    contract: Annotated[str | None, Meta(description="key of the contract of the subscription; null for usage")]
    about: Annotated[
        str | None, Meta(description="key of the milestone, of the charge that goes live, or of what is revoked")
    ]
    hour: Annotated[int, Meta(description="hour of the day at which it became known, in the zone of the legal entity")]
    day: Annotated[date, Meta(description="its day there; selects the rule in force")]
