"""Scenes of one subscription, with the lines that must come out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.billing import metering, rating, statement
from engine.billing.pricing import PricingFacts
from engine.billing.proration import ProrationFacts
from engine.model.contract import Contract, ContractLine
from engine.model.decision import Decision
from tests.unit.billing.simulator import NOTHING_NOW, Shop, account, amounts, charge, decision, flat, per_unit

D = Decimal


def day(text: str) -> date:
    return date.fromisoformat(text)


def shop(*, plan: str = "p", **more: Any) -> Shop:
    return Shop([charge(plan=name) for name in "pq"], {"p/fee": per_unit("31"), "q/fee": per_unit("62")}, **more)


class TestWhenThingsAreBilled:
    @pytest.mark.parametrize(
        ("timing", "run", "expected"),
        [
            ("advance", "2026-01-14", []),
            ("advance", "2026-01-15", [("2026-01-15", "2026-02-01", "17.00")]),
            ("advance", "2026-02-01", [("2026-01-15", "2026-02-01", "17.00"), ("2026-02-01", "2026-03-01", "31.00")]),
            ("arrears", "2026-01-31", []),
            ("arrears", "2026-02-01", [("2026-01-15", "2026-02-01", "17.00")]),
            ("arrears", "2026-02-28", [("2026-01-15", "2026-02-01", "17.00")]),
            ("arrears", "2026-03-01", [("2026-01-15", "2026-02-01", "17.00"), ("2026-02-01", "2026-03-01", "31.00")]),
        ],
    )
    def test_timing(self, timing: str, run: str, expected: list[tuple[str, str, str]]) -> None:
        one = Shop([charge(timing=timing)], {"p/fee": per_unit("31")})
        one.know("start", day("2026-01-15"), "p", 1)
        assert amounts(one.run(day(run))) == expected

    def test_arrears_are_due_when_the_service_ends(self) -> None:
        one = Shop([charge(timing="arrears")], {"p/fee": per_unit("31")})
        one.know("start", day("2026-01-01"), "p", 1)
        one.know("cancel", day("2026-01-11"))
        assert one.run(day("2026-01-10")) == ()
        assert amounts(one.run(day("2026-01-11"))) == [("2026-01-01", "2026-01-11", "10.00")]

    def test_a_change_on_the_day_of_the_end_does_not_hide_the_end(self) -> None:
        one = Shop([charge(timing="arrears")], {"p/fee": per_unit("31")})
        one.know("start", day("2026-01-01"), "p", 1)
        one.know("change", day("2026-01-11"), None, 5)
        one.know("cancel", day("2026-01-11"))
        assert amounts(one.run(day("2026-01-11"))) == [("2026-01-01", "2026-01-11", "10.00")]

    def test_a_change_that_is_known_ahead_is_billed_from_its_own_day(self) -> None:
        one = shop()
        one.know("start", day("2026-01-01"), "p", 1)
        one.know("change", day("2026-01-11"), "q")
        assert amounts(one.run(day("2026-01-01"))) == [("2026-01-01", "2026-01-11", "10.00")]
        assert one.run(day("2026-01-10")) == ()
        assert amounts(one.run(day("2026-01-11"))) == [("2026-01-11", "2026-02-01", "42.00")]

    def test_what_was_billed_at_the_end_of_service_stays_due_when_its_past_changes(self) -> None:
        one = Shop([charge(timing="arrears")], {"p/fee": per_unit("31")})
        one.know("start", day("2026-01-01"), "p", 1)
        one.know("cancel", day("2026-01-21"))
        one.run(day("2026-01-25"))
        one.know("change", day("2026-01-11"), None, 2)
        assert amounts(one.run(day("2026-01-26"))) == [
            ("2026-01-11", "2026-01-21", "-10.00"),
            ("2026-01-11", "2026-01-21", "20.00"),
        ]

    def test_the_mark_says_where_the_next_run_must_look(self) -> None:
        one = Shop(
            [charge(), charge("calls", "usage", "arrears", months=3, meter="calls")],
            {"p/fee": flat("1"), "p/calls": per_unit("1")},
        )
        one.know("start", day("2026-01-15"), "p", 1)
        one.use(day("2026-01-20"), 1)
        mark = one.preview(day("2026-02-20")).mark
        assert (mark.billed_to, mark.events_seen, mark.usage_seen) == (day("2026-01-15"), 1, 1)
        one.run(day("2026-04-01"))
        assert one.mark is not None
        assert one.mark.billed_to == day("2026-04-01")


class TestCredits:
    def test_a_cancellation_gives_back_the_days_that_are_left(self) -> None:
        one = shop()
        one.know("start", day("2026-01-01"), "p", 2)
        (line,) = one.run(day("2026-01-01"))
        one.know("cancel", day("2026-01-11"))
        (back,) = one.run(day("2026-01-12"))
        assert (back.amount, back.share, back.credits, back.text) == (D("-42.00"), "21/31", 1, "Credit: Fee")
        assert (back.service_from, back.service_to) == (day("2026-01-11"), day("2026-02-01"))
        assert (back.decision, back.full, back.quantity, back.cycle_to) == (
            line.decision,
            line.full,
            line.quantity,
            line.cycle_to,
        )
        assert back.proration == 31

    @pytest.mark.parametrize(
        ("price", "credits"),
        [
            ("31", ["-1.00"] * 31),
            ("10", ["-0.32"] * 30 + ["-0.40"]),
            ("20", ["-0.65"] * 30 + ["-0.50"]),
            ("0.50", ["-0.02"] * 25),
        ],
    )
    def test_credits_of_all_days_give_back_the_whole_line_and_no_more(self, price: str, credits: list[str]) -> None:
        one = Shop([charge()], {"p/fee": per_unit(price)})
        one.know("start", day("2026-01-01"), "p", 1)
        one.run(day("2026-01-01"))
        given = []
        for number in range(31, 0, -1):
            one.know("change", day(f"2026-01-{number:02}"), None, 40 + number)
            given += [c.amount for c in one.run(day("2026-02-01")) if c.credits == 1]
        assert given == [D(amount) for amount in credits]
        assert sum(given) == -D(price)
        assert one.left()[1] == D(0)

    def test_days_that_the_rule_keeps_do_not_go_back_with_the_last_of_the_others(self) -> None:
        def no_credit_for_changes(facts: ProrationFacts) -> Decision:
            return decision("proration", "actual_days", credit=facts.ended_by != "change")

        one = shop(proration=no_credit_for_changes)
        one.know("start", day("2026-01-01"), "p", 1)
        one.run(day("2026-01-01"))
        one.know("pause", day("2026-01-11"))
        one.know("resume", day("2026-01-21"))
        assert amounts(one.run(day("2026-01-21"))) == [("2026-01-11", "2026-01-21", "-10.00")]
        one.know("change", day("2026-01-01"), None, 2)
        assert amounts(one.run(day("2026-01-22"))) == [
            ("2026-01-21", "2026-02-01", "-11.00"),
            ("2026-01-21", "2026-02-01", "22.00"),
        ]
        assert one.left()[1] == D("10.00")
        assert one.run(day("2026-01-22")) == ()

    def test_a_price_list_in_another_currency_gives_back_the_old_and_charges_the_new(self) -> None:
        prices = {"p/fee": decision("pricing", "per_unit", unit={"EUR": D(31), "USD": D(31)})}
        one = Shop([charge()], prices)
        one.know("start", day("2026-01-01"), "p", 1)
        one.run(day("2026-01-01"))
        one.account = account("USD")
        one.mark = None
        made = one.run(day("2026-01-02"))
        assert [(c.currency, c.amount) for c in made] == [("EUR", D("-31.00")), ("USD", D("31.00"))]
        one.mark = None
        assert one.run(day("2026-01-02")) == ()

    def test_a_corrected_price_is_billed_as_the_difference(self) -> None:
        one = shop()
        one.know("start", day("2026-01-01"), "p", 1)
        one.run(day("2026-01-01"))
        one.prices["p/fee"] = per_unit("40")
        one.mark = None
        assert amounts(one.run(day("2026-01-05"))) == [
            ("2026-01-01", "2026-02-01", "-31.00"),
            ("2026-01-01", "2026-02-01", "40.00"),
        ]

    def test_a_discount_is_given_back_with_its_own_sign(self) -> None:
        one = Shop([charge()], {"p/fee": per_unit("-31")})
        one.know("start", day("2026-01-01"), "p", 1)
        one.run(day("2026-01-01"))
        one.know("cancel", day("2026-01-11"))
        (back,) = one.run(day("2026-01-11"))
        assert back.amount == D("21.00")
        assert one.net == D("-10.00")

    @pytest.mark.parametrize(
        ("mode", "amount"), [("half_up", "-0.13"), ("half_even", "-0.12"), ("down", "-0.12"), ("floor", "-0.12")]
    )
    def test_the_proration_rule_says_how_a_credit_is_rounded(self, mode: str, amount: str) -> None:
        one = Shop(
            [charge()], {"p/fee": per_unit("0.25")}, proration=decision("proration", "actual_days", rounding=mode)
        )
        one.know("start", day("2026-04-01"), "p", 1)
        one.run(day("2026-04-01"))
        one.know("cancel", day("2026-04-16"))
        assert [c.amount for c in one.run(day("2026-04-16"))] == [D(amount)]

    @pytest.mark.parametrize(
        ("method", "start", "change", "credit"),
        [
            ("actual_days", "2026-02-01", "2026-02-15", "-50.00"),
            ("d30_360", "2026-02-01", "2026-02-15", "-53.33"),
            ("fixed_days", "2026-02-01", "2026-02-15", "-46.67"),
            ("fixed_days", "2026-03-01", "2026-03-02", "-100.00"),
            ("fixed_days", "2026-03-01", "2026-03-16", "-53.33"),
        ],
    )
    def test_a_whole_cycle_is_worth_its_price_in_every_convention(
        self, method: str, start: str, change: str, credit: str
    ) -> None:
        one = Shop([charge()], {"p/fee": per_unit("100")}, proration=decision("proration", method))
        one.know("start", day(start), "p", 1)
        one.run(day(start))
        one.know("cancel", day(change))
        assert [c.amount for c in one.run(day(change))] == [D(credit)]

    def test_where_nothing_is_given_back_nothing_is_charged_twice(self) -> None:
        one = shop(proration=NOTHING_NOW)
        one.know("start", day("2026-01-01"), "p", 1)
        one.run(day("2026-01-01"))
        one.know("change", day("2026-01-11"), "q", 3)
        assert one.run(day("2026-01-11")) == ()
        assert amounts(one.run(day("2026-02-01"))) == [("2026-02-01", "2026-03-01", "186.00")]
        one.know("cancel", day("2026-02-10"))
        assert one.run(day("2026-02-10")) == ()
        assert one.run(day("2026-03-10")) == ()

    def test_a_rule_sees_why_days_are_given_back(self) -> None:
        one = shop()
        one.know("start", day("2026-01-01"), "p", 1)
        one.run(day("2026-01-01"))
        one.know("pause", day("2026-01-11"))
        one.know("cancel", day("2026-01-21"))
        one.asked.clear()
        one.run(day("2026-01-22"))
        asked = [
            facts for family, facts, _ in one.asked if family == "proration" and facts.part_from == day("2026-01-11")
        ]
        assert {(facts.began_by, facts.ended_by) for facts in asked} == {("pause", "pause")}


class TestUsage:
    def shop(self, **more: Any) -> Shop:
        calls = [charge("calls", "usage", "arrears", plan, meter="calls") for plan in "pq"]
        one = Shop(calls, {"p/calls": per_unit("1"), "q/calls": per_unit("2")}, **more)
        one.know("start", day("2026-01-01"), "p", 1)
        return one

    def test_late_usage_is_a_line_of_its_own_stretch(self) -> None:
        one = self.shop()
        one.use(day("2026-01-10"), 5)
        one.use(day("2026-01-10"), 1)
        (line,) = one.run(day("2026-02-01"))
        assert (line.quantity, line.amount, line.events, line.usage_after, line.usage_to) == (D(6), D("6.00"), 2, 0, 2)
        one.use(day("2026-02-03"), 100)
        one.use(day("2026-01-31"), 7)
        (late,) = one.run(day("2026-02-05"))
        assert (late.service_from, late.quantity, late.amount) == (day("2026-01-01"), D(7), D("7.00"))
        assert (late.events, late.usage_after, late.usage_to) == (1, 2, 4)

    def test_the_days_of_another_plan_cost_what_that_plan_costs(self) -> None:
        one = self.shop()
        one.use(day("2026-01-10"), 5)
        one.use(day("2026-01-20"), 7)
        one.run(day("2026-02-01"))
        one.know("change", day("2026-01-16"), "q")
        assert amounts(one.run(day("2026-02-02"))) == [
            ("2026-01-01", "2026-01-16", "5.00"),
            ("2026-01-01", "2026-02-01", "-12.00"),
            ("2026-01-16", "2026-02-01", "14.00"),
        ]

    def test_a_change_taken_back_on_its_day_joins_what_it_had_cut(self) -> None:
        one = self.shop()
        one.know("change", day("2026-01-16"), "q")
        one.use(day("2026-01-10"), 5)
        one.use(day("2026-01-20"), 7)
        one.run(day("2026-02-01"))
        one.know("change", day("2026-01-16"), "p")
        one.run(day("2026-02-02"))
        assert one.net == D("12.00")
        assert one.run(day("2026-02-02")) == ()

    def test_what_was_given_back_and_is_owed_again_has_its_quantity_again(self) -> None:
        one = self.shop()
        one.use(day("2026-01-20"), 7)
        one.run(day("2026-02-01"))
        one.know("change", day("2026-01-01"), "q")
        one.run(day("2026-02-02"))
        one.know("change", day("2026-01-01"), "p")
        made = one.run(day("2026-02-03"))
        assert sorted((c.plan, c.quantity, c.amount, c.events) for c in made) == [
            ("p", D(7), D("7.00"), 1),
            ("q", D(7), D("-14.00"), 0),
        ]

    def test_a_share_shrinks_allowances_only_where_the_rule_says_so(self) -> None:
        for applies_to, amount in (("tiers", "70.00"), ("amount", "40.00")):
            calls = charge("calls", "usage", "arrears", meter="calls")
            price = per_unit("1", included=D(60))
            one = Shop(
                [calls], {"p/calls": price}, proration=decision("proration", "actual_days", applies_to=applies_to)
            )
            one.know("start", day("2026-04-16"), "p", 1)
            one.use(day("2026-04-20"), 100)
            assert [c.amount for c in one.run(day("2026-05-01"))] == [D(amount)]

    def test_other_charges_are_worth_their_share_whatever_usage_does(self) -> None:
        seats = {"p/fee": per_unit("10", included=D(2))}
        one = Shop([charge()], seats, proration=decision("proration", "actual_days", applies_to="tiers"))
        one.know("start", day("2026-04-16"), "p", 5)
        assert [c.amount for c in one.run(day("2026-04-16"))] == [D("15.00")]

    def test_a_meter_that_the_catalogue_does_not_have_is_refused(self) -> None:
        one = Shop([charge("calls", "usage", meter="storms")], {"p/calls": per_unit("1")})
        one.know("start", day("2026-01-01"), "p", 1)
        with pytest.raises(TollbookError) as caught:
            one.run(day("2026-01-01"))
        assert caught.value.findings[0].code == metering.UNKNOWN_METER


class TestOneTimeCharges:
    def shop(self, timing: str = "advance") -> Shop:
        fees = [charge("setup", "one_time", timing, plan) for plan in "pq"]
        return Shop(fees, {"p/setup": per_unit("100"), "q/setup": flat("50")})

    @pytest.mark.parametrize("timing", ["advance", "arrears"])
    def test_they_are_owed_on_the_day_on_which_a_plan_begins_and_never_again(self, timing: str) -> None:
        one = self.shop(timing)
        one.know("start", day("2026-01-15"), "p", 2)
        assert one.run(day("2026-01-14")) == ()
        (line,) = one.run(day("2026-01-15"))
        assert (line.amount, line.share, line.service_from, line.service_to) == (
            D("200.00"),
            "1",
            day("2026-01-15"),
            day("2026-01-16"),
        )
        one.know("pause", day("2026-01-20"))
        one.know("resume", day("2026-01-25"))
        one.know("change", day("2026-01-28"), None, 9)
        for text in ("2026-01-15", "2026-01-16", "2026-02-01", "2026-05-01"):
            assert one.run(day(text)) == ()

    def test_another_plan_and_another_start_have_their_own(self) -> None:
        one = self.shop()
        one.know("start", day("2026-01-15"), "p", 1)
        one.know("change", day("2026-01-20"), "q")
        one.know("cancel", day("2026-02-10"))
        one.know("start", day("2026-02-10"), "q")
        assert amounts(one.run(day("2026-03-01"))) == [
            ("2026-01-15", "2026-01-16", "100.00"),
            ("2026-01-20", "2026-01-21", "50.00"),
            ("2026-02-10", "2026-02-11", "50.00"),
        ]


class TestFacts:
    def test_a_price_is_decided_on_the_first_day_of_the_stretch_with_what_the_contract_agrees(self) -> None:
        agreed = [
            ContractLine(71, "C-1", "p", "fee", D("20"), "EUR", day("2026-01-01"), day("2026-03-01")),
            ContractLine(72, "C-1", "p", "fee", D("25"), "EUR", day("2026-03-01"), day("2027-01-01")),
            ContractLine(73, "C-1", "p", "other", D("1"), "EUR"),
        ]
        contract = Contract(3, "t", "DE01", "C-1", "A-1", day("2025-12-01"), lines=tuple(agreed))
        one = Shop([charge()], {"p/fee": decision("pricing", "agreed")}, contract=contract)
        one.know("start", day("2026-01-15"), "p", 2)
        made = one.run(day("2026-03-01"))
        assert [(c.amount, c.contract_line_id, c.contract) for c in made] == [
            (D("21.94"), 71, "C-1"),
            (D("40.00"), 71, "C-1"),
            (D("50.00"), 72, "C-1"),
        ]
        facts = [f for family, f, _ in one.asked if family == "pricing"]
        assert all(isinstance(f, PricingFacts) for f in facts)
        assert [(f.day, f.agreed_price, f.quantity, f.subscribed_on) for f in facts] == [
            (day("2026-01-15"), D("20"), D(2), day("2026-01-15")),
            (day("2026-02-01"), D("20"), D(2), day("2026-01-15")),
            (day("2026-03-01"), D("25"), D(2), day("2026-01-15")),
        ]
        assert [on for family, _, on in one.asked if family == "pricing"] == [f.day for f in facts]

    def test_a_part_is_decided_with_what_began_and_ended_it(self) -> None:
        one = Shop([charge()], {"p/fee": per_unit("31")})
        one.know("start", day("2026-01-15"), "p", 1)
        one.know("change", day("2026-02-10"), None, 2)
        one.know("pause", day("2026-02-20"))
        one.know("resume", day("2026-03-01"))
        one.run(day("2026-03-01"))
        facts = [f for family, f, _ in one.asked if family == "proration"]
        assert all(isinstance(f, ProrationFacts) for f in facts)
        assert [(str(f.part_from), str(f.part_to), f.began_by, f.ended_by) for f in facts] == [
            ("2026-02-20", "2026-03-01", "pause", "pause"),  # what the pause does to its cycle
            ("2026-01-15", "2026-02-01", "start", "anchor"),
            ("2026-02-01", "2026-02-10", "anchor", "change"),
            ("2026-02-10", "2026-02-20", "change", "pause"),
        ]

    def test_lines_say_what_they_are(self) -> None:
        fee = charge(product="cloud", tax_code="digital_service")
        one = Shop([fee], {"p/fee": per_unit("31")})
        one.know("start", day("2026-01-15"), "p", 2)
        (line,) = one.run(day("2026-01-15"))
        assert (line.account, line.account_id, line.subscription_id, line.subscription) == ("A-1", 7, 5, "S-1")
        assert (line.plan, line.charge, line.charge_id, line.kind, line.text) == ("p", "fee", 11, "recurring", "Fee")
        assert (line.product, line.tax_code, line.currency) == ("cloud", "digital_service", "EUR")
        assert (str(line.cycle_from), str(line.cycle_to), line.share, line.full) == (
            "2026-01-01",
            "2026-02-01",
            "17/31",
            D("62.00"),
        )
        assert (line.decision, line.proration, line.credits) == (21, 31, 0)


class TestCycles:
    def test_quarters_keep_their_phase_over_pauses_and_restarts(self) -> None:
        one = Shop([charge(months=3)], {"p/fee": per_unit("90")}, anchor_day=31)
        one.know("start", day("2026-01-31"), "p", 1)
        one.know("pause", day("2026-01-31"))
        one.know("resume", day("2026-02-28"))
        one.know("cancel", day("2026-05-31"))
        one.know("start", day("2026-06-30"))
        assert [c[:2] for c in amounts(one.run(day("2026-07-31")))] == [
            ("2026-02-28", "2026-04-30"),
            ("2026-04-30", "2026-05-31"),
            ("2026-06-30", "2026-07-31"),
            ("2026-07-31", "2026-10-31"),
        ]

    def test_an_empty_amount_makes_no_line(self) -> None:
        one = Shop([charge()], {"p/fee": per_unit("0")})
        one.know("start", day("2026-01-31"), "p", 1)
        assert one.run(day("2026-07-31")) == ()


class TestRefusals:
    def test_no_events(self) -> None:
        with pytest.raises(TollbookError) as caught:
            shop().run(day("2026-01-01"))
        (finding,) = caught.value.findings
        assert (finding.code, finding.subject) == (statement.NO_START, "subscription/S-1")

    def test_a_plan_that_the_catalogue_does_not_have(self) -> None:
        one = shop()
        one.know("start", day("2026-01-01"), "zz", 1)
        with pytest.raises(TollbookError) as caught:
            one.run(day("2026-01-01"))
        (finding,) = caught.value.findings
        assert (finding.code, finding.subject) == (rating.UNKNOWN_PLAN, "subscription/S-1")

    def test_a_charge_that_left_the_catalogue_is_given_back_by_calendar_days(self) -> None:
        one = Shop([charge(), charge("more")], {"p/fee": per_unit("31"), "p/more": per_unit("62")})
        one.know("start", day("2026-01-01"), "p", 1)
        one.run(day("2026-01-10"))
        one.plans = Shop([charge()], {}).plans
        (back,) = one.run(day("2026-01-11"))
        assert (back.charge, back.amount, back.service_from) == ("more", D("-44.00"), day("2026-01-10"))
