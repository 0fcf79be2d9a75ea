"""What a charge waits for beside its subscription: the go-live, or milestones that are accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from operator import attrgetter

import msgspec

from engine.base.period import Period
from engine.billing.timeline import Stint
from engine.model.catalog import Charge
from engine.model.subscription import SubscriptionEvent


def in_force(events: Iterable[SubscriptionEvent], kind: str) -> dict[str, SubscriptionEvent]:
    """Triggers of a kind that nobody took back, by what they are about (empty: all charges); of several for one thing the
    one that became known first."""
    known = sorted(events, key=attrgetter("id"))
    revoked = {event.charge for event in known if event.kind == "revoke"}
    found: dict[str, SubscriptionEvent] = {}
    for event in known:
        if event.kind == kind and event.key not in revoked:
            found.setdefault(event.charge or "", event)
    return found


def gone_live(events: Iterable[SubscriptionEvent], charge: str) -> SubscriptionEvent | None:
    """The go-live of a charge: its own, else that of the whole subscription; None where it has not come."""
    found = in_force(events, "go_live")
    return found.get(charge) or found.get("")


def live(
    stint: Stint,
    charge: Charge,
    events: Iterable[SubscriptionEvent],
    when: Callable[[SubscriptionEvent], date] = attrgetter("on"),
) -> Stint | None:
    """The part of a stint on which a charge that waits for its go-live is in service; None where there is none.

    ``when`` says at which point an event takes effect, where time is not counted in days.
    """
    event = gone_live(events, charge.key)
    if event is None:
        return None
    begins = when(event)
    if begins >= stint.days.end:
        return None
    if begins <= stint.days.start:
        return stint
    return msgspec.structs.replace(stint, days=Period(begins, stint.days.end), began_by="start")
