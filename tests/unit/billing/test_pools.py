"""Usage that several subscriptions share: worked numbers, and a second model that splits each month by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import Finding, TollbookError
from engine.base.money import ZERO, split
from engine.billing import pool_parts, pools
from engine.billing.basis import read_pool
from engine.billing.job import Job
from engine.billing.looking_back import sums_wanted
from engine.billing.pool_parts import portion
from engine.billing.pool_rollover import looked_at_from
from engine.billing.pools import Sharing, low_of
from engine.billing.rating import NOT_SHARED
from engine.billing.statement import statement
from engine.billing.unsummed import POOL
from engine.model.decision import Decision
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.invoice import BilledLine, RatedCharge
from tests.unit.billing.simulator import ENTITY, METERS, Shop, charge, decision

D = Decimal
JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))


def price(included: int = 100, number: int = 21, method: str = "per_unit", terms: Any = None, **pool: Any) -> Decision:
    """Some units for nothing, then one euro each, in pool data."""
    shared = {"key": "data", "scope": "payer", "allowance": "added", "divide": "by_usage", **pool}
    made = terms if terms is not None else {"unit": {"EUR": D(1)}, "included": D(included)}
    return decision("pricing", method, number, pool=shared, **made)


class Firm:
    """Subscriptions of one payer: plan ``p`` for all but those that say ``q``."""

    def __init__(self, prices: dict[str, Decision], *starts: date, plans: str = "", **fields: Any) -> None:
        charges = [charge("calls", "usage", "arrears", meter="calls", plan=plan[0]) for plan in prices]
        self.shops: list[Shop] = []
        for number, start in enumerate(starts):
            shop = Shop(charges, {f"{plan}/calls": one for plan, one in prices.items()}, **fields)
            named = {"id": 50 + number, "key": f"S-{number + 1}"}
            shop.subscription = msgspec.structs.replace(shop.subscription, **named)
            shop.know("start", start, plans[number] if plans else "p", 1)
            self.shops.append(shop)
        self.findings: list[Finding] = []

    def use(self, day: date, *used: int) -> None:
        """What each of the subscriptions uses on a day."""
        for shop, quantity in zip(self.shops, used, strict=False):
            if quantity:
                shop.use(day, quantity)

    def _job(self, on: date, shop: Shop) -> Job:
        return Job(
            ENTITY, shop.plans, METERS, shop.decide, on, len(shop.events), len(shop.usage), turning=shop.turning
        )  # fmt: skip

    def run(self, on: date) -> list[dict[str, Decimal]]:
        """What a run bills of each subscription, by the first day of its stretch."""
        pairs: list[tuple[AccountDue, SubscriptionDue]] = []
        job = self._job(on, self.shops[0])
        for shop in self.shops:
            due = shop.due()
            pairs.append((AccountDue(shop.account, {}, (due,)), due))
        low = low_of(job, pairs)
        assert low is not None
        read = [self._read(job, shop, owner, due, low) for shop, (owner, due) in zip(self.shops, pairs, strict=True)]
        first = looked_at_from(job, read, low)
        if first < low:
            read = [self._read(job, shop, *pair, low, first) for shop, pair in zip(self.shops, read, strict=True)]
        sharing = Sharing(job, "A-1", read, low, first=first)
        billed: list[dict[str, Decimal]] = []
        for shop, (owner, due) in zip(self.shops, read, strict=True):
            made = statement(self._job(on, shop), owner, msgspec.structs.replace(due, sharing=sharing))
            self.findings += made.findings
            shop.lines += [BilledLine(len(shop.lines) + n, one) for n, one in enumerate(made.charges, 1)]
            shop.mark = made.mark
            billed.append(summed(made.charges))
        return billed

    def _read(
        self, job: Job, shop: Shop, owner: AccountDue, due: SubscriptionDue, low: date, first: date | None = None
    ) -> tuple[AccountDue, SubscriptionDue]:
        sums = [one for span in sums_wanted(job, owner, due, first or low) for one in shop._sums(*span)]
        known = {line.id for line in due.billed}
        older = [line for line in shop.lines if line.charge.service_to > low and line.id not in known]
        return owner, msgspec.structs.replace(due, sums=tuple(sums), settled=tuple(older))

    def total(self) -> list[dict[str, Decimal]]:
        """What was billed of each subscription so far."""
        return [summed([line.charge for line in shop.lines]) for shop in self.shops]


def summed(charges: Sequence[RatedCharge]) -> dict[str, Decimal]:
    """Amounts by the first day of the stretch."""
    found: dict[str, Decimal] = {}
    for one in charges:
        key = one.service_from.isoformat()
        found[key] = found.get(key, ZERO) + one.amount
    return {key: amount for key, amount in found.items() if amount}


def euros(*amounts: str | int) -> list[dict[str, Decimal]]:
    """Amounts of January, one for each subscription."""
    return [{"2026-01-01": D(amount)} if D(amount) else {} for amount in amounts]


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(
    ("rule", "used", "billed"),
    [
        # 500 used, 300 for nothing: 200, of which 400, 80 and 20 of 500 bear 160, 32 and 8
        (price(), (400, 80, 20), (160, 32, 8)),
        # one allowance for all: 400 to pay
        (price(allowance="one"), (400, 80, 20), (320, 64, 16)),
        (price(divide="on_first"), (400, 80, 20), (200, 0, 0)),
        # 3 used by three cost 0.10: 0.033.. each, cut so that no cent is lost
        (price(0, terms={"unit": {"EUR": D("0.0333")}, "included": D(0)}), (1, 1, 1), ("0.03", "0.04", "0.03")),
        # tiers are filled by all together: 100 at 1 and 50 at 0.50
        (
            price(method="graduated", terms={"tiers": [{"up_to": D(100), "unit": {"EUR": D(1)}}, {"unit": {"EUR": D("0.5")}}]}),
            (60, 60, 30),
            (50, 50, 25),
        ),
        # nothing used, and a minimum: equal parts
        (
            price(terms={"unit": {"EUR": D(1)}, "included": D(100), "after": [{"minimum": {"EUR": D(10)}, "prorated": False, "of": "period"}]}),
            (0, 0, 0),
            ("3.33", "3.34", "3.33"),
        ),
    ],
)  # fmt: skip
def test_a_month_of_three(rule: Decision, used: tuple[int, ...], billed: tuple[str, ...]) -> None:
    firm = Firm({"p": rule}, JAN, JAN, JAN)
    firm.use(date(2026, 1, 10), *used)
    assert firm.run(FEB) == euros(*billed)
    assert firm.findings == []
    assert firm.run(FEB) == euros(0, 0, 0)


@pytest.mark.capability("A2.5")
def test_late_usage_of_one_changes_the_shares_of_all() -> None:
    firm = Firm({"p": price()}, JAN, JAN)
    firm.use(date(2026, 1, 10), 300, 100)
    assert firm.run(FEB) == euros(150, 50)
    firm.use(date(2026, 2, 10), 300, 0)
    assert firm.run(MAR) == [{"2026-02-01": D(100)}, {}]
    firm.use(date(2026, 1, 20), 0, 200)  # 600 used, 400 to pay, half each
    assert firm.run(APR) == euros(50, 150)
    assert firm.total()[0] == {"2026-01-01": D(200), "2026-02-01": D(100)}
    line = firm.shops[0].lines[-1].charge
    told = read_pool(line.basis)
    assert told is not None and (line.events, line.quantity, told.quantity, told.granted) == (0, 0, 600, 100)


def test_plans_bring_what_they_have_and_one_that_joins_brings_its_part() -> None:
    step = {"unit": {"EUR": D(1)}, "before": [{"free": D(310), "prorated": True, "round": "none"}]}
    both = {
        "p": price(terms=step),
        "q": price(50, 22, terms={**step, "before": [{**step["before"][0], "free": D(62)}]}),
    }
    firm = Firm(both, JAN, date(2026, 1, 22), plans="pq")
    firm.use(date(2026, 1, 25), 300, 130)
    # 310 and 10 of 31 days of 62 are free: 100 of 430 are paid
    assert firm.run(FEB) == [{"2026-01-01": D("69.77")}, {"2026-01-22": D("30.23")}]


def test_usage_after_the_last_day_that_counts_stays_out_however_late_it_is_looked_at() -> None:
    firm = Firm({"p": price()}, JAN, JAN, metering=decision("metering", number=41, last_day=True))
    firm.shops[1].know("cancel", date(2026, 1, 20))
    firm.use(date(2026, 1, 5), 110, 100)
    firm.use(date(2026, 1, 25), 0, 50)  # nobody is there any more
    for month in range(2, 6):
        firm.run(date(2026, month, 1))
    assert sum(sum(one.values()) for one in firm.total()) == 10
    firm.use(date(2026, 1, 10), 10)
    firm.run(date(2026, 6, 1))
    assert sum(sum(one.values()) for one in firm.total()) == 20


def test_who_leaves_pays_as_known_and_is_made_even_when_the_cycle_is_over() -> None:
    firm = Firm({"p": price(10)}, JAN, JAN)
    firm.shops[1].know("cancel", date(2026, 1, 15))
    firm.use(date(2026, 1, 5), 10, 30)
    assert firm.run(date(2026, 1, 15)) == euros(0, 15)  # 40 used, 20 free: 20, of which it bears 15
    firm.use(date(2026, 1, 20), 20, 0)
    assert firm.run(FEB) == euros(20, 5)  # 60 used, 20 free: 40, half each
    assert firm.run(MAR) == [{}, {}]


def test_a_change_that_takes_one_out_of_the_pool_leaves_the_rest_to_the_others() -> None:
    prices = {"p": price(10), "q": decision("pricing", "per_unit", 30, unit={"EUR": D(2)}, included=D(0))}
    firm = Firm(prices, JAN, JAN)
    firm.use(date(2026, 1, 5), 30, 30)
    assert firm.run(FEB) == euros(20, 20)
    firm.shops[1].know("change", JAN, "q")
    assert firm.run(MAR) == euros(0, 60 - 20)  # 30 less 10 are 20 still, and the other pays 60 and gets 20 back


def test_unlike_cycles_and_prices_are_apart_and_it_is_said() -> None:
    prices = {"p": price(10), "q": price(10, 22, terms={"unit": {"EUR": D(3)}, "included": D(10)})}
    firm = Firm(prices, JAN, JAN, JAN, plans="ppq")
    firm.use(date(2026, 1, 5), 30, 10, 20)
    assert firm.run(FEB) == euros(15, 5, 30)
    assert [one.code for one in firm.findings] == [pools.APART]


def test_one_that_cannot_be_rated_holds_its_pool() -> None:
    firm = Firm({"p": price()}, JAN, JAN)
    firm.shops[1].know("change", date(2026, 1, 3), "lost")
    with pytest.raises(TollbookError) as refused:
        firm.run(FEB)
    assert refused.value.findings[0].code is pools.INCOMPLETE


@pytest.mark.parametrize(
    ("scope", "code"), [("contract", pools.NO_CONTRACT), ("parent", pools.CROSSES_PAYERS)]
)  # fmt: skip
def test_scopes_that_cannot_be(scope: str, code: Any) -> None:
    shop = Firm({"p": price(scope=scope)}, JAN).shops[0]
    job, due = Job(ENTITY, shop.plans, METERS, shop.decide, FEB, 1, 0, turning=shop.turning), shop.due()
    owner = AccountDue(shop.account, {}, (due,))
    sharing = Sharing(job, "A-1", [(owner, due)], JAN, {"A-1"})
    with pytest.raises(TollbookError) as refused:
        statement(job, owner, msgspec.structs.replace(due, sharing=sharing))
    assert refused.value.findings[0].code is code


def test_measured_usage_and_usage_alone_are_refused() -> None:
    shop = Firm({"p": price()}, JAN).shops[0]
    with pytest.raises(TollbookError) as alone:
        shop.preview(FEB)
    assert alone.value.findings[0].code is NOT_SHARED
    shop.plans = Shop([charge("calls", "usage", "arrears", meter="calls", filter="quantity > 1")], {}).plans
    job, due = Job(ENTITY, shop.plans, METERS, shop.decide, FEB, 1, 0, turning=shop.turning), shop.due()
    with pytest.raises(TollbookError) as refused:
        list(pools.members(job, AccountDue(shop.account, {}, (due,)), due, JAN))
    assert refused.value.findings[0].code is POOL


MONTHS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2), st.integers(1, 40)), max_size=10)


@settings(max_examples=50, deadline=None)
@given(MONTHS, MONTHS, st.sampled_from(["added", "one"]))
def test_a_model_of_whole_months_agrees(before: Any, late: Any, allowance: str) -> None:
    """Usage in order of month, a run each month, then late usage and one more run: as if every month was split once."""
    unit = {"unit": {"EUR": D("0.07")}, "included": D(20)}
    firm = Firm({"p": price(terms=unit, allowance=allowance)}, JAN, JAN, date(2026, 2, 1))
    used = [[0, 0, 0] for _ in range(4)]
    for month in range(1, 5):
        for in_month, who, quantity in before:
            if in_month == month and (who < 2 or month > 1):
                firm.shops[who].use(date(2026, month, 9), quantity)
                used[month - 1][who] += quantity
        firm.run(date(2026, month + 1, 1))
    for month, who, quantity in late:
        if who < 2 or month > 1:
            firm.shops[who].use(date(2026, month, 19), quantity)
            used[month - 1][who] += quantity
    firm.run(date(2026, 5, 2))
    for month, quantities in enumerate(used, 1):
        there = quantities if month > 1 else quantities[:2]
        free = 20 * len(there) if allowance == "added" else 20
        cost = (D("0.07") * max(sum(there) - free, 0)).quantize(D("0.01"))
        parts = split(cost, [D(one) for one in there], "EUR") if any(there) else [ZERO] * len(there)
        shown = [one.get(date(2026, month, 1).isoformat(), ZERO) for one in firm.total()]
        assert shown[: len(there)] == list(parts), (month, used)


def test_a_part_is_cut_as_money_is_split() -> None:
    weights, ahead = [D(3), D(0), D(7), D(1)], ZERO
    made = []
    for weight in weights:
        told = pool_parts.Pooled("data", "payer", "A-1", 4, D(11), ZERO, ahead, weight, D(11))
        made.append(portion(D("10.01"), told, "EUR"))
        ahead += weight
    assert tuple(made) == split(D("10.01"), weights, "EUR")


def test_scopes_of_an_account_and_of_a_contract() -> None:
    for scope in ("account", "contract"):
        firm = Firm({"p": price(0, scope=scope)}, JAN, JAN, JAN)
        for shop, name in zip(firm.shops, "XXY", strict=True):
            shop.account = msgspec.structs.replace(shop.account, key=name if scope == "account" else "A-1")
            shop.subscription = msgspec.structs.replace(shop.subscription, contract=name)
        firm.use(date(2026, 1, 10), 10, 20, 30)
        firm.run(FEB)
        told = [read_pool(shop.lines[0].charge.basis) for shop in firm.shops]
        assert [(one.members, one.quantity) for one in told if one] == [(2, 30), (2, 30), (1, 30)]
