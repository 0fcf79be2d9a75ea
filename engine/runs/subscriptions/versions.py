"""The version of a subscription: how many events are known of it.  Who amends it may say which version they have seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.model.subscription import SubscriptionEvent
from engine.store.reader import Reader
from engine.store.tables import SUBSCRIPTION_EVENT

VERSION_CONFLICT = Code(
    "subscription.version-conflict", "A change of a subscription that somebody else has changed since it was looked at."
)

AUDITED = 10_000
"""Newest audit rows of events that are looked through for who made them."""


class Made(msgspec.Struct, frozen=True):
    """Who made an event known, when and why; empty where that is too long ago to be looked up."""

    who: str = ""
    at: datetime | None = None
    reason: str = ""


def made_by(reader: Reader, tenant: str, events: Sequence[SubscriptionEvent]) -> dict[int, Made]:
    """Who made events known, by their ids."""
    wanted = {event.id for event in events}
    found: dict[int, Made] = {}
    for row in reader.audit_rows(tenant, SUBSCRIPTION_EVENT.name, AUDITED):
        first = row.after["from"]
        for ident in wanted.intersection(range(first, first + row.after["inserted"])):
            found[ident] = Made(row.who, row.at, row.reason)
        if len(found) == len(wanted):
            break
    return found


def told(event: SubscriptionEvent) -> str:
    """An event in words."""
    parts = [event.kind, f"on {event.on}"]
    parts += [f"to plan {event.plan}"] if event.plan else []
    parts += [f"quantity {event.quantity.normalize():f}"] if event.quantity is not None else []
    parts += [f"anchor day {event.anchor_day}"] if event.anchor_day else []
    parts += [f"paid by {event.payer}"] if event.payer else []
    return " ".join(parts)


def conflict(reader: Reader, tenant: str, key: str, events: Sequence[SubscriptionEvent], version: int) -> TollbookError:
    """The refusal of a change of a subscription that has other ``events`` than those of a version."""
    newer = list(events)[version:]
    who = made_by(reader, tenant, newer)
    changes = []
    for event in newer:
        made = who.get(event.id, Made())
        when = f" at {made.at:%Y-%m-%d %H:%M:%S %Z}" if made.at else ""
        changes.append(f"{told(event)}{' by ' + made.who if made.who else ''}{when}")
    since = "; ".join(changes) or "the books know fewer events than that"
    return refuse(
        VERSION_CONFLICT,
        f"subscription {key} is at version {len(events)}, not {version}",
        why=f"since then: {since}",
        mend=f"look at it again with `tollbook subscription show {key}`, and decide anew",
        subject=f"subscription/{key}",
    )
