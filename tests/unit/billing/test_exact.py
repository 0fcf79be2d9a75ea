"""Counted time: instants, differences, extending pauses and cycles that begin anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.money import ZERO
from engine.base.period import Period, instant_of
from engine.billing.changes.scale import Scale
from engine.model.decision import Decision
from engine.model.discount import Coupon, Redemption
from engine.model.due import SubscriptionDue
from engine.model.invoice import BilledLine, RatedCharge
from tests.unit.billing.simulator import Shop, amounts, charge, decision, per_unit

D = Decimal
ZONE = "America/New_York"
APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)
PLANS = {"a": "30", "b": "60", "c": "45", "year": "365"}


def shop(convention: str = "seconds", **terms: Any) -> Shop:
    """Plans a, b and c by the month, and one by the year, in New York."""
    charges = [charge(plan=plan, months=12 if plan == "year" else 1) for plan in PLANS]
    taken = {name: terms.pop(name) for name in ("anchor_day", "anchor_time", "anchor_slips") if name in terms}
    prices = {f"{plan}/fee": per_unit(price) for plan, price in PLANS.items()}
    return Shop(charges, prices, proration=decision("proration", convention, **terms), zone=ZONE, **taken)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def tell(one: Shop, kind: Any, text: str, plan: str | None = None, quantity: int | None = None) -> date:
    """An event at a moment of New York's summer; its day."""
    at = moment(f"{text}-04:00")
    one.know(kind, date.fromisoformat(text[:10]), plan, quantity, at)
    return date.fromisoformat(text[:10])


def started(**terms: Any) -> Shop:
    one = shop(**terms)
    one.know("start", APRIL, "a", 1)
    one.run(APRIL)
    return one


TENTH = Coupon("TENTH", "A tenth off", D(10), ZERO, None, 0, date.min, date.max, "", "", True, 0)
RAMP = ({"days": 40, "pays": D("0.5")}, {"pays": D(1)})


class Turning(Shop):
    """A fee of 30 for a seat, with a first price where there is a ramp, and coupons."""

    def __init__(self, ramp: bool, convention: str, anchor: int, zone: str = ZONE, **taken: Any) -> None:
        price = per_unit("30", ramp=RAMP) if ramp else per_unit("30")
        proration = decision("proration", convention)
        super().__init__([charge()], {"p/fee": price}, proration=proration, anchor_day=anchor, zone=zone, **taken)
        self.redemptions: tuple[Redemption, ...] = ()
        self.know("start", APRIL, "p", 1)

    def due(self) -> SubscriptionDue:
        return msgspec.structs.replace(super().due(), redemptions=self.redemptions)

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        return decision("discounts", number=51) if family == "discounts" else super().decide(family, facts, on)


class TestSeconds:
    def test_a_second_is_billed_once(self) -> None:
        one = started()
        for text, plan in (("2026-04-16T09:00:00", "b"), ("2026-04-16T15:00:00", "c"), ("2026-04-30T23:59:59", "a")):
            one.run(tell(one, "change", text, plan))
        spans = [line.charge.exact.split(" ")[0] for line in one.lines if not line.charge.credits]
        assert spans == [
            "",
            "2026-04-16T13:00:00Z/2026-05-01T04:00:00Z",
            "2026-04-16T19:00:00Z/2026-05-01T04:00:00Z",
        ]  # the last second is worth nothing
        assert one.run(MAY)[0].amount == D("30.00")

    def test_instants_of_one_day_count_in_their_order_however_they_became_known(self) -> None:
        one, other = started(), started()
        events = (("2026-04-16T09:00:00", "b"), ("2026-04-16T15:00:00", "c"))
        for each, told in ((one, events), (other, events[::-1])):
            for text, plan in told:
                tell(each, "change", text, plan)
            each.run(date(2026, 4, 16))
        assert amounts([x.charge for x in one.lines]) == amounts([x.charge for x in other.lines])

    def test_days_are_counted_as_without_instants_by_a_rule_of_days(self) -> None:
        one, other = started(convention="actual_days"), started(convention="actual_days")
        one.run(tell(one, "change", "2026-04-16T09:00:00", "b"))
        other.know("change", date(2026, 4, 16), "b")
        other.run(date(2026, 4, 16))
        for each in (one, other):
            each.run(MAY)
            each.know("cancel", date(2026, 5, 21))
            each.run(date(2026, 5, 21))
        assert amounts([x.charge for x in one.lines]) == amounts([x.charge for x in other.lines])

    def test_an_event_before_the_time_of_the_anchor_is_in_the_cycle_before(self) -> None:
        one = shop(anchor_day=15, anchor_time="13:37:11")
        one.run(tell(one, "start", "2026-07-15T13:37:11", "a", 100_000))
        (line,) = one.run(tell(one, "cancel", "2026-08-15T13:37:10"))
        assert (line.share, line.amount, line.credits) == ("1/2678400", D("-1.12"), 1)

    @pytest.mark.parametrize(("day", "share"), [("2026-03-08", "575/743"), ("2026-03-09", "552/743")])
    def test_days_of_a_clock_change_have_their_own_length(self, day: str, share: str) -> None:
        """Without any instant, midnights count."""
        one = shop()
        one.know("start", date(2026, 3, 1), "a", 31)
        one.run(date(2026, 3, 1))
        one.know("cancel", date.fromisoformat(day))
        (line,) = one.run(date.fromisoformat(day))
        assert Fraction(line.share) == Fraction(share)


instants = st.lists(
    st.tuples(
        st.integers(0, 30 * 86_400 - 1),
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=5,
)


class TestProperties:
    @settings(max_examples=60)
    @given(
        instants, st.sampled_from(["seconds", "actual_days", "d30_360"]), st.sampled_from(["lines", "net"]), st.data()
    )
    def test_order_of_entry_makes_no_difference(self, told: Any, convention: str, netting: str, data: Any) -> None:
        told = list({second: one for one in told for second in [one[0]]}.values())
        books = []
        for events in (told, data.draw(st.permutations(told))):
            one = started(convention=convention, netting=netting)
            for second, plan, quantity in events:
                at = instant_of(APRIL, ZONE) + timedelta(seconds=second)
                one.know("change", Scale(ZONE).day(at), plan, quantity, at)
            one.run(date(2026, 4, 30))
            books.append(amounts([line.charge for line in one.lines]))
        assert books[0] == books[1]

    @settings(max_examples=60)
    @given(instants, st.sampled_from(["lines", "net"]), st.sampled_from(["billed", "price"]))
    def test_billed_one_by_one_or_at_once_is_the_same_but_for_rounding(self, told: Any, netting: str, of: str) -> None:
        """What was charged for a stretch and is given back for it comes to nothing."""
        step, once = started(netting=netting, credit_of=of), started(netting=netting, credit_of=of)
        for second, plan, quantity in sorted(told):
            at = instant_of(APRIL, ZONE) + timedelta(seconds=second)
            day = Scale(ZONE).day(at)
            for one in (step, once):
                one.know("change", day, plan, quantity, at)
            step.run(day)
        once.run(date(2026, 4, 30))
        assert abs(step.net - once.net) <= D("0.01") * (len(step.lines) + len(once.lines))
        for one in (step, once):
            assert all(rest >= ZERO for line, rest in one.left().items() if not one.lines[line - 1].charge.upon)
            assert one.run(date(2026, 4, 30)) == ()

    @settings(max_examples=60)
    @given(st.integers(1, 29 * 86_400), st.sampled_from(["seconds", "actual_days"]))
    def test_a_change_to_the_same_price_changes_nothing_by_more_than_rounding(
        self, second: int, convention: str
    ) -> None:
        one = started(convention=convention)
        at = instant_of(APRIL, ZONE) + timedelta(seconds=second)
        one.know("change", Scale(ZONE).day(at), "a", 1, at)
        one.run(date(2026, 4, 30))
        assert one.net == D("30.00")
        one.know("change", Scale(ZONE).day(at), "b", 1, at + timedelta(seconds=1))
        one.know("change", Scale(ZONE).day(at), "a", 1, at + timedelta(seconds=2))
        one.run(date(2026, 4, 30))
        assert abs(one.net - D("30.00")) <= D("0.02")


class TestTurns:
    """A price that turns in mid-cycle: to the second as by days where everything happens at midnight."""

    @settings(deadline=None, max_examples=40)
    @given(
        redeemed=st.integers(0, 75), changed=st.integers(1, 75), runs=st.lists(st.integers(0, 90), min_size=1, max_size=3),
        ramp=st.booleans(), anchor=st.sampled_from([1, 7, 31]),
    )  # fmt: skip
    def test_whole_days_agree_with_days(
        self, redeemed: int, changed: int, runs: list[int], ramp: bool, anchor: int
    ) -> None:
        days, instants = (Turning(ramp, convention, anchor, "UTC") for convention in ("actual_days", "seconds"))
        change = APRIL + timedelta(days=changed)
        days.know("change", change, quantity=3)
        instants.know("change", change, quantity=3, at=instant_of(change, "UTC"))
        for one in (days, instants):
            one.redemptions = (Redemption(TENTH, APRIL + timedelta(days=redeemed)),)
            for run in [*sorted(runs), 91]:
                one.run(APRIL + timedelta(days=run))
        found = [
            sorted((c.service_from, c.service_to, c.amount, c.discounts) for c in (x.charge for x in one.lines))
            for one in (days, instants)
        ]
        assert found[0] == found[1]

    def test_a_coupon_begins_at_the_anchor_time_of_its_day(self) -> None:
        one = Turning(False, "seconds", 1, anchor_time="12:00")
        one.redemptions = (Redemption(TENTH, date(2026, 4, 16)),)
        one.run(APRIL)
        assert [(c.exact.split(" ")[0], c.amount) for c in one.run(date(2026, 4, 16)) if not c.credits] == [
            ("2026-04-16T16:00:00Z/2026-05-01T16:00:00Z", D("13.50"))
        ]


class TestDifferences:
    @pytest.mark.parametrize(
        ("quantity", "amount", "full", "added"),
        [(8, "45.00", "90.00", "3"), (2, "-45.00", "-90.00", "-3"), (5, None, "", "")],
    )
    def test_a_quantity(self, quantity: int, amount: str | None, full: str, added: str) -> None:
        one = shop("actual_days", netting="net")
        one.know("start", APRIL, "a", 5)
        one.run(APRIL)
        one.know("change", date(2026, 4, 16), None, quantity)
        made = one.run(date(2026, 4, 16))
        assert [(str(x.amount), str(x.full), str(x.quantity), x.upon) for x in made] == (
            [(amount, full, added, 1)] if amount else []
        )
        assert one.run(date(2026, 4, 30)) == ()

    def test_rounded_once(self) -> None:
        """A third of 0.05 and of 0.10: 0.02 and 0.03 apart, 0.02 as one."""
        prices = {"p/fee": per_unit("0.05"), "q/fee": per_unit("0.10")}
        for netting, expected in (("lines", ["-0.02", "0.03"]), ("net", ["0.02"])):
            rule = decision("proration", "actual_days", netting=netting)
            one = Shop([charge(), charge(plan="q")], prices, proration=rule)
            one.know("start", APRIL, "p", 1)
            one.run(APRIL)
            one.know("change", date(2026, 4, 21), "q")
            assert [str(x.amount) for x in one.run(date(2026, 4, 21))] == expected


class TestCredits:
    @pytest.mark.parametrize(("of", "full", "amount"), [("billed", "30.00", "-15.00"), ("price", "18.00", "-9.00")])
    def test_on_a_line_of_which_money_was_given_back(self, of: str, full: str, amount: str) -> None:
        one = started(convention="actual_days", credit_of=of)
        _credited(one, D("-12"))
        one.know("cancel", date(2026, 4, 16))
        (line,) = one.run(date(2026, 4, 16))
        assert (str(line.full), str(line.amount)) == (full, amount)

    def test_a_line_that_nobody_owes_goes_back_as_far_as_it_is_left(self) -> None:
        one = started(convention="actual_days")
        _credited(one, D("-12"))
        one.know("cancel", APRIL)
        (line,) = one.run(APRIL)
        assert line.amount == D("-18.00")

    def test_a_rule_may_keep_it(self) -> None:
        one = started(convention="none", credit=False, unused="rule", part="nothing")
        one.know("cancel", APRIL)
        assert one.run(APRIL) == ()


def _credited(one: Shop, amount: Decimal) -> None:
    line: RatedCharge = one.lines[0].charge
    given_back = msgspec.structs.replace(line, service_to=line.service_from, amount=amount, credits=1)
    one.lines.append(BilledLine(2, given_back))


class TestAnchors:
    @pytest.mark.parametrize(
        ("anchor", "plan", "cycle"),
        [
            ("keep", "year", ("2026-04-01", "2027-04-01")),
            ("interval", "year", ("2026-04-16", "2027-04-16")),
            ("interval", "b", ("2026-04-01", "2026-05-01")),
            ("plan", "b", ("2026-04-16", "2026-05-16")),
        ],
    )
    @pytest.mark.parametrize("exact", [False, True])
    def test_after_a_change_of_plan(self, anchor: str, plan: str, cycle: tuple[str, str], exact: bool) -> None:
        one = started(convention="actual_days", anchor=anchor)
        if exact:
            tell(one, "change", "2026-04-16T00:00:00", plan)
        else:
            one.know("change", date(2026, 4, 16), plan)
        made = [line for line in one.run(date(2026, 4, 16)) if line.amount > 0]
        assert [(str(line.cycle_from), str(line.cycle_to)) for line in made] == [cycle]
        one.know("change", date(2026, 4, 20), None, 2)
        made = [line for line in one.run(date(2026, 4, 20)) if line.amount > 0]
        assert [(str(line.cycle_from), str(line.cycle_to)) for line in made] == [cycle]

    def test_another_start_begins_with_the_own_anchor(self) -> None:
        one = started(convention="actual_days", anchor="plan")
        one.know("change", date(2026, 4, 16), "b")
        one.know("cancel", date(2026, 4, 20))
        one.know("start", date(2026, 4, 25), "c")
        made = one.run(date(2026, 4, 25))
        assert (made[-1].cycle_from, made[-1].cycle_to) == (APRIL, MAY)

    def test_an_anchor_that_slips(self) -> None:
        one = shop("actual_days", anchor_day=31, anchor_slips=True)
        one.know("start", date(2026, 1, 31), "a", 1)
        starts = [str(line.service_from) for line in one.run(date(2026, 4, 28))]
        assert starts == ["2026-01-31", "2026-02-28", "2026-03-28", "2026-04-28"]


class TestPauses:
    def paused(self, *, until: date | None, exact: bool = False) -> Shop:
        one = started(convention="seconds" if exact else "actual_days", pause="extend")
        if exact:
            one.run(tell(one, "pause", "2026-04-11T12:00:00"))
        else:
            one.know("pause", date(2026, 4, 11))
            one.run(date(2026, 4, 11))
        if until and exact:
            one.run(tell(one, "resume", f"{until}T12:00:00"))
        elif until:
            one.know("resume", until)
            one.run(until)
        return one

    def test_nothing_is_billed_while_it_lasts(self) -> None:
        one = self.paused(until=None)
        for month in (5, 6, 7):
            assert one.run(date(2026, month, 1)) == ()
        one.know("resume", date(2026, 7, 11))
        assert one.run(date(2026, 7, 11)) == ()
        assert one.run(date(2026, 7, 30)) == ()
        (line,) = one.run(date(2026, 7, 31))
        assert (str(line.service_from), str(line.service_to), line.amount) == ("2026-07-31", "2026-08-31", D("30.00"))

    @pytest.mark.parametrize("exact", [False, True])
    def test_what_is_left_of_the_cycle_comes_after_it(self, exact: bool) -> None:
        one = self.paused(until=date(2026, 4, 21), exact=exact)
        one.know("change", MAY, "b")
        made = one.run(MAY)
        assert amounts(made) == [("2026-05-01", "2026-05-11", "-10.00"), ("2026-05-01", "2026-05-11", "20.00")]

    def test_a_cancellation_in_the_pause_gives_back_the_rest(self) -> None:
        one = self.paused(until=None)
        one.know("cancel", date(2026, 4, 25))
        (line,) = one.run(date(2026, 4, 25))
        assert line.amount == D("-20.00")


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.lists(st.integers(1, 90), max_size=4))
def test_counted_time_goes_back_to_the_calendar(point: datetime, pauses: list[int]) -> None:
    begin = datetime(2022, 1, 1, tzinfo=UTC)
    holes = []
    for days in pauses:
        holes.append(Period(begin, begin + timedelta(days=days)))
        begin += timedelta(days=days + 30)
    scale, at = Scale(ZONE, moved=holes), point.replace(tzinfo=UTC)
    counted = scale.counted(at)
    if not any(at in hole or at == hole.start for hole in holes):
        assert scale.calendar(counted) == at
    assert scale.calendar(counted, ends=True) <= at <= scale.calendar(counted)


def test_a_line_is_read_as_it_was_counted() -> None:
    one = started()
    one.run(tell(one, "change", "2026-04-16T09:00:00", "b"))
    scale = Scale(ZONE)
    for line in one.lines:
        assert scale.write(scale.read(line).charge) == line.charge


def test_decisions_have_documented_defaults() -> None:
    made: Decision = decision("proration", "seconds")
    wanted = {"netting": "lines", "credit_of": "billed", "pause": "stop", "anchor": "keep", "unused": "back"}
    assert {name: made.terms[name] for name in wanted} == wanted
