"""Revenue contracts as the books and the rules have them: groups that are one, and what each has come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.ledger.fx import convert
from engine.model.decision import Decide
from engine.model.journal import FxRate
from engine.model.revenue_contract import RevenueContract
from engine.revenue.agreed import Assembled, as_known, assembled
from engine.revenue.contract_balances import Standing, cost_assets, standing_of
from engine.revenue.obligations import Signed as Combined
from engine.revenue.obligations import combine
from engine.revenue.promised import Signed
from engine.runs.revenue.contract_usage import used_of
from engine.store.reader import Reader

AT_ALL: Final = date.max
"""Everything that is known."""


class BilledLine(msgspec.Struct, frozen=True):
    """A line that was billed for a contract, and what the contract's balance was credited with in functional currency."""

    contract: str
    line: int
    number: str
    on: date
    amount: Decimal
    functional: Decimal
    rate: FxRate


class Group(msgspec.Struct, frozen=True):
    """Contracts that are one, with all that follows from what was known of them."""

    signed: tuple[Signed, ...]
    standing: Standing
    billed: tuple[BilledLine, ...]

    @property
    def head(self) -> RevenueContract:
        """The contract that speaks for all."""
        return self.signed[0].contract

    @property
    def assembled(self) -> Assembled:
        """The contract as one."""
        return self.standing.assembled


def groups(
    reader: Reader,
    decide: Decide,
    tenant: str,
    entity: str = "",
    *,
    known: date = AT_ALL,
    account: str = "",
    count: Callable[[], object] = lambda: None,
) -> list[Group]:
    """All contracts of a legal entity, or of one account of it, as they were known at the end of a day.

    Usage counts as it was added up last; ``count`` is called before it is read, where any contract asks for it.

    Raises:
        TollbookError: those of :func:`engine.revenue.agreed.assembled`.
    """
    found = reader.revenue_contracts(tenant, entity, account=account)
    if not found:
        return []
    told = reader.revenue_occurrences([one.id for one in found])
    made: list[Group] = []
    for name in sorted({one.entity for one in found}):
        mine = [one for one in found if one.entity == name]
        segments = _segments(reader, tenant, name, mine)
        used = used_of(reader, tenant, mine, told, count)
        signed = [
            Signed(one, tuple(told.get(one.id, ())), segments.get(one.account, ""), used.get(one.key, {}))
            for one in mine
        ]
        billed = _billed(reader, tenant, name, [one.key for one in mine])
        made += [group_of(some, decide, billed) for some in combined(as_known(signed, known), decide)]
    return made


def _segments(reader: Reader, tenant: str, entity: str, contracts: Iterable[RevenueContract]) -> dict[str, str]:
    accounts = reader.accounts(tenant, entity, sorted({one.account for one in contracts}))
    return {key: one.segment for key, one in accounts.items()}


def _billed(reader: Reader, tenant: str, entity: str, keys: Sequence[str]) -> dict[str, list[BilledLine]]:
    lines: dict[str, list[BilledLine]] = {}
    for contract, ident, number, on, amount, rate in reader.revenue_billed(tenant, entity, keys):
        made = BilledLine(contract, ident, number, on, amount, convert(amount, rate), rate)
        lines.setdefault(contract, []).append(made)
    return lines


def group_of(signed: Sequence[Signed], decide: Decide, billed: dict[str, list[BilledLine]]) -> Group:
    """Contracts that are one, accounted for."""
    one = assembled(signed, decide)
    lines = [line for each in signed for line in billed.get(each.contract.key, ())]
    standing = standing_of(one, cost_assets(signed, decide), ((line.on, line.amount) for line in lines))
    return Group(tuple(signed), standing, tuple(lines))


def combined(signed: Sequence[Signed], decide: Decide) -> list[list[Signed]]:
    """Contracts in groups that are accounted for as one: those that say so, and those of one customer, purpose and currency that
    rules find to be signed near enough to each other."""
    by_key = {one.contract.key: one for one in signed}
    owner = {key: key for key in by_key}

    def top(key: str) -> str:
        while owner[key] != key:
            key = owner[key]
        return key

    for one in signed:
        for other in one.contract.agreed.combined_with:
            if other in owner:
                owner[top(one.contract.key)] = top(other)
    for keys in _near(signed, decide):
        for key in keys[1:]:
            owner[top(key)] = top(keys[0])
    made: dict[str, list[Signed]] = {}
    for one in sorted(signed, key=lambda one: (one.contract.signed, one.contract.key)):
        made.setdefault(top(one.contract.key), []).append(one)
    return list(made.values())


def _near(signed: Sequence[Signed], decide: Decide) -> list[tuple[str, ...]]:
    """Keys of contracts that are one by rule; each group of a purpose asks the rule of its first contract."""
    purposes: dict[tuple[str, str, str], list[Signed]] = {}
    for one in signed:
        if one.contract.agreed.purpose:
            key = (one.contract.account, one.contract.agreed.purpose, one.contract.currency)
            purposes.setdefault(key, []).append(one)
    found: list[tuple[str, ...]] = []
    for (account, purpose, _), some in purposes.items():
        if len(some) > 1:
            first = min(some, key=lambda one: (one.contract.signed, one.contract.key))
            alone = [Combined(one.contract.key, account, one.contract.signed, purpose) for one in some]
            found += combine(alone, _within(first, decide))
    return found


def _within(signed: Signed, decide: Decide) -> int:
    rule = next(iter(assembled([signed], decide).decided.values()))
    return int(rule.terms["combine_within"])
