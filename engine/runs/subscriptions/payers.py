"""Who pays for single subscriptions, where events name payers beside those of their accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

import msgspec

from engine.base.errors import TollbookError
from engine.base.period import local_day
from engine.billing.timeline import payer_on, stints
from engine.model.account import Account
from engine.model.entity import LegalEntity
from engine.model.subscription import BillingMark, SubscriptionEvent
from engine.store import lookups
from engine.store.reader import Reader


class Apart(msgspec.Struct, frozen=True):
    """The subscriptions of an account for which others pay, by key."""

    subscriptions: Mapping[str, Account] = {}


NOBODY: Final = Apart()


def named_on(events: Sequence[SubscriptionEvent], day: date) -> str:
    """Whom events name to pay on a day; empty where it is the payer of the account, or where the events make no sense."""
    try:
        return payer_on(stints(events), day)
    except TollbookError:  # rating it says so
        return ""


def named_payers(
    reader: Reader, tenant: str, entity: LegalEntity, accounts: Iterable[str], at: datetime
) -> dict[tuple[str, str], Apart]:
    """By legal entity and account, the subscriptions for which events name a payer at a moment; of most nothing."""
    found = reader.named_payers(tenant, entity.key, accounts)
    day = local_day(at, entity.zone)
    named = {
        account: {key: payer for key, events in some.items() if (payer := named_on(events, day))}
        for account, some in found.items()
    }
    payers = reader.accounts(tenant, entity.key, sorted({p for some in named.values() for p in some.values()}))
    return {
        (entity.key, account): Apart({key: payers[payer] for key, payer in some.items() if payer in payers})
        for account, some in named.items()
    }


def marked(reader: Reader, subscription_id: int, day: date) -> BillingMark | None:
    """How far a subscription is billed for whoever pays on a day; None where no run has billed it."""
    events = lookups.events_of(reader, [subscription_id]).get(subscription_id, [])
    name = named_on(events, day) if any(event.payer for event in events) else ""
    if name:
        found = next((one for one in reader.payer_marks([subscription_id]) if one.payer == name), None)
        if found is not None:
            return found
    return reader.marks([subscription_id]).get(subscription_id)
