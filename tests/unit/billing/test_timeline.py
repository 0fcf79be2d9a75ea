"""Events to stints."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.base.period import FOREVER, Period
from engine.billing.timeline import OUT_OF_ORDER, stints, touching
from engine.model.subscription import SubscriptionEvent
from tests.unit.billing.histories import DAY, Story, state_of, stories

JANUARY = date(2026, 1, 1)


def events(text: str) -> list[SubscriptionEvent]:
    """``start@1 plan=a qty=2; change@5 qty=3``: kind, day of January, and what changes; known in this order."""
    made = []
    for number, one in enumerate(text.split(";"), 1):
        head, *fields = one.split()
        kind, on = head.split("@")
        values = dict(field.split("=") for field in fields)
        quantity = Decimal(values["qty"]) if "qty" in values else None
        made.append(
            SubscriptionEvent(number, f"e{number}", kind, JANUARY + (int(on) - 1) * DAY, values.get("plan"), quantity)  # type: ignore[arg-type]
        )
    return made


def shown(text: str) -> list[str]:
    """Stints as ``1-5 a x2 start>change``."""
    found = []
    for one in stints(events(text)):
        end = "" if one.days.end == FOREVER else (one.days.end - JANUARY).days + 1
        first = (one.days.start - JANUARY).days + 1
        found.append(f"{first}-{end} {one.plan} x{one.quantity} {one.began_by}>{one.ended_by}")
    return found


@pytest.mark.parametrize(
    ("happened", "changed"),
    [
        ("start@1; change@5 qty=2", True),
        ("start@1; change@32 qty=2", False),  # the month after
        ("start@1; cancel@32", True),  # usage of its day belongs to January
        ("start@1; cancel@33", False),
        ("start@1; adjust@5", False),
        ("start@1; redeem@5", False),
        ("start@1; accept@5; go_live@5; revoke@6", False),
        ("start@1; rerate@5", True),
        ("start@1; withdraw@5", True),
    ],
)
def test_what_may_change_the_usage_of_january(happened: str, changed: bool) -> None:
    assert bool(touching(events(happened), 1, Period(JANUARY, JANUARY + 31 * DAY))) == changed


TABLE = [
    ("start@1 plan=a qty=2", ["1- a x2 start>anchor"]),
    ("start@1 plan=a", ["1- a x1 start>anchor"]),
    ("start@1 plan=a; change@5 plan=b", ["1-5 a x1 start>change", "5- b x1 change>anchor"]),
    (
        "start@1 plan=a; change@5 qty=3; change@9 plan=b",
        ["1-5 a x1 start>change", "5-9 a x3 change>change", "9- b x3 change>anchor"],
    ),
    ("start@1 plan=a; pause@5; resume@8", ["1-5 a x1 start>pause", "8- a x1 resume>anchor"]),
    ("start@1 plan=a; pause@5; change@6 qty=4; resume@8", ["1-5 a x1 start>pause", "8- a x4 resume>anchor"]),
    ("start@1 plan=a; cancel@5", ["1-5 a x1 start>cancel"]),
    ("start@1 plan=a qty=2; cancel@5; start@9", ["1-5 a x2 start>cancel", "9- a x2 start>anchor"]),
    ("start@1 plan=a; cancel@5; start@5 plan=b", ["1-5 a x1 start>cancel", "5- b x1 start>anchor"]),
    ("start@1 plan=a; cancel@5; start@5", ["1-5 a x1 start>cancel", "5- a x1 start>anchor"]),
    ("start@1 plan=a; pause@5; cancel@7", ["1-5 a x1 start>pause"]),
    # what became known before a withdrawal and is dated after it does not count; an adjustment is of what was billed
    ("start@1 plan=a; change@5 plan=b; withdraw@3", ["1- a x1 start>anchor"]),
    ("start@1 plan=a; withdraw@3; change@5 plan=b", ["1-5 a x1 start>change", "5- b x1 change>anchor"]),
    ("start@1 plan=a; change@5 plan=b; withdraw@5", ["1-5 a x1 start>change", "5- b x1 change>anchor"]),
    ("start@5 plan=a; withdraw@3", []),
    ("start@5 plan=a; withdraw@3; start@4 plan=b", ["4- b x1 start>anchor"]),
    ("start@1 plan=a; adjust@5; withdraw@2", ["1- a x1 start>anchor"]),
    # several on one day: the later known wins, and only what the day leads to counts
    ("start@1 plan=a; change@5 plan=b; change@5 plan=c", ["1-5 a x1 start>change", "5- c x1 change>anchor"]),
    ("start@1 plan=a; change@5 plan=b; change@5 plan=a", ["1- a x1 start>anchor"]),
    ("start@1 plan=a; change@5 plan=b; cancel@5", ["1-5 a x1 start>cancel"]),
    ("start@1 plan=a; change@5 qty=9; pause@5", ["1-5 a x1 start>pause"]),
    ("start@1 plan=a; pause@5; resume@5", ["1- a x1 start>anchor"]),
    ("start@1 plan=a; pause@5; resume@5; change@5 qty=2", ["1-5 a x1 start>change", "5- a x2 change>anchor"]),
    ("start@1 plan=a; change@1 plan=b qty=7", ["1- b x7 start>anchor"]),
    ("start@1 plan=a; pause@1; resume@4", ["4- a x1 resume>anchor"]),
    ("start@1 plan=a; cancel@1", []),
    ("start@1 plan=a; cancel@1; start@1 plan=b", ["1- b x1 start>anchor"]),
    ("start@1 plan=a; cancel@5; start@5; cancel@5", ["1-5 a x1 start>cancel"]),
    ("start@1 plan=a; pause@5; resume@9; pause@9", ["1-5 a x1 start>pause"]),
    # what changes nothing ends nothing
    ("start@1 plan=a qty=2; change@5 plan=a qty=2", ["1- a x2 start>anchor"]),
    ("start@1 plan=a; change@5", ["1- a x1 start>anchor"]),
    # known in another order than that of the days
    (
        "start@1 plan=a; change@20 qty=9; change@5 qty=3",
        ["1-5 a x1 start>change", "5-20 a x3 change>change", "20- a x9 change>anchor"],
    ),
    ("start@9 plan=a; cancel@20; pause@12; resume@15", ["9-12 a x1 start>pause", "15-20 a x1 resume>cancel"]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_stints(text: str, expected: list[str]) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("change@1 plan=a", "change on 2026-01-01 (event e1), while the subscription is new"),
        ("start@1 plan=a; start@5", "start on 2026-01-05 (event e2), while the subscription is active"),
        ("start@1 plan=a; resume@5", "resume on 2026-01-05 (event e2), while the subscription is active"),
        ("start@1 plan=a; pause@5; pause@6", "pause on 2026-01-06 (event e3), while the subscription is paused"),
        (
            "start@1 plan=a; cancel@5; change@9 qty=2",
            "change on 2026-01-09 (event e3), while the subscription is cancelled",
        ),
        ("start@5 plan=a; cancel@3", "cancel on 2026-01-03 (event e2), while the subscription is new"),
        ("start@1 plan=a; pause@9; cancel@5", "pause on 2026-01-09 (event e2), while the subscription is cancelled"),
    ],
)
def test_events_that_make_no_sense_are_refused(text: str, what: str) -> None:
    with pytest.raises(TollbookError) as caught:
        stints(events(text), "subscription/S-1")
    (finding,) = caught.value.findings
    assert (finding.code, finding.what, finding.subject) == (OUT_OF_ORDER, what, "subscription/S-1")
    assert finding.mend


@settings(deadline=None, max_examples=80)
@given(stories(("p", "q")), st.randoms())
def test_stints_are_the_state_of_each_day_in_whatever_order_events_are_listed(story: Story, random: object) -> None:
    known = [
        SubscriptionEvent(n, str(n), t.kind, t.on, t.plan, None if t.quantity is None else Decimal(t.quantity))  # type: ignore[arg-type]
        for n, t in enumerate(story.told, 1)
    ]
    found = stints(known)
    random.shuffle(known)  # type: ignore[attr-defined]
    assert stints(known) == found
    day = min(t.on for t in story.told) - 2 * DAY
    while day <= max(t.on for t in story.told) + 2 * DAY:
        here = [one for one in found if day in one.days]
        assert [(one.plan, int(one.quantity)) for one in here] == ([state] if (state := state_of(story, day)) else [])
        day += DAY
