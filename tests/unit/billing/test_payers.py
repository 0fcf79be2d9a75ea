"""A subscription with payers of its own: each owes its own days, whoever is billed first and whatever became known when."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.billing.timeline import payer_on, stints
from engine.model.due import SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.subscription import BillingMark, SubscriptionEvent
from tests.unit.billing.simulator import Shop, amounts, charge, decision, per_unit

D = Decimal
START = date(2026, 1, 1)
WEEKLY = charge(months=0, days=7)


class Shared(Shop):
    """A subscription for which events name payers; ``""`` is the payer of the account."""

    payer = ""

    def __init__(self, *given: object, **more: object) -> None:
        super().__init__(*given, **more)  # type: ignore[arg-type]
        self.marks: dict[str, BillingMark] = {}
        self.payers: dict[int, str] = {}

    def named(self, on: date, payer: str | None) -> None:
        """It becomes known that somebody pays from a day on."""
        ident = len(self.events) + 1
        self.events.append(SubscriptionEvent(ident, f"e{ident}", "payer", on, payer=payer))

    def due(self) -> SubscriptionDue:
        found = super().due()
        mine = tuple(line for line in found.billed if self.payers[line.id] == self.payer)
        others = tuple(line for line in found.billed if self.payers[line.id] != self.payer)
        return msgspec.structs.replace(found, billed=mine, elsewhere=others, paying=frozenset({self.payer}))

    def bill(self, on: date, *order: str) -> dict[str, tuple[RatedCharge, ...]]:
        """A run, payer by payer in some order: what each is billed."""
        made = {}
        for self.payer in order:
            self.mark = self.marks.get(self.payer)
            before = len(self.lines)
            made[self.payer] = self.run(on)
            assert self.mark is not None and self.mark.payer == self.payer
            self.marks[self.payer] = self.mark
            self.payers |= {line.id: self.payer for line in self.lines[before:]}
        return made

    def owed(self, payer: str) -> Decimal:
        return sum((x.charge.amount for x in self.lines if self.payers[x.id] == payer), D(0))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["", "x", "y", "quantity"]),
        st.integers(1, 60),
        st.integers(1, 3),
        st.permutations(["", "x", "y"]),
        st.booleans(),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_each_owes_its_days_in_whatever_order(steps: list[tuple[str, int, int, list[str], bool]]) -> None:
    """7 for a week and piece: every payer has been billed its days at their quantity, and nothing of the others'."""
    one = Shared([WEEKLY], {"p/fee": per_unit("7")})
    one.know("start", START, "p", 1)
    on = START
    for what, day, quantity, order, runs in steps:
        when = START + timedelta(days=day)
        if what == "quantity":
            one.know("change", when, None, quantity)
        else:
            one.named(when, what or None)
        if runs:
            on += timedelta(days=9)
            one.bill(on, *order)
    last = START + timedelta(days=70)
    one.bill(last, "y", "", "x")
    served = stints(one.events)
    for payer in ("", "x", "y"):
        days = (START + timedelta(days=n) for n in range(77))
        expected = sum(stint.quantity for day in days for stint in served if day in stint.days and stint.payer == payer)
        assert one.owed(payer) == expected
    assert all(made == () for made in one.bill(last, "x", "y", "").values())


def test_what_a_rule_keeps_is_not_charged_to_the_next_payer() -> None:
    """No part of a cycle is given back: the month stays with who was billed it, and the next payer begins with the next one."""
    keeps = decision("proration", "none", part="whole", credit=False)
    one = Shared([charge()], {"p/fee": per_unit("31")}, proration=keeps)
    one.know("start", START, "p", 1)
    one.bill(START, "")
    one.named(date(2026, 1, 17), "x")
    assert one.bill(date(2026, 1, 17), "x", "") == {"x": (), "": ()}
    made = one.bill(date(2026, 2, 1), "x", "")
    assert amounts(made["x"]) == [("2026-02-01", "2026-03-01", "31.00")] and made[""] == ()


def test_a_one_time_charge_stays_where_it_was_billed() -> None:
    """That another payer pays from the first day on becomes known later: days go over, the set-up fee does not."""
    fee = charge("setup", "one_time")
    one = Shared([charge(), fee], {"p/fee": per_unit("31"), "p/setup": per_unit("99")})
    one.know("start", START, "p", 1)
    one.bill(START, "")
    one.named(START, "x")
    made = one.bill(date(2026, 1, 5), "x", "")
    assert [x.amount for x in made["x"]] == [D(31)] and [x.amount for x in made[""]] == [D(-31)]


def test_tiers_of_a_year_go_on_with_the_next_payer() -> None:
    """A window is of the subscription: 80 used by one payer, 40 by the next, of whom 20 are above 100."""
    tiers = [{"up_to": D(100), "unit": {"EUR": D("0.10")}}, {"unit": {"EUR": D("0.05")}}]
    price = decision("pricing", "graduated", tiers=tiers, window="year")
    one = Shared([charge("calls", "usage", "arrears", meter="calls")], {"p/calls": price})
    one.know("start", START, "p", 1)
    one.named(date(2026, 1, 11), "x")
    one.use(date(2026, 1, 5), 80)
    one.use(date(2026, 1, 20), 40)
    made = one.bill(date(2026, 2, 1), "x", "")
    assert amounts(made[""]) == [("2026-01-01", "2026-01-11", "8.00")]
    assert amounts(made["x"]) == [("2026-01-11", "2026-02-01", "3.00")]
    one.use(date(2026, 1, 6), 20)  # moves 20 of the next payer above 100: its 40 are now 0 x 0.10 + 40 x 0.05
    late = one.bill(date(2026, 2, 2), "", "x")
    assert [x.amount for x in late[""]] == [D(2)] and [x.amount for x in late["x"]] == [D(-1)]


def test_who_pays_on_a_day() -> None:
    """A start may name the payer; one that names none gives it back to the payer of the account; before a start there is none."""
    events = [
        SubscriptionEvent(1, "a", "start", START, "p", D(1), payer="x"),
        SubscriptionEvent(2, "b", "payer", date(2026, 2, 1)),
        SubscriptionEvent(3, "c", "payer", date(2026, 3, 1), payer="y"),
        SubscriptionEvent(4, "d", "withdraw", date(2026, 2, 15)),
    ]
    served = stints(events)
    assert [(s.payer, s.began_by, s.ended_by) for s in served] == [("x", "start", "payer"), ("", "payer", "anchor")]
    assert [payer_on(served, date(2026, month, 15)) for month in (1, 2, 3)] == ["x", "", ""]
    assert payer_on(served, date(2025, 12, 31)) == ""
    with pytest.raises(TollbookError) as caught:
        stints([*events, SubscriptionEvent(5, "e", "payer", date(2025, 12, 1), payer="y")])
    assert caught.value.findings[0].code == "subscription.out-of-order"
