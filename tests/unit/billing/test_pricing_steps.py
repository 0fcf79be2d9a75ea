"""Steps before and after a method, windows, weights and what other charges owe."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.base.money import round_to
from engine.billing import owing, pricing
from engine.billing.pricing import Part, PricingFacts, billable, priced
from engine.billing.pricing.steps import check_single, check_steps
from engine.families import ALL
from engine.model.catalog import Charge
from tests.unit.billing.simulator import ENTITY, Shop, account, charge, decision, flat, per_unit

D = Decimal
DAY = date(2026, 1, 1)
CALLS = charge("calls", "usage", "arrears", meter="calls")


def eur(amount: str) -> dict[str, Decimal]:
    return {"EUR": D(amount)}


def step(**said: Any) -> dict[str, Any]:
    """One step with the defaults of the family."""
    field = "before" if said.keys() & {"multiply", "divide", "free"} else "after"
    schema = ALL["pricing"].outcome[field]["schema"]["schema"]
    return {name: rule["default"] for name, rule in schema.items() if "default" in rule} | said


def facts(quantity: str = "10", of: Charge = CALLS, **more: Any) -> PricingFacts:
    return PricingFacts(ENTITY, account(), of, "p", D(quantity), None, None, DAY, DAY, **more)


def unit(price: str = "1", **terms: Any) -> Any:
    return decision("pricing", "per_unit", unit=eur(price), **terms)


def worth(made: Any, asked: PricingFacts, share: str = "1", applies_to: str = "amount") -> Decimal:
    return priced(made, asked, Fraction(share), applies_to).amount if share != "1" else priced(made, asked).amount


MINIMUM, MAXIMUM = step(minimum=eur("20")), step(maximum=eur("6"))


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(
    ("before", "after", "quantity", "expected"),
    [
        ([step(divide=D(3), round="ceiling")], [], "10", "4"),
        ([step(divide=D(4), round="half_up")], [], "10", "3"),
        ([step(divide=D(4))], [], "10", "2.5"),
        ([step(multiply=D("1.5"), round="floor")], [], "3", "4"),
        ([step(free=D(4))], [], "10", "6"),
        ([step(free=D(40))], [], "10", "0"),
        ([step(divide=D(5)), step(free=D(1))], [], "10", "1"),
        ([step(free=D(1)), step(divide=D(5))], [], "10", "1.8"),
        ([], [MINIMUM], "10", "20"),
        ([], [MINIMUM], "0", "20"),
        ([], [MAXIMUM], "10", "6"),
        ([], [MAXIMUM, step(discount=D("0.5"))], "10", "3.0"),
        ([], [step(discount=D("0.5")), MAXIMUM], "10", "5.0"),
        ([], [step(discount=D("0.5")), MINIMUM, MAXIMUM], "10", "6"),
        ([], [step(credit=eur("4"))], "10", "6"),
        ([], [step(credit=eur("40"))], "10", "0"),
        ([], [step(commitment=eur("4"), overage=D(2))], "10", "16"),
        ([], [step(commitment=eur("40"))], "10", "40"),
        ([], [step(commitment=eur("40"), true_up=False)], "10", "10"),
    ],
)
def test_steps_are_carried_out_in_their_order(before: Any, after: Any, quantity: str, expected: str) -> None:
    assert worth(unit(before=before, after=after), facts(quantity)) == D(expected)


def test_what_tops_up_waits_until_the_stretch_is_over() -> None:
    going_on = facts("10", complete=False)
    assert worth(unit(after=[MINIMUM]), going_on) == 10
    assert worth(unit(after=[step(commitment=eur("40"))]), going_on) == 10
    assert worth(unit(after=[step(commitment=eur("4"), overage=D(2))]), going_on) == 16
    assert worth(unit(after=[MAXIMUM]), going_on) == 6


@pytest.mark.parametrize(
    ("of", "applies_to", "expected"),
    [("usage", "amount", ("10", "10", "20", "9")), ("usage", "tiers", ("10", "10", "20", "9")), ("recurring", "amount", ("10", "5", "20", "4.5"))],
)  # fmt: skip
def test_steps_shrink_to_the_share_of_a_stub_unless_they_say_no(of: str, applies_to: str, expected: Any) -> None:
    """Usage is never shrunk; a recurring amount is; steps are, whatever the proration rule applies to."""
    asked = facts("10", CALLS if of == "usage" else charge())
    fixed = step(minimum=eur("20"), prorated=False)
    found = [
        worth(unit(after=steps, before=before), asked, "1/2", applies_to)
        for steps, before in (([MINIMUM], []), ([], []), ([fixed], []), ([], [step(free=D(2))]))
    ]
    assert found == list(map(D, expected))


def test_parts_say_what_each_step_did() -> None:
    made = unit("2", before=[step(divide=D(4), round="ceiling")], after=[step(discount=D("0.25")), MINIMUM])
    zero = D(0)
    assert priced(made, facts("10")).parts == (
        Part(0, D(3), zero, zero, zero, "divide 4, ceiling"),
        Part(0, D(3), D(2), zero, D(6)),
        Part(0, zero, zero, D("-1.5"), D("-1.5"), "discount 25 %"),
        Part(0, zero, zero, D("15.5"), D("15.5"), "minimum 20"),
    )
    assert billable(made, facts("10")) == 3


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=5))
def test_however_often_a_month_is_billed_it_comes_to_the_same(uses: list[int]) -> None:
    """Usage billed as it comes: caps, discounts, packages and credits hold for the month, the minimum at its end."""
    terms = {
        "size": D(7), "price": eur("3"), "before": [step(free=D(2))],
        "after": [step(credit=eur("2")), step(discount=D("0.1")), step(minimum=eur("15")), step(maximum=eur("40"))],
    }  # fmt: skip
    rule = decision("pricing", "package", **terms)
    shop = Shop([charge("calls", "usage", "advance", meter="calls")], {"p/calls": rule})
    shop.know("start", DAY, "p", 1)
    for place, quantity in enumerate(uses, 1):
        shop.use(date(2026, 1, place), quantity)
        shop.run(date(2026, 1, place))
        assert shop.net <= 40
    shop.run(date(2026, 2, 1))
    january = sum((one.charge.amount for one in shop.lines if one.charge.service_from == DAY), D(0))
    assert january == round(worth(rule, facts(str(sum(uses)))), 2) >= 15


class TestWindows:
    def shop(self, per: str, **terms: Any) -> Shop:
        rule = decision("pricing", "package", size=D(10), price=eur("1"), per=per, **terms)
        shop = Shop([CALLS], {"p/calls": rule})
        shop.know("start", date(2026, 1, 15), "p", 1)
        for day, quantity in ((15, 9), (16, 9), (19, 9), (31, 2)):
            shop.use(date(2026, 1, day), quantity)
        return shop

    @pytest.mark.parametrize(("per", "amount"), [("period", "3"), ("day", "4"), ("week", "4"), ("month", "3")])
    def test_each_window_is_priced_by_itself(self, per: str, amount: str) -> None:
        """29 calls: 15 and 16 January are in one week, the 19th and the 31st in others."""
        assert sum(one.amount for one in self.shop(per).run(date(2026, 2, 1))) == D(amount)

    def test_a_step_of_a_window_and_one_of_the_period(self) -> None:
        least = step(minimum=eur("0.5"), of="window")
        assert self.shop("day", after=[least]).run(date(2026, 2, 1))[0].amount == D("10.5"), "13 days without"
        assert (
            self.shop("day", after=[least, step(maximum=eur("7"), prorated=False)]).run(date(2026, 2, 1))[0].amount == 7
        )

    def test_what_is_no_usage_has_no_windows(self) -> None:
        with pytest.raises(TollbookError) as caught:
            priced(unit(per="day"), facts("3", charge()))
        assert caught.value.findings[0].code == pricing.NO_WINDOWS


class TestWeights:
    def test_units_weigh_the_days_from_theirs_on(self) -> None:
        rule = decision(
            "pricing", "graduated_prorated", tiers=[{"up_to": D(5), "unit": eur("31")}, {"unit": eur("15.5")}]
        )
        shop = Shop([CALLS], {"p/calls": rule})
        shop.know("start", DAY, "p", 1)
        shop.use(DAY, 4)
        shop.use(date(2026, 1, 17), 3)
        (line,) = shop.run(date(2026, 2, 1))
        assert (line.quantity, line.amount) == (D(7), D(124 + 15 + 15))

    @pytest.mark.parametrize(
        ("events", "weights", "expected"),
        [
            (["7"], ["7"], "12"),
            (["7", "-4"], ["7", "-4"], "7"),
            (["7", "-8"], ["7", "-8"], "0"),
            (["3", "4", "-7"], ["1", "1", "-3"], "4"),
            (["9", "2"], ["0", "1"], "1"),
            ([], [], "0"),
        ],
    )
    def test_levels(self, events: list[str], weights: list[str], expected: str) -> None:
        """A euro a unit up to 5, then 1.50, and 4 euros for reaching it; what was reached stays reached."""
        rule = decision(
            "pricing",
            "graduated_prorated",
            tiers=[{"up_to": D(5), "unit": eur("1")}, {"unit": eur("1.5"), "flat": eur("4")}],
        )
        asked = facts("0", events=tuple(map(D, events)), weights=tuple(map(D, weights)))
        assert worth(rule, asked) == D(expected)

    def test_without_weights_it_is_refused(self) -> None:
        rule = decision("pricing", "graduated_prorated", tiers=[{"unit": eur("1")}])
        with pytest.raises(TollbookError) as caught:
            priced(rule, facts("3"))
        assert caught.value.findings[0].code == pricing.NO_EVENTS


class TestCommitment:
    """A commitment of 100 a month, or of 1,200 a year, that a fee of 40 and usage count towards."""

    def shop(self, months: int, committed: str) -> Shop:
        top = charge("top", "recurring", "arrears", months=months)
        rule = decision("pricing", "true_up", 41, commitment=eur(committed))
        shop = Shop([charge(), CALLS, top], {"p/fee": flat("40"), "p/calls": per_unit("1"), "p/top": rule})
        shop.know("start", DAY, "p", 1)
        return shop

    def tops(self, shop: Shop, on: date) -> list[Decimal]:
        return [one.amount for one in shop.run(on) if one.charge == "top"]

    def test_it_asks_for_what_is_missing(self) -> None:
        shop = self.shop(1, "100")
        assert self.tops(shop, DAY) == []
        shop.use(date(2026, 1, 9), 25)
        assert self.tops(shop, date(2026, 2, 1)) == [D(35)]
        assert self.tops(shop, date(2026, 2, 1)) == []

    def test_late_usage_gives_a_part_of_it_back(self) -> None:
        shop = self.shop(1, "100")
        self.tops(shop, date(2026, 2, 1))
        shop.use(date(2026, 1, 9), 25)
        assert self.tops(shop, date(2026, 2, 2)) == [D(-25)]
        shop.use(date(2026, 1, 9), 100)
        assert self.tops(shop, date(2026, 2, 3)) == [D(-35)]

    def test_a_closed_year_stays_as_it_was_billed(self) -> None:
        shop = self.shop(12, "1200")
        assert self.tops(shop, date(2026, 12, 31)) == []
        assert self.tops(shop, date(2027, 1, 1)) == [D(720)]
        shop.use(date(2026, 11, 9), 25)
        made = shop.preview(date(2027, 1, 1))
        assert [one.amount for one in made.charges] == [D(25)]
        assert [finding.code for finding in made.findings] == [owing.COMMITMENT_CLOSED]

    @pytest.mark.parametrize("late_cycles", [None, 1, 0])
    def test_usage_that_is_not_looked_at_again_counts_as_it_was_billed(self, late_cycles: int | None) -> None:
        """A quarter is settled by all of its months, however far back late usage is billed."""
        shop = self.shop(3, "300")
        shop.metering = decision("metering", number=41, late_cycles=late_cycles)
        for month in (1, 2, 3):
            shop.use(date(2026, month, 9), 25)
            assert self.tops(shop, date(2026, month, 20)) == []
            if month < 3:
                shop.run(date(2026, month + 1, 1))
        assert self.tops(shop, date(2026, 4, 1)) == [D(300 - 3 * 40 - 3 * 25)]
        assert self.tops(shop, date(2026, 5, 1)) == []

    def test_without_knowing_the_others_it_is_refused(self) -> None:
        with pytest.raises(TollbookError) as caught:
            priced(decision("pricing", "true_up", commitment=eur("1")), facts())
        assert caught.value.findings[0].code == pricing.NOT_COUNTED


@pytest.mark.parametrize(
    ("terms", "paths"),
    [
        ({"before": [step(free=D(1))], "after": [MINIMUM]}, []),
        ({"before": [step(free=D(1), divide=D(2))]}, [("before", 0)]),
        ({"before": [{"round": "up"}]}, [("before", 0)]),
        ({"before": [step(divide=D(0))]}, [("before", 0, "divide")]),
        ({"after": [MINIMUM, {**MINIMUM, **MAXIMUM}]}, [("after", 1)]),
        ({"after": [step(minimum=eur("1"), of="window")]}, [("after", 0, "of")]),
        ({"after": [step(minimum=eur("1"), of="window")], "per": "day"}, []),
    ],
)
def test_flaws_of_steps(terms: dict[str, Any], paths: list[Any]) -> None:
    found = list(check_steps(unit(**terms).terms))
    assert [flaw.path for flaw in found] == paths
    assert all(flaw.what and flaw.mend for flaw in found)


def test_single_events_have_no_use_for_sums() -> None:
    assert [flaw.path for flaw in check_single(unit(before=[step(free=D(1))], per="day").terms)] == [
        ("before",),
        ("per",),
    ]
    assert list(check_single(unit().terms)) == []


def test_a_price_keeps_what_it_was_asked_about() -> None:
    asked = facts("10")
    priced(unit(before=[step(free=D(4))]), asked)
    assert asked == msgspec.structs.replace(facts("10"))


def test_division_loses_no_tie() -> None:
    """Tiers of 5/6 of a cycle: 55/6 x 2.69 + 40/3 x 2.54 + 5/6 x 1.16 + 107/3 x 0.41 = 74.115, as fractions say."""
    tiers = [{"up_to": D(top), "unit": eur(price)} for top, price in ((11, "2.69"), (27, "2.54"), (28, "1.16"))]
    made = decision("pricing", "graduated", tiers=[*tiers, {"unit": eur("0.41")}])
    assert round_to(worth(made, facts("59"), "5/6", "tiers"), "EUR") == D("74.12")
