"""Cycles counted from the terms, arrears early, lines of zero, adjustments, and when there is next something to bill."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.billing.agenda import next_run
from engine.billing.billed import CREDIT_OUTSIDE, OVER_CREDITED, open_lines
from engine.billing.job import Job
from engine.billing.netting import DOUBLE_BILLED
from engine.billing.on_account import moved
from engine.model.invoice import BilledLine
from engine.model.subscription import SubscriptionEvent
from tests.unit.billing.histories import DAY, Story, Told, live, stories
from tests.unit.billing.simulator import ENTITY, METERS, NOTHING_NOW, Shop, amounts, charge, decision, flat, per_unit

KILLBILL = decision("proration", "actual_days", 33, of="period", digits=9)
PLANS = ("p", "q")


def shop(timing: str = "advance", anchor: int = 1, price: str = "31.00", **fields: Any) -> Shop:
    """Plan p with one charge, its cycles counted from the terms."""
    fee = charge(timing=timing, cycles_from="terms", **fields)
    return Shop([fee], {"p/fee": flat(price)}, anchor_day=anchor, proration=KILLBILL)


def event(one: Shop, kind: Any, on: date, **fields: Any) -> None:
    one.events.append(SubscriptionEvent(len(one.events) + 1, f"e{len(one.events)}", kind, on, **fields))


def billed(one: Shop, on: str) -> list[str]:
    """The lines of a run as ``2026-01-01..2026-02-01 31.00``."""
    return [f"{start}..{end} {amount}" for start, end, amount in amounts(one.run(date.fromisoformat(on)))]


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize(
    ("timing", "start", "end", "on", "expected"),
    [
        # in advance: the cycle that holds the day
        ("advance", "2026-01-01", None, "2026-01-01", ["2026-01-01..2026-02-01 31.00"]),
        ("advance", "2026-01-20", None, "2026-01-20", ["2026-01-20..2026-02-01 12.00"]),
        # in arrears: cycles that are over, and an end on its day
        ("arrears", "2026-01-01", None, "2026-01-31", []),
        ("arrears", "2026-01-01", None, "2026-02-01", ["2026-01-01..2026-02-01 31.00"]),
        ("arrears", "2026-01-01", "2026-01-11", "2026-01-11", ["2026-01-01..2026-01-11 10.00"]),
        ("arrears", "2026-01-01", "2026-01-11", "2026-01-15", ["2026-01-01..2026-01-11 10.00"]),
        # what begins late in its cycle and ends in it waits for the cycle where the day was missed
        ("arrears", "2026-01-11", "2026-01-21", "2026-01-21", ["2026-01-11..2026-01-21 10.00"]),
        ("arrears", "2026-01-11", "2026-01-21", "2026-01-22", []),
        ("arrears", "2026-01-11", "2026-01-21", "2026-02-01", ["2026-01-11..2026-01-21 10.00"]),
        # early: any day of the cycle after its first; of a part the first day, too
        ("arrears_early", "2026-01-01", None, "2026-01-01", []),
        ("arrears_early", "2026-01-01", None, "2026-01-02", ["2026-01-01..2026-02-01 31.00"]),
        ("arrears_early", "2026-01-20", None, "2026-01-20", ["2026-01-20..2026-02-01 12.00"]),
        ("arrears_early", "2026-01-01", "2026-01-11", "2026-01-01", ["2026-01-01..2026-01-11 10.00"]),
    ],
)
def test_when_a_part_is_owed(timing: str, start: str, end: str | None, on: str, expected: list[str]) -> None:
    one = shop(timing)
    one.know("start", date.fromisoformat(start), "p", 1)
    if end:
        one.know("pause", date.fromisoformat(end))
    assert billed(one, on) == expected


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"days": 7}, ["2026-01-20..2026-01-27 31.00", "2026-01-27..2026-02-03 31.00"]),
        ({"days": 1}, [f"2026-01-{n}..2026-01-{n + 1} 31.00" for n in range(20, 28)]),
        ({"days": 30}, ["2026-01-20..2026-02-19 31.00"]),
        ({"months": 3}, ["2026-01-20..2026-04-01 24.46"]),
        ({"months": 12}, ["2026-01-20..2027-01-01 29.39"]),
    ],
)
def test_cycles_unlike_months(fields: dict[str, int], expected: list[str]) -> None:
    """Eight days from the 20th on; days count from it, quarters and years begin on the 1st of its month."""
    one = shop(**fields)
    one.know("start", date(2026, 1, 20), "p", 1)
    assert billed(one, "2026-01-27") == expected


def test_a_moved_anchor_bills_only_days_that_are_not_billed() -> None:
    """The month was billed; from the 15th on cycles begin on the 15th, at the price of before."""
    one = shop()
    one.know("start", date(2026, 5, 1), "p", 1)
    assert billed(one, "2026-05-01") == ["2026-05-01..2026-06-01 31.00"]
    event(one, "anchor", date(2026, 5, 15), anchor_day=15)
    assert billed(one, "2026-05-15") == ["2026-06-01..2026-06-15 14.00"]
    assert billed(one, "2026-06-15") == ["2026-06-15..2026-07-15 31.00"]


def test_a_moved_anchor_of_cycles_from_the_subscription() -> None:
    one = Shop([charge(months=3)], {"p/fee": flat("92.00")})
    one.know("start", date(2026, 7, 1), "p", 1)
    assert billed(one, "2026-07-01") == ["2026-07-01..2026-10-01 92.00"]
    event(one, "anchor", date(2026, 10, 1), anchor_day=16)
    assert billed(one, "2026-10-01") == ["2026-10-01..2026-10-16 15.00"]
    assert billed(one, "2026-10-16") == ["2026-10-16..2027-01-16 92.00"]


@pytest.mark.parametrize(("zero", "lines"), [(False, []), (True, ["2026-01-01..2026-02-01 0.00"])])
def test_lines_of_zero_are_an_option(zero: bool, lines: list[str]) -> None:
    one = shop(price="0.00", zero_lines=zero)
    one.know("start", date(2026, 1, 1), "p", 1)
    assert billed(one, "2026-01-01") == lines
    assert billed(one, "2026-01-02") == []
    one.know("cancel", date(2026, 1, 10))
    assert billed(one, "2026-01-10") == []  # what was free is not given back


def adjusted(*amounts_: str, zero: bool = False) -> Shop:
    """A month of 31.00 of which something was given back on the 2nd."""
    one = shop(zero_lines=zero)
    one.know("start", date(2026, 1, 1), "p", 1)
    one.run(date(2026, 1, 1))
    for amount in amounts_:
        event(one, "adjust", date(2026, 1, 1), charge="fee", amount=Decimal(amount))
    return one


def test_an_adjustment_takes_money_and_no_days() -> None:
    one = adjusted("10")
    assert billed(one, "2026-01-02") == ["2026-01-01..2026-01-01 -10.00"]
    assert billed(one, "2026-01-03") == []
    one.know("cancel", date(2026, 1, 11))
    assert billed(one, "2026-01-11") == ["2026-01-11..2026-02-01 -21.00"]  # of 21.00 that the days are worth
    assert one.net == 0


def test_nothing_is_given_back_twice() -> None:
    one = adjusted("31", zero=True)
    one.know("cancel", date(2026, 1, 11))
    assert billed(one, "2026-01-11") == ["2026-01-01..2026-01-01 -31.00", "2026-01-11..2026-02-01 0.00"]


@pytest.mark.parametrize("fields", [{"charge": "fee", "amount": "32"}, {"charge": "setup", "amount": "1"}])
def test_what_cannot_be_adjusted_is_told_once(fields: dict[str, str]) -> None:
    one = adjusted()
    event(one, "adjust", date(2026, 1, 1), charge=fields["charge"], amount=Decimal(fields["amount"]))
    assert [str(finding.code) for finding in one.preview(date(2026, 1, 2)).findings] == ["billing.not-adjustable"]
    assert one.run(date(2026, 1, 2)) == ()
    assert one.preview(date(2026, 1, 3)).findings == ()


def test_an_adjusted_line_of_usage_is_not_billed_again() -> None:
    one = Shop([charge("calls", "usage", "arrears", meter="calls")], {"p/calls": per_unit("1.00")})
    one.know("start", date(2026, 1, 1), "p", 1)
    one.use(date(2026, 1, 5), 40)
    assert billed(one, "2026-02-01") == ["2026-01-01..2026-02-01 40.00"]
    event(one, "adjust", date(2026, 1, 1), charge="calls", amount=Decimal(15))
    assert billed(one, "2026-02-02") == ["2026-01-01..2026-01-01 -15.00"]
    one.use(date(2026, 1, 6), 2)
    assert billed(one, "2026-02-03") == ["2026-01-01..2026-02-01 2.00"]


def test_a_change_that_is_taken_back_before_its_day_is_billed_once() -> None:
    """The line of the days that were given back in advance begins after the runs that come before them."""
    one = Shop([charge()], {"p/fee": per_unit("31.00")})
    one.know("start", date(2026, 1, 1), "p", 1)
    one.run(date(2026, 1, 1))
    one.know("change", date(2026, 1, 20), None, 2)
    assert billed(one, "2026-01-10") == ["2026-01-20..2026-02-01 -12.00"]
    one.know("change", date(2026, 1, 20), None, 1)
    assert billed(one, "2026-01-12") == ["2026-01-20..2026-02-01 12.00"]
    assert billed(one, "2026-01-15") == []
    one.know("cancel", date(2026, 1, 25))
    assert billed(one, "2026-01-16") == []
    assert billed(one, "2026-01-20") == ["2026-01-25..2026-02-01 -7.00"]
    assert one.net == 24


def test_withdrawn_events_do_not_count() -> None:
    one = Shop([charge(), charge(plan="q")], {"p/fee": flat("31.00"), "q/fee": flat("62.00")})
    one.know("start", date(2026, 1, 1), "p", 1)
    one.know("change", date(2026, 1, 11), "q")
    assert billed(one, "2026-01-11") == ["2026-01-01..2026-01-11 10.00", "2026-01-11..2026-02-01 42.00"]
    event(one, "withdraw", date(2026, 1, 5))
    assert billed(one, "2026-01-12") == ["2026-01-11..2026-02-01 -42.00", "2026-01-11..2026-02-01 21.00"]
    event(one, "withdraw", date(2025, 12, 31))
    assert billed(one, "2026-01-13")[0] == "2026-01-01..2026-01-11 -10.00"
    assert one.net == 0


def corrupt(one: Shop, **fields: Any) -> TollbookError:
    """The refusal of a run after a line like the first is slipped in."""
    line = msgspec.structs.replace(one.lines[0].charge, **fields)
    one.lines.append(BilledLine(len(one.lines) + 1, line))
    with pytest.raises(TollbookError) as caught:
        one.preview(date(2026, 1, 3))
    return caught.value


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, DOUBLE_BILLED),
        ({"service_from": date(2026, 1, 31)}, DOUBLE_BILLED),
        ({"plan": "q"}, DOUBLE_BILLED),
        ({"credits": 1, "amount": Decimal("-31.01")}, OVER_CREDITED),
        ({"credits": 1, "amount": Decimal("-1"), "service_to": date(2026, 2, 2)}, CREDIT_OUTSIDE),
    ],
)
def test_lines_that_no_run_has_made_are_refused(fields: dict[str, Any], code: str) -> None:
    assert [finding.code for finding in corrupt(adjusted(), **fields).findings] == [code]


def test_lines_of_different_charges_and_lines_without_money_may_share_days() -> None:
    one = adjusted()
    free = one.lines[0].charge
    for other in ({"charge": "more"}, {"amount": ZERO}):
        one.lines.append(BilledLine(len(one.lines) + 1, msgspec.structs.replace(free, **other)))  # type: ignore[arg-type]
    assert len(open_lines(one.lines)) == 3
    one.preview(date(2026, 1, 3))


@pytest.mark.capability("A1.5")
@pytest.mark.parametrize(
    ("timing", "told", "on", "expected"),
    [
        ("advance", [("start", "2026-01-15")], "2026-01-14", None),
        ("advance", [("start", "2026-01-15")], "2026-01-15", "2026-02-01"),
        ("advance", [("start", "2026-01-01"), ("cancel", "2026-01-20")], "2026-01-01", "2026-01-20"),
        ("advance", [("start", "2026-01-01"), ("cancel", "2026-01-20")], "2026-01-25", None),
        ("arrears", [("start", "2026-01-15")], "2026-01-15", "2026-02-01"),
        ("arrears", [("start", "2026-01-01")], "2026-02-01", "2026-03-01"),
        ("arrears_early", [("start", "2026-01-01")], "2026-01-10", "2026-03-01"),
    ],
)
def test_the_next_run(timing: str, told: list[tuple[Any, str]], on: str, expected: str | None) -> None:
    one, day = shop(timing), date.fromisoformat(on)
    for kind, known in told:
        one.know(kind, date.fromisoformat(known), "p" if kind == "start" else None)
    job = Job(ENTITY, one.plans, METERS, one.decide, day, len(one.events), 0)
    assert next_run(job, one.account, one.due()) == (date.fromisoformat(expected) if expected else None)


@pytest.mark.parametrize(
    ("total", "credit", "change"),
    [("-5", "0", "5"), ("-5", "3", "5"), ("5", "3", "-3"), ("5", "8", "-5"), ("5", "0", "0"), ("0", "8", "0")],
)
def test_credit_on_account(total: str, credit: str, change: str) -> None:
    assert moved(Decimal(total), Decimal(credit)) == Decimal(change)


# Laws -------------------------------------------------------------------------------------------------------------------

SHAPES = st.tuples(
    st.sampled_from(["advance", "arrears", "arrears_early"]),
    st.sampled_from([(1, 0), (3, 0), (12, 0), (1, 1), (1, 7), (1, 30)]),
)


OVERTAKEN = Story(
    1,
    (
        Told(date(2022, 8, 27), "start", date(2023, 10, 1), "p", 1),
        Told(date(2023, 10, 2), "pause", date(2023, 10, 1), None, None),
        Told(date(2023, 11, 1), "resume", date(2023, 11, 1), None, None),
        Told(date(2023, 11, 2), "change", date(2023, 10, 1), "q", None),
    ),
    (),
    (date(2023, 10, 1), date(2023, 11, 1)),
)
"""The pause that becomes known late leaves a line of January alone, in a cycle that has begun; the change takes the whole cycle."""

PAUSED = OVERTAKEN._replace(told=OVERTAKEN.told[:3], runs=OVERTAKEN.runs[:1])
"""The same without the change: the line of January is to come when all is withdrawn."""


def company(story: Story, shape: tuple[str, tuple[int, int]], proration: Any = KILLBILL) -> Shop:
    timing, (months, days) = shape
    fees = [
        charge("fee", timing=timing, plan=plan, months=months, days=days, cycles_from="terms", zero_lines=True)
        for plan in PLANS
    ]
    prices = {"p/fee": per_unit("10.00"), "q/fee": per_unit("24.99")}
    return Shop(fees, prices, anchor_day=story.anchor_day, proration=proration)


@pytest.mark.capability("A2.3")
@settings(deadline=None, max_examples=80)
@example(OVERTAKEN, ("advance", (3, 0)), KILLBILL)
@example(OVERTAKEN, ("advance", (3, 0)), NOTHING_NOW)
@given(stories(PLANS), SHAPES, st.sampled_from([KILLBILL, NOTHING_NOW]))
def test_no_day_is_billed_twice_and_no_credit_exceeds_its_line(
    story: Story, shape: tuple[str, tuple[int, int]], proration: Any
) -> None:
    one = company(story, shape, proration)

    def watch() -> None:
        assert set(one.days_billed().values()) <= {0, 1}
        assert min(one.left().values(), default=ZERO) >= 0

    live(one, story, watch)
    if one.events:
        one.run(story.last_day)
        watch()


@settings(deadline=None, max_examples=60)
@given(stories(PLANS), SHAPES)
def test_running_again_bills_nothing(story: Story, shape: tuple[str, tuple[int, int]]) -> None:
    one = live(company(story, shape), story)
    if one.events:
        one.run(story.last_day)
        assert one.run(story.last_day) == ()


@settings(deadline=None, max_examples=60)
@example(PAUSED, ("advance", (3, 0)))
@given(stories(PLANS), SHAPES)
def test_credit_and_charge_of_the_same_days_are_zero(story: Story, shape: tuple[str, tuple[int, int]]) -> None:
    """All that was billed goes back, to the cent, where the service turns out never to have begun; days of a line that is to come,
    when they come."""
    one = live(company(story, shape), story)
    if not one.events:
        return
    one.run(story.last_day)
    event(one, "withdraw", min(known.on for known in one.events) - DAY)
    one.run(story.last_day)
    one.run(max([story.last_day, *(line.charge.service_from for line in one.lines)]))
    assert one.net == 0
    assert set(one.days_billed().values()) <= {0}


@settings(deadline=None, max_examples=60)
@given(stories(PLANS), SHAPES, st.randoms())
def test_the_order_in_which_events_of_different_days_became_known_makes_no_difference(
    story: Story, shape: tuple[str, tuple[int, int]], random: Any
) -> None:
    one, other = company(story, shape), company(story, shape)
    days = sorted({told.on for told in story.told})
    random.shuffle(days)
    for told in story.told:
        one.know(told.kind, told.on, told.plan, told.quantity)  # type: ignore[arg-type]
    for told in sorted(story.told, key=lambda told: days.index(told.on)):
        other.know(told.kind, told.on, told.plan, told.quantity)  # type: ignore[arg-type]
    last = story.last_day
    assert amounts(one.run(last)) == amounts(other.run(last))
