"""What is left of documents, and what payments took of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from engine.base.money import ZERO
from engine.model.matching import Candidate
from engine.receivables.matching.packed import Memory, Packed, Rooms


class Amounts(Protocol):
    """An amount of each document, by its place."""

    def __getitem__(self, place: int, /) -> Decimal: ...


class Taken(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """By how much less is open of a document since a day, and by which payment in which words; below zero where it is open
    again."""

    payment: str
    day: date
    amount: Decimal
    text: str = ""


_NOTHING: Final = 1
"""The number of what is left of a document that is paid."""


class Left:
    """What is left of documents, by their places: what is open of them, less what payments took."""

    def __init__(self, items: Sequence[Candidate], room: Rooms = Memory) -> None:
        self._items = items
        self._now = array("I", bytes(4 * len(items)))
        # each amount is kept once, and most are nothing; the first is that of what nobody took of
        self._amounts, self._numbers = [ZERO, ZERO], {str(ZERO): _NOTHING}
        self._last, self._before = array("q", (-1,)) * len(items), array("q")
        self._rows = Packed(Taken, room=room)

    def take(self, place: int, taken: Taken) -> None:
        """Note that a payment took of a document."""
        left = self[place] - taken.amount
        number = self._numbers.setdefault(str(left), len(self._amounts))
        if number == len(self._amounts):
            self._amounts.append(left)
        self._note(place, taken, number)

    def close(self, place: int, taken: Taken) -> None:
        """Note that a payment took all that was open of a document."""
        self._note(place, taken, _NOTHING)

    def _note(self, place: int, taken: Taken, number: int) -> None:
        self._now[place] = number
        self._before.append(self._last[place])
        self._last[place] = len(self._rows)
        self._rows.append(taken)

    def touched(self, place: int) -> bool:
        """Whether any payment took of a document."""
        return self._now[place] > 0

    def taken(self, place: int) -> Sequence[Taken]:
        """What payments took of a document, the earliest first."""
        found, at = list[Taken](), self._last[place]
        while at >= 0:
            found.append(self._rows[at])
            at = self._before[at]
        return found[::-1]

    def __getitem__(self, place: int) -> Decimal:
        number = self._now[place]
        return self._amounts[number] if number else self._items[place].open


class AsOf:
    """What was left of documents before a day."""

    def __init__(self, left: Left, day: date) -> None:
        self._left, self._day = left, day

    def __getitem__(self, place: int) -> Decimal:
        if not self._left.touched(place):
            return self._left[place]
        since = (each.amount for each in self.taken(place) if each.day >= self._day)
        return self._left[place] + sum(since, ZERO)

    def taken(self, place: int) -> Sequence[Taken]:
        """What payments took of a document at any time, the earliest first."""
        return self._left.taken(place)


Rest = Left | AsOf
