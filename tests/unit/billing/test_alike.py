"""What is remembered of subscriptions that are alike is what each of them owes by itself, whatever the rules look at."""

from __future__ import annotations

import copy
import pickle
import zlib
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import Code, TollbookError, refuse
from engine.billing import alike
from engine.billing.alike import Alike
from engine.billing.job import Job
from engine.billing.pricing import PricingFacts
from engine.billing.proration import ProrationFacts
from engine.billing.statement import statement
from engine.model.account import Account
from engine.model.catalog import Plan
from engine.model.decision import Decision
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.subscription import BillingMark, Subscription, SubscriptionEvent
from engine.model.usage import UsageDay
from tests.unit.billing.simulator import ACTUAL_DAYS, ENTITY, METERING, NOTHING_NOW, account, charge, flat, per_unit

REFUSED = Code("test.refused", "A price that a rule of this test refuses.")
PLANS = {
    key: Plan(
        "t", key, key, tuple(charge(name, plan=key, timing=timing, months=months) for name, timing, months in has)
    )
    for key, has in {
        "p": [("fee", "advance", 1), ("seat", "advance", 1), ("late", "arrears", 1)],
        "q": [("fee", "advance", 3)],
    }.items()
}
METERED = Plan("t", "m", "m", (charge("calls", "usage", plan="m", timing="arrears", meter="calls"),))
ON = date(2024, 3, 1)
TAKEN = ("id", "key", "name", "country", "segment", "zone", "tax_id", "tax_exempt")
LOOKED_AT = [
    *(f"account.{name}" for name in TAKEN),
    *(
        "quantity",
        "charge.key",
        "plan",
        "subscribed_on",
        "day",
        "months_since_start",
        "days_since_start",
        "cycle_number",
    ),
]
PRORATED = [*(f"account.{name}" for name in TAKEN), "charge.key", "began_by", "ended_by", "part_from", "cycle_to"]


class Rules:
    """Rules that look at some facts, and price by what they are; some values are refused."""

    def __init__(self, priced: Sequence[str], prorated: Sequence[str], refusing: bool) -> None:
        self.priced = [(name, attrgetter(name)) for name in priced]
        self.prorated = [(name, attrgetter(name)) for name in prorated]
        self.refusing = refusing
        self.asked = 0

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        self.asked += 1
        if family == "metering":
            return METERING
        priced = family == "pricing"
        assert isinstance(facts, PricingFacts if priced else ProrationFacts)
        values = [get(facts) for _, get in (self.priced if priced else self.prorated)]
        sum_ = zlib.crc32(repr(values).encode())
        if not priced:
            return NOTHING_NOW if sum_ % 3 == 0 else ACTUAL_DAYS
        if self.refusing and sum_ % 5 == 0:
            raise refuse(REFUSED, f"no price for {facts.account.name}")
        return msgspec.structs.replace((flat, per_unit)[sum_ % 2](f"{sum_ % 97 + 1}.5"), id=sum_ % 97)


FEW = st.integers(0, 1)


@st.composite
def owners(draw: st.DrawFn) -> AccountDue:
    """An account that is often like others in much, with one subscription."""
    n = draw(st.integers(1, 5))
    who = msgspec.structs.replace(
        account(draw(st.sampled_from(["EUR", "EUR", "JPY"]))),
        id=n,
        key=f"A{n}",
        name=f"Customer {n}",
        country=("NL", "DE")[draw(FEW)],
        segment=("business", "consumer")[draw(FEW)],
        zone=("Europe/Berlin", "America/New_York")[draw(FEW)],
        tax_id=(None, f"ID{n}")[draw(FEW)],
        tax_exempt=bool(draw(FEW)),
    )
    start = draw(st.sampled_from([date(2023, 11, 15), date(2024, 1, 1), date(2024, 2, 29)]))
    event = SubscriptionEvent(
        draw(st.integers(1, 99)), f"e{n}", "start", start, draw(st.sampled_from("pqx")), Decimal(1)
    )
    events = [event]
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["change", "pause", "cancel"]))
        changed = Decimal(3) if kind == "change" else None
        later = start + timedelta(days=draw(st.integers(0, 2)) * 10)
        events.append(SubscriptionEvent(100 + n, "more", kind, later, None, changed))  # type: ignore[arg-type]
    ident = draw(st.integers(1, 9))
    own = Subscription(ident, "t", ENTITY.key, who.key, f"S{ident}", anchor_day=draw(st.sampled_from([1, 31])))
    window = draw(st.sampled_from([date.min, ON, date(2024, 2, 1)]))
    mark = None if window == date.min else BillingMark(ident, window, 200, 7, window)
    return AccountDue(who, {}, (SubscriptionDue(own, tuple(events), window, mark),))


def told(job: Job, owner: AccountDue) -> Any:
    """What comes out for a subscription with every digit of it, or what is said against it."""
    try:
        return repr(statement(job, owner, owner.subscriptions[0]))
    except TollbookError as error:
        return error.findings


def job_of(rules: Rules, on: date = ON, known: Alike | None = None) -> Job:
    return Job(ENTITY, {**PLANS, "m": METERED}, {}, rules.decide, on, 300, 9, alike=known)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(owners(), min_size=2, max_size=6),
    st.lists(st.sampled_from(LOOKED_AT), max_size=3),
    st.lists(st.sampled_from(PRORATED), max_size=2),
    st.booleans(),
)
def test_what_is_remembered_is_what_each_owes_by_itself(
    some: list[AccountDue], priced: list[str], prorated: list[str], refusing: bool
) -> None:
    rules, known = Rules(priced, prorated, refusing), Alike()
    for on in (ON, date(2024, 4, 1)):
        plain, quick = job_of(rules, on), job_of(rules, on, known)
        for owner in some * 3:
            assert told(quick, owner) == told(plain, owner)


def customers(count: int, **more: Any) -> list[AccountDue]:
    """Customers who differ in their names."""
    made = []
    for n in range(1, count + 1):
        who = msgspec.structs.replace(account(), id=n, key=f"A{n}", name=f"Customer {n}")
        event = SubscriptionEvent(n, "1", "start", date(2024, 1, 1), "p", Decimal(1))
        own = Subscription(n, "t", ENTITY.key, who.key, f"S{n}")
        made.append(AccountDue(who, {}, (SubscriptionDue(own, (event,), date.min, **more),)))
    return made


def asked(rules: Rules, job: Job, some: Sequence[AccountDue]) -> list[int]:
    """How often rules were asked for each of some customers."""
    counts = []
    for owner in some:
        before = rules.asked
        statement(job, owner, owner.subscriptions[0])
        counts.append(rules.asked - before)
    return counts


def test_rules_are_asked_of_two_for_all_that_are_alike() -> None:
    rules = Rules(["account.country"], [], False)
    first, second, *others = asked(rules, job_of(rules, known=Alike()), customers(5))
    assert (first == second > 0, others) == (True, [0, 0, 0])


def test_and_for_each_where_a_rule_looks_at_what_tells_them_apart() -> None:
    rules = Rules(["account.key"], [], False)
    assert min(asked(rules, job_of(rules, known=Alike()), customers(5))) > 0


def test_what_has_more_than_events_is_rated_by_itself() -> None:
    rules = Rules([], [], False)
    there = customers(4, usage=(UsageDay(1, "calls", ON, Decimal(1), 1, 1, Decimal(1)),))
    assert min(asked(rules, job_of(rules, known=Alike()), there)) > 0


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "MOST", 2)
    rules = Rules(["account.key"], [], False)
    one, *others = customers(4)
    counts = asked(rules, job_of(rules, known=Alike()), [one] * 4 + others + [one])
    assert (counts[3], counts[-1] > 0) == (0, True)


def test_numbers_are_told_apart_by_every_digit() -> None:
    rules = Rules([], [], False)
    job = job_of(rules, known=Alike())
    for owner, quantity in zip(customers(6), ("2", "2", "2", "2.0", "3", "2"), strict=True):
        due = owner.subscriptions[0]
        taken = msgspec.structs.replace(due.events[0], quantity=Decimal(quantity))
        made = statement(job, owner, msgspec.structs.replace(due, events=(taken,)))
        assert {str(line.quantity) for line in made.charges} == {quantity}


def test_a_method_may_ask_an_account_for_what_accounts_do_not_have() -> None:
    class Asking(Rules):
        """Rules whose methods ask for a field that there may be in another version."""

        def decide(self, family: str, facts: Any, on: date) -> Decision:
            assert not hasattr(facts.account, "loyalty") if family == "pricing" else True
            return super().decide(family, facts, on)

    rules = Asking([], [], False)
    first, second, *others = asked(rules, job_of(rules, known=Alike()), customers(5))
    assert (first == second > 0, others) == (True, [0, 0, 0])


def _matched(who: Any) -> str:
    match who:
        case Account(key=key):
            return f"the account {key}"
    return "no account"


@pytest.mark.parametrize("look", [repr, str, copy.copy, pickle.dumps, _matched])
def test_who_looks_at_an_account_as_a_whole_is_asked_for_each(look: Callable[[Any], Any]) -> None:
    class Whole(Rules):
        """Rules that price by something made of a whole account."""

        def decide(self, family: str, facts: Any, on: date) -> Decision:
            if family == "pricing":
                price = zlib.crc32(repr(look(facts.account)).encode()) % 9_999
                return msgspec.structs.replace(flat(str(price + 1)), id=price)
            return super().decide(family, facts, on)

    rules = Whole([], [], False)
    plain, quick = job_of(rules), job_of(rules, known=Alike())
    for owner in customers(4):
        assert told(quick, owner) == told(plain, owner)
