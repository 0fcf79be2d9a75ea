"""From documents of contracts to their accounts: what rules find in promises, what happens to them, and what stands for them."""

from __future__ import annotations

import random
import sys
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine import families
from engine.base.errors import TollbookError
from engine.base.money import ZERO, exact_arithmetic
from engine.model.decision import Decide
from engine.model.revenue_contract import (
    Agreed,
    CostTerms,
    FinancingTerms,
    Likely,
    Occurrence,
    PromiseTerms,
    RevenueContract,
    TermTerms,
    VariableTerms,
)
from engine.revenue.agreed import NEVER, as_known, assembled
from engine.revenue.changes import accounted
from engine.revenue.contract_balances import BALANCES, Standing, cost_assets, cost_impairment, standing_of
from engine.revenue.contracts import Account
from engine.revenue.promised import Signed, served
from engine.rulebook.rulebook import compile_book

D = Decimal
RULES = """
ruleset: revrec/case
effective: {from: 2000-01-01}
owner: test
hit: first
rules:
  - {id: commission, when: kind == "cost" and element == "commission", then: {method: now, cost: obtain, commensurate: false, cost_within: 12}}
  - {id: final, when: element == "final", then: {method: now, cost: obtain, commensurate: false, impairment: written_down}}
  - {id: back, when: element == "back", then: {method: now, cost: obtain, commensurate: false, impairment: reversible}}
  - {id: bonus, when: element == "bonus", then: {method: now, constraint: certain}}
  - {id: fee, when: element == "fee", then: {method: now, estimate: expected_value, constraint: none, variable_to: one}}
  - {id: licence, when: product == "licence", then: {method: right_to_use}}
  - {id: install, when: product == "install", then: {method: point_in_time, into: licence}}
  - {id: repair, when: product == "repair", then: {method: point_in_time, warranty: assurance}}
  - {id: agency, when: product == "agency", then: {method: point_in_time, role: agent}}
  - {id: work, when: product == "work", then: {method: point_in_time, on: accept}}
  - {id: calls, when: product == "calls", then: {method: as_invoiced}}
  - {id: enterprise, when: product == "support" and segment == "enterprise", then: {method: straight_line_month, ssp: adjusted_market, factor: 0.5}}
  - {id: build, when: product == "build", then: {method: cost_to_cost, onerous: provide}}
  - {id: units, when: product == "units", then: {method: per_unit}}
  - {id: support, when: product == "support", then: {method: straight_line_month, penalty: 0.1}}
  - {id: goods, then: {method: point_in_time}}
"""
BEGIN, END = date(2026, 1, 1), date(2027, 1, 1)


@cache
def decide() -> Decide:
    return compile_book({"rules/revrec/case.yaml": RULES.encode()}, families.ALL).decide


@pytest.fixture(autouse=True)
def exact() -> None:
    exact_arithmetic()


def day(month: int, of: int = 1) -> date:
    return date(2026, month, of)


def promise(key: str, product: str, price: Any, **more: Any) -> PromiseTerms:
    kind = "recurring" if product == "support" else "one_time"
    return PromiseTerms(key, product, kind, D(price), BEGIN, END if product == "support" else None, **more)


SUPPORT = promise("support", "support", 1200)
WORK = promise("work", "work", 600)
COMMISSION = CostTerms("commission", D(360), BEGIN, 12, 36)
NEWS = ((day(11, 15), 350), (day(12, 15), 150))
GOODS = promise("goods", "goods", 1000, quantity=D(10))


def signed(*promises: PromiseTerms, told: tuple[Occurrence, ...] = (), **more: Any) -> Signed:
    head = {"key": more.pop("key", "K"), "signed": more.pop("on", BEGIN), "known": more.pop("known", BEGIN)}
    segment = more.pop("segment", "business")
    contract = RevenueContract(1, "E", account="A", currency="EUR", agreed=Agreed(promises, **more), **head)
    return Signed(contract, told, segment)


def told(kind: Any, on: date, key: str = "", **values: Any) -> Occurrence:
    return Occurrence(key or f"{kind}{on}", kind, on, values.pop("known", on), **values)


def account(*contracts: Signed) -> Account:
    return accounted(assembled(contracts, decide()).contract)


def standing(contract: Signed, *billed: tuple[date, Any]) -> Standing:
    one = assembled([contract], decide())
    return standing_of(one, cost_assets([contract], decide()), ((on, D(amount)) for on, amount in billed))


def balances(one: Standing, day: date) -> dict[str, Decimal]:
    return {name: amount for name, kept in BALANCES.items() if (amount := kept.wanted(one, day))}


@pytest.mark.capability("B7.1", "B7.2")
class TestPromises:
    def test_segments_lead_to_other_selling_prices(self) -> None:
        offered = replace(SUPPORT, market=D(1200))
        shares = {
            name: assembled([signed(offered, WORK, segment=name)], decide()).opened.allocation.shares["support"]
            for name in ("business", "enterprise")
        }
        assert shares == {"business": 1200, "enterprise": 1350}

    def test_what_is_not_distinct_is_one_obligation_and_a_warranty_is_none(self) -> None:
        one = assembled(
            [
                signed(
                    promise("licence", "licence", 800),
                    promise("install", "install", 200),
                    promise("repair", "repair", 0),
                )
            ],
            decide(),
        )
        assert [each.key for each in one.opened.contract.obligations] == ["licence+install"]
        assert one.owner == {"licence+install": "K"}

    def test_an_agent_earns_the_commission_and_owes_the_rest(self) -> None:
        contract = signed(
            promise("trip", "agency", 1000, commission=D("0.15")), told=(told("deliver", day(2), promise="trip"),)
        )
        one = standing(contract, (BEGIN, 1000))
        assert one.account.price == 150
        assert balances(one, day(1, 31)) == {}
        assert balances(one, day(2, 28)) == {"supplier_payable": 850}

    def test_a_material_right_has_its_share(self) -> None:
        right = promise("voucher", "goods", 0, saves=D("0.3"), used=D("0.8"), purchase=D(500))
        one = assembled([signed(replace(GOODS, price=D(880), ssp=D(880)), right)], decide())
        assert one.opened.allocation.shares == {"goods": D("774.40"), "voucher": D("105.60")}

    def test_what_is_invoiced_by_right_is_left_out(self) -> None:
        one = assembled([signed(WORK, promise("calls", "calls", 0))], decide())
        assert (one.by_invoice, one.contract.obligations[0].key, len(one.contract.obligations)) == (
            ("calls",),
            "work",
            1,
        )
        alone = assembled([signed(promise("calls", "calls", 0))], decide())
        assert accounted(alone.contract).items == ()

    @pytest.mark.parametrize(("penalty", "price"), [(0, 300), (120, 300), (121, 1200)])
    def test_a_customer_who_may_go_is_bound_no_longer(self, penalty: int, price: int) -> None:
        term = TermTerms(END, day(4), D(penalty))
        found = account(signed(SUPPORT, term=term))
        assert (found.price, found.by_month()["2026-03"]) == (price, 100)

    def test_contracts_with_promises_of_the_same_key_are_refused(self) -> None:
        with pytest.raises(TollbookError, match="both have a promise work"):
            assembled([signed(WORK), signed(WORK, key="L")], decide())

    def test_two_contracts_are_one(self) -> None:
        one = assembled(
            [signed(replace(WORK, ssp=D(600))), signed(replace(SUPPORT, ssp=D(1800)), key="L", on=day(1, 20))], decide()
        )
        assert one.opened.allocation.shares == {"work": 450, "support": 1350}
        assert one.owner == {"work": "K", "support": "L"}


@pytest.mark.capability("A5.1", "B7.5")
class TestPrice:
    BONUS = VariableTerms("bonus", (Likely(D(100), D("0.6")), Likely(D(0), D("0.4"))), D(40))
    FEE = VariableTerms("fee", (Likely(D(100), D("0.5")), Likely(D(50), D("0.5"))), promise="work")

    def test_what_is_constrained_counts_when_it_is_certain(self) -> None:
        sure = told("estimate", day(7), variable="bonus", outcomes=(Likely(D(100), D(1)),), certain=D(100))
        found = account(signed(SUPPORT, variable=(self.BONUS,), told=(sure,)))
        months = found.by_month()
        assert (months["2026-06"], months["2026-07"], found.price) == (D("103.33"), D("138.33"), 1300)

    def test_what_is_of_one_promise_alone_is_its_own(self) -> None:
        done = told("accept", day(3), promise="work")
        fixed = told("estimate", day(5), variable="fee", outcomes=(Likely(D(90), D(1)),))
        found = account(signed(SUPPORT, WORK, variable=(self.FEE,), told=(done, fixed)))
        work = [(one.on, one.amount) for one in found.items if one.key == "work"]
        assert work == [(day(3), 675), (day(5), 15)]
        assert found.price == 1890

    def test_what_comes_back_is_owed_until_it_is_known(self) -> None:
        events = (
            told("deliver", day(2), promise="goods"),
            told("return", day(3, 5), promise="goods", quantity=D(1)),
            told("estimate", day(4), promise="goods", expected=D(1)),
        )
        goods = replace(GOODS, back=D(3), carried=D(60), recovery=D(5))
        one = standing(signed(goods, told=events), (BEGIN, 1000), (day(3, 5), -100))
        found = [balances(one, when) for when in (day(1, 31), day(2, 28), day(3, 31), day(4, 30))]
        assert [each.get("refund_liability", ZERO) for each in found] == [0, 300, 200, 0]
        assert [each.get("return_asset", ZERO) for each in found] == [0, 165, 110, 0]
        worn = standing(signed(replace(goods, recovery=D(70)), told=events), (BEGIN, 1000))
        assert "return_asset" not in balances(worn, day(2, 28))  # nothing is left of goods that cost more to have back
        assert (one.account.recognised(day(3, 31)), one.account.price) == (700, 900)

    def test_what_was_billed_and_may_be_lost_is_owed_back(self) -> None:
        """A year at 1,200 of which a penalty takes 120: a tenth of what is billed is owed, until it is given back or not expected."""
        terms = VariableTerms(
            "penalty", (Likely(D(0), D("0.7")), Likely(D(-120), D("0.3")))
        )  # the worst is what is certain
        events = (
            told("return", day(6, 10), variable="penalty", quantity=D(30)),
            told("estimate", day(9), variable="penalty", outcomes=(Likely(D(-60), D(1)),)),
        )
        ends = [day(1, 31), day(6, 30), day(9, 30), day(12, 31)]
        once = standing(signed(SUPPORT, variable=(terms,), told=events), (BEGIN, 1200), (day(6, 10), -30))
        assert [once.account.recognised(end) for end in ends] == [90, 540, 855, 1140]
        assert [balances(once, end) for end in ends] == [{"refund_liability": D(owed)} for owed in (120, 90, 30, 30)]
        monthly = standing(signed(SUPPORT, variable=(terms,)), *((day(month), 100) for month in range(1, 13)))
        assert [balances(monthly, end)["refund_liability"] for end in ends] == [10, 60, 90, 120]
        unbilled = standing(signed(SUPPORT, variable=(terms,)), (day(12), 1100))
        assert balances(unbilled, day(6, 30)) == {"contract_asset": 540}
        assert balances(unbilled, day(12, 31)) == {"refund_liability": 20}  # 1,100 billed, 1,080 earned

    def test_units_billed_above_what_is_expected_of_all_are_owed_back(self) -> None:
        events = (
            told("use", day(1, 20), promise="units", quantity=D(100)),
            told("use", day(2, 20), promise="units", quantity=D(300), expected=D(125)),
        )
        one = standing(signed(promise("units", "units", 150), told=events), (day(1, 31), 15000), (day(2, 27), 45000))
        found = [(one.account.recognised(end), balances(one, end)) for end in (day(1, 31), day(2, 28))]
        assert found == [(15000, {}), (50000, {"refund_liability": 10000})]

    def test_a_lower_price_from_a_day_on_takes_nothing_off_what_was_paid_in_advance(self) -> None:
        """What is left of the advance is still to be served, at whatever price: no refund, unlike a lower price of all units."""
        units = promise("units", "units", 150)
        cheaper = replace(units, promise="cheaper", price=D(120), service_from=day(2))
        before = told("use", day(1, 20), promise="units", quantity=D(40))
        later = told("modify", day(2), adds=(cheaper,)), told("use", day(2, 20), promise="cheaper", quantity=D(20))
        one = standing(signed(units, told=(before, *later)), (BEGIN, 15000))
        assert (one.account.recognised(day(2, 28)), balances(one, day(2, 28))) == (8400, {})
        of_all = told("use", day(2, 20), promise="units", quantity=D(20), expected=D(120))
        assert balances(standing(signed(units, told=(before, of_all)), (BEGIN, 15000)), day(2, 28)) == {
            "refund_liability": 1800
        }

    @pytest.mark.parametrize(
        ("of", "more", "words"),
        [
            (WORK, {"payable": D(601)}, "the transaction price of K is -1 EUR"),
            (replace(WORK, back=D(2)), {}, "the transaction price of K is -600"),
            (promise("units", "units", 150), {"payable": D(10)}, "-10 EUR of K is of no promise"),
            (promise("calls", "calls", 0), {"in_kind": D(10)}, "in_kind of K is of no promise"),
            (WORK, {"variable": (BONUS, BONUS)}, "two variable amounts bonus"),
        ],
    )
    def test_a_price_that_cannot_be_is_refused(self, of: PromiseTerms, more: Any, words: str) -> None:
        with pytest.raises(TollbookError, match=words):
            account(signed(of, **more))

    def test_consideration_in_kind_and_what_the_customer_is_paid(self) -> None:
        came = told("receive", day(2), quantity=D(100))
        one = standing(signed(SUPPORT, in_kind=D(100), payable=D(60), told=(came,)), (BEGIN, 1200))
        assert one.account.price == 1240
        assert balances(one, END) == {"consideration_in_kind": 100, "refund_liability": 60}

    def test_what_may_be_bought_back_is_a_loan_until_that_lapses(self) -> None:
        """1,000 that become 1,102.50 in a year: in 90 of 365 days 1,000 x (1.1025 ^ (90 / 365) - 1) = 24.35 of interest, and no revenue."""
        machine = replace(promise("machine", "goods", 1000), service_to=END, call=D("1102.50"))
        loan = standing(signed(machine), (BEGIN, 1000))
        assert (loan.account.price, balances(loan, BEGIN)) == (0, {"repurchase_liability": 1000})
        assert balances(loan, day(3, 31)) == {"interest_expense": D("24.35"), "repurchase_liability": D("1024.35")}
        last = {"interest_expense": D("102.50"), "repurchase_liability": D("1102.50")}
        assert balances(loan, day(12, 31)) == balances(loan, date(2027, 6, 30)) == last

        lapsed = standing(
            signed(machine, SUPPORT, told=(told("expire", day(12, 31), promise="machine"),)), (BEGIN, 2200)
        )
        assert {one.key: one.amount for one in lapsed.account.items if one.on == day(12, 31)}["machine"] == D("1102.50")
        assert lapsed.account.price == D("2302.50") == lapsed.account.recognised(END)
        assert balances(lapsed, END) == {"interest_expense": D("102.50")}
        early = standing(signed(machine, told=(told("expire", day(3, 31)),)), (BEGIN, 1000))
        assert (early.account.price, balances(early, day(4, 30))) == (D("1024.35"), {"interest_expense": D("24.35")})
        credited = standing(signed(machine), (BEGIN, 1000), (day(12, 31), D("-1102.50")))
        assert balances(credited, END) == {"interest_expense": D("102.50")}

    def test_what_is_bought_back_for_less_is_a_lease_of_the_difference(self) -> None:
        let = replace(SUPPORT, price=D(1000), call=D(760))
        end = told("expire", day(12, 31), promise="support")
        lease = standing(signed(let, told=(end,)), (BEGIN, 1000))
        assert (lease.account.recognised(day(3, 31)), balances(lease, day(3, 31))) == (
            60,
            {"repurchase_liability": 760},
        )
        assert (lease.account.price, lease.account.recognised(END), balances(lease, END)) == (1000, 1000, {})
        earned = {
            key: sum(one.amount for one in lease.account.items if one.key == key) for key in lease.account.unearned
        }
        assert earned == {"support": 240, "support+call": 760}

    def test_money_and_performance_far_apart(self) -> None:
        two = replace(SUPPORT, service_to=date(2028, 1, 1), price=D(2000))
        one = standing(signed(two, financing=FinancingTerms("prepaid", D("0.12"), 24)), (BEGIN, 2000))
        assert one.account.price == sum((kept for _, kept in one.assembled.interest.items), ZERO) + 2000 == D("2259.53")
        assert balances(one, day(1, 31)) == {"interest_expense": 20}
        near = standing(signed(SUPPORT, financing=FinancingTerms("prepaid", D("0.12"), 12)))
        assert near.account.price == 1200
        work = told("accept", day(2), promise="work")
        later = standing(signed(WORK, financing=FinancingTerms("instalments", D("0.12"), 24), told=(work,)))
        assert later.account.price == D("531.08")
        assert balances(later, date(2027, 12, 31))["interest_revenue"] == D("68.92")
        ahead = standing(signed(WORK, financing=FinancingTerms("delivery", D("0.06"), 24)))
        assert (ahead.account.price, ahead.assembled.interest.accrued(date(2026, 12, 31))) == (D("674.16"), 36)

    def test_costs_last_as_long_as_the_customer(self) -> None:
        costs = (CostTerms("commission", D(360), BEGIN, 12, 36), CostTerms("bid", D(50), BEGIN, 12))
        ended = told("terminate", day(6, 30))
        one = standing(signed(SUPPORT, costs=costs, told=(ended,)))
        assert [BALANCES["contract_cost"].wanted(one, when) for when in (day(1, 31), day(3, 31), day(6, 30))] == [
            350,
            330,
            0,
        ]
        short = standing(signed(SUPPORT, costs=(CostTerms("commission", D(360), BEGIN, 12, 12),)))
        assert short.assets == ()

    @pytest.mark.parametrize(
        ("element", "carried", "lost"),
        [
            ("final", [D("270"), D("200"), D("192.31"), D(100)], [ZERO, D(60), D(60), D("144.62")]),
            ("back", [D("270"), D("200"), D("250"), D("100")], [ZERO, D(60), D("2.31"), D("142.31")]),
        ],
    )
    def test_costs_are_worth_no_more_than_is_expected(self, element: str, carried: Any, lost: Any) -> None:
        """360 over 36 months, of a contract that leaves 100 less each month; renewals are expected in November, and no more in
        December, when 100 are."""
        outlooks = tuple(told("outlook", on, expected=D(more), quantity=D(50)) for on, more in NEWS)
        one = standing(signed(SUPPORT, costs=(CostTerms(element, D(360), BEGIN, 12, 36),), told=outlooks))
        ends = (day(9, 30), day(10, 31), day(11, 30), day(12, 31))
        net = [BALANCES["contract_cost"].wanted(one, when) - cost_impairment(one, when) for when in ends]
        assert (net, [cost_impairment(one, when) for when in ends]) == (carried, lost)
        assert cost_impairment(standing(signed(SUPPORT, costs=(COMMISSION,))), END) == 0  # no rule asks for it
        ended = told("terminate", day(10, 31), refund=D(200))
        over = standing(signed(SUPPORT, costs=(CostTerms(element, D(360), BEGIN, 12, 36),), told=(ended,)))
        assert (BALANCES["contract_cost"].wanted(over, END), cost_impairment(over, END)) == (0, 0)

    def test_a_loss_that_is_expected_is_provided_for_at_once(self) -> None:
        """At each end of a month revenue less cost less provision is the whole loss: 1,000 less 1,100, and nothing once 900 do."""
        events = (
            told("cost", day(3, 20), promise="build", quantity=D(400)),
            told("expect", day(4, 15), promise="build", expected=D(1100)),
            told("cost", day(5, 20), promise="build", quantity=D(400)),
            told("expect", day(6, 10), promise="build", expected=D(900)),
        )
        built = promise("build", "build", 1000, cost=D(800))
        one = standing(signed(built, WORK, told=events))
        found = [balances(one, day(month, 28)).get("onerous_provision", ZERO) for month in (3, 4, 5, 6)]
        assert found == [ZERO, D("63.64"), D("27.27"), ZERO]
        earned = [sum((item.amount for item in one.account.items if item.on <= day(m, 28)), ZERO) for m in (4, 5)]
        assert [r - c - p for r, c, p in zip(earned, (400, 800), found[1:3], strict=True)] == [-100, -100]
        less = told("modify", day(5, 1), price=D(50), cost=D(0), rest=None)
        more = standing(signed(built, told=(*events[:2], less)))
        before, after = (balances(more, when).get("onerous_provision", ZERO) for when in (day(4, 30), day(5, 31)))
        assert (before, after) == (D("63.64"), D("13.64"))  # what is left earns 50 more
        later = told("modify", day(2), price=D(1000), adds=(replace(built, service_from=day(2)),))
        added = standing(signed(SUPPORT, told=(later, events[0], replace(events[1], expected=D(1600)))))
        found = [balances(added, when).get("onerous_provision", ZERO) for when in (day(1, 31), day(4, 30))]
        assert found == [
            ZERO,
            D("92.86"),
        ]  # it was added with 1,476.19 of the price: three quarters of the loss are ahead
        ended = standing(signed(built, told=(*events[:2], told("terminate", day(4, 30)))))
        assert "onerous_provision" not in balances(ended, day(4, 30))
        waits = standing(signed(built, told=events[:2], criteria={"approved": None}))
        assert "onerous_provision" not in balances(waits, END)


@pytest.mark.capability("B7.3", "A5.4")
class TestTime:
    def test_nothing_is_revenue_before_all_criteria_are_met(self) -> None:
        open_ = signed(SUPPORT, criteria={"approved": BEGIN, "collectible": None})
        assert account(open_).recognised(END) == 0
        met = replace(open_, occurrences=(told("criterion", day(4, 15), criterion="collectible"),))
        months = account(met).by_month()
        assert (min(months), months["2026-04"]) == ("2026-04", 400)
        again = replace(
            met, occurrences=(*met.occurrences, told("criterion", day(5), criterion="collectible", met=False))
        )
        assert assembled([again], decide()).contract.exists == NEVER
        kept = replace(open_, occurrences=(told("terminate", day(3, 31), refund=D(900)),))
        assert account(kept).by_month() == {"2026-03": 300}

    def test_what_was_not_known_did_not_happen(self) -> None:
        contract = signed(WORK, known=day(1, 5), told=(told("accept", day(2), promise="work", known=day(4, 2)),))
        assert as_known([contract], BEGIN) == []
        assert [account(*as_known([contract], when)).recognised(END) for when in (day(4), day(4, 2))] == [0, 600]

    def test_service_is_that_after_all_that_has_changed_it(self) -> None:
        def until(*events: Occurrence) -> date:
            found = served(signed(SUPPORT, WORK, told=events))
            assert {key: begins for key, (begins, _) in found.items()} == {"support": BEGIN}  # work says no end
            return found["support"][1]

        paused = told("pause", day(2), ends=day(4), extend=True)
        assert [until(), until(paused), until(told("pause", day(2), ends=day(4)))] == [END, date(2027, 3, 1), END]
        assert until(told("modify", day(3), ends=day(7)), paused) == day(7)
        assert until(told("terminate", day(5, 31)), told("modify", day(8), ends=END)) == day(6)

    @pytest.mark.parametrize(
        ("event", "words"),
        [
            (told("accept", day(2), promise="nothing"), "no 'nothing'"),
            (told("estimate", day(2), variable="nothing"), "no 'nothing'"),
            (told("estimate", day(2), promise="work", expected=D(1)), "no 'work'"),
            (told("pause", day(2)), "without an end"),
            (told("return", day(2), quantity=D(1)), "names no promise and no variable amount"),
            (told("return", day(2), promise="work", quantity=D(1)), "no units of 'work' are expected to come back"),
            (told("return", day(2), variable="nothing", quantity=D(1)), "no 'nothing'"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, event: Occurrence, words: str) -> None:
        with pytest.raises(TollbookError, match=words):
            account(signed(WORK, told=(event,)))


@st.composite
def occurrences(draw: st.DrawFn) -> tuple[Occurrence, ...]:
    """Any sequence of what may happen to a contract over a year and a little more."""
    made = []
    for at in range(draw(st.integers(0, 6))):
        kind = draw(
            st.sampled_from(["modify", "modify", "estimate", "credit", "pause", "deliver", "accept", "criterion"])
        )
        on = BEGIN + timedelta(days=draw(st.integers(0, 400)))
        price, values = D(draw(st.integers(0, 90_000))) / 100, {}
        if kind in ("modify", "estimate", "credit"):
            values = {"price": price}
        if kind == "modify" and draw(st.booleans()):
            values["adds"] = (PromiseTerms(f"more{at}", "support", "recurring", price, on, on + timedelta(days=90)),)
        if kind == "pause":
            values = {"ends": on + timedelta(days=draw(st.integers(1, 60))), "extend": draw(st.booleans())}
        if kind in ("deliver", "accept"):
            values = {"promise": draw(st.sampled_from(["goods", "work"]))}
        if kind == "criterion":
            values = {"criterion": draw(st.sampled_from(["approved", "collectible"]))}
        made.append(told(kind, on, str(at), **values))
    if draw(st.booleans()):
        made.append(told("terminate", day(11, 30), "end", refund=D(draw(st.integers(0, 500)))))
    return tuple(made)


@pytest.mark.capability("A5.1", "B7.3")
@settings(max_examples=20, deadline=None)
@given(occurrences(), st.randoms(use_true_random=False), st.booleans())
def test_any_sequence_keeps_the_price(events: tuple[Occurrence, ...], chance: random.Random, collectible: bool) -> None:
    contract = signed(SUPPORT, WORK, GOODS, told=events, criteria={"collectible": BEGIN if collectible else None})
    found = account(contract)
    agreed = D(2800)
    for one in events:
        agreed += (
            (-one.price if one.kind == "credit" else one.price)
            + sum((add.price for add in one.adds), ZERO)
            - one.refund
        )
    assert found.price == agreed
    exists = assembled([contract], decide()).contract.exists
    assert all(one.on >= exists for one in found.items)
    for when in (day(3, 31), day(9, 30), NEVER):
        assert found.recognised(when) + found.remaining(when) == agreed
    if not any(one.kind == "accept" for one in events) and not any(
        one.kind in ("terminate", "estimate", "credit") for one in events
    ):
        assert all(one.key != "work" for one in found.items)
    mixed = replace(contract, occurrences=tuple(chance.sample(events, len(events))))
    assert account(mixed) == found


def calls_of(count: int) -> int:
    """Calls of functions that accounting for a contract with so many modifications takes."""
    events = tuple(told("modify", BEGIN + timedelta(days=at % 360), f"{at:04}", price=D(at % 7)) for at in range(count))
    contract, calls = signed(SUPPORT, told=events), 0

    def counting(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        found = account(contract)
    finally:
        sys.setprofile(before)
    assert found.price == 1200 + sum(at % 7 for at in range(count))
    return calls


def test_a_contract_with_many_modifications_is_linear() -> None:
    calls_of(10)
    assert calls_of(200) < 2.3 * calls_of(100)
