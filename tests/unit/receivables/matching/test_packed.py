"""Rows as bytes are the rows that were put in, and what was taken of documents is told in its order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from engine.model.matching import Applied, Match, Residual
from engine.receivables.matching.packed import Packed, Taken, Takings, View
from engine.receivables.matching.twice import Entries
from tests.cash.small import money

FIRST = money("P9", "10.00", "INV-1 — ＩＮＶ", end_to_end_id="E1")
SECOND = money("P10", "1E+3", day=19)
RESIDUAL = Residual("short_payment", Decimal("0.10"))
MATCH = Match(
    "P9", "auto", (Applied("I1", Decimal("-5.50"), residuals=(RESIDUAL,)),), alternatives=((), ()), trace=("é",)
)


def test_packed_rows_are_those_put_in_with_the_digits_of_their_amounts() -> None:
    rows = Packed(type(FIRST), [FIRST, SECOND])
    assert list(rows) == [rows[0], rows[-1]] == [FIRST, SECOND]
    assert [str(one.amount) for one in rows] == ["10.00", "1E+3"]
    assert list(rows[1:]) == list(View(rows, [0, 1])[1:]) == [SECOND]
    (match,) = Packed(Match, [MATCH])
    assert match == MATCH and str(match.applications[0].residuals[0].amount) == "0.10"


def test_what_was_taken_of_a_document_is_told_from_the_earliest_on() -> None:
    takings, first = Takings(3), Taken("P1", date(2026, 1, 1), Decimal("1.00"))
    later = msgspec.structs.replace(first, payment="P2", text="rest")
    for place, one in ((1, first), (0, later), (1, later)):
        takings.add(place, one)
    assert [takings.of(place) for place in range(3)] == [[later], [first, later], []]
    assert 1 in takings and 2 not in takings


def test_entries_are_in_the_order_of_days_and_ids_each_once() -> None:
    again = msgspec.structs.replace(FIRST, id="P11")
    unlike = msgspec.structs.replace(again, id="P12", remittance="something else")
    back, empty = money("P3", "-1.00"), money("P4", "0.00")
    entries = Entries([unlike, again, back, FIRST, empty, SECOND, money("P2", "3.00", bank_ref="")])
    assert [one.id for one in entries.money] == ["P10", "P2", "P9"]
    assert (entries.back, entries.empty) == ([back], [empty])
    assert [(one.payment, one.status, one.of) for one in entries.repeated] == [
        ("P11", "duplicate", "P9"),
        ("P12", "suggest", "P9"),
    ]
