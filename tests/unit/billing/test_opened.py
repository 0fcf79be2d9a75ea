"""Scenes of one subscription that another system billed before, with the lines that must come out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from engine.model.due import Opening, SubscriptionDue
from engine.model.invoice import BilledLine, RatedCharge
from engine.model.subscription import BillingMark
from tests.unit.billing.simulator import Shop, amounts, charge, per_unit

JAN, FEB, MAR, JUL = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1), date(2026, 7, 1)
FIRST_OLD = 1001


class Moved(Shop):
    """A shop whose only subscription comes over; the price here is 31 a month, whatever the old one was."""

    def __init__(self, months: int = 1, timing: str = "advance") -> None:
        charges = [charge(plan=name, months=months, timing=timing) for name in "pq"]
        super().__init__(charges, {"p/fee": per_unit("31"), "q/fee": per_unit("62")})
        self.opening: Opening | None = None

    def come_over(self, *old: tuple[date, date, str, int], through: date | None = None, on: date = JAN) -> None:
        """Old lines (from, to, amount, quantity), and the date up to which the charge is billed if one is given."""
        lines = [self._old(FIRST_OLD + i, *line) for i, line in enumerate(old)]
        known = {"fee": through} if through else {"fee": max(line[1] for line in old)} if old else {}
        self.opening = Opening(on, len(self.events), len(self.usage), known, tuple(lines))
        self.mark = BillingMark(5, min([on, *known.values()]), len(self.events), len(self.usage))

    def _old(self, ident: int, start: date, end: date, amount: str, quantity: int) -> BilledLine:
        money, days = Decimal(amount), (start, end, start, end)
        ids = ("A-1", 1, 5, "S-1", "", 0, "p", "fee", 1, "recurring", "Old fee", "", "standard")
        return BilledLine(ident, RatedCharge(*ids, *days, "EUR", Decimal(quantity), money, "1", money, 0, 0))

    def due(self) -> SubscriptionDue:
        """What the books give a run: credits on old lines are among our lines."""
        due = super().due()
        credits = [line for line in self.lines if line.charge.credits >= FIRST_OLD and line not in due.billed]
        return msgspec.structs.replace(due, billed=(*due.billed, *credits), opening=self.opening)


def moved(quantity: int = 5, **options: str) -> Moved:
    one = Moved(**options)  # type: ignore[arg-type]
    one.know("start", date(2025, 3, 1), "p", quantity)
    return one


@pytest.mark.parametrize("quantity", [5, 1, 7])
@pytest.mark.parametrize("amount", ["155.00", "149.99", "0.00"])
def test_an_old_line_is_billed_whatever_stands_on_it(quantity: int, amount: str) -> None:
    one = moved()
    one.come_over((JAN, FEB, amount, quantity))
    assert one.run(JAN) == ()
    assert amounts(one.run(FEB)) == [("2026-02-01", "2026-03-01", "155.00")]


def test_two_lines_of_one_charge_go_back_together() -> None:
    one = moved(8)
    one.come_over((JAN, FEB, "50.00", 5), (JAN, FEB, "31.00", 3))
    one.know("cancel", date(2026, 1, 11))
    assert amounts(one.run(date(2026, 1, 11))) == [
        ("2026-01-11", "2026-02-01", "-33.87"),
        ("2026-01-11", "2026-02-01", "-21.00"),
    ]
    assert one.run(FEB) == ()


def test_a_change_that_is_taken_back_is_charged_again_once() -> None:
    one = moved()
    one.come_over((JAN, FEB, "100.00", 5))
    one.know("change", date(2026, 1, 11), None, 6)
    assert amounts(one.run(date(2026, 1, 12))) == [
        ("2026-01-11", "2026-02-01", "-67.74"),
        ("2026-01-11", "2026-02-01", "126.00"),
    ]
    one.know("change", date(2026, 1, 11), None, 5)
    assert amounts(one.run(date(2026, 1, 13))) == [
        ("2026-01-11", "2026-02-01", "-126.00"),
        ("2026-01-11", "2026-02-01", "105.00"),
    ]
    assert one.run(date(2026, 1, 14)) == ()


def test_what_was_billed_ahead_on_terms_to_come_stays() -> None:
    """The old system knew of the eight seats of February and had billed them; a later change gives that line back."""
    one = moved()
    one.know("change", FEB, None, 8)
    one.come_over((JAN, FEB, "155.00", 5), (FEB, MAR, "248.00", 8))
    assert one.run(FEB) == ()
    one.know("change", date(2026, 2, 15), None, 9)
    assert amounts(one.run(date(2026, 2, 15))) == [
        ("2026-02-15", "2026-03-01", "-124.00"),
        ("2026-02-15", "2026-03-01", "139.50"),
    ]


def test_an_end_that_was_known_before_is_given_back() -> None:
    one = moved(1)
    one.know("cancel", MAR)
    one.come_over((JAN, JUL, "181.00", 1))
    assert amounts(one.run(JAN)) == [("2026-03-01", "2026-07-01", "-122.00")]
    assert one.run(MAR) == ()


def test_a_line_that_ends_within_our_cycle_is_followed_by_the_rest_of_it() -> None:
    one = moved(1)
    one.come_over((JAN, date(2026, 2, 15), "46.00", 1))
    assert amounts(one.run(FEB)) == [("2026-02-15", "2026-03-01", "15.50")]


def test_a_date_alone_gives_nothing_back_and_says_so_once() -> None:
    one = moved()
    one.come_over(through=JUL)
    assert one.run(FEB) == ()
    one.know("change", date(2026, 2, 15), None, 9)
    made = one.preview(date(2026, 2, 15))
    assert made.charges == ()
    assert [finding.code for finding in made.findings] == ["cutover.not-creditable"]
    assert "charge fee has changed on 2026-02-15..2026-07-01" in made.findings[0].what
    one.run(date(2026, 2, 15))
    assert one.preview(MAR).findings == ()
    assert amounts(one.run(JUL)) == [("2026-07-01", "2026-08-01", "279.00")]


def test_another_plan_is_charged_where_the_old_line_went_back() -> None:
    one = moved(1)
    one.come_over((JAN, FEB, "40.00", 1))
    one.know("change", date(2026, 1, 17), "q")
    assert amounts(one.run(date(2026, 1, 17))) == [
        ("2026-01-17", "2026-02-01", "-19.35"),
        ("2026-01-17", "2026-02-01", "30.00"),
    ]


def test_arrears_begin_where_the_old_system_stopped() -> None:
    one = moved(1, timing="arrears")
    one.come_over(through=date(2025, 12, 1))
    assert amounts(one.run(JAN)) == [("2025-12-01", "2026-01-01", "31.00")]
    assert amounts(one.run(FEB)) == [("2026-01-01", "2026-02-01", "31.00")]


def test_never_more_goes_back_than_was_billed() -> None:
    one = moved(1)
    one.come_over((JAN, FEB, "0.10", 1))
    for day in range(31, 20, -1):
        one.know("change", date(2026, 1, day), None, 1 + day % 2 * 50)
        one.run(date(2026, 1, 31))
    back = sum(line.charge.amount for line in one.lines if line.charge.credits == FIRST_OLD)
    assert Decimal("-0.10") <= back <= 0
