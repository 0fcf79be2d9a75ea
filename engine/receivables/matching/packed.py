"""Rows kept as bytes: what there is a million of takes a third of the memory of objects, and none where a file holds the bytes.

A row is made anew whenever it is asked for, in less than a microsecond.  Nothing is written into rows by looking at them, so
processes that are forked share them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from mmap import mmap
from typing import Final, Protocol, TypeVar, overload

import msgspec

Row = TypeVar("Row", bound=msgspec.Struct)
Value = TypeVar("Value")

AT_HAND: Final = 10_000
"""Most rows that are at hand as objects."""
BLOCK: Final = 1 << 20
"""Bytes of rows that are put away together."""
TOGETHER: Final = 500
"""Rows that are read together where all are."""

Bytes = bytearray | mmap


class Room(Protocol):
    """Where the bytes of rows are kept."""

    def put(self, data: bytearray) -> Bytes:
        """Put bytes behind the others; all that are there, to be read."""


class Memory:
    """A room in memory."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def put(self, data: bytearray) -> bytearray:
        """Put bytes behind the others; all that are there."""
        self._bytes += data
        return self._bytes


Rooms = Callable[[], Room]
"""A room of its own for each kind of rows."""


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


class _First(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a row begins with."""

    id: str


_first: Final = msgspec.msgpack.Decoder(_First).decode


class Packed(Sequence[Row]):
    """Rows of one kind, in the order in which they were put in."""

    def __init__(self, kind: type[Row], rows: Iterable[Row] = (), room: Rooms = Memory) -> None:
        """``kind`` is written as an array, whose first value is the row's id."""
        self.__setstate__((kind, room(), array("Q", (0,))))
        for row in rows:
            self.append(row)

    def __getstate__(self) -> tuple[type[Row], Room, array[int]]:
        """For another process that has the room."""
        self._put_away()
        return self._kind, self._room, self._ends

    def __setstate__(self, state: tuple[type[Row], Room, array[int]]) -> None:
        self._kind, self._room, self._ends = state
        self._put, self._tail = self._ends[-1], bytearray()
        self._bytes = self._room.put(self._tail)
        self._encode_into = msgspec.msgpack.Encoder().encode_into
        self._decode = msgspec.msgpack.Decoder(self._kind).decode

    def append(self, row: Row) -> None:
        """Put a row behind the others."""
        tail = self._tail
        self._encode_into(row, tail, -1)
        self._ends.append(self._put + len(tail))
        if len(tail) >= BLOCK:
            self._put_away()

    def _put_away(self) -> None:
        self._bytes = self._room.put(self._tail)
        self._put += len(self._tail)
        self._tail = bytearray()

    def by_id(self, room: Rooms = Memory) -> Packed[Row]:
        """The same rows in the order of their ids."""
        ids = list(self.ids())
        order, ends = sorted(range(len(ids)), key=ids.__getitem__), self._ends
        found = Packed(self._kind, room=room)
        for at in order:
            found._tail += self._part(ends[at], ends[at + 1])
            found._ends.append(found._put + len(found._tail))
            if len(found._tail) >= BLOCK:
                found._put_away()
        return found

    def ids(self) -> Iterator[str]:
        """What each row begins with."""
        return (_first(part).id for part in self._parts())

    def id(self, at: int) -> str:
        """What a row begins with."""
        return _first(self._part(self._ends[at], self._ends[at + 1])).id

    def _part(self, start: int, end: int) -> bytes | bytearray:
        put = self._put
        return self._bytes[start:end] if start < put else self._tail[start - put : end - put]

    def _parts(self) -> Iterator[memoryview]:
        for at in range(0, len(self), TOGETHER):
            ends, put = self._ends[at : at + TOGETHER + 1], self._put
            start, end = ends[0], ends[-1]
            several = memoryview(self._part(start, min(end, put)) + self._part(max(start, put), max(end, put)))
            for one, following in pairwise(ends):
                yield several[one - start : following - start]

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> View[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | View[Row]:
        if isinstance(at, slice):
            return View(self, range(len(self))[at])
        ends, put = self._ends, self._put
        start, end = (ends[at], ends[at + 1]) if at >= 0 else (ends[at - 1], ends[at])
        return self._decode(self._bytes[start:end] if start < put else self._tail[start - put : end - put])

    def __iter__(self) -> Iterator[Row]:
        return map(self._decode, self._parts())


class AtHand(Sequence[Row]):
    """Rows of which those that were asked for lately are objects: one that is looked at is looked at again and again."""

    def __init__(self, rows: Packed[Row]) -> None:
        self._rows, self._near = rows, dict[int, Row]()

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> View[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | View[Row]:
        if isinstance(at, slice):
            return self._rows[at]
        found = self._near.get(at)
        if found is None:
            if len(self._near) >= AT_HAND:
                self._near.clear()
            found = self._near[at] = self._rows[at]
        return found

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)
