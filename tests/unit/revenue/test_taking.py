"""What credits take back of a plan: all of it leaves nothing, and what is undone is as it was."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.period import add_months
from engine.model.revenue import Plan
from engine.revenue.schedule import RevenueFacts, ScheduleItem
from engine.revenue.spread import by_day
from engine.revenue.taking import after, corrected, instead, taken_back

D = Decimal
JAN, END = date(2026, 1, 1), date(2027, 1, 1)


def facts(amount: Decimal, first: date = JAN, last: date = END) -> RevenueFacts:
    return RevenueFacts("E1", "year", "recurring", first, last, JAN, amount, "EUR")


def plan_of(amount: Decimal, waits: str = "") -> Plan:
    items = {one.on: one.amount for one in by_day({}, facts(amount))}
    return Plan(1, amount, amount, waits, items, items)


def total(items: list[ScheduleItem]) -> Decimal:
    return sum((item.amount for item in items), D(0))


def test_all_of_it() -> None:
    """On the day what was earned by then; every later month gives what it had."""
    plan, day = plan_of(D("1000.00")), date(2026, 4, 10)
    items = taken_back(plan, D(-1000), day, None, "EUR")
    assert items[0] == ScheduleItem(
        day, -sum((plan.items[date(2026, m, d)] for m, d in ((1, 31), (2, 28), (3, 31))), D(0))
    )
    assert {item.on: -item.amount for item in items[1:]} == {on: some for on, some in plan.items.items() if on > day}


def test_days_that_are_given_back_are_earned_no_more() -> None:
    """From the middle of May: later months come to nothing to the cent, May keeps its fourteen days."""
    plan, day = plan_of(D(1000)), date(2026, 5, 15)
    back = -D("632.88")  # 231 of 365 days
    items = taken_back(plan, back, day, by_day({}, facts(back, day)), "EUR")
    left = after(plan, back, items)
    assert total(items) == back
    assert {on: some for on, some in left.items.items() if on > date(2026, 6, 1) and some} == {}
    assert left.items[date(2026, 5, 31)] == D("38.35")  # 14 of 365 days of 1000.00, but for a cent


def test_a_share_of_the_line_takes_the_same_share_of_every_month() -> None:
    """A tenth off: a tenth of what was earned on the day, and of each month to come."""
    plan, day = plan_of(D(1200)), date(2026, 2, 28)
    items = taken_back(plan, D(-120), day, None, "EUR")
    earned = plan.items[date(2026, 1, 31)] + plan.items[day]
    assert abs(items[0].amount + earned / 10) <= D("0.005")
    assert all(abs(item.amount + plan.items[item.on] / 10) <= D("0.01") for item in items[1:])


def test_what_waits_gives_no_more_than_was_planned() -> None:
    """Of a line that waits for its acceptance nothing is planned: a credit plans nothing either."""
    plan = Plan(1, D(500), D(500), "point_in_time", {}, {})
    assert taken_back(plan, D(-200), JAN, None, "EUR") == []


@given(
    st.decimals(min_value="0.01", max_value="9999.99", places=2),
    st.lists(st.tuples(st.integers(1, 11), st.integers(1, 99), st.booleans()), max_size=4),
    st.integers(1, 13),
    st.booleans(),
)
def test_nothing_stays_behind(amount: Decimal, credits: list[tuple[int, int, bool]], last: int, undone: bool) -> None:
    """After any credits, one over all that is left leaves nothing on any later day, and nothing in all; one that undoes all
    of them leaves what there was on every later day."""
    plan = plan_of(amount)
    for month, share, days in sorted(credits):
        day = add_months(JAN, month)
        back = -(plan.amount * share / 100).quantize(D("0.01"))
        by_days = by_day({}, facts(back, day)) if days else None
        items = taken_back(plan, back, day, by_days, "EUR")
        assert total(items) == back or not back
        plan = after(plan, back, items)
        assert sum(plan.items.values()) == plan.amount
    day = add_months(JAN, last)
    wanted = plan.whole if undone else D(0)
    if plan.amount == wanted:
        return
    plan = after(plan, wanted - plan.amount, taken_back(plan, wanted - plan.amount, day, None, "EUR"))
    assert sum(plan.items.values()) == wanted
    later = {on: some for on, some in plan.items.items() if on > day and some}
    assert later == ({on: some for on, some in plan.first.items() if on > day and some} if undone else {})


@pytest.mark.parametrize("amount", [D("-100.00"), D("100.00")])
def test_signs_do_not_matter(amount: Decimal) -> None:
    """A line that gives money is taken back as one that takes it."""
    items = taken_back(plan_of(amount), -amount, date(2026, 6, 30), None, "EUR")
    assert total(items) == -amount


@given(st.integers(1, 10**6), st.integers(-(10**4), 10**4), st.dates(JAN, END), st.booleans())
def test_another_amount_is_as_if_it_had_been_so(cents: int, more: int, day: date, undone: bool) -> None:
    """From the day on what is planned is what the new amount would have had; a credit on it that is undone leaves it so."""
    amount, added = D(cents) / 100, D(max(more, 1 - cents)) / 100
    plan, wanted = plan_of(amount), plan_of(amount + added)
    items = instead(plan, by_day({}, facts(amount + added)), day)
    made = corrected(plan, added, items)
    assert (made.amount, made.whole, total(items)) == (amount + added, amount + added, added)
    if undone:
        for one in (-made.amount, made.whole):
            items = taken_back(made, one, day, None, "EUR")
            made = after(made, one, items)
    for last in {day, END, *wanted.items} - {one for one in wanted.items if one < day}:
        assert planned_to(made, last) == planned_to(wanted, last)


def planned_to(plan: Plan, last: date) -> Decimal:
    """What is planned up to a day."""
    return sum((some for on, some in plan.items.items() if on <= last), D(0))
