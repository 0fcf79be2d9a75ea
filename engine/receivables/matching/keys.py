"""Where open documents are found: by number, creditor reference, purchase order, and for one account by amount and serial.

What is looked up for every payment is an index over all documents; what only some need is made for one account when it
is first asked for.  The cost of a payment is so the same for ten thousand open documents and for a million.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final
from weakref import WeakValueDictionary

from engine.model.matching import Candidate
from engine.receivables.matching.index import Index
from engine.receivables.matching.writing import alphanumeric, zeroed

RUN: Final = re.compile(r"[A-Z]+|[0-9]+")
"""Letters or digits that stand together."""

_LOOKALIKE: Final = str.maketrans("ILOSBZ", "110582")
LEAST_DIGITS: Final = 5
"""A number of digits alone that is shorter is no key for itself: too much else is written that way."""


def folded(key: str) -> str:
    """A key with letters that look like digits as these: what is read ``lNV-2O26`` is ``INV-2026``."""
    return key.translate(_LOOKALIKE)


def squeezed(runs: Sequence[str]) -> str:
    """Runs of a number without leading zeros, a point between them: of ``RE26/0000003`` it is ``RE.26.3``."""
    return ".".join(run.lstrip("0") or "0" for run in runs)


_SEPARATORS: Final = bytes(code for code in range(128) if not chr(code).isalnum())


def key_of(text: str) -> str:
    """The ASCII letters and digits of a text in capitals; quick for what is ASCII."""
    return text.encode().upper().translate(None, _SEPARATORS).decode() if text.isascii() else alphanumeric(text)


def bare(number: str) -> bool:
    """Whether a number has digits alone, and few: other things are written like that."""
    return len(number) < 8 and number.isdigit()


class Account:
    """The open documents of one account, by what is asked for less often; how they are called only once it is asked."""

    __slots__ = ("__weakref__", "_by_folded", "_by_serial", "_by_squeezed", "_items", "by_amount", "places")

    def __init__(self, items: Sequence[Candidate], mine: Iterable[int]) -> None:
        self._items, self.places = items, tuple(mine)
        self.by_amount: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
        self._by_serial: dict[int, list[int]] = {}
        self._by_folded: dict[str, list[int]] = {}
        self._by_squeezed: dict[str, list[int]] = {}
        for place in self.places:
            item = items[place]
            self.by_amount[item.currency, item.open].append(place)

    def of_amounts(self, currency: str, amounts: Iterable[Decimal]) -> list[int]:
        """The documents that came with one of some amounts."""
        return [place for amount in amounts for place in self.by_amount.get((currency, amount), ())]

    def _learn(self) -> None:
        for place in self.places:
            runs = RUN.findall(self._items[place].number.upper())
            self._by_folded.setdefault(folded("".join(runs)), []).append(place)
            self._by_squeezed.setdefault(squeezed(runs), []).append(place)
            for serial in _serials(runs):
                self._by_serial.setdefault(serial, []).append(place)

    @property
    def by_serial(self) -> Mapping[int, Sequence[int]]:
        """Documents by the last digits of their number."""
        if not self._by_folded:
            self._learn()
        return self._by_serial

    @property
    def by_folded(self) -> Mapping[str, Sequence[int]]:
        """Documents by number with look-alikes folded."""
        if not self._by_folded:
            self._learn()
        return self._by_folded

    @property
    def by_squeezed(self) -> Mapping[str, Sequence[int]]:
        """Documents by number without zeros that lead."""
        if not self._by_folded:
            self._learn()
        return self._by_squeezed


def _serials(runs: Sequence[str]) -> set[int]:
    """Numbers by which payers call a document: its last digits, of a long run the last four to six, too."""
    last = next((run for run in reversed(runs) if run.isdigit()), "")
    if not last:
        return set()
    long = {int(last[-count:]) for count in (4, 5, 6)} if len(last) >= 8 else set()
    return {int(last), *long}


class Keys:
    """Open documents by what payments name."""

    def __init__(self, items: Sequence[Candidate]) -> None:
        """``items`` are in the order that says which is which; the result does not depend on it."""
        self.items = items
        self.numbers = Index(lambda place: key_of(items[place].number))
        self.references = Index(lambda place: key_of(items[place].creditor_reference))
        self.orders = Index(lambda place: key_of(items[place].purchase_order))
        self.shapes: dict[str, set[tuple[int | str, ...]]] = defaultdict(set)
        self.longest = 0
        self._last: dict[str, int] = {}
        self._before = array("q")
        self._accounts: WeakValueDictionary[str, Account] = WeakValueDictionary()  # kept while a payer's are
        shapes, begins = dict[str, None](), set[str]()
        for place, item in enumerate(items):
            shapes[zeroed(item.number.upper())] = None
            if key := key_of(item.number):
                self.numbers.add(key, place)
                self.longest = max(self.longest, len(key))
            if item.creditor_reference and (key := key_of(item.creditor_reference)):
                self.references.add(key, place)
            if item.purchase_order and len(key := key_of(item.purchase_order)) >= LEAST_DIGITS:
                self.orders.add(key, place)
                self.longest = max(self.longest, len(key))
                begins.add(RUN.findall(key)[0] if key[0].isalpha() else "0")
            self._before.append(self._last.get(item.account, -1))
            self._last[item.account] = place
        for index in (self.numbers, self.references, self.orders):
            index.sort()
        for shape in shapes:
            self._learn(shape)
        self.digits_first = any(key[0].isdigit() for key in shapes if key) or "0" in begins
        self.first_letters = frozenset((begins | set(self.shapes)) - {"0", ""})

    def _learn(self, number: str) -> None:
        """Remember how numbers are written: of ``INV-2026-000002`` that INV, four and six digits follow each other."""
        runs = RUN.findall(number)
        if runs:
            first = runs[0] if runs[0].isalpha() else ""
            self.shapes[first].add(tuple(run if run.isalpha() else len(run) for run in runs))

    def torn(self, place: int, runs: Sequence[str]) -> bool:
        """Whether the runs of a text tear apart digits or letters that stand together in a document's number."""
        written = RUN.findall(self.items[place].number.upper())
        if len(runs) == len(written):
            return list(runs) != written
        ends, at = set[int](), 0
        for run in written:
            at += len(run)
            ends.add(at)
        at = 0
        for run in runs:
            at += len(run)
            if at not in ends:
                return True
        return False

    def account(self, key: str) -> Account:
        """The open documents of one account."""
        found = self._accounts.get(key)
        if found is None:
            found = self._accounts[key] = Account(self.items, self._of(key))
        return found

    def any(self, key: str) -> bool:
        """Whether an account has a document open."""
        return key in self._last

    def _of(self, key: str) -> list[int]:
        found, place = list[int](), self._last.get(key, -1)
        while place >= 0:
            found.append(place)
            place = self._before[place]
        return found[::-1]


def checked_reference(text: str) -> str:
    """An ISO 11649 creditor reference without blanks, empty where the text is none or its check digits are wrong."""
    key = alphanumeric(text)
    if not (5 <= len(key) <= 25 and key.startswith("RF") and key[2:4].isdigit()):
        return ""
    turned = key[4:] + key[:4]
    return key if int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1 else ""


Rates = Mapping[str, Decimal]
"""Rates of the day by the two currency codes joined, from then to."""
