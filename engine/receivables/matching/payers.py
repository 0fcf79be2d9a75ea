"""Who pays: parties by learnt bank account and by name, and what they are to the customer of a document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from engine.model.matching import Party, Payer
from engine.receivables.matching.writing import NOBODY, Name, alphanumeric, name_of, readings, similar

MOST_REMEMBERED: Final = 200_000
"""Most names and pairs that are remembered."""
MOST_PARENTS: Final = 10
"""Most steps from a child to who pays for it."""


class Who(msgspec.Struct, frozen=True, gc=False):
    """Who a payment may be of: accounts by bank account, accounts by name, the name itself."""

    by_account: frozenset[str]
    by_name: frozenset[str]
    name: Name
    exact: bool

    @property
    def known(self) -> frozenset[str]:
        """The accounts that it is of, as far as that is known."""
        return self.by_account or self.by_name


_NONE: Final[frozenset[str]] = frozenset()


def _sealed(accounts: set[str], shared: dict[str, frozenset[str]]) -> frozenset[str]:
    """Accounts that stay as they are; one that is alone is the same set wherever it is."""
    return frozenset(accounts) if len(accounts) > 1 else shared.setdefault(min(accounts), frozenset(accounts))


class Payers:
    """Parties by what a bank entry says of its payer."""

    def __init__(self, parties: Iterable[Party]) -> None:
        self._parties = {party.account: party for party in parties}
        banks: dict[str, set[str]] = defaultdict(set)
        full: dict[str, set[str]] = defaultdict(set)
        core: dict[str, set[str]] = defaultdict(set)
        self._children: dict[str, list[str]] = defaultdict(list)
        self._names: dict[str, Name] = {}
        for party in self._parties.values():
            name = self._names[party.account] = name_of(party.name)
            if name.core:
                full[name.full].add(party.account)
                core[name.core].add(party.account)
            for bank in party.bank_accounts:
                banks[alphanumeric(bank)].add(party.account)
            if party.parent:
                self._children[party.parent].append(party.account)
        banks.pop("", None)
        shared: dict[str, frozenset[str]] = {}
        self._banks, self._full, self._core = (
            {key: _sealed(few, shared) for key, few in of.items()} for of in (banks, full, core)
        )
        self._whos: dict[tuple[str, str], Who] = {}
        self._similar: dict[tuple[str, str], bool] = {}

    def who(self, name: str, bank: str) -> Who:
        """Who pays, by what the bank says."""
        key = (name, bank)
        found = self._whos.get(key)
        if found is None:
            if len(self._whos) >= MOST_REMEMBERED:
                self._whos.clear()
            found = self._whos[key] = self._who(name, bank)
        return found

    def _who(self, name: str, bank: str) -> Who:
        by_account = self._banks.get(alphanumeric(bank), _NONE) if bank else _NONE
        first = NOBODY
        for reading in readings(name):
            first = first if first.core else reading
            found = self._full.get(reading.full) or (
                None if reading.legal and self._clash(reading) else self._core.get(reading.core)
            )
            if found:
                return Who(by_account, found, reading, True)
        return Who(by_account, _NONE, first, False)

    def _clash(self, name: Name) -> bool:
        """Whether a name with a legal form is that of nobody, though without it it is that of parties with other forms."""
        return (
            False
            if not name.legal
            else all(
                self._names[each].legal and not set(name.legal) & set(self._names[each].legal)
                for each in self._core.get(name.core, _NONE)
            )
        )

    def family(self, accounts: frozenset[str]) -> frozenset[str]:
        """Accounts and all below them."""
        found, ahead = set(accounts), list(accounts)
        while ahead:
            for child in self._children.get(ahead.pop(), ()):
                if child not in found:
                    found.add(child)
                    ahead.append(child)
        return frozenset(found)

    def relation(self, who: Who, account: str) -> Payer:
        """What the payer is to the customer of a document.

        A bank account that was learnt says more than a name; where the two are of different customers that have nothing to
        do with each other, the payer is an ``other``.
        """
        named, learnt = who.by_name, who.by_account
        if learnt:
            if account in learnt:
                agrees = not named or account in named or self._kin(named, learnt)
                return "account" if agrees else "other"
            if self._above(account, learnt):
                return "parent" if not named or self._kin(named, learnt) or account in named else "other"
            return "other"
        if account in named:
            return "name"
        if self._above(account, named):
            return "parent"
        if named:
            return "other"
        return "similar" if self._like(who.name, account) else "unknown"

    def _kin(self, some: frozenset[str], others: frozenset[str]) -> bool:
        """Whether any two of two sets of accounts are one, or one is above the other."""
        return (
            not some.isdisjoint(others)
            or any(self._above(one, others) for one in some)
            or any(self._above(other, some) for other in others)
        )

    def _above(self, account: str, among: frozenset[str]) -> bool:
        """Whether a parent of an account is among some."""
        for _ in range(MOST_PARENTS):
            party = self._parties.get(account)
            if party is None or not party.parent:
                return False
            account = party.parent
            if account in among:
                return True
        return False

    def _like(self, name: Name, account: str) -> bool:
        if not name.core or account not in self._names:
            return False
        key = (name.full, account)
        if key not in self._similar:
            if len(self._similar) >= MOST_REMEMBERED:
                self._similar.clear()
            self._similar[key] = similar(name, self._names[account])
        return self._similar[key]
