"""Which new events of a subscription can follow the ones that are known.  Pure.

What billing cannot make sense of is not let in: the judge is :func:`engine.billing.timeline.stints` itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from engine.base.errors import TollbookError
from engine.billing.timeline import moment_of, stints
from engine.model.subscription import SubscriptionEvent

MOST_REFUSED: Final = 100
"""Events of one subscription that are tried in vain before the others are not tried any more: a limit on work."""


def admit(
    known: Sequence[SubscriptionEvent], new: Sequence[SubscriptionEvent]
) -> tuple[list[SubscriptionEvent], list[SubscriptionEvent]]:
    """The new events that make sense with the known ones, as they are to become known in order; and the others.

    Events that come together are judged together: their order in a file makes no difference where days differ.  One
    may make sense only after a later one (a change that stands above its start), so refused ones are tried again until
    none more fits; with the accepted ones known, the same events are therefore refused again.

    Ids of the new events do not count; those of the known ones are below every id that the new ones will get.
    """
    accepted: list[SubscriptionEvent] = []
    pending = sorted(new, key=moment_of)
    while pending:
        fitting = _fitting(followed(known, accepted), pending, _Patience())
        if not fitting:
            break
        accepted += fitting
        keys = {event.key for event in fitting}
        pending = [event for event in pending if event.key not in keys]
    return accepted, pending


class _Patience:
    """How many more events may be tried in vain."""

    def __init__(self) -> None:
        self.left = MOST_REFUSED


def why_not(known: Sequence[SubscriptionEvent], event: SubscriptionEvent) -> tuple[str, str]:
    """Why an event was not let in beside the known ones: (what stands against it, how to mend it)."""
    try:
        stints(followed(known, [event]))
    except TollbookError as error:
        return error.findings[0].what, error.findings[0].mend
    return f"{MOST_REFUSED} other events of the subscription do not fit either", "mend those first"


def _fitting(
    known: Sequence[SubscriptionEvent], new: Sequence[SubscriptionEvent], patience: _Patience
) -> list[SubscriptionEvent]:
    """As many of the new events as fit: all of them, or what fits of one half and then of the other."""
    if not patience.left:
        return []
    try:
        stints(followed(known, new))
    except TollbookError:
        if len(new) == 1:
            patience.left -= 1
            return []
        half = len(new) // 2
        first = _fitting(known, new[:half], patience)
        return first + _fitting(followed(known, first), new[half:], patience)
    return list(new)


def followed(known: Sequence[SubscriptionEvent], new: Sequence[SubscriptionEvent]) -> list[SubscriptionEvent]:
    """The known events and the new ones, with ids as if these became known now, one after the other."""
    top = max((event.id for event in known), default=0)
    return [*known, *_numbered(new, top)]


def _numbered(events: Sequence[SubscriptionEvent], after: int) -> list[SubscriptionEvent]:
    return [msgspec.structs.replace(event, id=after + place) for place, event in enumerate(events, 1)]
