"""Laws of usage: whenever it becomes known, it costs what it would have cost had it been known in time."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.money import ZERO
from tests.unit.billing.histories import DAY, Story, hindsight, live, pieces, state_of, stories
from tests.unit.billing.simulator import Shop, charge, decision

PLANS = ("p", "q")
SHAPES = st.tuples(
    st.sampled_from(["arrears", "advance"]), st.sampled_from([1, 3]), st.sampled_from(["graduated", "volume"])
)


def shop(story: Story, timing: str, months: int, method: str) -> Shop:
    """Plans p and q with one usage charge each; q's units are dearer."""
    calls = [charge("calls", "usage", timing, plan, months=months, meter="calls") for plan in PLANS]
    prices = {
        f"{plan}/calls": decision(
            "pricing",
            method,
            tiers=[
                {"up_to": Decimal(5), "unit": {"EUR": Decimal("0.00") + rise}, "flat": {"EUR": rise}},
                {"up_to": Decimal(12), "unit": {"EUR": Decimal("0.30") + rise}},
                {"unit": {"EUR": Decimal("0.05") + rise}, "flat": {"EUR": Decimal(1)}},
            ],
        )
        for plan, rise in (("p", ZERO), ("q", Decimal("0.11")))
    }
    return Shop(calls, prices, anchor_day=story.anchor_day)


def counted(quantity: int, plan: str, method: str) -> Decimal:
    """The price of a quantity, unit by unit."""
    rise = Decimal("0.11") if plan == "q" else ZERO
    units = [(5, ZERO + rise, rise), (12, Decimal("0.30") + rise, ZERO), (10**9, Decimal("0.05") + rise, Decimal(1))]
    total, entered = ZERO, set()
    for unit in range(1, quantity + 1):
        tier = next(n for n, (top, _, _) in enumerate(units) if (quantity if method == "volume" else unit) <= top)
        total += units[tier][1] + (ZERO if tier in entered else units[tier][2])
        entered.add(tier)
    return total


def owed(story: Story, one: Shop, method: str, until: date) -> Decimal:
    """What all usage owes, stretch by stretch, found day by day."""
    total = ZERO
    for piece in pieces(one, story, "calls", until, by_quantity=False):
        quantity = sum(use.quantity for use in story.used if piece.first <= use.on < piece.after)
        total += counted(quantity, piece.plan, method)
    return total


@pytest.mark.capability("A2.2")
@settings(deadline=None, max_examples=120)
@given(stories(PLANS, usage=True), SHAPES)
def test_late_usage_is_priced_as_if_it_had_been_known(story: Story, shape: tuple[str, int, str]) -> None:
    far = story.last_day + 200 * DAY
    one = live(shop(story, *shape), story)
    one.run(far)
    assert one.net == owed(story, one, shape[2], far)
    once = hindsight(shop(story, *shape), story)
    once.run(far)
    assert once.net == one.net
    assert one.run(far) == ()


@settings(deadline=None, max_examples=60)
@given(stories(PLANS, usage=True), SHAPES)
def test_stretches_of_usage_never_overlap(story: Story, shape: tuple[str, int, str]) -> None:
    one = shop(story, *shape)

    def watch() -> None:
        left = one.left()
        open_lines = [line.charge for line in one.lines if not line.charge.credits and left[line.id]]
        stretches = sorted({(c.service_from, c.service_to) for c in open_lines})
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(stretches))

    live(one, story, watch).run(story.last_day + 200 * DAY)
    watch()


@settings(deadline=None, max_examples=60)
@given(stories(PLANS, usage=True), SHAPES)
def test_quantities_and_events_on_lines_add_up(story: Story, shape: tuple[str, int, str]) -> None:
    one = live(shop(story, *shape), story)
    one.run(story.last_day + 200 * DAY)
    left = one.left()
    for stretch in {(line.charge.service_from, line.charge.service_to) for line in one.lines if left.get(line.id)}:
        lines = [
            line.charge
            for line in one.lines
            if left.get(line.id) and (line.charge.service_from, line.charge.service_to) == stretch
        ]
        used = [use.quantity for use in story.used if stretch[0] <= use.on < stretch[1]]
        assert sum(line.events for line in lines) <= len(used)
        assert sum(line.quantity for line in lines) <= sum(used)
        if (
            shape[2] == "graduated" and lines[0].plan == "q"
        ):  # every unit costs something, so nothing is left off the lines
            assert sum(line.events for line in lines) == len(used)
            assert sum(line.quantity for line in lines) == sum(used)


@settings(deadline=None, max_examples=60)
@given(stories(PLANS, usage=True), SHAPES)
def test_usage_that_nothing_bills_is_reported_once_when_it_becomes_known(
    story: Story, shape: tuple[str, int, str]
) -> None:
    one = hindsight(shop(story, *shape), story)
    far = story.last_day + 200 * DAY
    found = one.preview(far).findings
    lost = [use for use in story.used if state_of(story, use.on) is None]
    assert (len(found) == 1) == bool(lost)
    if lost:
        days = {use.on for use in lost}
        assert f"{len(lost)} calls events on {min(days)}..{max(days)}" in found[0].what
        assert found[0].level == "warning"
    one.run(far)
    assert one.preview(far).findings == ()
