"""Whatever becomes of a contract, what is recognised and what remains are its price."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.base.money import ZERO, exact_arithmetic, minor_unit
from engine.families.revrec import FAMILY
from engine.revenue import satisfied, schedule, spread
from engine.revenue.changes import accounted
from engine.revenue.contracts import Account, Change, Contract, Obligation
from engine.revenue.schedule import Happening, RevenueFacts

TERMS: dict[str, Any] = {name: rule["default"] for name, rule in FAMILY.outcome.items()} | {"remainder": "cumulative"}
BEGIN, END = date(2026, 1, 1), date(2027, 1, 1)
METHODS: dict[str, tuple[Any, dict[str, Any]]] = {
    "months": (spread.by_month, {}),
    "days": (spread.by_day, {}),
    "prorated": (spread.by_prorated_month, {"remainder": "last"}),
    "now": (schedule.now, {}),
    "same": (spread.by_day, {"rest": "same"}),
    "accepted": (satisfied.point_in_time, {"on": "accept"}),
    "units": (satisfied.units, {"breakage": Decimal("0.1")}),
    "work": (satisfied.cost_to_cost, {"rest": "same"}),
}


BY_TIME = (spread.by_month, spread.by_day, spread.by_prorated_month, schedule.now)
"""Methods that wait for nothing: in the end, nothing is unearned."""


@pytest.fixture(autouse=True)
def exact() -> None:
    exact_arithmetic()


def obligation(key: str, method: str, amount: Any, **facts: Any) -> Obligation:
    function, terms = METHODS[method]
    more = {"cost": Decimal(800), "quantity": Decimal(100), **facts}
    currency = more.pop("currency", "EUR")
    promise = RevenueFacts(
        "DE01", "p", "recurring", BEGIN, END, BEGIN, Decimal(amount), currency, element=key, **more
    )  # fmt: skip
    return Obligation(key, promise, TERMS | terms, function, Decimal(abs(int(amount)) + 1))


def days(count: int = 420) -> st.SearchStrategy[date]:
    return st.integers(-10, count).map(lambda number: BEGIN + timedelta(days=number))


def money(currency: str, low: int = -50_000, high: int = 200_000) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda number: number * minor_unit(currency))


@st.composite
def happenings(draw: st.DrawFn) -> tuple[Happening, ...]:
    kinds = st.sampled_from(["accept", "deliver", "use", "cost", "expire", "expect"])
    some = draw(st.lists(st.tuples(days(), kinds, st.integers(0, 60)), max_size=4))
    return tuple(Happening(on, kind, Decimal(count), key=str(at)) for at, (on, kind, count) in enumerate(some))


@st.composite
def change(draw: st.DrawFn, at: int, currency: str) -> Change:
    on = draw(days())
    kind = draw(st.sampled_from(["modify", "modify", "modify", "estimate", "credit", "pause", "terminate"]))
    price = draw(money(currency))
    if kind == "pause":
        return Change(on, kind, str(at), ends=on + timedelta(days=draw(st.integers(1, 60))), extend=draw(st.booleans()))
    if kind == "terminate":
        return Change(on, kind, str(at), refund=abs(price))
    if kind != "modify":
        return Change(on, kind, str(at), price=price)
    more: dict[str, Any] = {"at_ssp": draw(st.booleans()), "quantity": Decimal(draw(st.integers(0, 5)))}
    if draw(st.booleans()):
        more["ends"] = max(END, on) + timedelta(days=draw(st.integers(0, 90)))
    if draw(st.booleans()):
        added = obligation(
            f"added{at}",
            draw(st.sampled_from(["months", "days", "accepted"])),
            draw(st.integers(0, 900)),
            currency=currency,
        )
        more["adds"] = (
            replace(added, facts=replace(added.facts, service_from=on, service_to=on + timedelta(days=200))),
        )
    return Change(on, kind, str(at), price=price, past=draw(st.sampled_from([ZERO, minor_unit(currency)])), **more)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    methods = draw(st.lists(st.sampled_from(sorted(METHODS)), min_size=1, max_size=3))
    promised = tuple(
        obligation(f"o{at}", method, draw(st.integers(0, 5000)), currency=currency, happenings=draw(happenings()))
        for at, method in enumerate(methods)
    )
    changes = tuple(draw(change(at, currency)) for at in range(draw(st.integers(0, 4))))
    return Contract(currency, promised, changes, draw(st.sampled_from([date.min, BEGIN, date(2026, 3, 10)])))


def agreed(contract: Contract) -> Decimal:
    """What the contract and its changes say that it costs; nothing of it is taken from an account."""
    price = sum((one.facts.amount for one in contract.obligations), ZERO)
    for one in contract.changes:
        adds = sum((add.facts.amount for add in one.adds), ZERO)
        price += (-one.price if one.kind == "credit" else one.price) + adds - one.past - one.refund
    return price


@pytest.mark.capability("A5.1")
@settings(max_examples=60, deadline=None)
@given(contracts(), st.randoms(use_true_random=False))
def test_any_sequence_of_changes_keeps_the_price(contract: Contract, chance: random.Random) -> None:
    account = accounted(contract)
    assert account.price == agreed(contract)
    for day in (BEGIN, date(2026, 6, 15), END, date(2029, 1, 1)):
        assert account.recognised(day) + account.remaining(day) == agreed(contract)
    assert account.remaining(date.max) == sum(account.unearned.values(), ZERO)
    by_time = {one.key for one in contract.obligations if one.method in BY_TIME}
    assert not any(amount for key, amount in account.unearned.items() if key in by_time)
    cents = minor_unit(contract.currency)
    assert all(one.amount == one.amount.quantize(cents) for one in account.items)
    assert all(one.on >= contract.exists for one in account.items)
    mixed = replace(
        contract,
        changes=tuple(chance.sample(contract.changes, len(contract.changes))),
        obligations=tuple(
            replace(
                one,
                facts=replace(
                    one.facts, happenings=tuple(chance.sample(one.facts.happenings, len(one.facts.happenings)))
                ),
            )
            for one in contract.obligations
        ),
    )
    assert accounted(mixed) == account


@settings(max_examples=25, deadline=None)
@given(happenings(), st.sampled_from(["accepted", "units", "work"]), st.integers(1, 5000))
def test_nothing_is_revenue_before_its_criterion(done: tuple[Happening, ...], method: str, amount: int) -> None:
    kinds = {"accepted": {"accept"}, "units": {"deliver", "use", "expire"}, "work": {"cost", "expect"}}[method]
    days_of = [one.on for one in done if one.kind in kinds]
    account = accounted(Contract("EUR", (obligation("o", method, amount, happenings=done),)))
    assert {one.on for one in account.items} <= set(days_of)


def months(account: Account) -> dict[str, Decimal]:
    return {month: amount for month, amount in account.by_month().items() if amount}


@pytest.mark.capability("A5.1")
class TestChanges:
    def test_both_treatments_in_one_modification(self) -> None:
        contract = Contract("EUR", (obligation("series", "months", 1200), obligation("work", "same", 365)))
        contract = replace(contract, obligations=tuple(replace(one, ssp=Decimal(100)) for one in contract.obligations))
        account = accounted(replace(contract, changes=(Change(date(2026, 7, 1), "modify", price=Decimal(120)),)))
        assert [one.how for one in account.treated] == ["mixed"]
        caught = [one for one in account.items if one.key == "work" and one.on == date(2026, 7, 1)]
        assert len(caught) == 1 and caught[0].amount > 0
        assert [one for one in account.items if one.key == "series" and one.on == date(2026, 7, 1)] == []
        assert account.price == Decimal(1685)

    def test_what_was_earned_at_once_is_not_earned_again(self) -> None:
        change = Change(date(2026, 4, 1), "modify", price=Decimal(300))
        account = accounted(Contract("EUR", (obligation("o", "now", 1200),), (change,)))
        assert months(account) == {"2026-01": 1200, "2026-04": 300}

    def test_a_promise_by_unit_that_is_added_keeps_its_price(self) -> None:
        used = (Happening(date(2026, 8, 1), "use", Decimal(10)),)
        added = obligation("calls", "months", 100, happenings=used)
        added = replace(added, method=satisfied.per_unit, variable=True)
        change = Change(date(2026, 7, 1), "modify", price=Decimal(60), adds=(added,))
        account = accounted(Contract("EUR", (obligation("o", "months", 1200),), (change,)))
        assert months(account)["2026-07"] == 110
        assert [one.amount for one in account.items if one.key == "calls"] == [10]  # at 1.00 each

    def test_what_is_not_known_yet_changes_nothing(self) -> None:
        late = Change(date(2026, 4, 1), "modify", price=Decimal(300), recorded=date(2026, 6, 10))
        contract = Contract("EUR", (obligation("o", "months", 1200),), (late,))
        assert months(accounted(contract, date(2026, 6, 9)))["2026-04"] == Decimal(100)
        assert months(accounted(contract, date(2026, 6, 10)))["2026-04"] == Decimal("133.33")

    def test_a_change_in_the_middle_of_a_rounded_part_loses_no_cent(self) -> None:
        """Months that are rounded by themselves: a day that cuts one in two makes 0.00 and 0.00 of -0.01."""
        days = (date(2026, 1, 2), date(2026, 1, 18))
        changes = tuple(
            Change(on, "estimate", price=price) for on, price in zip(days, (Decimal("-0.11"), ZERO), strict=True)
        )
        account = accounted(Contract("EUR", (obligation("o", "prorated", 0),), changes))
        assert (account.unearned["o"], account.price) == (0, Decimal("-0.11"))

    def test_after_the_end_nothing_more_is_earned(self) -> None:
        ended = Change(date(2026, 3, 31), "terminate", "0", refund=Decimal(900))
        later = Change(date(2026, 5, 1), "estimate", "1", price=Decimal(-50))
        contract = Contract("EUR", (obligation("o", "months", 1200),), (ended, later))
        account = accounted(contract)
        assert months(account) == {"2026-01": 100, "2026-02": 100, "2026-03": 100, "2026-05": -50}
        assert account.unearned == {"o": ZERO}

    @pytest.mark.parametrize("currency", ["EUR", "JPY"])
    def test_a_thousand_modifications(self, currency: str) -> None:
        changes = tuple(
            Change(BEGIN + timedelta(days=at % 360), "modify", str(at), price=Decimal(at % 7)) for at in range(1000)
        )
        account = accounted(Contract(currency, (obligation("o", "days", 9999, currency=currency),), changes))
        assert account.price == 9999 + sum(at % 7 for at in range(1000))
        assert account.remaining(END) == 0
        assert max(Counter((one.on, one.key) for one in account.items).values()) < 5


@st.composite
def pauses(draw: st.DrawFn) -> tuple[tuple[date, date], ...]:
    """Pauses of a service of a year, one after the other, by days; or by whole months."""
    edges = sorted(draw(st.lists(st.integers(1, 300), min_size=2, max_size=4, unique=True)))
    found = [BEGIN + timedelta(days=edge) for edge in edges]
    return tuple(zip(found[::2], found[1::2], strict=False))


@pytest.mark.capability("A5.1")
class TestPauses:
    """A pause changes no price: each part is the difference of rounded shares of the whole, as if it had not been."""

    def test_months_go_on_with_the_cents_that_they_would_have(self) -> None:
        changes = (Change(date(2026, 5, 1), "pause", ends=date(2026, 7, 1), extend=True),)
        plain, paused = (Contract("EUR", (obligation("o", "months", 100),), some) for some in ((), changes))
        without, found = months(accounted(plain)), months(accounted(paused))
        assert list(found.values()) == list(without.values())
        assert next(month for month in found if month > "2026-04") == "2026-07" and max(found) == "2027-02"
        assert found["2026-07"] == Decimal("8.34")  # 41.67 of 100 so far, less 33.33

    @settings(max_examples=60, deadline=None)
    @given(pauses(), st.integers(1, 20_000), st.sampled_from(["EUR", "JPY", "KWD"]))
    def test_days_that_are_served_count(self, gaps: tuple[tuple[date, date], ...], units: int, currency: str) -> None:
        price = units * minor_unit(currency)
        promised = obligation("o", "days", 0, currency=currency)
        promised = replace(promised, facts=replace(promised.facts, amount=price))
        changes = tuple(Change(on, "pause", str(on), ends=ends, extend=True) for on, ends in gaps)
        account = accounted(Contract(currency, (promised,), changes))
        last = END + sum((ends - on for on, ends in gaps), timedelta())
        served, day = 0, BEGIN
        while day < last:
            served += not any(on <= day < ends for on, ends in gaps)
            day += timedelta(days=1)
            if day.day == 1 or day == last or any(day == on for on, _ in gaps):
                exactly = Decimal(price * served) / 365
                assert account.recognised(day - timedelta(days=1)) == exactly.quantize(
                    minor_unit(currency), ROUND_HALF_UP
                )
        assert served == 365

    def test_what_is_not_made_up_is_earned_in_what_is_left(self) -> None:
        changes = (Change(date(2026, 5, 1), "pause", ends=date(2026, 7, 1)),)
        found = months(accounted(Contract("EUR", (obligation("o", "months", 100),), changes)))
        assert [found[f"2026-{month:02d}"] for month in (4, 7, 8, 9)] == [  # to 33.33, 44.44, 55.56, 66.67
            Decimal(one) for one in ("8.33", "11.11", "11.12", "11.11")
        ]
        assert sum(found.values()) == 100 and len(found) == 10

    @pytest.mark.parametrize("method", ["days", "months"])
    def test_days_in_two_pauses_or_before_service_are_made_up_once(self, method: str) -> None:
        gaps = [(1, 1, 3), (2, 2, 4)]  # the first before anything is served, the second from within it
        changes = tuple(
            Change(date(2026, on, 1), "pause", str(n), ends=date(2026, to, 1), extend=True) for n, on, to in gaps
        )
        one = obligation("o", method, 1200)
        assert accounted(Contract("EUR", (one,), changes)).items[-1].on == date(2027, 3, 31)
        late = replace(one, facts=replace(one.facts, service_from=date(2026, 2, 1)))
        assert accounted(Contract("EUR", (late,), changes)).items[-1].on == date(2027, 2, 28)

    def test_what_was_served_before_a_pause_is_measured_by_a_new_length_too(self) -> None:
        """Four months of eighteen, as where the pause had not been: 266.67 of 1200."""
        gap = Change(date(2026, 3, 1), "pause", "a", ends=date(2026, 4, 1), extend=True)
        longer = Change(date(2026, 6, 1), "modify", "b", ends=date(2027, 8, 1))
        promised = obligation("o", "months", 1200)
        promised = replace(promised, terms=promised.terms | {"modification": "catch_up"})
        account = accounted(Contract("EUR", (promised,), (gap, longer)))
        assert account.recognised(date(2026, 6, 29)) == Decimal("266.67")
        assert months(account)["2026-07"] == Decimal("66.67") and max(months(account)) == "2027-07"

    def test_a_licence_that_comes_during_a_pause_is_usable_after_it(self) -> None:
        promised = obligation("o", "accepted", 100, happenings=(Happening(date(2026, 5, 9), "deliver"),))
        promised = replace(promised, method=satisfied.right_to_use)
        gap = Change(date(2026, 5, 1), "pause", "a", ends=date(2026, 6, 1))
        more = Change(date(2026, 6, 1), "pause", "b", ends=date(2026, 7, 1))
        assert [one.on for one in accounted(Contract("EUR", (promised,), (gap, more))).items] == [more.ends]
