"""The schedule of dunning: worked histories, and a second model that lives through the days."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.calendar import Calendar
from engine.model.dunning import (
    Case,
    Debt,
    Freeze,
    Hold,
    Instalments,
    Promise,
    Step,
    Taken,
    Terms,
)
from engine.receivables.dunning import asked, broken_plan, broken_promise, due_on, relevant, schedule, standing
from tests.unit.receivables.dunning_model import lived

D = Decimal
START = date(2026, 1, 1)
STEPS = (Step("reminder", 7), Step("first", 14), Step("final", 14), Step("agency", 10, action="handover"))
TERMS = Terms("account", STEPS, broken_after=1, reopened_after=3, promise_grace=2, plan_grace=3)


def day(number: int) -> date:
    """The day so many days after 1 January."""
    return START + timedelta(days=number)


def debt(item: int = 1, due: int = 0, amount: int = 100, *moves: tuple[int, int]) -> Debt:
    """A document of day 0 with what was added to what is left of it."""
    changes = tuple((day(on), D(change)) for on, change in moves)
    return Debt(item, f"N{item}", "invoice", START, day(due), D(amount), changes)


def told(case: Case, terms: Terms = TERMS, until: int = 200) -> list[tuple[int, int, str]]:
    """(day, cycle, step) of the schedule."""
    return [((one.day - START).days, one.cycle, one.step) for one in schedule(case, terms, START, day(until))]


@pytest.mark.capability("A6.2")
def test_steps_follow_one_another() -> None:
    """Each counts from the one before, none is left out, and nothing comes after the last."""
    assert told(Case((debt(),))) == [(7, 1, "reminder"), (21, 1, "first"), (35, 1, "final"), (45, 1, "agency")]


def test_a_late_run_delays_what_follows() -> None:
    """A step that was taken later than planned moves the next ones, so that two letters never come at once."""
    case = Case((debt(),), taken=(Taken(0, 1, "reminder", day(30), (1,)),))
    assert [one.step for one in due_on(case, TERMS, day(43))] == []
    assert [one.step for one in due_on(case, TERMS, day(44))] == ["first"]


def test_steps_fall_on_business_days() -> None:
    """On the next one where the calendar has none; days may be counted as business days."""
    terms = msgspec.structs.replace(TERMS, calendar=Calendar("DE"), steps=(Step("a", 1), Step("b", 3, business=True)))
    good_friday = Debt(1, "N1", "invoice", START, date(2026, 4, 2), D(100))
    found = schedule(Case((good_friday,)), terms, START, date(2026, 6, 1))
    assert [one.day for one in found] == [date(2026, 4, 7), date(2026, 4, 10)]


def test_payment_ends_it_and_a_returned_one_goes_on() -> None:
    """Paid on day 22 and returned on day 30: the next step comes, on its own day or three days after."""
    case = Case((debt(1, 0, 100, (22, -100), (30, 100)),))
    assert told(case) == [(7, 1, "reminder"), (21, 1, "first"), (35, 1, "final"), (45, 1, "agency")]
    case = Case((debt(1, 0, 100, (22, -100), (60, 100)),))
    assert told(case) == [(7, 1, "reminder"), (21, 1, "first"), (63, 1, "final"), (73, 1, "agency")]
    again = msgspec.structs.replace(TERMS, reopened="restart")
    assert told(case, again)[2:] == [(67, 2, "reminder"), (81, 2, "first"), (95, 2, "final"), (105, 2, "agency")]


def test_another_debt_is_another_cycle() -> None:
    """Once all was paid, what becomes late later begins with a reminder; while something is late, it joins in."""
    paid = Case((debt(1, 0, 100, (22, -100)), debt(2, 60)))
    assert told(paid, until=80) == [(7, 1, "reminder"), (21, 1, "first"), (67, 2, "reminder")]
    beside = schedule(Case((debt(1), debt(2, 10))), TERMS, START, day(30))
    assert [[item for item, _ in one.items] for one in beside] == [[1], [1, 2]]


def test_each_invoice_may_have_its_own_level() -> None:
    """Then the younger one is reminded while the older one is warned."""
    terms = msgspec.structs.replace(TERMS, level="invoice")
    found = [
        (one.item, one.step, (one.day - START).days)
        for one in schedule(Case((debt(1), debt(2, 10))), terms, START, day(22))
    ]
    assert found == [(1, "reminder", 7), (2, "reminder", 17), (1, "first", 21)]


def test_the_minimum_counts_what_is_asked_for() -> None:
    """A small debt waits until another one comes to it."""
    terms = msgspec.structs.replace(TERMS, minimum=D(50))
    assert told(Case((debt(1, 0, 30),)), terms) == []
    assert told(Case((debt(1, 0, 30), debt(2, 40, 30))), terms, 60) == [(41, 1, "reminder"), (55, 1, "first")]


@pytest.mark.capability("A6.2")
def test_a_dispute_freezes_its_part_alone() -> None:
    """The rest is asked for; all of it waits where all is disputed, and dunning goes on when that ends."""
    part = Case((debt(),), freezes=(Freeze(1, D(40), day(5)),))
    assert [one.items for one in due_on(part, TERMS, day(7))] == [((1, D(60)),)]
    whole = Case((debt(),), freezes=(Freeze(1, D(100), day(10), day(50), "dispute"),))
    assert told(whole, until=70) == [(7, 1, "reminder"), (50, 1, "first"), (64, 1, "final")]
    assert standing(whole, TERMS, day(30)).state == "ahead" or standing(whole, TERMS, day(30)).state == "held"


def test_credit_covers_what_was_due_first() -> None:
    """What the customer has with us is not asked for."""
    credit = Debt(9, "CN", "credit_note", day(3), day(3), D(-120))
    case = Case((debt(1), debt(2, 1)), (credit,))
    assert asked(case, TERMS, day(7)) == {1: 0, 2: D(80)}


def test_holds_and_insolvency() -> None:
    """A hold ends on its day; insolvency stops all steps."""
    held = Case((debt(),), holds=(Hold(0, day(10), day(40), "hold", "call back"),))
    assert told(held, until=60) == [(7, 1, "reminder"), (40, 1, "first"), (54, 1, "final")]
    assert standing(held, TERMS, day(25)).why == "hold: call back"
    broke = Case((debt(),), holds=(Hold(0, day(10), date.max, "insolvency"),))
    assert told(broke) == [(7, 1, "reminder")]
    one = Case((debt(1), debt(2)), holds=(Hold(1, day(0), date.max),))
    assert [step.items for step in due_on(one, TERMS, day(7))] == [((2, D(100)),)]


def test_a_promise_is_kept_or_broken() -> None:
    """Kept: nothing more.  Broken: the next step comes a day after it counts as broken.  In part is broken, too."""
    promise = Promise("p", day(10), day(30), D(100), (1,), D(0))
    case = Case((debt(),), promises=(promise,))
    assert broken_promise(case, promise, 2) == day(33)
    assert told(case, until=50) == [(7, 1, "reminder"), (34, 1, "first"), (48, 1, "final")]
    assert told(Case((debt(1, 0, 100, (32, -100)),), promises=(promise,))) == [(7, 1, "reminder")]
    assert told(Case((debt(1, 0, 100, (29, -99)),), promises=(promise,)), until=40) == [
        (7, 1, "reminder"),
        (34, 1, "first"),
    ]


def test_a_plan_protects_until_an_instalment_is_missed() -> None:
    """As many may be behind as the rule lets pass."""
    plan = Instalments("i", day(10), ((day(20), D(50)), (day(50), D(50))), (1,), D(100))
    kept = Case((debt(1, 0, 100, (19, -50), (52, -50)),), plans=(plan,))
    assert told(kept) == [(7, 1, "reminder")]
    missed = Case((debt(1, 0, 100, (19, -50)),), plans=(plan,))
    assert broken_plan(missed, plan, 3, 0) == day(54)
    assert told(missed, until=60) == [(7, 1, "reminder"), (55, 1, "first")]
    assert broken_plan(Case((debt(),), plans=(plan,)), plan, 3, 1) == day(54)
    assert broken_plan(Case((debt(),), plans=(plan,)), plan, 3, 2) is None


def test_another_rule_goes_on_after_the_furthest_step() -> None:
    """Steps that were taken are not taken again when the rule turns into another one."""
    other = msgspec.structs.replace(TERMS, steps=(Step("reminder", 7), Step("first", 5), Step("last", 5)))
    case = Case((debt(),), taken=(Taken(0, 1, "first", day(21), (1,)),))
    assert [one.step for one in due_on(case, other, day(26))] == ["last"]


AMOUNTS = st.integers(1, 3).map(lambda n: n * 50)
NUMBERS = st.integers(0, 90)


@st.composite
def cases(draw: Any) -> Case:
    """A few documents with payments and returns, and everything that may stand against asking."""
    debts = []
    for item in range(1, draw(st.integers(1, 3)) + 1):
        amount, due = draw(AMOUNTS), draw(st.integers(0, 60))
        open_, moves = amount, list[tuple[int, int]]()
        for on in sorted(draw(st.lists(NUMBERS, max_size=4))):
            change = (
                -draw(st.sampled_from([open_, open_ // 2])) if open_ else draw(st.sampled_from([amount, amount // 2]))
            )
            moves.append((on, change))
            open_ += change
        debts.append(debt(item, due, amount, *moves))
    items = st.sampled_from([1, 2, 3, 0])
    many = st.lists(st.integers(1, 3), min_size=1, max_size=2, unique=True).map(tuple)
    ends = st.sampled_from([5, 20, None])

    def until(start: int, length: int | None) -> date:
        return date.max if length is None else day(start + length)

    freezes = [
        Freeze(draw(st.integers(1, 3)), D(draw(AMOUNTS)), day(s := draw(NUMBERS)), until(s, draw(ends)))
        for _ in range(draw(st.integers(0, 2)))
    ]
    holds = [Hold(draw(items), day(s := draw(NUMBERS)), until(s, draw(ends))) for _ in range(draw(st.integers(0, 1)))]
    promises, plans = [], []
    for n in range(draw(st.integers(0, 2))):
        made = draw(NUMBERS)
        due = made + draw(st.integers(0, 20))
        ended = draw(st.sampled_from([date.max, date.max, day(made + 3)]))
        promises.append(
            Promise(f"p{n}", day(made), day(due), D(50), draw(many), D(draw(st.sampled_from([0, 50]))), ended)
        )
    for n in range(draw(st.integers(0, 1))):
        made = draw(NUMBERS)
        parts = ((day(made + 5), D(50)), (day(made + 15), D(50)), (day(made + 16), D(25)))
        plans.append(Instalments(f"i{n}", day(made), parts, draw(many), D(125)))
    credit = (
        [Debt(9, "C", "credit", day(draw(NUMBERS)), day(0), D(-draw(AMOUNTS)), ((day(draw(NUMBERS)), D(25)),))]
        if draw(st.booleans())
        else []
    )
    return Case(tuple(debts), tuple(credit), tuple(freezes), tuple(holds), tuple(promises), tuple(plans))


@st.composite
def rules(draw: Any) -> Terms:
    """Terms of all kinds."""
    steps = tuple(
        Step(name, draw(st.integers(1, 12)), draw(st.booleans())) for name in ("a", "b", "c")[: draw(st.integers(0, 3))]
    )
    return Terms(
        draw(st.sampled_from(["account", "invoice"])),
        steps,
        D(draw(st.sampled_from([0, 60]))),
        draw(st.sampled_from([Calendar(), Calendar("NL"), Calendar("none", (day(20), day(21)))])),
        draw(st.sampled_from(["continue", "restart"])),
        *(draw(st.integers(0, 4)) for _ in range(4)),
        plan_misses=draw(st.integers(0, 2)),
    )


@given(cases(), rules())
@settings(max_examples=60, deadline=None)
def test_living_through_the_days_comes_to_the_same(case: Case, terms: Terms) -> None:
    """Both models have the same steps, of the same documents, in the same cycles, on the same days."""
    found = [
        (one.day, one.item, one.cycle, one.step, frozenset(i for i, _ in one.items))
        for one in schedule(case, terms, START, day(160))
    ]
    assert sorted(found, key=lambda one: one[:2]) == lived(case, terms, START, day(160))


@given(cases(), rules(), st.integers(0, 120))
@settings(max_examples=15, deadline=None)
def test_running_each_day_does_what_the_schedule_said(case: Case, terms: Terms, seen: int) -> None:
    """What is taken day by day is what was planned; steps keep their order, once each in a cycle; a second run of a day adds nothing."""
    planned = schedule(case, terms, START, day(160))
    taken: list[Taken] = []
    for number in range(160):
        known = msgspec.structs.replace(case, taken=tuple(taken))
        made = due_on(known, terms, day(number))
        taken += [Taken(one.item, one.cycle, one.step, one.day, tuple(i for i, _ in one.items)) for one in made]
        if number == seen:
            again = msgspec.structs.replace(case, taken=tuple(taken))
            assert due_on(again, terms, day(number)) == []
            assert schedule(again, terms, day(number + 1), day(160)) == [
                one for one in planned if one.day > day(number)
            ]
    assert [(one.day, one.item, one.cycle, one.step) for one in taken] == [
        (one.day, one.item, one.cycle, one.step) for one in planned
    ]
    names = [step.name for step in terms.steps]
    for item in {one.item for one in taken}:
        mine = [(one.cycle, names.index(one.step)) for one in taken if one.item == item]
        assert mine == sorted(set(mine))
        assert all(
            mine[n] == (mine[n - 1][0], mine[n - 1][1] + 1) or mine[n] == (mine[n - 1][0] + 1, 0)
            for n in range(1, len(mine))
        )


@given(cases(), rules(), st.integers(0, 150))
@settings(max_examples=40, deadline=None)
def test_what_was_paid_long_ago_makes_no_difference(case: Case, terms: Terms, on: int) -> None:
    """The next steps are the same without the documents that do not matter any more."""
    taken = tuple(
        Taken(one.item, one.cycle, one.step, one.day, tuple(i for i, _ in one.items))
        for one in schedule(case, terms, START, day(on))
    )
    known = msgspec.structs.replace(case, taken=taken)
    less = msgspec.structs.replace(known, debts=relevant(known.debts, taken, (*known.promises, *known.plans), day(on)))
    assert due_on(less, terms, day(on)) == due_on(known, terms, day(on))
