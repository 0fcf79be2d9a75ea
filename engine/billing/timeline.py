"""From dated events to stints: stretches of days on which plan and quantity stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.period import BEGINNING, FOREVER, Period, add_months
from engine.billing.proration import Reason
from engine.model.subscription import TRIGGERS, EventKind, SubscriptionEvent

OUT_OF_ORDER = Code("subscription.out-of-order", "A subscription event that makes no sense after the ones before it.")


class Stint(msgspec.Struct, frozen=True, gc=False):
    """Days on which a subscription has one plan, one quantity and one anchor.

    ``anchor_day`` is 0 where its cycles still begin on the subscription's own day; where they began anew, they are counted
    from ``anchored``: where the anchor was moved, the first such day on or after the move.  ``payer`` is whom an event names
    to pay for them, empty where none does.
    """

    days: Period
    plan: str
    quantity: Decimal
    began_by: Reason
    ended_by: Reason
    anchor_day: int = 0
    anchored: date = date.min
    payer: str = ""


class _State(msgspec.Struct, frozen=True, gc=False):
    status: str = "new"  # new, active, paused, cancelled
    plan: str = ""
    quantity: Decimal = Decimal(1)
    anchor_day: int = 0
    anchored: date = date.min
    payer: str = ""


_NEW = _State()
_ALLOWED = {
    "start": ("new", "cancelled"),
    "change": ("active", "paused"),
    "pause": ("active",),
    "resume": ("paused",),
    "cancel": ("active", "paused"),
    "anchor": ("active", "paused"),
    "uncancel": ("cancelled",),
    "payer": ("active", "paused", "cancelled"),
}
_BECOMES = {"start": "active", "pause": "paused", "resume": "active", "cancel": "cancelled", "uncancel": "active"}
_ENDED_BY: dict[str, Reason] = {"paused": "pause", "cancelled": "cancel"}
_OF_OTHERS: Final = frozenset({"adjust", "redeem"}) | TRIGGERS
"""Kinds of events that leave usage in its stretch: money given back by hand, coupons, and what fees wait for."""
_APART = frozenset({"withdraw", "rerate"}) | _OF_OTHERS
"""Kinds of events that are about other events, about what was billed, or about what charges wait for, and lead to no state
themselves."""


def counted(events: Iterable[SubscriptionEvent]) -> Sequence[SubscriptionEvent]:
    """The events that say what is in service: without those that a later known ``withdraw`` takes back."""
    known = tuple(events)
    if len(known) == 1 and known[0].kind == "start":
        return known
    if _APART.isdisjoint([event.kind for event in known]):
        return known
    withdrawn = [event for event in known if event.kind == "withdraw"]
    return [
        event
        for event in known
        if event.kind not in _APART and not any(event.id < one.id and event.on > one.on for one in withdrawn)
    ]


def touching(events: Iterable[SubscriptionEvent], seen: int, stretch: Period) -> list[SubscriptionEvent]:
    """The events with an id above ``seen`` that may change a stretch of usage: those that say what is in service, take such ones back, or
    have it rated again.  Of the day after its last only an end, or what takes one back, changes it."""
    return [
        event
        for event in events
        if event.id > seen
        and event.kind not in _OF_OTHERS
        and (event.on < stretch.end or (event.on == stretch.end and event.kind != "change"))
    ]


def moment_of(event: SubscriptionEvent) -> tuple[date, datetime]:
    """By which events take their turn: day, then instant; one that says no instant takes effect as its day begins."""
    return event.on, event.at or BEGINNING


def stints(
    events: Iterable[SubscriptionEvent],
    subject: str = "",
    when: Callable[[SubscriptionEvent], date] = attrgetter("on"),
    forever: date = FOREVER,
) -> tuple[Stint, ...]:
    """The stints that events amount to, in order of days.

    Events count by effective day and instant, and by the order in which they became known where these are the same; the
    order in which they were entered otherwise makes no difference.  What counts is the state that a day's events lead to: a
    day that leaves plan, quantity and anchor as they were ends no stint, unless the service was cancelled and started again
    on it.  An ``uncancel`` on the day of a cancellation that became known before takes it back, as if it had never been.
    Where time is counted otherwise than in days, ``when`` says at which point an event takes effect, and ``forever`` is after
    all points.

    Raises:
        TollbookError: ``subscription.out-of-order`` for a pause of what is paused, a change after the end, and the like.
    """
    found = counted(events)
    if len(found) == 1:  # what comes first starts the service, or is refused
        return (_stint(Period(when(found[0]), forever), _after(_NEW, found[0], subject), "start", "anchor"),)
    done: list[Stint] = []
    since, state = date.min, _NEW
    began_by: Reason = "start"
    for day, before, after, kinds in _days(found, subject, when):
        state = after
        was, restarted = before.status == "active", "start" in kinds
        if was and state == before and not restarted:
            continue
        if was:
            goes_on = _changed(before, state)
            ended_by = _ENDED_BY.get(state.status, "cancel" if restarted else goes_on)
            done.append(_stint(Period(since, day), before, began_by, ended_by))
        since, began_by = day, "start" if restarted else goes_on if was else "resume"
    if state.status == "active":
        done.append(_stint(Period(since, forever), state, began_by, "anchor"))
    return tuple(done)


def payer_on(served: Iterable[Stint], day: date) -> str:
    """Whom an event names to pay on a day: of the stint that began last by then; empty where none is named."""
    begun = [stint.payer for stint in served if stint.days.start <= day]
    return begun[-1] if begun else ""


def moments(events: Iterable[SubscriptionEvent], subject: str = "") -> tuple[Stint, ...]:
    """Services that began and were cancelled on one day: stints of no day, which usage of the day may belong to."""
    return tuple(
        _stint(Period(day, day), after, "start", "cancel")
        for day, before, after, kinds in _days(counted(events), subject)
        if "start" in kinds and before.status != "active" and after.status == "cancelled"
    )


def _days(
    found: Iterable[SubscriptionEvent],
    subject: str,
    when: Callable[[SubscriptionEvent], date] = attrgetter("on"),
) -> Iterator[tuple[date, _State, _State, set[EventKind]]]:
    """Each day (or point in time) with events that count: the state before and after them, and their kinds."""
    state = _NEW
    for day, known in groupby(sorted(found, key=lambda e: (*moment_of(e), e.id)), key=when):
        before, kinds = state, set[EventKind]()
        for event in known:
            state = _after(state, event, subject)
            kinds.add(event.kind)
        yield day, before, state, kinds


def _stint(days: Period, state: _State, began_by: Reason, ended_by: Reason) -> Stint:
    return Stint(days, state.plan, state.quantity, began_by, ended_by, state.anchor_day, state.anchored, state.payer)


def _changed(before: _State, after: _State) -> Reason:
    """What a change within the service is one of: of the payer alone, or of more."""
    if before.payer == after.payer:
        return "change"
    return "payer" if msgspec.structs.replace(before, payer=after.payer) == after else "change"


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
        event.anchor_day or state.anchor_day,
        _first_anchor(event.on, event.anchor_day) if event.anchor_day else state.anchored,
        state.payer if event.payer is None and event.kind != "payer" else event.payer or "",
    )


def _first_anchor(on: date, anchor_day: int) -> date:
    """The first anchor day on or after a day."""
    found = add_months(on, 0, anchor_day)
    return found if found >= on else add_months(on, 1, anchor_day)
