"""From dated events to stints: stretches of days on which plan and quantity stay the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import groupby

import msgspec

from engine.base.errors import Code, refuse
from engine.base.period import FOREVER, Period
from engine.billing.proration import Reason
from engine.model.subscription import SubscriptionEvent

OUT_OF_ORDER = Code("subscription.out-of-order", "A subscription event that makes no sense after the ones before it.")


class Stint(msgspec.Struct, frozen=True, gc=False):
    """Days on which a subscription has one plan and one quantity."""

    days: Period
    plan: str
    quantity: Decimal
    began_by: Reason
    ended_by: Reason


class _State(msgspec.Struct, frozen=True, gc=False):
    status: str = "new"  # new, active, paused, cancelled
    plan: str = ""
    quantity: Decimal = Decimal(1)


_ALLOWED = {
    "start": ("new", "cancelled"),
    "change": ("active", "paused"),
    "pause": ("active",),
    "resume": ("paused",),
    "cancel": ("active", "paused"),
}
_BECOMES = {"start": "active", "pause": "paused", "resume": "active", "cancel": "cancelled"}
_ENDED_BY: dict[str, Reason] = {"paused": "pause", "cancelled": "cancel"}


def stints(events: Iterable[SubscriptionEvent], subject: str = "") -> tuple[Stint, ...]:
    """The stints that events amount to, in order of days.

    Events count by effective day, and by the order in which they became known on one day; the order in which they were
    entered otherwise makes no difference.  What counts is the state that a day's events lead to: a day that leaves plan
    and quantity as they were ends no stint, unless the service was cancelled and started again on it.

    Raises:
        TollbookError: ``subscription.out-of-order`` for a pause of what is paused, a change after the end, and the like.
    """
    done: list[Stint] = []
    since, state = date.min, _State()
    began_by: Reason = "start"
    for day, known in groupby(sorted(events, key=lambda e: (e.on, e.id)), key=lambda e: e.on):
        before, kinds = state, set()
        for event in known:
            state = _after(state, event, subject)
            kinds.add(event.kind)
        was, restarted = before.status == "active", "start" in kinds
        if was and state == before and not restarted:
            continue
        if was:
            ended_by = _ENDED_BY.get(state.status, "cancel" if restarted else "change")
            done.append(Stint(Period(since, day), before.plan, before.quantity, began_by, ended_by))
        since, began_by = day, "start" if restarted else "change" if was else "resume"
    if state.status == "active":
        done.append(Stint(Period(since, FOREVER), state.plan, state.quantity, began_by, "anchor"))
    return tuple(done)


def _after(state: _State, event: SubscriptionEvent, subject: str) -> _State:
    if state.status not in _ALLOWED[event.kind]:
        raise refuse(
            OUT_OF_ORDER,
            f"{event.kind} on {event.on} (event {event.key}), while the subscription is {state.status}",
            mend=f"{event.kind} needs a subscription that is {' or '.join(_ALLOWED[event.kind])}",
            subject=subject,
        )
    return _State(
        _BECOMES.get(event.kind, state.status),
        event.plan or state.plan,
        state.quantity if event.quantity is None else event.quantity,
    )


def by_plan(done: Iterable[Stint]) -> tuple[Stint, ...]:
    """Stints joined where only the quantity differs: usage is counted per plan, and anew from each start."""
    joined: list[Stint] = []
    for stint in done:
        last = joined[-1] if joined else None
        if last and last.days.end == stint.days.start and last.plan == stint.plan and stint.began_by != "start":
            joined[-1] = Stint(
                Period(last.days.start, stint.days.end), last.plan, stint.quantity, last.began_by, stint.ended_by
            )
        else:
            joined.append(stint)
    return tuple(joined)
