"""Which release is in force on a day, whatever happened to releases in whatever order."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.release import (
    ReleaseEvent,
    in_force,
    is_approved,
    newest_approved,
    proposal,
    release_name,
    stretches,
    withdrawn,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def event(ident: int, event: str, release: str, month: int = 0, withdraws: str = "") -> ReleaseEvent:
    day = date(2026, month, 1) if month else None
    return ReleaseEvent(ident, "t", release, event, "", day, withdraws, "ada", "why", NOW, {})


PLAN = [event(1, "scheduled", "a", 1), event(2, "scheduled", "b", 3), event(3, "scheduled", "c", 5)]


@pytest.mark.parametrize(
    ("events", "months"),
    [
        ([], {1: "", 12: ""}),
        (PLAN, {1: "a", 2: "a", 3: "b", 4: "b", 5: "c", 12: "c"}),
        (PLAN[::-1], {2: "a", 4: "b", 12: "c"}),
        ([*PLAN, event(4, "rolled-back", "a", 4, "b")], {2: "a", 3: "b", 4: "a", 5: "c"}),
        ([*PLAN, event(4, "rolled-back", "b", 2, "c")], {2: "b", 3: "b", 5: "b", 12: "b"}),
        ([*PLAN, event(4, "rolled-back", "a", 3, "b")], {3: "a", 4: "a", 5: "c"}),
        ([*PLAN, event(4, "rolled-back", "a", 3, "b"), event(5, "scheduled", "b", 6)], {4: "a", 5: "c", 6: "b"}),
        ([*PLAN, event(4, "scheduled", "d", 5)], {4: "b", 5: "d"}),
        ([*PLAN, event(4, "proposed", "d", 2), event(5, "approved", "d")], {2: "a", 12: "c"}),
    ],
)
@pytest.mark.capability("B6.7")
def test_the_release_of_a_day(events: list[ReleaseEvent], months: dict[int, str]) -> None:
    assert {month: in_force(events, date(2026, month, 1)) for month in months} == months


def test_what_would_be_in_force_without_a_release() -> None:
    assert in_force(PLAN, date(2026, 6, 1), but={"c"}) == "b"
    assert in_force(PLAN, date(2026, 6, 1), but={"c", "b"}) == "a"
    assert in_force(PLAN, date(2026, 6, 1), but={"a", "b", "c"}) == ""


def test_rolled_back_until_it_is_scheduled_again() -> None:
    back = [*PLAN, event(4, "rolled-back", "a", 4, "b")]
    assert withdrawn(back) == {"b"}
    assert withdrawn([*back, event(5, "scheduled", "b", 6)]) == set()
    assert withdrawn([*back, event(5, "rolled-back", "b", 6, "a")]) == {"a"}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12), st.sampled_from("abc"), st.booleans()), max_size=8)
)
def test_stretches_say_what_every_day_says(made: list[tuple[str, int, str, bool]]) -> None:
    """Whatever is scheduled and rolled back, stretches have no gaps and agree with the release of each day."""
    events = [
        event(n, "rolled-back" if back else "scheduled", release, month, other if back and other != release else "")
        for n, (release, month, other, back) in enumerate(made, 1)
    ]
    line = stretches(events)
    for one, following in pairwise(line):
        assert one.end == following.start and one.release != following.release
    for month in range(1, 13):
        day = date(2026, month, 1)
        found = [one.release for one in line if one.start <= day and (one.end is None or day < one.end)]
        assert found == ([in_force(events, day)] if in_force(events, day) else [])


def test_proposals_and_approvals() -> None:
    events = [event(1, "proposed", "a"), event(2, "approved", "a"), event(3, "proposed", "b")]
    newest = proposal(events)
    assert newest is not None and newest.release == "b"
    assert proposal(events, "c") is None
    assert is_approved(events, "a") and not is_approved(events, "b")
    assert newest_approved(events) == "a" and newest_approved([]) == ""


def test_the_name_is_drawn_from_all_of_the_content() -> None:
    files = {"rules/a.yaml": "1"}
    names = {
        release_name(files, {}, {}),
        release_name({"rules/a.yaml": "2"}, {}, {}),
        release_name(files, {"a": {"x": "1"}}, {}),
        release_name(files, {}, {"tax": "1"}),
    }
    assert len(names) == 4 and all(name.startswith("r-") and len(name) == 18 for name in names)
