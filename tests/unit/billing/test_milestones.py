"""What milestones are worth: no cent lost or added, whatever the shares and the order in which they are accepted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.period import Period
from engine.billing.milestones import parts
from engine.billing.timeline import Stint, stints
from engine.billing.waiting import gone_live, in_force, live
from engine.model.catalog import Charge
from engine.model.milestone import Milestone, in_order
from engine.model.subscription import BillingMark, EventKind, SubscriptionEvent, triggers


def planned(*worths: str) -> list[Milestone]:
    """Milestones m1, m2, ... in their order; one written ``30 %`` has a share, any other an amount."""
    made = []
    for number, worth in enumerate(worths, 1):
        share = D(worth.removesuffix(" %")) / 100 if worth.endswith("%") else None
        amount = None if share is not None else D(worth)
        made.append(Milestone(number, "t", "e", "s", f"m{number}", "build", f"M{number}", amount, share))
    return made


@pytest.mark.parametrize(
    ("whole", "worths", "billed", "expected"),
    [
        ("1000", ("30 %", "30 %", "40 %"), {}, "300 300 400"),
        ("100", ("33.3333333333 %", "33.3333333333 %", "33.3333333334 %"), {}, "33.33 33.33 33.34"),
        ("0.05", ("25 %", "25 %", "25 %", "25 %"), {}, "0.01 0.01 0.01 0.02"),
        ("0.05", ("10 %",) * 10, {}, "0 0 0 0 0 0 0 0 0 0.05"),
        ("1000", ("400", "600"), {}, "400 600"),
        ("1000", ("400", "50 %"), {}, "400 500"),
        ("1000", ("400", "60 %"), {}, "400 600"),
        ("1000", ("50 %",), {}, "500"),
        ("100", ("50 %", "50 %"), {"m1": "49.99"}, "49.99 50.01"),
        ("100", ("50 %", "50 %"), {"m2": "49.99"}, "50.01 49.99"),
        ("1000", ("400", "601"), {}, None),
        ("1000", ("60 %", "41 %"), {}, None),
        ("0", ("60 %", "40 %"), {}, "0 0"),
    ],
)
def test_what_milestones_are_worth(
    whole: str, worths: tuple[str, ...], billed: dict[str, str], expected: str | None
) -> None:
    found = parts(D(whole), planned(*worths), {key: D(amount) for key, amount in billed.items()}, "EUR")
    assert (None if found is None else list(found.values())) == (
        None if expected is None else [D(e) for e in expected.split()]
    )


@given(
    st.decimals(min_value=0, max_value=10**6, places=2),
    st.lists(st.integers(1, 50), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_in_whatever_order_they_are_accepted_they_come_to_the_whole(
    whole: D, weights: list[int], random: object
) -> None:
    """Each is billed when it is accepted, at what it is worth then; at no time more than the whole is billed."""
    total = sum(weights)
    shares = [D(weight) / total for weight in weights]
    shares[-1] = 1 - sum(shares[:-1], D(0))
    made = [Milestone(n, "t", "e", "s", f"m{n}", "build", "M", None, share) for n, share in enumerate(shares)]
    order = list(made)
    random.shuffle(order)  # type: ignore[attr-defined]
    billed: dict[str, D] = {}
    for one in order:
        worth = parts(whole, made, billed, "EUR")
        assert worth is not None
        billed[one.key] = worth[one.key]
        assert worth[one.key] >= 0
        assert sum(billed.values()) <= whole
    assert sum(billed.values()) == whole


def test_they_are_planned_by_day_then_by_key() -> None:
    given_ = (
        Milestone(1, "t", "e", "s", "c", "build", "C"),
        Milestone(2, "t", "e", "s", "b", "build", "B", expected=date(2026, 2, 1)),
        Milestone(3, "t", "e", "s", "a", "build", "A", expected=date(2026, 2, 1)),
    )
    assert [one.key for one in in_order(given_)] == ["a", "b", "c"]


def event(ident: int, kind: EventKind, about: str | None, day: int) -> SubscriptionEvent:
    return SubscriptionEvent(ident, f"k{ident}", kind, date(2026, 1, day), charge=about)


def test_the_first_that_nobody_took_back_counts() -> None:
    events = [
        event(1, "accept", "a", 5),
        event(2, "accept", "a", 3),
        event(3, "accept", "b", 4),
        event(4, "revoke", "k3", 6),
        event(5, "go_live", None, 9),
        event(6, "go_live", "run", 2),
    ]
    assert {about: one.id for about, one in in_force(events, "accept").items()} == {"a": 1}
    assert [one.id if (one := gone_live(events, charge)) else 0 for charge in ("run", "desk")] == [6, 5]
    assert gone_live(events[:4], "run") is None


CHARGE = Charge(1, "t", "p", "run", "Run", "recurring", "advance", starts_on="go_live")


@pytest.mark.parametrize(
    ("day", "expected"), [(1, "01..31 change"), (10, "10..31 start"), (20, "20..31 start"), (31, "")]
)
def test_a_stint_begins_with_the_go_live(day: int, expected: str) -> None:
    stint = Stint(Period(date(2026, 1, 5 if day < 5 else 1), date(2026, 1, 31)), "p", D(1), "change", "cancel")
    found = live(stint, CHARGE, [event(1, "go_live", None, day)])
    told = f"{max(day, 5) if day < 5 else day:02d}..{found.days.end:%d} {found.began_by}" if found else ""
    assert told == expected.replace("01..", "05..")


def test_triggers_end_no_stint_and_widen_the_window_together() -> None:
    start = SubscriptionEvent(1, "s", "start", date(2026, 1, 1), "p", D(1))
    events = [start, event(2, "accept", "a", 5), event(3, "accept", "b", 25)]
    assert stints(events) == stints([start])
    mark = BillingMark(1, date(2026, 1, 20), 1, 0)
    assert triggers(events, mark) == [date(2026, 1, 5), date(2026, 1, 25)]
    assert triggers(events, BillingMark(1, date(2026, 1, 26), 3, 0)) == []
    assert triggers([start], mark) == []
