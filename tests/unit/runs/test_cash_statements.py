"""What a statement says, as the books take it: whose it is, what identifies its entries, what keeps it from being booked."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.base.errors import Finding, Where
from engine.model.entity import BankAccount, LegalEntity
from engine.ports.hookspecs.bank import Entry, Reference, Statement
from engine.runs.cash.statements import numbered, owner_of, taken

D = Decimal
IBAN = "NL91ABNA0417164300"
MAIN, SAVINGS = BankAccount("MAIN", "EUR", IBAN), BankAccount("4711/0815", "USD")
HERE = Where("file")


def entity(key: str, *accounts: BankAccount) -> LegalEntity:
    """A legal entity with bank accounts."""
    return LegalEntity("acme", key, key, "NL", "EUR", "Europe/Amsterdam", bank_accounts=accounts)


ENTITIES = {
    "E1": entity("E1", MAIN),
    "E2": entity("E2", SAVINGS, BankAccount("BOTH", "EUR", "DE1"), BankAccount("B", "USD", "DE1")),
}


def entry(amount: str = "10.00", sign: Any = "C", **more: Any) -> Entry:
    """A booked entry of 3 February."""
    given = {"booking_date": date(2026, 2, 3), "counterparty": "x", **more}
    return Entry(sign, D(amount), given.pop("currency", "EUR"), **given)


def statement(*entries: Entry, account: str = IBAN, currency: str | None = "EUR") -> Statement:
    """A statement without balances."""
    return Statement(account, currency, entries)


@pytest.mark.parametrize(
    ("account", "currency", "owner"),
    [
        (IBAN, "EUR", "E1/MAIN"),
        ("nl91 abna 0417 1643 00", "EUR", "E1/MAIN"),
        (f"{IBAN}EUR", "EUR", "E1/MAIN"),
        ("4711-0815", "USD", "E2/4711/0815"),
        ("DE1", "USD", "E2/B"),
        ("DE1", None, "cash.several-accounts"),
        ("NL00", "EUR", "cash.unknown-account"),
        ("", "EUR", "cash.unknown-account"),
    ],
)
def test_whose_account_it_is(account: str, currency: str | None, owner: str) -> None:
    """By IBAN or name, however it is written; the currency tells accounts of one number apart."""
    found = owner_of(statement(account=account, currency=currency), ENTITIES, HERE)
    assert (str(found.code) if isinstance(found, Finding) else f"{found[0].key}/{found[1].name}") == owner


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (statement(entry(), currency="USD"), "cash.other-currency"),
        (statement(entry(currency="USD")), "cash.other-currency"),
        (statement(entry(booking_date=None)), "cash.no-day"),
        (statement(entry("10.001")), "cash.not-exact"),
    ],
)
def test_what_cannot_be_booked(wrong: Statement, code: str) -> None:
    """Each has its code, and nothing of the statement is taken for good."""
    _, problems = taken(1, wrong, ENTITIES["E1"], MAIN, HERE)
    assert [str(problem.code) for problem in problems] == [code]


def test_entries_as_the_books_take_them() -> None:
    """Signs, days and references; what is nothing, or not booked, is left out; details that come to their entry stand for it."""
    parts = (entry("4.00", counterparty="a"), entry("6.00", counterparty="b"))
    told = (Reference("end_to_end_id", "NOTPROVIDED"), Reference("text", "Rg 1"), Reference("bank", "B1"))
    one = statement(
        entry("10.00", "D", references=told, value_date=date(2026, 2, 5)),
        entry(details=parts),
        entry(details=(parts[0], entry("5.00"))),
        entry("0"),
        entry(status="pending"),
    )
    made, problems = taken(1, one, ENTITIES["E1"], MAIN, HERE)
    assert (problems, made.left_out, made.amount) == ([], 2, D(10))
    first, second, third = made.lines
    assert (first.amount, first.value_day, first.end_to_end_id) == (D(-10), date(2026, 2, 5), "")
    assert (first.remittance, first.bank_ref) == ("Rg 1", "B1")
    assert ([line.payer for line in second.gathers], third.gathers) == (["a", "b"], ())


def test_equal_entries_are_told_apart_and_the_same_are_not() -> None:
    """By their number in the statement, which can go on; another word of the bank makes another entry."""
    made, _ = taken(1, statement(entry(), entry(), entry(counterparty="y")), ENTITIES["E1"], MAIN, HERE)
    keys = numbered(made.lines, Counter())
    assert len(set(keys)) == 3 and keys[0][:-1] == keys[1][:-1] != keys[2][:-1]
    assert numbered(made.lines, Counter()) == keys
    later = numbered(made.lines[:1], Counter({made.lines[0].digest: 2}))
    assert later == [keys[0][:-1] + "3"]
