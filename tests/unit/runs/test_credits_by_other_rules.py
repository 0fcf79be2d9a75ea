"""What a credit by hand comes to on the line that other rules billed: whole stays whole, an amount stays that amount."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.runs.simulate.by_hand import capped, kept_meaning
from engine.store.asof_documents import Document

CASES = {
    # asked, (billed, left) in the books, (billed, left) on the other side -> given, whether that is less
    "all of a line": (-31, (31, 31), (33, 33), -33, False),
    "all that is left": (-21, (31, 21), (33, 23), -23, False),
    "an amount": (-7, (31, 31), (33, 33), -7, False),
    "an amount of a line that is cheaper": (-20, (31, 31), (15, 15), -15, True),
    "nothing is left there": (-20, (31, 31), (15, 0), 0, True),
    "all of it brought again": (31, (31, 0), (33, 0), 33, False),
    "a part brought again": (7, (31, 14), (33, 16), 7, False),
    "more brought again than was given back there": (20, (31, 5), (15, 5), 10, True),
    "a line that was itself negative": (5, (-5, -5), (-6, -6), 6, False),
}


@pytest.mark.parametrize(("asked", "books", "other", "given", "less"), CASES.values(), ids=CASES)
def test_kept_meaning(
    asked: int, books: tuple[int, int], other: tuple[int, int], given: int, less: bool
) -> None:  # fmt: skip
    """Never more than the other side billed, never less than nothing."""
    mine, theirs = ((Decimal(one), Decimal(two)) for one, two in (books, other))
    assert kept_meaning(Decimal(asked), mine, theirs) == (Decimal(given), less)


def test_what_a_capped_credit_is_told_as() -> None:
    """The number of the document, what it gave back, and what there is of that: without the signs of the document."""
    told = capped(Document({"number": "CN-1", "payer": "A1"}, ()), Decimal(-20), Decimal("-15.5"), "EUR")
    assert (told.code, told.where.file, told.subject, told.level) == (
        "simulate.credit-capped", "document/CN-1", "account/A1", "warning",
    )  # fmt: skip
    assert told.what == "CN-1 gives back 20.00 EUR of a line of which the other rules leave 15.50 EUR"
    assert told.mend == "it gives back what is left; ask whether the credit would have been made"
