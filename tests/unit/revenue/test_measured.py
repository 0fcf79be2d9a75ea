"""Promises that are earned by the usage in the books: as if each day had been told by hand, and never both."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import families
from engine.base.errors import TollbookError
from engine.base.money import ZERO, exact_arithmetic
from engine.model.decision import Decide
from engine.model.revenue_contract import Agreed, Measure, Occurrence, PromiseTerms, RevenueContract
from engine.revenue.agreed import assembled
from engine.revenue.changes import accounted
from engine.revenue.contracts import Account
from engine.revenue.promised import Signed, Used
from engine.rulebook.rulebook import compile_book

D = Decimal
RULES = """
ruleset: revrec/case
effective: {from: 2000-01-01}
owner: test
hit: first
rules:
  - {id: calls, when: product == "calls", then: {method: per_unit}}
  - {id: pack, when: product == "pack", then: {method: units}}
  - {id: royalty, when: product == "royalty", then: {method: royalty, rate: 0.05}}
  - {id: handed, when: product == "handed", then: {method: royalty, rate: 0.05, after: deliver}}
  - {id: goods, then: {method: point_in_time}}
"""
BEGIN, END = date(2026, 1, 1), date(2027, 1, 1)
GOODS = PromiseTerms("goods", "goods", price=D(300), service_from=BEGIN)


@cache
def decide() -> Decide:
    return compile_book({"rules/revrec/case.yaml": RULES.encode()}, families.ALL).decide


@pytest.fixture(autouse=True)
def exact() -> None:
    exact_arithmetic()


def promise(product: str, *measures: Measure) -> PromiseTerms:
    return PromiseTerms("used", product, "usage", D(100), BEGIN, END, D(1000), measures=measures)


def account(product: str, used: tuple[Used, ...] = (), told: tuple[Occurrence, ...] = ()) -> Account:
    terms = promise(product, *([Measure("S1", "calls")] if used else []))
    contract = RevenueContract(1, "E", "K", "A", "EUR", BEGIN, BEGIN, Agreed((terms, GOODS)))
    one = Signed(contract, told, "business", {"used": used} if used else {})
    return accounted(assembled([one], decide()).contract)


QUANTITIES = st.decimals(D(1), D(80), places=3)
DAYS = st.dictionaries(st.dates(BEGIN, END - timedelta(days=1)), QUANTITIES, min_size=1, max_size=12)


def told(on: date, quantity: Decimal) -> Occurrence:
    return Occurrence(f"{on}", "use", on, on, "used", quantity)


@pytest.mark.capability("A5.1", "B7.2")
@pytest.mark.parametrize("product", ["calls", "pack"])
@given(days=DAYS)
def test_usage_of_the_books_earns_what_the_same_told_by_hand_earns(product: str, days: dict[date, Decimal]) -> None:
    measured = account(product, tuple(sorted(days.items())))
    by_hand = account(product, told=tuple(told(*day) for day in days.items()))
    assert (measured.items, measured.unearned, measured.price) == (by_hand.items, by_hand.unearned, by_hand.price)
    assert sum((one.amount for one in measured.items), ZERO) > ZERO


@pytest.mark.capability("A5.1")
@given(days=DAYS, late=st.dates(BEGIN, END - timedelta(days=1)), more=QUANTITIES)
def test_late_usage_earns_the_difference(days: dict[date, Decimal], late: date, more: Decimal) -> None:
    before = account("calls", tuple(sorted(days.items())))
    after = account("calls", tuple(sorted({**days, late: days.get(late, ZERO) + more}.items())))
    whole = sum(days.values(), ZERO)
    rest = sum((one.amount for one in before.items if one.key == "goods"), ZERO)
    earned = [sum((one.amount for one in each.items), ZERO) - rest for each in (before, after)]
    assert abs(earned[0] - whole / 10) <= D("0.005")
    assert abs(earned[1] - (whole + more) / 10) <= D("0.005")
    early = [one for one in before.items if one.on < late]
    assert [one for one in after.items if one.on < late] == early


@pytest.mark.parametrize("kind", ["use", "deliver"])
@pytest.mark.parametrize("about", ["used", ""])
def test_usage_told_by_hand_beside_it_is_refused(kind: str, about: str) -> None:
    hand = Occurrence("by hand", kind, BEGIN, BEGIN, about, D(5))  # type: ignore[arg-type]
    with pytest.raises(TollbookError) as raised:
        account("calls", ((BEGIN, D(5)),), (hand,))
    (finding,) = raised.value.findings
    assert finding.code == "revenue.used-by-hand"
    assert finding.what.startswith("by hand says what was used of used of K")
    other = Occurrence("handed over", "deliver", BEGIN, BEGIN, "goods")
    assert account("calls", ((BEGIN, D(5)),), (other,)).items


@pytest.mark.capability("A5.1")
class TestRoyalties:
    """IFRS 15.B63: as the usage occurs, or when the promise is kept, whichever is later."""

    USED = ((date(2025, 12, 20), D(100)), (date(2026, 1, 10), D(200)), (date(2026, 3, 5), D(400)))

    def test_usage_before_the_first_day_of_service_counts_on_it(self) -> None:
        items = [(one.on, one.amount) for one in account("royalty", self.USED).items if one.key == "used"]
        assert items == [(BEGIN, 5), (date(2026, 1, 10), 10), (date(2026, 3, 5), 20)]

    def test_usage_before_delivery_counts_on_that(self) -> None:
        other, mine = (Occurrence(key, "deliver", date(2026, 2, 1), date(2026, 2, 1), key) for key in ("goods", "used"))
        assert [one for one in account("handed", self.USED, (other,)).items if one.key == "used"] == []
        items = [(one.on, one.amount) for one in account("handed", self.USED, (mine,)).items if one.key == "used"]
        assert items == [(mine.on, 5), (mine.on, 10), (date(2026, 3, 5), 20)]
