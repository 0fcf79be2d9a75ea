"""What stands on the balance sheet for a contract at the end of a day, beside what is still owed to the customer.

Bills credit the contract's balance, and revenue takes from it.  What these functions find is what has to be moved out of that
balance, or into it: each is the wanted balance of an account, so that what has to be posted is the difference to what was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.model.decision import Decide
from engine.model.revenue_contract import CostTerms, RevenueContract
from engine.revenue.agreed import Assembled
from engine.revenue.balances import DUE, REVENUE, Movement, at, daily
from engine.revenue.contracts import Account
from engine.revenue.costs import amortised, lasts
from engine.revenue.promised import Signed
from engine.revenue.schedule import RevenueFacts, ScheduleItem
from engine.revenue.spread import cents

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
                items = amortised(facts, months)
                found.append(Asset(cost.cost, cost.on, cost.amount, decision.terms["cost"], months, items, decision.id))
    return found


def _facts(signed: Signed, contract: RevenueContract, cost: CostTerms) -> RevenueFacts:
    head = (contract.entity, cost.product, "cost", cost.on, cost.on, contract.signed, cost.amount, contract.currency)
    return RevenueFacts(*head, element=cost.cost, segment=signed.segment)


class Standing(msgspec.Struct, frozen=True):
    """All that balances are made of: a contract, its account, its assets, and what was billed by day."""

    assembled: Assembled
    account: Account
    assets: tuple[Asset, ...]
    billed: tuple[tuple[date, Decimal], ...]


def interest_owed(standing: Standing, day: date) -> Decimal:
    """Interest on money that came before performance."""
    one = standing.assembled
    return max(one.interest.accrued(day, one.terminated), ZERO)


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
    """What is owed back: goods that are expected to come back, payments to the customer for what was performed, and after the
    termination of a contract all that was billed and not earned."""
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
    if one.terminated is not None and one.terminated <= day:
        return max(_left(standing, day) - passed_on(standing, day), ZERO)
    return owed


def _promises(one: Assembled) -> Iterable[tuple[str, str]]:
    return ((found.key, promise.key) for found in one.opened.found for promise in found.promises)


def passed_on(standing: Standing, day: date) -> Decimal:
    """What an agent has to pass on of what was performed."""
    currency = standing.assembled.contract.currency
    parts = (
        cents(Fraction(whole) * done(standing, key, day), currency) for key, whole in standing.assembled.passes.items()
    )
    return sum(parts, ZERO)


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
    owed = refunds(standing, day) + passed_on(standing, day)
    taken = standing.account.recognised(day) + interest_earned(standing, day) + owed
    given = billed(standing, day) + received(standing, day) + interest_owed(standing, day)
    return at(daily([Movement(day, REVENUE, taken), Movement(day, DUE, given)]), day).contract_asset


def cost_asset(standing: Standing, day: date) -> Decimal:
    """What is left of costs that are assets."""
    return sum((one.left(day, standing.assembled.terminated) for one in standing.assets), ZERO)


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
    "contract_asset": Kept("contract_asset", "contract_liability", contract_asset),
    "contract_cost": Kept("contract_cost", "contract_cost_expense", cost_asset),
}
"""The balances of a contract by name: what is debited and credited as they grow."""
