"""Rows as bytes are the rows that were put in, and what was taken of documents is told in its order."""

from __future__ import annotations

import pickle
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.model.matching import Applied, Incoming, Match, Residual
from engine.receivables.matching import index, packed
from engine.receivables.matching.index import Index
from engine.receivables.matching.left import AsOf, Left, Taken
from engine.receivables.matching.packed import AtHand, Memory, Packed, Rooms, View
from engine.receivables.matching.twice import Entries
from engine.runs.matching.scratch import Scratch
from tests.cash.small import invoice, money

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


@pytest.mark.parametrize("room", (Memory, Scratch))
def test_rows_that_are_put_away_are_read_with_those_that_are_not(room: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "BLOCK", 300)
    monkeypatch.setattr(packed, "TOGETHER", 4)
    given = [money(f"P{number}", f"{number}.00") for number in range(25)]
    rows = Packed(Incoming, given, room)
    assert list(rows) == [rows[at] for at in range(25)] == given and rows[-1] == given[-1]
    in_order = sorted(given, key=lambda one: one.id)
    assert list(rows.by_id(room)) == in_order != given
    assert list(rows.ids()) == [rows.id(at) for at in range(25)] == [one.id for one in given]
    rows.append(FIRST)
    assert [*rows][-2:] == [given[-1], FIRST]


def test_rows_in_a_file_are_sent_by_the_number_of_their_room() -> None:
    rows = Packed(Incoming, [FIRST] * 1_000, Scratch)
    sent = pickle.dumps(rows)
    assert list(pickle.loads(sent)) == [FIRST] * 1_000
    assert b"INV-1" not in sent


def test_a_disk_that_is_full_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Scratch()
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(room, "_file", full)
        with pytest.raises(TollbookError) as caught:
            room.put(bytearray(b"rows"))
    assert caught.value.findings[0].code == "file.not-writable" and "TMPDIR" in caught.value.findings[0].mend


def test_rows_at_hand_are_those_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "AT_HAND", 1)
    rows = AtHand(Packed(Incoming, [FIRST, SECOND]))
    assert [rows[0], rows[1], rows[0], *rows] == [FIRST, SECOND, FIRST, FIRST, SECOND]
    assert rows[1] is rows[1] and list(rows[1:]) == [SECOND]


@pytest.mark.parametrize("hashed", (hash, lambda key: (63 - int(key) % 2) << 58))
def test_an_index_finds_what_a_dictionary_finds(hashed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        index, "hash", hashed, raising=False
    )  # the second: many keys of one hash, all at the table's end
    keys = [str(number % 150) for number in range(200)]
    found = Index(keys.__getitem__)
    for place, key in enumerate(keys):
        found.add(key, place)
    found.sort()
    for number in range(150):
        assert found[str(number)] == (number if number >= 50 else (number, number + 150)) and str(number) in found
    assert found.get("155") is None and "155" not in found
    with pytest.raises(KeyError):
        found["155"]


def test_an_index_tells_which_document_alone_may_have_a_key() -> None:
    keys = ["A", "B", "B"]
    found, empty = Index(keys.__getitem__), Index(keys.__getitem__)
    for place, key in enumerate(keys):
        found.add(key, place)
    found.sort()
    empty.sort()
    assert [found.alone(key) for key in "ABC"] == [0, -1, -1]
    assert (empty.get("A"), empty.alone("A")) == (None, -1)


def test_what_was_taken_of_a_document_is_told_from_the_earliest_on() -> None:
    left = Left([invoice(f"I{number}", "5.00") for number in range(3)])
    first = Taken("P1", date(2026, 1, 1), Decimal("1.00"))
    later = msgspec.structs.replace(first, payment="P2", day=date(2026, 1, 2), text="rest")
    for place, one in ((1, first), (0, later), (1, later)):
        left.take(place, one)
    assert [left.taken(place) for place in range(3)] == [[later], [first, later], []]
    assert left.touched(1) and not left.touched(2)
    before = AsOf(left, date(2026, 1, 2))
    assert [(str(left[place]), str(before[place])) for place in range(3)] == [
        ("4.00", "5.00"),
        ("3.00", "4.00"),
        ("5.00", "5.00"),
    ]
    left.close(2, first)
    assert not left[2] and left.taken(2) == [first]
    left.take(2, msgspec.structs.replace(first, amount=Decimal("-5.00")))
    assert left[2] == Decimal("5.00") and left.touched(2)


@pytest.mark.parametrize("kept", (list, lambda some: Packed(Incoming, some)))
def test_entries_are_in_the_order_of_days_and_ids_each_once(kept: Any) -> None:
    again = msgspec.structs.replace(FIRST, id="P11")
    unlike = msgspec.structs.replace(again, id="P12", remittance="something else")
    back, empty = money("P3", "-1.00"), money("P4", "0.00")
    given = [unlike, again, back, FIRST, empty, SECOND, money("P2", "3.00", bank_ref="")]
    entries = Entries(kept(given))
    assert [one.id for one in entries.money] == ["P10", "P2", "P9"]
    assert (entries.back, entries.empty) == ([back], [empty])
    assert list(entries.all()) == given
    assert [(one.payment, one.status, one.of) for one in entries.repeated] == [
        ("P11", "duplicate", "P9"),
        ("P12", "suggest", "P9"),
    ]
