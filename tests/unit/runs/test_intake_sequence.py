"""Which events of a subscription are let in: nothing that billing cannot make sense of, whatever comes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.billing.timeline import stints
from engine.model.subscription import EventKind, SubscriptionEvent
from engine.runs.intake.sequence import admit, why_not

KINDS: tuple[EventKind, ...] = ("start", "change", "pause", "resume", "cancel")


def made(key: int, kind: EventKind, day: int) -> SubscriptionEvent:
    plan = "p" if kind == "start" else None
    return SubscriptionEvent(0, str(key), kind, date(2026, 1, 1) + timedelta(day), plan, Decimal(1) if plan else None)


streams = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 12)), max_size=14).map(
    lambda drawn: [made(key, kind, day) for key, (kind, day) in enumerate(drawn)]
)


def known(events: list[SubscriptionEvent]) -> list[SubscriptionEvent]:
    """Events as the books have them: with ids in the order in which they became known."""
    return [
        SubscriptionEvent(ident, event.key, event.kind, event.on, event.plan, event.quantity)
        for ident, event in enumerate(events, 1)
    ]


@given(streams, st.integers(0, 14))
def test_what_is_let_in_makes_sense_and_nothing_is_lost(events: list[SubscriptionEvent], cut: int) -> None:
    first, refused_first = admit([], events[:cut])
    stored = known(first)
    stints(stored)
    second, refused = admit(stored, events[cut:])
    everything = known([*first, *second])
    stints(everything)
    assert {e.key for e in [*first, *refused_first, *second, *refused]} == {e.key for e in events}
    assert len([*first, *refused_first, *second, *refused]) == len(events)
    # each of the refused ones has its reason, and is refused again
    assert all(why_not(everything, event)[0] for event in refused)
    assert admit(everything, sorted(refused, key=lambda event: int(event.key)))[0] == []


@given(streams.filter(lambda events: len({event.on for event in events}) == len(events)), st.randoms())
def test_a_stream_that_makes_sense_is_let_in_whole_in_any_order(
    events: list[SubscriptionEvent], chance: object
) -> None:
    good, _ = admit([], events)
    shuffled = list(good)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    again, refused = admit([], shuffled)
    assert refused == []
    assert again == good
