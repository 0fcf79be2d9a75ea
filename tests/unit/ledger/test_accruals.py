"""What accruals post: the difference to what stands, at the rate of the day, and out again at what it is kept at."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.accruals import accrual_entry, moved, moves
from engine.ledger.fx import convert
from engine.ledger.intercompany import Book, mirrored
from engine.model.accrual import Accruable, AccrualKey, AccrualMove, Accrued
from engine.model.journal import FxRate, JournalEntry

D = Decimal
JAN, FEB, CLOSE = date(2026, 1, 1), date(2026, 2, 1), date(2026, 1, 31)
KEY = AccrualKey("E1", "A1", "A1", "S1", "phone", "calls", "voice", "NL", "unbilled", "USD", JAN)


def rate(text: str, quote: str = "EUR") -> FxRate:
    return FxRate("USD", quote, D(text), "ECB", CLOSE)


def wanted(amount: str) -> Accruable:
    return Accruable(FEB, D(amount), 7)


def held(amount: str, functional: str) -> Accrued:
    return Accrued(FEB, D(amount), D(functional), rate("0.9"))


@pytest.mark.parametrize(
    ("want", "have", "amount", "functional", "at"),
    [
        (wanted("100"), None, "100", "80.00", "0.8"),
        (None, held("100", "90"), "-100", "-90", "0.9"),  # billed: out at what it is kept at
        (wanted("100"), held("60", "54"), "40", "32.00", "0.8"),  # more: the rest at the rate of the day
        (wanted("20"), held("60", "54"), "-40", "-36.00", "0.9"),  # a part takes its share
        (wanted("-30"), held("60", "54"), "-90", "-78.00", "0.8"),  # out, and what is owed to the customer in
        (wanted("0.01"), held("0.03", "0.02"), "-0.02", "-0.01", "0.9"),
    ],
)
def test_a_move(want: Accruable | None, have: Accrued | None, amount: str, functional: str, at: str) -> None:
    made = moved(KEY, want, have, lambda base: rate("0.8"))
    assert made is not None
    assert (made.amount, made.functional, made.rate.rate) == (D(amount), D(functional), D(at))


def test_what_stands_as_it_should_moves_nothing_and_needs_no_rate() -> None:
    def none(base: str) -> FxRate:
        raise AssertionError(base)

    assert moves({KEY: wanted("60")}, {KEY: held("60", "54")}, none) == []
    assert [one.amount for one in moves({}, {KEY: held("60", "54")}, none)] == [D(-60)]


AMOUNTS = st.decimals(-1000, 1000, places=2)


@given(st.lists(st.tuples(AMOUNTS, st.decimals("0.5", "2", places=4)), min_size=1, max_size=8))
def test_nothing_stays_once_all_is_released(steps: list[tuple[Decimal, Decimal]]) -> None:
    """In whatever steps and at whatever rates: with the last of the amount goes the last of its worth."""
    there: Accrued | None = None
    for amount, at in [*steps, (D(0), D(1))]:
        want = Accruable(FEB, amount, 7) if amount else None
        made = moved(KEY, want, there, lambda base, at=at: rate(str(at)))  # type: ignore[misc]
        if made is not None:
            before = (there.amount, there.functional) if there else (D(0), D(0))
            there = Accrued(FEB, before[0] + made.amount, before[1] + made.functional, made.rate)
        assert there is None or there.amount == amount
    assert there is None or there.functional == 0


def accounts(role: str, country: str, product: str) -> tuple[str, int]:
    return f"{role}/{country}/{product}", 3


def balanced(entry: JournalEntry) -> bool:
    return not sum(p.amount for p in entry.postings) and not sum(p.functional_amount for p in entry.postings)


def test_an_entry_debits_what_is_unbilled_and_credits_revenue() -> None:
    move = AccrualMove(KEY, FEB, D(100), D("80.00"), rate("0.8"), 7)
    entry = accrual_entry("acme", JAN, CLOSE, move, accounts)
    debit, credit = entry.postings
    assert (debit.account, debit.amount, debit.functional_amount) == ("unbilled/NL/voice", D(100), D("80.00"))
    assert (credit.account, credit.amount) == ("revenue/NL/voice", D(-100))
    assert (entry.kind, entry.posting_date, balanced(entry)) == ("accrual", CLOSE, True)
    assert entry.text == "accrual of calls of S1 2026-01-01..2026-02-01 for 2026-01"


@given(AMOUNTS.filter(bool))
def test_shares_come_to_nothing_over_the_group(amount: Decimal) -> None:
    """Each entry balances in both currencies; receivable and payable, revenue and expense cancel out in that of the document."""
    books = Book("US", rate("1", "USD"), accounts), Book("NL", rate("0.8"), accounts)
    entries = mirrored("acme", CLOSE, "line 1", ("DE", "platform"), amount, *books)
    assert all(map(balanced, entries))
    sums = {p.account.split("/")[0]: p.amount for entry in entries for p in entry.postings if p.amount}
    assert sums["intercompany_receivable"] + sums["intercompany_payable"] == 0
    assert sums["intercompany_revenue"] + sums["intercompany_expense"] == 0
    assert [p.functional_amount for p in entries[1].postings][:1] == [convert(amount, rate("0.8"))]
