"""What is shown of revenue contracts: how a price was shared, what was earned, and what stands for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import ZERO
from engine.model.revenue_contract import Occurrence, RevenueContract
from engine.revenue.contract_balances import BALANCES, billed
from engine.runs.revenue.contract_reading import Group


class Share(msgspec.Struct, frozen=True):
    """An obligation: what was stated for it, what it would cost alone, what it has of the price, and how far it is."""

    obligation: str
    contract: str
    product: str
    rule: str
    where: str
    method: str
    stated: Decimal
    ssp: Decimal
    share: Decimal
    allocated: Decimal
    recognised: Decimal
    remaining: Decimal


class Treatment(msgspec.Struct, frozen=True):
    """How a change was accounted for."""

    on: date
    key: str
    how: str
    shares: Mapping[str, Decimal]


class AccountShown(msgspec.Struct, frozen=True):
    """A contract at the end of a day, as it is known: ``price`` is what was recognised and what remains."""

    contract: str
    contracts: tuple[str, ...]
    entity: str
    account: str
    currency: str
    through: date
    known: date | None
    exists: date | None
    price: Decimal
    recognised: Decimal
    remaining: Decimal
    billed: Decimal
    shares: tuple[Share, ...]
    months: Mapping[str, Decimal]
    unearned: Mapping[str, Decimal]
    remaining_by_year: Mapping[str, Decimal]
    balances: Mapping[str, Decimal]
    treated: tuple[Treatment, ...]
    by_invoice: tuple[str, ...] = ()
    residual_in_range: bool = True


class ContractShown(msgspec.Struct, frozen=True):
    """A contract as it was signed and what happened since."""

    contract: RevenueContract
    events: tuple[Occurrence, ...]
    bills: tuple[str, ...]
    lines: tuple[Any, ...] = ()


def shown(group: Group, through: date, known: date | None) -> AccountShown:
    """A group as it stands at the end of a day."""
    standing, one = group.standing, group.assembled
    account, head = standing.account, group.head
    exists = one.contract.exists
    balances = {name: amount for name, kept in BALANCES.items() if (amount := kept.wanted(standing, through))}
    liability = _liability(group, through, balances)
    if lost := balances.get("contract_cost_impairment"):
        balances["contract_cost"] -= lost  # as it is carried
    return AccountShown(
        contract=head.key,
        contracts=tuple(each.contract.key for each in group.signed),
        entity=head.entity,
        account=head.account,
        currency=head.currency,
        through=through,
        known=known,
        exists=None if exists == date.max else exists,
        price=account.price,
        recognised=account.recognised(through),
        remaining=account.remaining(through),
        billed=billed(standing, through),
        shares=tuple(_shares(group, through)),
        months={month: amount for month, amount in account.by_month().items() if month <= f"{through:%Y-%m}"},
        unearned={key: amount for key, amount in account.unearned.items() if amount},
        remaining_by_year=_years(group, through),
        balances={"contract_liability": liability, **balances} if liability else balances,
        treated=tuple(Treatment(t.on, t.key, t.how, t.shares) for t in account.treated if t.on <= through),
        by_invoice=one.by_invoice,
        residual_in_range=one.opened.allocation.in_range,
    )


def _liability(group: Group, through: date, balances: Mapping[str, Decimal]) -> Decimal:
    """What is left on the contract's own balance after all others were moved out of it."""
    standing = group.standing
    left = billed(standing, through) - standing.account.recognised(through)
    for name, amount in balances.items():
        kept = BALANCES[name]
        if kept.credit == "contract_liability":
            left += amount
        elif kept.debit == "contract_liability":
            left -= amount
    return left


def _years(group: Group, through: date) -> dict[str, Decimal]:
    account = group.standing.account
    if group.assembled.contract.exists == date.max:
        return {"open": account.price}
    years = {str(year): amount for year, amount in sorted(account.by_year(through).items())}
    waiting = sum(account.unearned.values(), ZERO)
    return years | ({"open": waiting} if waiting else {})


def _shares(group: Group, through: date) -> Sequence[Share]:
    one, account = group.assembled, group.standing.account
    ssp = {each.key: each.ssp or ZERO for each in one.opened.found}
    stated = {each.key: each.price for each in one.opened.found}
    first = {each.key: each.promises[0].key for each in one.opened.found}
    whole = sum(ssp.values(), ZERO)
    earned = dict.fromkeys(account.unearned, ZERO)
    priced = dict(account.unearned)
    for item in account.items:
        priced[item.key] = priced.get(item.key, ZERO) + item.amount
        earned[item.key] = earned.get(item.key, ZERO) + (item.amount if item.on <= through else ZERO)
    allocated = {each.key: each.facts.amount for each in one.contract.obligations}
    found = []
    for key in priced:
        decision = one.decided.get(first.get(key, key.partition("+")[0]))
        found.append(
            Share(
                key,
                one.owner.get(key, one.head),
                one.product.get(key, ""),
                decision.rule if decision else "",
                str(decision.where) if decision else "",
                decision.terms.get("method", "") if decision else "",
                stated.get(key, ZERO),
                ssp.get(key, ZERO),
                ssp.get(key, ZERO) / whole if whole else ZERO,
                allocated.get(key, ZERO),
                earned.get(key, ZERO),
                priced[key] - earned.get(key, ZERO),
            )
        )
    return found
