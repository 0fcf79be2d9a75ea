"""Who pays: parties by learnt bank account and by name, and what they are to the customer of a document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from engine.model.matching import Party, Payer
from engine.receivables.matching.writing import NOBODY, Name, alphanumeric, name_of, readings, similar

MOST_REMEMBERED: Final = 100_000
"""Most payers, and most pairs of a name and an account, that are remembered."""
MOST_PARENTS: Final = 10
"""Most steps from a child to who pays for it."""

Accounts = tuple[str, ...] | frozenset[str]
"""Accounts, each once; of most there is one or none."""


class Who(msgspec.Struct, frozen=True, gc=False):
    """Who a payment may be of: accounts by bank account, accounts by name, and where these are none the name itself."""

    by_account: Accounts
    by_name: Accounts
    name: Name = NOBODY

    @property
    def known(self) -> Accounts:
        """The accounts that it is of, as far as that is known."""
        return self.by_account or self.by_name


class _Accounts:
    """Accounts by what they are known by; of one that is known alone nothing but its name is kept."""

    def __init__(self) -> None:
        self._alone: dict[str, str] = {}
        self._several: dict[str, set[str]] = {}

    def put(self, key: str, account: str) -> None:
        """Note what an account is known by; nothing where that is empty."""
        if key and self._alone.setdefault(key, account) != account:
            self._several.setdefault(key, {self._alone[key]}).add(account)

    def of(self, key: str) -> Accounts:
        """The accounts that are known by something."""
        if key in self._several:
            return frozenset(self._several[key])
        account = self._alone.get(key)
        return () if account is None else (account,)


class Payers:
    """Parties by what a bank entry says of its payer."""

    def __init__(self, parties: Iterable[Party]) -> None:
        self._spelt: dict[str, str] = {}
        self._parents: dict[str, str] = {}
        self._children: dict[str, list[str]] = defaultdict(list)
        self._banks, self._full, self._core = _Accounts(), _Accounts(), _Accounts()
        for party in parties:
            account = party.account
            name = name_of(party.name)
            self._spelt[account] = party.name
            if name.core:
                self._full.put(name.full, account)
                self._core.put(name.core, account)
            for bank in party.bank_accounts:
                self._banks.put(alphanumeric(bank), account)
            if party.parent:
                self._parents[account] = party.parent
                self._children[party.parent].append(account)
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
        by_account = self._banks.of(alphanumeric(bank))
        first = NOBODY
        for reading in readings(name):
            first = first if first.core else reading
            found = self._full.of(reading.full) or (
                () if reading.legal and self._clash(reading) else self._core.of(reading.core)
            )
            if found:
                return Who(by_account, found)
        return Who(by_account, (), first)

    def _clash(self, name: Name) -> bool:
        """Whether a name with a legal form is that of nobody, though without it it is that of parties with other forms."""
        return (
            False
            if not name.legal
            else all(
                (theirs := self._name(each)).legal and not set(name.legal) & set(theirs.legal)
                for each in self._core.of(name.core)
            )
        )

    def _name(self, account: str) -> Name:
        return name_of(self._spelt.get(account, ""))

    def family(self, accounts: Accounts) -> frozenset[str]:
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

    def _kin(self, some: Accounts, others: Accounts) -> bool:
        """Whether any two of two sets of accounts are one, or one is above the other."""
        return (
            any(one in others for one in some)
            or any(self._above(one, others) for one in some)
            or any(self._above(other, some) for other in others)
        )

    def _above(self, account: str, among: Accounts) -> bool:
        """Whether a parent of an account is among some."""
        for _ in range(MOST_PARENTS):
            account = self._parents.get(account, "")
            if not account:
                return False
            if account in among:
                return True
        return False

    def _like(self, name: Name, account: str) -> bool:
        if not name.core:
            return False
        key = (name.full, account)
        if key not in self._similar:
            if len(self._similar) >= MOST_REMEMBERED:
                self._similar.clear()
            self._similar[key] = similar(name, self._name(account))
        return self._similar[key]
