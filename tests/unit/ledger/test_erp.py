"""Documents for another system are what the entries say, however many of them make one."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.erp import Decided, documents
from engine.model.journal import JournalEntry, Posting

DAY = date(2026, 1, 30)
CENT = Decimal("0.01")


def posting(account: str, cents: int, currency: str = "EUR", functional: int | None = None) -> Posting:
    own = cents if functional is None else functional
    return Posting(account, currency, cents * CENT, "EUR", own * CENT, Decimal(1), "ECB", DAY)


def decided(ident: int, *postings: Posting, on: date = DAY, post: str = "month", **terms: Any) -> Decided:
    entry = JournalEntry("T", "E1", "invoice", on, f"entry {ident}", postings)
    said = {"post": post, "adapter": "sap", "document_type": "SA", "most_lines": 900, **terms}
    return Decided(ident, f"R-{ident}", entry, said, 1)


PAIR = (posting("1200", 100), posting("4000", -100))


@pytest.mark.parametrize(
    ("post", "days", "made"),
    [
        ("entry", (0, 0, 1), 3),
        ("day", (0, 0, 1), 2),
        ("month", (0, 0, 1), 1),
        ("month", (0, 1, 3), 2),
        ("never", (0, 0), 0),
    ],
)
def test_how_many_make_one(post: str, days: tuple[int, ...], made: int) -> None:
    """30, 31 January and 2 February."""
    found, findings = documents(decided(n, *PAIR, on=DAY + timedelta(day), post=post) for n, day in enumerate(days))
    assert (len(found), findings) == (made, [])
    assert sum(len(one.parts) for one in found) == (len(days) if made else 0)


def test_debits_and_credits_stay_apart() -> None:
    """What came and went within a month is seen in both."""
    back = (posting("1200", -40), posting("4000", 40))
    ((one,), _) = documents([decided(1, *PAIR), decided(2, *back)])
    assert one.document is not None
    assert [(line.account, line.amount) for line in one.document.lines] == [
        ("1200", Decimal("1.00")),
        ("1200", Decimal("-0.40")),
        ("4000", Decimal("0.40")),
        ("4000", Decimal("-1.00")),
    ]
    assert (one.debits, one.document.entries) == ((Decimal("1.40"), Decimal("1.40")), 2)


def test_each_currency_is_a_document() -> None:
    """An entry in two currencies that balance one by one is two; one whose currencies lean on each other is named."""
    dollars = (posting("1200", 110, "USD", 100), posting("4000", -110, "USD", -100))
    found, findings = documents([decided(1, *PAIR, *dollars)])
    assert ([one.document.currency for one in found if one.document], findings) == (["EUR", "USD"], [])
    assert len({one.key for one in found}) == 2
    leaning = (posting("1000", 110, "USD", 100), posting("1001", -100))
    found, findings = documents([decided(2, *leaning)])
    assert (found, [one.code for one in findings]) == ([], ["erp.several-currencies"])
    assert "USD by 1.00" in findings[0].what


def test_an_entry_of_too_many_lines_is_added_up() -> None:
    many = [line for _ in range(10) for line in PAIR]
    ((one,), _) = documents([decided(1, *many, post="entry", most_lines=19)])
    assert one.document is not None and len(one.document.lines) == 2
    ((one,), _) = documents([decided(1, *many, post="entry", most_lines=20)])
    assert one.document is not None and len(one.document.lines) == 20


def test_nothing_is_kept_as_nothing() -> None:
    ((one,), findings) = documents([decided(1, posting("1200", 0), posting("4000", 0))])
    assert (one.document, len(one.parts), findings) == (None, 1, [])


CURRENCIES = st.sampled_from([("EUR", 1), ("USD", 2)])
ENTRIES = st.lists(
    st.tuples(CURRENCIES, st.integers(-500, 500), st.integers(0, 40), st.sampled_from(["day", "month", "entry"])),
    max_size=12,
)


@given(ENTRIES)
def test_nothing_is_lost_and_all_balances(drawn: list[tuple[tuple[str, int], int, int, str]]) -> None:
    entries = [
        decided(
            n,
            posting("1200", cents, cur, cents * by),
            posting("4000", -cents, cur, -cents * by),
            on=DAY + timedelta(on),
            post=post,
        )
        for n, ((cur, by), cents, on, post) in enumerate(drawn)
    ]
    found, findings = documents(entries)
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for one in found:
        lines = one.document.lines if one.document else ()
        assert sum(line.amount for line in lines) == sum(line.functional for line in lines) == 0
        assert sum(line.amount for line in lines if line.amount > 0) == one.debits[0]
        for line in lines:
            assert one.document is not None
            sums[line.account, one.document.currency] += line.amount
    for item in entries:
        for p in item.entry.postings:
            sums[p.account, p.currency] -= p.amount
    assert (findings, set(sums.values()) - {0}) == ([], set())
    assert len({one.key for one in found}) == len(found)
