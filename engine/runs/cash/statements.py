"""What a statement of a bank file says, as the books take it: whose account it is, which entries it has, what is odd about it.

Everything here is pure.  An entry is known by all that the bank says of it, and by which of equal ones of its statement it is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to
from engine.model.entity import BankAccount, LegalEntity
from engine.ports.hookspecs.bank import Entry, Statement

UNKNOWN_ACCOUNT = Code("cash.unknown-account", "A statement of a bank account that no legal entity has.")
SEVERAL_ACCOUNTS = Code("cash.several-accounts", "A statement of a bank account that several legal entities have.")
OTHER_CURRENCY = Code(
    "cash.other-currency", "A statement, or an entry of it, in another currency than its bank account."
)
NO_DAY = Code("cash.no-day", "An entry of a statement that has neither a booking day nor a value day.")
NOT_EXACT = Code("cash.not-exact", "An entry of a statement with more digits than its currency has.")

_TEXTS: Final = ("text", "document", "supplement")
_NOTHING: Final = frozenset({"NOTPROVIDED", "NONREF", "NOREF", "NONE"})
_BANK_REFS: Final = ("bank", "entry", "trace", "transaction_id")


class Line(msgspec.Struct, frozen=True):
    """An entry of a statement as the books take it; ``amount`` is below zero where the balance shrank, ``digest`` covers all
    that the bank says of it, ``gathers`` are the payments that it consists of."""

    amount: Decimal
    currency: str
    booked: date
    value_day: date
    payer: str
    payer_account: str
    end_to_end_id: str
    structured: str
    remittance: str
    bank_ref: str
    reversal: bool
    digest: str
    references: frozenset[str] = frozenset()
    gathers: tuple[Line, ...] = ()


class Taken(msgspec.Struct, frozen=True):
    """A statement as the books take it."""

    number: int
    entity: LegalEntity
    account: BankAccount
    opening: Decimal | None
    closing: Decimal | None
    lines: tuple[Line, ...]
    digest: str
    left_out: int

    @property
    def place(self) -> tuple[str, str]:
        """(legal entity, bank account)."""
        return self.entity.key, self.account.name

    @property
    def first_day(self) -> date:
        """The first booking day."""
        return min(line.booked for line in self.lines)

    @property
    def last_day(self) -> date:
        """The last booking day."""
        return max(line.booked for line in self.lines)

    @property
    def amount(self) -> Decimal:
        """What its entries come to."""
        return sum((line.amount for line in self.lines), ZERO)


def plain(account: str) -> str:
    """A bank account without spaces and other separators."""
    return "".join(sign for sign in account.upper() if sign.isalnum())


def owner_of(
    statement: Statement, entities: Mapping[str, LegalEntity], where: Where
) -> tuple[LegalEntity, BankAccount] | Finding:
    """Whose account a statement is of, by IBAN or by the name of the account, with or without the currency behind it."""
    text = plain(statement.account or "")
    found = [
        (entity, account)
        for entity in entities.values()
        for account in entity.bank_accounts
        for known in (plain(account.iban), plain(account.name))
        if known and text in (known, f"{known}{account.currency}")
    ]
    found = [one for n, one in enumerate(found) if one not in found[:n]]
    if len(found) > 1:
        mine = [one for one in found if one[1].currency == statement.currency]
        found = mine if len(mine) == 1 else found
    if len(found) == 1:
        return found[0]
    code = SEVERAL_ACCOUNTS if found else UNKNOWN_ACCOUNT
    names = ", ".join(f"{entity.key}/{account.name}" for entity, account in found)
    what = f"account {statement.account or '(none)'} is {f'one of several: {names}' if found else 'of nobody here'}"
    known = "name:currency:IBAN in the column bank_accounts of the legal entity"
    return Finding(code, where, what, why="money is booked to the account that it came to", mend=f"write it as {known}")


def taken(
    number: int, statement: Statement, entity: LegalEntity, account: BankAccount, where: Where
) -> tuple[Taken, list[Finding]]:
    """A statement as the books take it, and what keeps it from being booked at all."""
    problems: list[Finding] = []
    if statement.currency not in (None, account.currency):
        what = f"statement {number} is in {statement.currency}, {account.name} in {account.currency}"
        problems.append(Finding(OTHER_CURRENCY, where, what, mend="correct the account of the legal entity"))
    booked = [one for one in statement.entries if one.status == "booked" and one.amount]
    lines = [line for n, one in enumerate(booked, 1) for line in _line(n, one, account, where, problems)]
    told = (plain(statement.account or ""), str(statement.opening), str(statement.closing), *(x.digest for x in lines))
    left_out = len(statement.entries) - len(booked)
    made = Taken(number, entity, account, statement.opening, statement.closing, tuple(lines), _digest(told), left_out)
    return made, problems


def numbered(lines: Iterable[Line], known: Counter[str]) -> list[str]:
    """The keys of entries: equal ones of a statement are told apart by their number, which goes on from those ``known``."""
    keys = []
    for line in lines:
        known[line.digest] += 1
        keys.append(f"{line.booked}/{line.digest[:20]}/{known[line.digest]}")
    return keys


def _line(number: int, entry: Entry, account: BankAccount, where: Where, problems: list[Finding]) -> Iterator[Line]:
    currency = entry.currency or account.currency
    day = entry.booking_date or entry.value_date
    what = f"entry {number}, of {entry.amount:f} {currency},"
    if currency != account.currency:
        problems.append(Finding(OTHER_CURRENCY, where, f"{what} is not in {account.currency}", mend="ask the bank"))
    elif day is None:
        problems.append(Finding(NO_DAY, where, f"{what} has no day", mend="ask the bank for a whole statement"))
    elif entry.amount != round_to(entry.amount, currency):
        problems.append(Finding(NOT_EXACT, where, f"{what} has more digits than {currency}", mend="ask the bank"))
    else:
        yield _made(entry, currency, day, account, where, problems)


def _made(entry: Entry, currency: str, day: date, account: BankAccount, where: Where, problems: list[Finding]) -> Line:
    amount = entry.amount if entry.sign == "C" else -entry.amount
    kinds: dict[str, list[str]] = {}
    for one in entry.references:
        if one.value.strip().upper() not in _NOTHING:
            kinds.setdefault(one.kind, []).append(one.value.strip())
    told = (str(amount), currency, str(day), str(entry.value_date), entry.counterparty or "")
    gathers = tuple(line for n, one in enumerate(entry.details, 1) for line in _line(n, one, account, where, problems))
    whole = sum((one.amount for one in gathers), ZERO) == amount
    return Line(
        amount,
        currency,
        day,
        entry.value_date or day,
        entry.counterparty or "",
        plain(next(iter(kinds.get("counterparty_account", ())), "")),
        next(iter(kinds.get("end_to_end_id", kinds.get("payment_id", ()))), ""),
        next(iter(kinds.get("structured", ())), ""),
        " ".join(text for kind in _TEXTS for text in dict.fromkeys(kinds.get(kind, ()))),
        next((kinds[kind][0] for kind in _BANK_REFS if kind in kinds), ""),
        entry.reversal,
        _digest((*told, *(f"{one.kind}={one.value}" for one in entry.references))),
        frozenset(text for kind in (*_BANK_REFS, "payment_id", "end_to_end_id") for text in kinds.get(kind, ())),
        gathers if len(gathers) > 1 and whole else (),
    )


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
