"""What a further book adds: moved, spread, left out; set against what is booked."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import TollbookError, Where
from engine.ledger.further_books import Adjustments, differences, wanted
from engine.model.decision import Decision
from engine.model.journal import JournalEntry, Posting

D = Decimal
DAY = date(2026, 1, 15)


def decided(way: str, account: str = "", months: int = 0) -> Decision:
    """A decision of a rule that is called like its way."""
    terms = {"way": way, "account": account, "months": months}
    return Decision(7, "books", "books/x", way, Where("x.yaml", 1, 1), "r", {}, terms)


KEEP = decided("keep")


def entry(*sides: tuple[str, str, str]) -> JournalEntry:
    """An entry of (account, USD, EUR)."""
    made = (Posting(a, "USD", D(usd), "EUR", D(eur), D("0.9"), "ECB", DAY) for a, usd, eur in sides)
    return JournalEntry("t", "E", "invoice", DAY, "INV-1", tuple(made))


SOLD = entry(("1200", "100.00", "90.00"), ("4000", "-100.00", "-90.00"))


def told(found: Adjustments) -> dict[date, list[tuple[str, str, str]]]:
    """Accounts with amounts in both currencies, by day."""
    return {day: [(p.account, str(p.amount), str(p.functional_amount)) for p in ps] for day, ps in found.items()}


def test_moved() -> None:
    """It is taken off its account and put into another one, at the same rate."""
    assert told(wanted(SOLD, [KEEP, decided("move", "4700")])) == {
        DAY: [("4000", "100.00", "90.00"), ("4700", "-100.00", "-90.00")]
    }
    assert wanted(SOLD, [KEEP, decided("move", "4000")]) == {}


def test_spread() -> None:
    """Parts are of whole cents, on the last days of months, that of the posting first, and come to the posting."""
    found = wanted(SOLD, [KEEP, decided("spread", "2390", 3)])
    assert told(found) == {
        DAY: [("4000", "100.00", "90.00"), ("2390", "-100.00", "-90.00")],
        date(2026, 1, 31): [("2390", "33.33", "30.00"), ("4000", "-33.33", "-30.00")],
        date(2026, 2, 28): [("2390", "33.34", "30.00"), ("4000", "-33.34", "-30.00")],
        date(2026, 3, 31): [("2390", "33.33", "30.00"), ("4000", "-33.33", "-30.00")],
    }


def test_left_out() -> None:
    """All sides of an entry are left out, or such as balance; else the book would be off."""
    assert told(wanted(SOLD, [decided("leave_out")] * 2)) == {
        DAY: [("1200", "-100.00", "-90.00"), ("4000", "100.00", "90.00")]
    }
    with pytest.raises(TollbookError) as caught:
        wanted(SOLD, [KEEP, decided("leave_out")])
    (finding,) = caught.value.findings
    assert (finding.code, finding.where.file) == ("books.left-off-balance", "x.yaml")
    assert "-100.00 USD" in finding.what


def test_differences() -> None:
    """Nothing of what is booked already; the difference where another rule wants something else; all of it where none wants it."""
    moved, other = wanted(SOLD, [KEEP, decided("move", "4700")]), wanted(SOLD, [KEEP, decided("move", "4800")])
    assert differences(moved, moved) == {}
    assert told(differences(other, moved)) == {DAY: [("4700", "100.00", "90.00"), ("4800", "-100.00", "-90.00")]}
    assert told(differences({}, moved)) == {DAY: [("4000", "-100.00", "-90.00"), ("4700", "100.00", "90.00")]}


WAYS = st.sampled_from([KEEP, decided("move", "A"), decided("spread", "B", 7), decided("move", "C")])


@given(st.integers(-10_000, 10_000), st.integers(-10_000, 10_000), st.tuples(WAYS, WAYS), st.tuples(WAYS, WAYS))
def test_balanced_and_stable(usd: int, eur: int, before: Any, after: Any) -> None:
    """Whatever rules want, each day balances in both currencies; booking the difference leads to what is wanted, and leaves none."""
    sold = entry(("1", f"{D(usd) / 100}", f"{D(eur) / 100}"), ("2", f"{D(-usd) / 100}", f"{D(-eur) / 100}"))
    booked = wanted(sold, before)
    more = differences(wanted(sold, after), booked)
    for postings in (*booked.values(), *more.values()):
        assert sum(p.amount for p in postings) == sum(p.functional_amount for p in postings) == 0
    both: dict[date, list[Posting]] = defaultdict(list)
    for some in (booked, more):
        for day, postings in some.items():
            both[day].extend(postings)
    assert differences(wanted(sold, after), both) == {}
