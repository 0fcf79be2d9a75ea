"""An index of documents that keeps no keys: numbers of eight bytes in their order, with as many gaps between them.

A number holds a part of its key's hash and the place of a document; whether that has the key is asked of the document itself.
Where a number stands follows from its hash, so a look at two or three is enough however many there are.  Looking something up
changes nothing, so processes that are forked share the table.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Final

HASH: Final = 32
"""Bits of a key's hash that are kept; those of the place, counted from one, stand below: a gap is zero."""
_LOW: Final = (1 << HASH) - 1

Places = int | tuple[int, ...]
"""Where a key leads: one document, or several."""


def places(found: Places) -> tuple[int, ...]:
    """What a key leads to as a tuple."""
    return (found,) if isinstance(found, int) else found


class Index:
    """Places of documents by a key of theirs; asked for only once all are in."""

    def __init__(self, key_at: Callable[[int], str]) -> None:
        """``key_at`` says the key of the document at a place."""
        self._key_at = key_at
        self._table, self._shift = array("Q"), HASH
        self._more: dict[int, list[int]] = {}

    def add(self, key: str, place: int) -> None:
        """Put a document in."""
        self._table.append((hash(key) >> HASH & _LOW) << HASH | place + 1)

    def sort(self) -> None:
        """Put in order what was added, and make the gaps."""
        added = sorted(self._table)
        bits = len(added).bit_length() + 1
        self._shift, at = HASH - bits, -1
        table = self._table = array("Q", bytes(8 * ((1 << bits) + 64)))
        for number in added:
            mark, place = number >> HASH, (number & _LOW) - 1
            if at >= 0 and table[at] >> HASH == mark:
                first = self._first(self._key_at(place))
                if first >= 0:
                    self._more.setdefault(first, []).append(place)
                    continue
            at = max(mark >> self._shift, at + 1)
            if at + 1 >= len(table):
                table.frombytes(bytes(8 * 64))
            table[at] = number

    def get(self, key: str) -> Places | None:
        """Where a key leads: a place, several in their order, None where no document has it."""
        first = self._first(key)
        if first < 0:
            return None
        return (first, *self._more[first]) if first in self._more else first

    def alone(self, key: str) -> int:
        """The document that alone may have a key, which is not asked of it; -1 where no other one can have it either."""
        table, mark = self._table, hash(key) >> HASH & _LOW
        at = mark >> self._shift
        while (number := table[at]) and number >> HASH < mark:
            at += 1
        place = (number & _LOW) - 1
        return place if number >> HASH == mark and place not in self._more else -1

    def __getitem__(self, key: str) -> Places:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: str) -> bool:
        return self._first(key) >= 0

    def _first(self, key: str) -> int:
        """The first document that has a key; -1 where none has."""
        table, mark = self._table, hash(key) >> HASH & _LOW
        at, low = mark >> self._shift, mark << HASH
        while (number := table[at]) and number <= low | _LOW:
            if number > low and self._key_at((number & _LOW) - 1) == key:
                return (number & _LOW) - 1
            at += 1
        return -1
