"""Over which days usage is counted, and what becomes of usage that comes late: story by story, as rules of metering say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.billing.counting import TOO_LATE, UNKNOWN_UNIT, UNMATCHED
from engine.model.catalog import Charge
from tests.unit.billing.simulator import METERING, Shop, amounts, charge, decision, per_unit

D = Decimal


def metering(**terms: Any) -> Any:
    return decision("metering", number=41, **terms)


def shop(*charges: Charge, anchor_day: int = 1, **terms: Any) -> Shop:
    """Plans p and q bill calls at 1.00 and 3.00, unless other charges are given; started on 1 January."""
    mine = charges or tuple(charge("calls", "usage", "arrears", plan, meter="calls") for plan in ("p", "q"))
    prices = {f"{one.plan}/{one.key}": per_unit("3.00" if one.plan == "q" else "1.00") for one in mine}
    made = Shop(mine, prices, anchor_day=anchor_day, metering=metering(**terms) if terms else METERING)
    made.know("start", date(2026, 1, 1), "p", 1)
    return made


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


@pytest.mark.capability("A2.4")
def test_usage_of_a_day_of_change_is_of_the_new_plan_and_of_the_last_day_of_nobody() -> None:
    one = shop()
    for when, quantity in (("01-09", 1), ("01-10", 2), ("01-19", 4), ("01-20", 8)):
        one.use(day(when), quantity)
    one.know("change", day("01-10"), "q")
    one.know("cancel", day("01-20"))
    assert amounts(one.run(day("01-20"))) == [("2026-01-10", "2026-01-20", "18.00")]
    assert amounts(one.run(day("02-01"))) == [("2026-01-01", "2026-01-10", "1.00")]
    assert one.run(day("03-01")) == ()


def test_the_last_day_can_be_billed_with_the_service() -> None:
    one = shop(last_day=True)
    for when, quantity in (("01-09", 1), ("01-20", 8), ("01-21", 16)):
        one.use(day(when), quantity)
    one.know("cancel", day("01-20"))
    assert amounts(one.run(day("01-20"))) == [("2026-01-01", "2026-01-20", "9.00")]
    assert one.run(day("01-21")) == ()
    one.use(day("01-20"), 5)
    assert amounts(one.run(day("01-25"))) == [("2026-01-01", "2026-01-20", "5.00")]
    assert one.run(day("02-25")) == ()
    assert one.net == D(14)


def test_the_last_day_is_of_what_begins_on_it() -> None:
    one = shop(last_day=True)
    one.use(day("01-20"), 8)
    one.know("cancel", day("01-20"))
    one.know("start", day("01-20"), "q", 1)
    made = one.run(day("02-01"))
    assert amounts(made) == [("2026-01-20", "2026-02-01", "24.00")]


def test_a_service_of_no_day_bills_the_usage_of_that_day_once() -> None:
    one = Shop(
        [charge("calls", "usage", "arrears", meter="calls")],
        {"p/calls": per_unit("1.00")},
        metering=metering(last_day=True),
    )
    one.know("start", day("01-05"), "p", 1)
    one.use(day("01-05"), 3)
    assert one.run(day("01-05")) == ()
    one.know("cancel", day("01-05"))
    assert amounts(one.run(day("01-05"))) == [("2026-01-05", "2026-01-05", "3.00")]
    for when in ("01-05", "01-06", "02-01", "03-01"):
        assert one.run(day(when)) == ()
    one.use(day("01-05"), 4)
    one.use(day("01-06"), 9)
    late = one.preview(day("03-02"))
    assert amounts(late.charges) == [("2026-01-05", "2026-01-05", "4.00")]
    assert [finding.code for finding in late.findings] == [UNMATCHED]


def test_a_service_of_no_day_bills_nothing_by_default() -> None:
    one = Shop([charge("calls", "usage", "arrears", meter="calls")], {"p/calls": per_unit("1.00")})
    one.know("start", day("01-05"), "p", 1)
    one.know("cancel", day("01-05"))
    one.use(day("01-05"), 3)
    assert one.run(day("02-01")) == ()


@pytest.mark.parametrize(
    ("at_once", "on", "expected"),
    [
        (True, "01-10", [("2026-01-01", "2026-01-10", "1.00")]),
        (False, "01-10", []),
        (False, "02-01", [("2026-01-01", "2026-01-10", "1.00"), ("2026-01-10", "2026-02-01", "6.00")]),
    ],
)
def test_when_a_count_that_a_change_ends_is_billed(at_once: bool, on: str, expected: Any) -> None:
    one = shop(at_once=at_once)
    one.use(day("01-09"), 1)
    one.use(day("01-10"), 2)
    one.know("change", day("01-10"), "q")
    assert amounts(one.run(day(on))) == expected


def test_a_count_can_go_on_through_a_change_of_plan() -> None:
    one = shop(through_changes=True, at_once=True)
    one.use(day("01-09"), 1)
    one.use(day("01-20"), 2)
    one.use(day("02-20"), 4)
    one.know("change", day("01-10"), "q")
    assert one.run(day("01-10")) == ()
    assert amounts(one.run(day("02-01"))) == [("2026-01-01", "2026-02-01", "3.00")]  # priced as plan p
    assert amounts(one.run(day("03-01"))) == [("2026-02-01", "2026-03-01", "12.00")]  # as plan q


def test_a_count_ends_where_the_new_plan_counts_another_meter() -> None:
    other = charge("calls", "usage", "arrears", "q", meter="logins")
    one = shop(charge("calls", "usage", "arrears", meter="calls"), other, through_changes=True)
    one.use(day("01-09"), 1)
    one.use(day("01-20"), 2)
    one.use(day("01-20"), 2, "logins")
    one.know("change", day("01-10"), "q")
    made = one.run(day("02-01"))
    assert amounts(made) == [("2026-01-01", "2026-01-10", "1.00"), ("2026-01-10", "2026-02-01", "3.00")]


@pytest.mark.parametrize("zero_line", [True, False])
def test_a_line_of_zero_is_written_once_if_at_all(zero_line: bool) -> None:
    one = shop(zero_line=zero_line)
    zero = [("2026-01-01", "2026-02-01", "0.00")] if zero_line else []
    assert amounts(one.run(day("02-01"))) == zero
    assert one.run(day("02-01")) == one.run(day("02-15")) == ()
    one.use(day("01-15"), 2)
    assert amounts(one.run(day("02-16"))) == [("2026-01-01", "2026-02-01", "2.00")]


def late_story(late_cycles: int | None) -> Shop:
    """January to March billed, then a reading of each month comes late on 5 April."""
    one = shop(late_cycles=late_cycles)
    for month in ("02", "03", "04"):
        one.run(day(f"{month}-01"))
    for month in ("01", "02", "03"):
        one.use(day(f"{month}-15"), 1)
    return one


@pytest.mark.capability("A2.5")
@pytest.mark.parametrize(
    ("late_cycles", "expected"), [(None, ["01", "02", "03"]), (3, ["01", "02", "03"]), (1, ["02", "03"]), (0, ["03"])]
)
def test_late_usage_is_billed_so_many_cycles_back(late_cycles: int | None, expected: list[str]) -> None:
    one = late_story(late_cycles)
    made = one.preview(day("04-05"))
    assert [f"{line.service_from:%m}" for line in sorted(made.charges, key=lambda x: x.service_from)] == expected
    late = [finding for finding in made.findings if finding.code == TOO_LATE]
    assert len(late) == 3 - len(expected)
    one.run(day("04-05"))
    assert one.run(day("04-06")) == ()


def test_usage_that_no_run_has_looked_at_is_not_late() -> None:
    one = shop(late_cycles=0)
    one.use(day("01-15"), 1)
    assert amounts(one.run(day("06-01"))) == [("2026-01-01", "2026-02-01", "1.00")]


def test_what_a_new_event_touches_is_not_late() -> None:
    one = shop(late_cycles=0)
    one.use(day("01-15"), 1)
    one.run(day("02-01"))
    one.run(day("04-01"))
    one.know("change", day("01-10"), "q")
    made = one.run(day("04-05"))
    assert amounts(made) == [("2026-01-01", "2026-02-01", "-1.00"), ("2026-01-10", "2026-02-01", "3.00")]


@pytest.mark.parametrize(("give_back", "expected"), [(True, [("2026-01-01", "2026-02-01", "-2.00")]), (False, [])])
def test_whether_usage_of_a_stretch_that_is_no_longer_owed_is_given_back(give_back: bool, expected: Any) -> None:
    one = shop(give_back=give_back)
    one.use(day("01-15"), 2)
    one.run(day("02-01"))
    one.know("pause", day("01-01"))
    assert amounts(one.run(day("02-10"))) == expected
    one.know("resume", day("01-01"))
    assert sum((line.amount for line in one.run(day("02-11"))), D(0)) == (D(2) if give_back else D(0))
    assert one.net == D(2)


@pytest.mark.capability("A2.5")
def test_unknown_usage_is_reported_or_holds_the_subscription() -> None:
    for unknown in ("report", "hold"):
        one = shop(unknown=unknown)
        one.use(day("01-15"), 2)
        one.use(day("01-16"), 2, "logins")
        if unknown == "report":
            made = one.preview(day("02-01"))
            assert [finding.code for finding in made.findings] == [UNMATCHED] and made.charges
            continue
        with pytest.raises(TollbookError) as caught:
            one.run(day("02-01"))
        assert caught.value.findings[0].code == UNKNOWN_UNIT
        one.know("cancel", day("01-16"))  # out of service then: nobody could have priced it
        assert amounts(one.run(day("02-02"))) == [("2026-01-01", "2026-01-16", "2.00")]


def fee(months: int = 1) -> tuple[Charge, Charge]:
    return charge("fee", months=months), charge("calls", "usage", "arrears", meter="calls")


@pytest.mark.capability("A2.3")
def test_a_moved_anchor_cuts_fees_on_its_day_and_usage_on_the_next_anchor_day() -> None:
    one = shop(*fee())
    one.use(day("01-15"), 2)
    one.use(day("02-03"), 4)
    one.run(day("01-01"))
    one.run(day("02-01"))
    one.know("anchor", day("02-02"), anchor_day=5)
    made = one.run(day("02-05"))
    fees = [line for line in made if line.kind == "recurring"]
    assert amounts(fees) == [
        ("2026-02-02", "2026-02-05", "0.10"),  # three of the 31 days up to the new anchor day
        ("2026-02-02", "2026-03-01", "-0.96"),
        ("2026-02-05", "2026-03-05", "1.00"),
    ]
    assert amounts([line for line in made if line.kind == "usage"]) == [("2026-02-01", "2026-02-05", "4.00")]
    following = one.run(day("03-05"))
    assert amounts(following) == [("2026-03-05", "2026-04-05", "1.00")]


def test_a_moved_anchor_counts_longer_cycles_from_itself() -> None:
    one = shop(*fee(12))
    one.know("anchor", day("04-10"), anchor_day=15)
    made = [line for line in one.run(day("04-15")) if line.kind == "recurring"]
    assert [(str(line.cycle_from), str(line.cycle_to)) for line in made][-1] == ("2026-04-15", "2027-04-15")


def test_an_anchor_that_stays_where_it_was_changes_nothing() -> None:
    one = shop(*fee())
    one.run(day("02-01"))
    one.know("anchor", day("02-10"), anchor_day=1)
    assert one.run(day("02-11")) == ()
    assert amounts(one.run(day("03-01"))) == [("2026-03-01", "2026-04-01", "1.00")]


def test_anchors_can_move_several_times_within_a_cycle() -> None:
    one = shop()
    for when, quantity in (("01-15", 1), ("02-15", 2), ("03-15", 4)):
        one.use(day(when), quantity)
    one.know("anchor", day("01-20"), anchor_day=25)
    one.know("anchor", day("01-22"), anchor_day=10)
    made = one.run(day("03-10"))
    assert amounts(made) == [("2026-01-01", "2026-02-10", "1.00"), ("2026-02-10", "2026-03-10", "2.00")]
    assert amounts(one.run(day("04-10"))) == [("2026-03-10", "2026-04-10", "4.00")]


@pytest.mark.capability("A2.3")
def test_a_cancellation_that_is_taken_back_leaves_no_trace() -> None:
    one = shop(*fee())
    one.run(day("01-01"))
    one.know("cancel", day("01-20"))
    one.know("uncancel", day("01-20"))
    one.use(day("01-25"), 2)
    assert one.run(day("01-21")) == ()
    assert amounts(one.run(day("02-01"))) == [
        ("2026-01-01", "2026-02-01", "2.00"),
        ("2026-02-01", "2026-03-01", "1.00"),
    ]


def test_a_cancellation_that_took_effect_is_taken_back_with_its_credit() -> None:
    one = shop(*fee())
    one.run(day("01-01"))
    one.know("cancel", day("01-20"))
    assert amounts(one.run(day("01-25"))) == [("2026-01-20", "2026-02-01", "-0.39")]
    one.know("uncancel", day("01-20"))
    assert amounts(one.run(day("01-26"))) == [("2026-01-20", "2026-02-01", "0.39")]


def test_several_meters_are_priced_together() -> None:
    both = charge("both", "usage", "arrears", meter="calls", meters="calls;peak")
    tiers = [{"limits": {"calls": D(10), "peak": D(5)}, "price": {"EUR": D(1)}}, {"limits": {}, "price": {"EUR": D(9)}}]
    one = Shop([both], {"p/both": decision("pricing", "capacity", tiers=tiers)})
    one.know("start", day("01-01"), "p", 1)
    one.use(day("01-10"), 4)
    one.use(day("01-11"), 5)
    one.use(day("01-10"), 5, "peak")
    one.use(day("01-12"), 3, "peak")
    (line,) = one.run(day("02-01"))
    assert (line.amount, line.quantity, line.events) == (D("1.00"), D(14), 4)
    one.use(day("01-20"), 6, "peak")
    (more,) = one.run(day("02-02"))
    assert (more.amount, more.quantity, more.events) == (D("8.00"), D(1), 1)


@pytest.mark.parametrize(
    ("at_prices", "expected"),
    [
        (False, [("2026-01-01", "2026-02-01", "3.00"), ("2026-02-01", "2026-03-01", "8.00")]),
        (
            True,
            [
                ("2026-01-01", "2026-01-10", "1.00"),
                ("2026-01-10", "2026-02-01", "4.00"),
                ("2026-02-01", "2026-03-01", "8.00"),
            ],
        ),
    ],
)
def test_a_new_price_can_end_a_count(at_prices: bool, expected: Any) -> None:
    one = shop(at_prices=at_prices)
    old, new = per_unit("1.00"), decision("pricing", "per_unit", 77, unit={"EUR": D("2.00")})
    plain = one.decide

    def decide(family: str, facts: Any, on: date) -> Any:
        return (new if on >= day("01-10") else old) if family == "pricing" else plain(family, facts, on)

    one.decide, one.price_turns = decide, (day("01-05"), day("01-10"), day("06-01"))  # type: ignore[method-assign]
    for when, quantity in (("01-09", 1), ("01-10", 2), ("02-10", 4)):
        one.use(day(when), quantity)
    assert amounts([*one.run(day("01-20")), *one.run(day("02-01")), *one.run(day("03-01"))]) == expected
    assert one.run(day("03-02")) == ()
