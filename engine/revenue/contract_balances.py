"""What stands on the balance sheet for a contract at the end of a day, beside what is still owed to the customer.

Bills credit the contract's balance, and revenue takes from it.  What these functions find is what has to be moved out of that
balance, or into it: each is the wanted balance of an account, so that what has to be posted is the difference to what was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.base.period import add_months
from engine.model.decision import Decide
from engine.model.revenue_contract import CostTerms, RevenueContract
from engine.revenue.agreed import Assembled
from engine.revenue.balances import DUE, REVENUE, Movement, at, daily
from engine.revenue.changes import accounted
from engine.revenue.contracts import Account, Change, Obligation
from engine.revenue.costs import Tested, amortised, impaired, lasts, onerous
from engine.revenue.promised import Signed
from engine.revenue.satisfied import in_order, per_unit
from engine.revenue.schedule import RevenueFacts, ScheduleItem
from engine.revenue.signing import OF_WHAT_HAPPENS
from engine.revenue.spread import cents

UNITS: Final = ("deliver", "use")
"""Happenings whose quantity are units of what was promised."""
CAPITALISED: Final = ("obtain", "fulfil")
"""What may become of a cost that is an asset of the contract."""


class Asset(msgspec.Struct, frozen=True):
    """A cost that is an asset: the day on which it came, what it was, and how it is used up."""

    key: str
    on: date
    amount: Decimal
    treatment: str
    months: int
    items: tuple[ScheduleItem, ...]
    decision: int = 0
    impairment: str = "none"

    def left(self, day: date, terminated: date | None) -> Decimal:
        """What is left of it at the end of a day: nothing of a contract that was terminated."""
        if day < self.on or (terminated is not None and day >= terminated):
            return ZERO
        return self.amount - sum((item.amount for item in self.items if item.on <= day), ZERO)


def cost_assets(signed: Iterable[Signed], decide: Decide) -> list[Asset]:
    """The costs of contracts that rules make assets; the others are expensed, and of no interest here."""
    found = []
    for one in signed:
        for cost in one.contract.agreed.costs:
            facts = _facts(one, one.contract, cost)
            decision = decide("revrec", facts, facts.service_from)
            if decision.terms["cost"] not in CAPITALISED:
                continue
            months = lasts(decision.terms, cost.months, cost.customer_months)
            if months:
                items, terms = amortised(facts, months), decision.terms
                head = (cost.cost, cost.on, cost.amount, terms["cost"], months, items)
                found.append(Asset(*head, decision.id, terms["impairment"]))
    return found


def _facts(signed: Signed, contract: RevenueContract, cost: CostTerms) -> RevenueFacts:
    head = (contract.entity, cost.product, "cost", cost.on, cost.on, contract.signed, cost.amount, contract.currency)
    return RevenueFacts(*head, element=cost.cost, segment=signed.segment)


class Standing(msgspec.Struct, frozen=True):
    """All that balances are made of: a contract, its account, its assets, and what was billed by day.

    Where assets are tested for impairment, or losses are provided for, ``stages`` are its accounts by the month from which each
    holds, with no change of a later month: what was still expected then.
    """

    assembled: Assembled
    account: Account
    assets: tuple[Asset, ...]
    billed: tuple[tuple[date, Decimal], ...]
    stages: tuple[tuple[date, Account], ...] = ()

    def account_of(self, month: date) -> Account:
        """The account as it was expected to become in a month."""
        return next(account for since, account in reversed(self.stages) if since <= month)


def standing_of(one: Assembled, assets: Iterable[Asset], billed: Iterable[tuple[date, Decimal]]) -> Standing:
    """How a contract stands, by its documents, its assets and what was billed."""
    kept, contract, stages = tuple(assets), one.contract, list[tuple[date, Account]]()
    promised = (*contract.obligations, *(added for change in contract.changes for added in change.adds))
    if any(asset.impairment != "none" for asset in kept) or any(map(_provides, promised)):
        for month in sorted({date.min, *(change.on.replace(day=1) for change in contract.changes)}):
            earlier = tuple(change for change in contract.changes if change.on.replace(day=1) <= month)
            stages.append((month, accounted(msgspec.structs.replace(contract, changes=earlier))))
    return Standing(one, accounted(contract), kept, tuple(billed), tuple(stages))


def interest_owed(standing: Standing, day: date) -> Decimal:
    """Interest on money that came before performance, or for what may be taken back."""
    one = standing.assembled
    last = day if one.terminated is None else min(day, one.terminated)
    more = sum((option.grown(last) - option.liability for option in one.options), ZERO)
    return max(one.interest.accrued(day, one.terminated), ZERO) + more


def interest_earned(standing: Standing, day: date) -> Decimal:
    """Interest on performance that is paid later."""
    one = standing.assembled
    return max(-one.interest.accrued(day, one.terminated), ZERO)


def done(standing: Standing, key: str, day: date) -> Fraction:
    """How much of an obligation was performed at the end of a day, as a share of what it had of the price when it was signed."""
    whole = sum((one.facts.amount for one in standing.assembled.opened.contract.obligations if one.key == key), ZERO)
    earned = sum((one.amount for one in standing.account.items if one.key == key and one.on <= day), ZERO)
    return min(Fraction(earned) / Fraction(whole), Fraction(1)) if whole else Fraction(0)


def refunds(standing: Standing, day: date) -> Decimal:
    """What is owed back: goods that are expected to come back, payments to the customer for what was performed, what was billed
    beyond a price that is expected to be lowered, and after the termination of a contract all that was billed and not earned."""
    one, currency = standing.assembled, standing.assembled.contract.currency
    of = {promise: key for key, promise in _promises(one)}
    owed = sum(
        (
            cents(Fraction(back.owed(day) * back.price) * done(standing, of[back.promise], day), currency)
            for back in one.returned
        ),
        ZERO,
    )
    if one.payable and standing.account.price:
        share = Fraction(standing.account.recognised(day)) / Fraction(standing.account.price)
        owed += cents(Fraction(one.payable) * share, currency)
    left = _left(standing, day) - passed_on(standing, day) - lent(standing, day)
    if one.terminated is not None and one.terminated <= day:
        return max(left, ZERO)
    lowered = _lowered(standing, day) + _below_stated(standing, day)
    return owed + min(lowered, max(left - owed, ZERO))


def _lowered(standing: Standing, day: date) -> Decimal:
    """What variable amounts take off what was billed and was not given back: none of it is expected to stay (IFRS 15.55,
    ASC 606-10-32-10).  What they take off is spread over all that is stated, as it is billed."""
    one = standing.assembled
    given = sum((each.given(day) for each in one.counted), ZERO)
    off = -sum((min(each.counting(day), ZERO) for each in one.counted), ZERO)
    if off <= given:
        return ZERO
    whole = sum((amount for key, amount in one.stated.items() if one.decided[key].method not in OF_WHAT_HAPPENS), ZERO)
    share = min(Fraction(billed(standing, day) + given) / Fraction(whole), Fraction(1)) if whole else Fraction(1)
    return max(cents(Fraction(off) * share, one.contract.currency) - given, ZERO)


def _promised(one: Assembled, day: date) -> list[Obligation]:
    """Obligations at the end of a day, with those that came with changes."""
    return [*one.contract.obligations, *(add for each in one.contract.changes if each.on <= day for add in each.adds)]


def _below_stated(standing: Standing, day: date) -> Decimal:
    """What units that were delivered or used earn less than is stated, because less is expected of all: a rebate that is likely."""
    one, off = standing.assembled, ZERO
    if day < one.contract.exists:
        return ZERO
    for each in _promised(one, day):
        if each.method is per_unit:
            facts = each.facts
            done = sum((did.quantity for did in facts.happenings if did.kind in UNITS and did.on <= day), ZERO)
            asked = cents(Fraction(facts.amount) / Fraction(facts.quantity) * Fraction(done), facts.currency)
            earned = sum(
                (item.amount for item in standing.account.items if item.key == each.key and item.on <= day), ZERO
            )
            off += max(asked - earned, ZERO)
    return off


def _promises(one: Assembled) -> Iterable[tuple[str, str]]:
    return ((found.key, promise.key) for found in one.opened.found for promise in found.promises)


def passed_on(standing: Standing, day: date) -> Decimal:
    """What an agent has to pass on of what was performed."""
    currency = standing.assembled.contract.currency
    parts = (
        cents(Fraction(whole) * done(standing, key, day), currency) for key, whole in standing.assembled.passes.items()
    )
    return sum(parts, ZERO)


def lent(standing: Standing, day: date) -> Decimal:
    """What the customer has given for what the seller may take back, with interest: no more than he has given, and was not earned."""
    owed = sum((option.owed(day) for option in standing.assembled.options), ZERO)
    return min(owed, max(_left(standing, day) - passed_on(standing, day), ZERO))


def received(standing: Standing, day: date) -> Decimal:
    """Worth of consideration in kind that came."""
    return sum((worth for on, worth in standing.assembled.received if on <= day), ZERO)


def billed(standing: Standing, day: date) -> Decimal:
    """What was billed, less what was credited."""
    return sum((amount for on, amount in standing.billed if on <= day), ZERO)


def _left(standing: Standing, day: date) -> Decimal:
    """What the customer has given, in whatever form, beyond what was earned."""
    given = billed(standing, day) + received(standing, day) + interest_owed(standing, day)
    return given - interest_earned(standing, day) - standing.account.recognised(day)


def contract_asset(standing: Standing, day: date) -> Decimal:
    """What was performed beyond what was billed; net for the contract."""
    owed = refunds(standing, day) + passed_on(standing, day) + lent(standing, day)
    taken = standing.account.recognised(day) + interest_earned(standing, day) + owed
    given = billed(standing, day) + received(standing, day) + interest_owed(standing, day)
    return at(daily([Movement(day, REVENUE, taken), Movement(day, DUE, given)]), day).contract_asset


def _tested(standing: Standing, day: date) -> tuple[Decimal, Decimal]:
    """What costs that are tested for impairment are carried at at the end of a day, and the loss so far.  All of a contract are
    compared with what is recoverable of it; a loss is taken back only if the rules of all let it."""
    one = standing.assembled
    assets = [asset for asset in standing.assets if asset.impairment != "none" and asset.on <= day]
    if not assets:
        return ZERO, ZERO
    day = min(day, max(item.on for asset in assets for item in asset.items))  # nothing is left afterwards
    ends, month = list[Tested](), min(asset.on for asset in assets).replace(day=1)
    while month <= day:
        following = add_months(month, 1)
        end = min(following - timedelta(days=1), day)
        left = [(asset.left(end, one.terminated), asset.on >= month) for asset in assets]
        added = sum((amount for amount, fresh in left if fresh), ZERO)
        outlook = next((amount for on, amount in reversed(one.outlook) if on <= end), ZERO)
        whole = sum((amount for amount, _ in left), ZERO)
        ends.append(Tested(whole, added, standing.account_of(month).remaining(end) + outlook))
        month = following
    return impaired(ends, all(asset.impairment == "reversible" for asset in assets), one.contract.currency)


def cost_impairment(standing: Standing, day: date) -> Decimal:
    """Impairment losses of costs that are assets, less what was taken back."""
    return _tested(standing, day)[1]


def cost_asset(standing: Standing, day: date) -> Decimal:
    """What is left of costs that are assets, before losses by impairment are taken off."""
    others = (one.left(day, standing.assembled.terminated) for one in standing.assets if one.impairment == "none")
    return sum(others, sum(_tested(standing, day), ZERO))


def returning(standing: Standing, day: date) -> Decimal:
    """The right to goods that are expected to come back, of what was performed."""
    one, currency = standing.assembled, standing.assembled.contract.currency
    of = {promise: key for key, promise in _promises(one)}
    parts = (
        cents(Fraction(back.owed(day) * back.worth) * done(standing, of[back.promise], day), currency)
        for back in one.returned
        if back.worth
    )
    return sum(parts, ZERO)


def _provides(obligation: Obligation) -> bool:
    return bool(obligation.terms.get("onerous") == "provide")


def provision(standing: Standing, day: date) -> Decimal:
    """What obligations whose rules provide for losses still cost beyond what they still earn; nothing before the contract exists,
    nor once it was terminated."""
    one = standing.assembled
    if day < one.contract.exists or (one.terminated is not None and one.terminated <= day):
        return ZERO
    mine = [each for each in _promised(one, day) if _provides(each)]
    if not mine:
        return ZERO
    changes = [change for change in one.contract.changes if change.on <= day]
    account, keys = standing.account_of(day.replace(day=1)), {each.key for each in mine}
    earned = [item for item in account.items if item.key in keys]
    price = sum((item.amount for item in earned), sum((account.unearned.get(key, ZERO) for key in keys), ZERO))
    revenue = sum((item.amount for item in earned if item.on <= day), ZERO)
    costs = [_costs(each, changes, day) for each in mine]
    incurred, expected = (sum(amounts, ZERO) for amounts in zip(*costs, strict=True))
    return onerous(price, revenue, incurred, expected, one.contract.currency).provision


def _costs(obligation: Obligation, changes: Iterable[Change], day: date) -> tuple[Decimal, Decimal]:
    """What was spent on an obligation up to the end of a day, and all that was then expected to be."""
    facts, since, expected = obligation.facts, date.min, obligation.facts.cost
    told = [one for one in in_order(facts.happenings) if one.on <= day]
    for one in told:
        if one.expected is not None and one.kind in ("cost", "expect"):
            since, expected = one.on, one.expected
    added = sum((change.cost for change in changes if change.on > since), ZERO) if facts.cost else ZERO
    spent = sum((one.quantity for one in told if one.kind == "cost"), ZERO)
    return spent, max(expected + added, spent)


class Kept(msgspec.Struct, frozen=True):
    """A balance of a contract: its role as a debit or a credit, what it is kept against, and how much of it is wanted on a day."""

    debit: Any
    credit: Any
    wanted: Callable[[Standing, date], Decimal]


BALANCES: Final[Mapping[str, Kept]] = {
    "interest_expense": Kept("interest_expense", "contract_liability", interest_owed),
    "interest_revenue": Kept("contract_liability", "interest_revenue", interest_earned),
    "consideration_in_kind": Kept("consideration_in_kind", "contract_liability", received),
    "refund_liability": Kept("contract_liability", "refund_liability", refunds),
    "supplier_payable": Kept("contract_liability", "supplier_payable", passed_on),
    "repurchase_liability": Kept("contract_liability", "repurchase_liability", lent),
    "contract_asset": Kept("contract_asset", "contract_liability", contract_asset),
    "contract_cost": Kept("contract_cost", "contract_cost_expense", cost_asset),
    "contract_cost_impairment": Kept("contract_cost_impairment", "contract_cost", cost_impairment),
    "return_asset": Kept("return_asset", "cost_of_sales", returning),
    "onerous_provision": Kept("onerous_expense", "onerous_provision", provision),
}
"""The balances of a contract by name: what is debited and credited as they grow."""
