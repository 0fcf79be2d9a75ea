"""Entries of opening balances: both currencies balance, and the amounts are those of the old books."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.base.errors import TollbookError
from engine.ledger.opening import OpeningBalance, opening_entry

D, EVE = Decimal, date(2025, 12, 31)


def balance(amount: str, worth: str) -> OpeningBalance:
    ends = ("USD", D(amount), "EUR", D(worth), "open invoice R-1 of A1")
    return OpeningBalance("t", "E1", "receivable", "NL", "team", *ends)


def accounts(role: str, country: str, product: str) -> tuple[str, int]:
    return f"{role}/{country}/{product}", 7


@pytest.mark.parametrize(("amount", "worth"), [("119.00", "108.91"), ("-12.10", "-11.00"), ("1.00", "999.99")])
def test_amounts_are_taken_as_they_are(amount: str, worth: str) -> None:
    made = opening_entry(balance(amount, worth), EVE, accounts)
    assert (made.kind, made.posting_date) == ("opening", EVE)
    own, equity = made.postings
    assert (own.account, own.amount, own.functional_amount) == ("receivable/NL/team", D(amount), D(worth))
    assert (equity.account, equity.amount) == ("opening_balance/NL/", -D(amount))
    assert own.functional_amount + equity.functional_amount == 0
    assert own.rate == (D(worth) / D(amount)).quantize(D("1e-12"))


@pytest.mark.parametrize(("amount", "worth"), [("0", "5"), ("5", "0"), ("5", "-5")])
def test_what_is_worth_nothing_is_refused(amount: str, worth: str) -> None:
    with pytest.raises(TollbookError) as caught:
        opening_entry(balance(amount, worth), EVE, accounts)
    assert [finding.code for finding in caught.value.findings] == ["ledger.no-value"]
