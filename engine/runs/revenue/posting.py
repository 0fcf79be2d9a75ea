"""Entries of what is recognised: one for each legal entity, month and currency, summed up by GL account and rate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.base.period import add_months
from engine.ledger.posting import Determine, Role, determine
from engine.model.decision import Decide
from engine.model.journal import FxRate, JournalEntry, Posting
from engine.model.revenue import KIND, Due

Sums = dict[tuple[str, int, FxRate], list[Decimal]]
EARNED: Final = ("revenue", "concession")
"""What is shown as recognised; balances of contracts are moved besides."""
HORIZON: Final = 600
"""Months that are looked through for an open one."""


class Group(msgspec.Struct):
    """An entry in the making: what belongs to a month, in one currency."""

    entry_id: int
    month: date
    day: date
    currency: str
    sums: Sums
    amount: Decimal = ZERO
    schedules: int = 0


class Recognised:
    """Adds up what is due of a legal entity, and makes entries of it."""

    def __init__(
        self, tenant: str, entity: str, through: date, decide: Decide, open_in: Callable[[date], bool], take: Callable[[], int]
    ) -> None:  # fmt: skip
        """``open_in`` says whether a month, given by its first day, takes postings; ``take`` gives ids of entries."""
        self._tenant, self._entity, self._through, self._decide = tenant, entity, through, decide
        self._open_in, self._take = open_in, take
        self._days: dict[date, date] = {}
        self._accounts: dict[tuple[str, date], Determine] = {}
        self._sides: dict[tuple[Any, ...], tuple[list[Decimal], list[Decimal], FxRate]] = {}
        self.groups: dict[tuple[date, str], Group] = {}

    def add(self, due: Due) -> int:
        """Take what is due into its entry; the id of that."""
        group = self.groups.get((due.month, due.rate.base)) or self._group(due)
        key = (due.month, id(due.rate), due.role, due.against, due.liability, due.country, due.product)
        debit, credit, _ = self._sides.get(key) or self._found(key, group, due)
        amount, functional = due.amount, due.functional
        debit[0] += amount
        debit[1] += functional
        credit[0] -= amount
        credit[1] -= functional
        group.amount += amount if due.role in EARNED else ZERO
        group.schedules += 1
        return group.entry_id

    def _group(self, due: Due) -> Group:
        day = self._days.get(due.month)
        if day is None:
            day = self._days[due.month] = posting_day(due.month, self._through, self._open_in)
        made = Group(self._take(), due.month, day, due.rate.base, {})
        self.groups[due.month, due.rate.base] = made
        return made

    def _found(self, key: tuple[Any, ...], group: Group, due: Due) -> tuple[list[Decimal], list[Decimal], FxRate]:
        """The sums that what is due goes to: of the balance, and of what it becomes; with the rate, by whose identity they are
        found again."""
        accounts = self._accounts.get((group.currency, group.day))
        if accounts is None:
            accounts = determine(self._decide, self._entity, group.currency, group.day)
            self._accounts[group.currency, group.day] = accounts
        against: Role = due.against  # type: ignore[assignment]
        role: Role = due.role  # type: ignore[assignment]
        account, decision = accounts(against, due.country, due.product)
        if due.liability and due.liability != account:
            account, decision = due.liability, 0  # where the balance is, whatever the rules say today
        debit = group.sums.setdefault((account, decision, due.rate), [ZERO, ZERO])
        credit = group.sums.setdefault((*accounts(role, due.country, due.product), due.rate), [ZERO, ZERO])
        self._sides[key] = (debit, credit, due.rate)
        return self._sides[key]

    def entries(self) -> list[tuple[int, JournalEntry]]:
        """The entries with their ids, in the order of these."""
        return [(one.entry_id, self._entry(one)) for one in sorted(self.groups.values(), key=lambda one: one.entry_id)]

    def _entry(self, one: Group) -> JournalEntry:
        postings = [
            Posting(account, rate.base, amount, rate.quote, worth, rate.rate, rate.source, rate.on, 0, decision)
            for (account, decision, rate), (amount, worth) in one.sums.items()
        ]
        kept = tuple(posting for posting in postings if posting.amount or posting.functional_amount) or tuple(postings)
        return JournalEntry(self._tenant, self._entity, KIND, one.day, f"revenue of {one.month:%Y-%m}", kept)


def posting_day(month: date, through: date, open_in: Callable[[date], bool]) -> date:
    """When what belongs to a month is posted: on its last day, or on ``through`` where that is earlier; of a closed month on the
    first day of the next one that is open."""
    if open_in(month):
        return max(month, min(add_months(month, 1) - timedelta(days=1), through))
    for later in range(1, HORIZON):
        following = add_months(month, later)
        if open_in(following):
            return following
    return add_months(month, HORIZON)
