"""Rows kept as bytes, and what documents gave to payments: what there is a million of takes a third of the memory of objects.

A row is made anew whenever it is asked for, in less than a microsecond.  Nothing is written into rows by looking at them, so
processes that are forked share them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar, overload

import msgspec

Row = TypeVar("Row", bound=msgspec.Struct)
Value = TypeVar("Value")


class View(Sequence[Value]):
    """Rows of a sequence in an order of their own; some of them, where the order names only some."""

    def __init__(self, rows: Sequence[Value], order: Sequence[int]) -> None:
        self._rows, self._order = rows, order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, at: int) -> Value: ...
    @overload
    def __getitem__(self, at: slice) -> View[Value]: ...
    def __getitem__(self, at: int | slice) -> Value | View[Value]:
        return View(self._rows, self._order[at]) if isinstance(at, slice) else self._rows[self._order[at]]

    def __iter__(self) -> Iterator[Value]:
        return map(self._rows.__getitem__, self._order)


class Packed(Sequence[Row]):
    """Rows of one kind, in the order in which they were put in."""

    def __init__(self, kind: type[Row], rows: Iterable[Row] = ()) -> None:
        self._bytes, self._ends = bytearray(), array("Q", (0,))
        self._encode, self._decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(kind).decode
        for row in rows:
            self.append(row)

    def append(self, row: Row) -> None:
        """Put a row behind the others."""
        self._bytes += self._encode(row)
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> View[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | View[Row]:
        if isinstance(at, slice):
            return View(self, range(len(self))[at])
        ends = self._ends
        place = at if at >= 0 else at + len(self)
        return self._decode(self._bytes[ends[place] : ends[place + 1]])

    def __iter__(self) -> Iterator[Row]:
        return (self._decode(self._bytes[start:end]) for start, end in pairwise(self._ends))


class Taken(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """By how much less is open of a document since a day, and by which payment in which words; below zero where it is open
    again."""

    payment: str
    day: date
    amount: Decimal
    text: str = ""


class Takings:
    """What payments took of documents, by the place of these, the earliest first."""

    def __init__(self, documents: int) -> None:
        self._last, self._before, self._rows = array("q", (-1,)) * documents, array("q"), Packed(Taken)

    def add(self, place: int, taken: Taken) -> None:
        """Note that a payment took of a document."""
        self._before.append(self._last[place])
        self._last[place] = len(self._rows)
        self._rows.append(taken)

    def __contains__(self, place: int) -> bool:
        return self._last[place] >= 0

    def of(self, place: int) -> Sequence[Taken]:
        """What was taken of a document."""
        found, at = list[Taken](), self._last[place]
        while at >= 0:
            found.append(self._rows[at])
            at = self._before[at]
        return found[::-1]
