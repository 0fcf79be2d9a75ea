"""Laws of the statement: what is billed in many runs, in whatever order things become known, is what is owed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.base.money import ZERO
from tests.unit.billing.histories import (
    DAY,
    Story,
    cents,
    hindsight,
    live,
    pieces,
    state_of,
    stories,
)
from tests.unit.billing.simulator import NOTHING_NOW, Shop, charge, decision, per_unit

CENT = Decimal("0.01")
PRICES = {"p": "10.00", "q": "24.99"}
PLANS = ("p", "q")


def shop(story: Story, timing: str = "advance", months: int = 1, **more: object) -> Shop:
    """Plans p and q with one recurring charge each, per unit."""
    fees = [charge("fee", timing=timing, plan=plan, months=months) for plan in PLANS]
    prices = {f"{plan}/fee": per_unit(price) for plan, price in PRICES.items()}
    return Shop(fees, prices, anchor_day=story.anchor_day, **more)  # type: ignore[arg-type]


def owed(story: Story, billed: Shop, until: date) -> tuple[Decimal, int]:
    """What is owed by ``until`` in sum, found day by day, and in how many pieces."""
    found = list(pieces(billed, story, "fee", until))
    return sum((cents(Fraction(PRICES[p.plan]) * p.quantity * p.share) for p in found), ZERO), len(found)


def far(story: Story) -> date:
    """A day on which every cycle that anything happened in has ended."""
    return story.last_day + 400 * DAY


SHAPES = st.tuples(st.sampled_from(["advance", "arrears"]), st.sampled_from([1, 3, 12]))


@settings(deadline=None, max_examples=60)
@given(stories(PLANS), SHAPES)
def test_no_day_is_billed_twice_and_no_credit_exceeds_its_line(story: Story, shape: tuple[str, int]) -> None:
    one = shop(story, *shape)

    def watch() -> None:
        assert set(one.days_billed().values()) <= {0, 1}
        for line in one.lines:
            if not line.charge.credits:
                assert ZERO <= one.left()[line.id] <= line.charge.amount

    live(one, story, watch).run(far(story))
    watch()
    served = {(key, day) for (key, day), count in one.days_billed().items() if count}
    assert served == {("fee", day) for p in pieces(one, story, "fee", far(story)) for day in p.days}


@settings(deadline=None, max_examples=40)
@given(stories(PLANS), SHAPES, st.sampled_from(["d30_360", "fixed_days"]), st.sampled_from(["half_up", "down", "up"]))
def test_nor_where_parts_do_not_add_up_to_the_whole(
    story: Story, shape: tuple[str, int], method: str, rounding: str
) -> None:
    one = shop(story, *shape, proration=decision("proration", method, rounding=rounding))

    def watch() -> None:
        assert set(one.days_billed().values()) <= {0, 1}
        left = one.left()
        assert all(ZERO <= left[line.id] <= line.charge.amount for line in one.lines if not line.charge.credits)

    live(one, story, watch).run(far(story))
    watch()
    assert one.run(far(story)) == ()


@settings(deadline=None, max_examples=60)
@given(stories(PLANS), SHAPES)
def test_what_is_known_before_it_is_billed_is_billed_to_the_cent_in_however_many_runs(
    story: Story, shape: tuple[str, int]
) -> None:
    expected, _ = owed(story, shop(story, *shape), far(story))
    once = hindsight(shop(story, *shape), story)
    once.run(far(story))
    often = hindsight(shop(story, *shape), story)
    for day in (*story.runs, far(story)):
        often.run(day)
    assert once.net == often.net == expected
    assert not any(line.charge.credits for line in often.lines)


@settings(deadline=None, max_examples=60)
@given(stories(PLANS), st.sampled_from([1, 3, 12]))
def test_every_run_in_advance_is_exact_on_its_own_day(story: Story, months: int) -> None:
    one = hindsight(shop(story, "advance", months), story)
    for day in story.runs:
        one.run(day)
        assert one.net == owed(story, one, day)[0]


@settings(deadline=None, max_examples=80)
@given(stories(PLANS), SHAPES)
def test_the_order_in_which_things_became_known_makes_no_difference(story: Story, shape: tuple[str, int]) -> None:
    expected, _ = owed(story, shop(story, *shape), far(story))
    one = live(shop(story, *shape), story)
    one.run(far(story))
    rounded = sum(1 for line in one.lines if line.charge.share != "1" or line.charge.credits)
    assert abs(one.net - expected) <= CENT * rounded


@settings(deadline=None, max_examples=40)
@given(stories(PLANS), SHAPES)
def test_running_again_bills_nothing(story: Story, shape: tuple[str, int]) -> None:
    one = live(shop(story, *shape), story)
    for day in (*story.runs[-1:], far(story)):
        one.run(day)
        mark = one.mark
        assert one.run(day) == ()
        assert one.mark == mark


@settings(deadline=None, max_examples=40)
@given(stories(PLANS), SHAPES, st.integers(1, 90))
def test_a_run_for_an_earlier_day_gives_nothing_back(story: Story, shape: tuple[str, int], back: int) -> None:
    one = hindsight(shop(story, *shape), story)
    one.run(story.last_day)
    one.mark = None  # opens the whole past again
    assert one.run(story.last_day - back * DAY) == ()
    assert one.run(story.last_day) == ()


@pytest.mark.capability("A2.3")
@settings(deadline=None, max_examples=40)
@given(stories(), st.sampled_from(["actual_days", "d30_360", "fixed_days"]), st.integers(1, 200), st.integers(0, 40))
def test_credit_and_charge_of_the_same_days_are_zero_when_a_change_is_taken_back(
    story: Story, method: str, offset: int, later: int
) -> None:
    running = state_of(story, date.max)
    assume(running is not None)
    one = live(shop(story, proration=decision("proration", method)), story)
    on = max(*story.runs, *(told.on for told in story.told), date.min) + offset * DAY
    day = on + later * DAY
    one.run(day)
    before = one.net
    assert running is not None
    one.know("change", on, "q" if running[0] == "p" else "p", running[1] + 1)
    one.run(day)
    one.know("change", on, *running)
    one.run(day)
    assert abs(one.net - before) <= (ZERO if _whole_cycles(one, on) else CENT)
    assert set(one.days_billed().values()) <= {0, 1}


def _whole_cycles(one: Shop, since: date) -> bool:
    """Whether all lines from a day on were for whole cycles, so that nothing was rounded twice."""
    return all(
        line.charge.share == "1" for line in one.lines if line.charge.service_to > since and not line.charge.credits
    )


@pytest.mark.parametrize("anchor", [1, 15, 29, 31])
@pytest.mark.parametrize("months", [1, 3, 12])
@pytest.mark.parametrize("timing", ["advance", "arrears"])
def test_whole_cycles_cost_whole_prices(timing: str, months: int, anchor: int) -> None:
    start = date(2023, 12, min(anchor, 31))
    story = Story(anchor, (), (), ())
    one = shop(story, timing, months)
    one.know("start", start, "p", 3)
    for offset in range(0, 1500, 11):
        one.run(start + offset * DAY)
    cycles = len(one.lines)
    assert cycles >= 4
    assert one.net == cycles * 3 * Decimal("10.00")
    assert {line.charge.share for line in one.lines} == {"1"}


@settings(deadline=None, max_examples=30)
@given(stories(PLANS), st.sampled_from([1, 3, 12]), st.sampled_from(["advance", "arrears"]))
def test_a_subscription_that_is_cancelled_on_its_first_day_nets_to_zero(story: Story, months: int, timing: str) -> None:
    one = shop(story, timing, months)
    first = story.told[0]
    one.know("start", first.on, "p", 2)
    for day in story.runs:
        one.run(day)
    one.know("cancel", first.on)
    one.run(far(story))
    assert one.net == ZERO
    assert set(one.left().values()) <= {ZERO}


@pytest.mark.capability("A2.3")
@settings(deadline=None, max_examples=60)
@given(stories(PLANS), st.sampled_from([1, 3]))
def test_where_nothing_is_given_back_the_new_terms_begin_after_what_was_billed(story: Story, months: int) -> None:
    one = shop(story, "advance", months, proration=NOTHING_NOW)

    def watch() -> None:
        assert set(one.days_billed().values()) <= {0, 1}

    live(one, story, watch).run(far(story))
    watch()
    for line in one.lines:
        given_back = next(one for one in one.lines if one.id == line.charge.credits) if line.charge.credits else line
        service = (line.charge.service_from, line.charge.service_to)
        assert service == (
            given_back.charge.service_from,
            given_back.charge.service_to,
        )  # a line goes back whole or not at all
    assert one.run(far(story)) == ()


def test_a_story_told_step_by_step() -> None:
    """Numbers done by hand: 31 days of January at 31.00, two seats from the 11th, paused from the 21st to the 26th."""
    one = Shop([charge()], {"p/fee": per_unit("31")})
    one.know("start", date(2026, 1, 1), "p", 1)
    assert [c.amount for c in one.run(date(2026, 1, 1))] == [Decimal("31.00")]
    one.know("change", date(2026, 1, 11), None, 2)
    assert [c.amount for c in one.run(date(2026, 1, 12))] == [Decimal("-21.00"), Decimal("42.00")]
    one.know("pause", date(2026, 1, 21))
    assert [c.amount for c in one.run(date(2026, 1, 21))] == [Decimal("-22.00")]
    one.know("resume", date(2026, 1, 26), None, 1)
    assert [c.amount for c in one.run(date(2026, 2, 1))] == [Decimal("6.00"), Decimal("31.00")]
    assert one.net == Decimal("31.00") - 21 + 42 - 22 + 6 + 31
