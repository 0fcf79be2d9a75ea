"""What a text names: whole numbers of documents, lists and ranges of them, purchase orders, and digits that may be short ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

import msgspec

from engine.receivables.matching.doubting import is_doubtful, of_another
from engine.receivables.matching.index import places
from engine.receivables.matching.keys import LEAST_DIGITS, RUN, Keys, checked_reference, key_of
from engine.receivables.matching.saying import Said, amount_of
from engine.receivables.matching.writing import upper

GAP: Final = 3
"""Most characters that are no letters or digits between two runs of one number."""
MOST_IN_RANGE: Final = 100
"""Most documents that a range such as 50-53 may mean."""
MOST_NAMED: Final = 400
"""Most documents that are read out of one text."""

_DATES: Final = (
    r"(?<![A-Z][./-])(?<![A-Z0-9./-])(?:[0-9]{1,2}[./-][0-9]{1,2}[./-](?:20)?[0-9]{2}|20[0-9]{2}[./-][0-9]{1,2}[./-][0-9]{1,2}|"
    r"(?:0?[1-9]|1[0-2])/20[0-9]{2}|Q[1-4])(?![0-9A-Z])|[0-9]+(?:[.,][0-9]+)?\s?%|"
    r"\b(?:JAN|FEB|M[AÄ]R|APR|MA[IYJ]|JU[NL]|AUG|SEP|O[KC]T|NOV|DE[ZC])[A-Z]*\.?\s?(?:20)?[0-9]{2}\b"
)
"""Dates, months, quarters and shares: digits that name no document."""
_AMOUNT: Final = r"\b[0-9]{1,3}(?:[., '][0-9]{3})*[.,][0-9]{2}\b|\b[0-9]+[.,][0-9]{2}\b"
_NOISE: Final = re.compile(
    rf"/?\bCHGS/?\s?[A-Z]{{3}}\s?[0-9.,]+|{_DATES}|{_AMOUNT}|(?<![0-9A-Z/-])[1-9]\s?/\s?(?:[1-9]|1[0-2])(?![0-9/])"
)
"""What names no document, amounts and parts such as 1/2 included."""
_CERTAIN: Final = re.compile(_DATES)
_DIGITS: Final = re.compile("[0-9][0-9.,]*")

_TO: Final = r"\s?(?:-|–|—|~|\.\.\.?|BIS|TO|THRU|THROUGH|TILL|UNTIL|AU|AL|A|TOT|TIL|〜|至)\s?#?"
_BETWEEN: Final = re.compile(_TO)
_MORE: Final = re.compile(
    r"\s?(?:,|;|/|\+|&|UND|AND|ET|E|Y|EN|OCH|OG|SOWIE|、|,\s?(?:AND|UND|ET))\s?[#-]?([0-9]{1,12})(?![0-9A-Z]|[.,][0-9]{2}\b|\s?%)"
)
_UNTIL: Final = re.compile(_TO + r"([0-9]{1,12})(?![0-9A-Z]|[.,][0-9]{2}\b|\s?%)")
_WORDS: Final = frozenset("INV INVOICE RE RG RECHNUNG RNR R F FA FACT FACTURE FACTURA FATTURA NR NO N BILL".split())
"""Words for a document that may also begin its number."""
_GROUP: Final = re.compile(r"([A-Z]+)?([\s.:#/_-]{0,2})([0-9]+(?:[./_-][0-9]+)*)(?![0-9])")


class Short(msgspec.Struct, frozen=True, gc=False):
    """Digits that may be the end of a number: ``of`` as numbers, ``letters`` before them where these begin numbers of ours."""

    letters: str
    of: tuple[int, ...]
    text: str


class Reading(Said, frozen=True, gc=False):
    """What a text names.

    Attributes:
        named: documents by whole number, each with the places that the number leads to.
        torn: of these the places of numbers that are written with a gap within their digits.
        listed: documents that follow one of these in a list, cut short.
        ranged: documents of a range, both ends included; empty where there is none.
        ordered: documents by purchase order.
        structured: documents by a creditor reference whose check digits are right.
        unknown: what is written as our numbers are and is no open one.
        doubtful: how many of the named are digits that may stand for something else, such as a day.
    """

    named: tuple[tuple[int, ...], ...] = ()
    torn: frozenset[int] = frozenset()
    listed: tuple[tuple[int, ...], ...] = ()
    ranged: tuple[int, ...] = ()
    ordered: tuple[tuple[int, ...], ...] = ()
    structured: tuple[tuple[int, ...], ...] = ()
    unknown: tuple[str, ...] = ()
    doubtful: int = 0


NOTHING: Final = Reading()


class Reader:
    """Reads texts against the numbers of open documents."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def structured(self, text: str) -> tuple[tuple[int, ...], bool]:
        """Documents by a creditor reference alone, and whether its check digits vouch for it."""
        key = checked_reference(text)
        if key:
            found = self._keys.references.get(key)
            if found is None:
                found = self._keys.numbers.get(key[4:])
            return (places(found) if found is not None else ()), True
        plain = "".join(RUN.findall(upper(text)))
        found = self._keys.references.get(plain) if plain else None
        return (places(found) if found is not None else ()), False

    def plain(self, text: str) -> int:
        """The document of a text that is its number and nothing else; -1 where it is not so plain."""
        numbers = self._keys.numbers
        if text.isascii():
            place = numbers.alone(key_of(text))
            if place < 0:
                return -1
            if self._keys.items[place].number == text:
                return place
        runs = RUN.findall(text.upper())
        found = numbers.get("".join(runs))
        return found if isinstance(found, int) and not self._keys.torn(found, runs) else -1

    def read(self, text: str) -> Reading:
        """What a text names."""
        if not text:
            return NOTHING
        text = upper(text)
        found = _Found(self._keys, text)
        found.scan()
        return Reading(
            text,
            found.left(),
            tuple(found.named),
            frozenset(found.torn),
            tuple(found.listed),
            tuple(found.ranged),
            tuple(found.ordered),
            tuple(found.structured),
            tuple(found.unknown),
            found.doubtful,
        )


class _Found:
    """Whole numbers in one text, from its start to its end, the longest first."""

    def __init__(self, keys: Keys, text: str) -> None:
        self.keys, self.text = keys, text
        self.named: list[tuple[int, ...]] = []
        self.torn: set[int] = set()
        self.listed: list[tuple[int, ...]] = []
        self.ranged: list[int] = []
        self.ordered: list[tuple[int, ...]] = []
        self.structured: list[tuple[int, ...]] = []
        self.unknown: list[str] = []
        self.doubtful = 0
        self.used: list[tuple[int, int]] = []
        self._last: tuple[str, int] = ("", 0)

    def scan(self) -> None:
        """Go through the runs of the text."""
        runs = [(match[0], match.start(), match.end()) for match in RUN.finditer(self.text)]
        keys, at = self.keys, 0
        while at < len(runs) and len(self.named) < MOST_NAMED:
            run = runs[at][0]
            if (
                (run == "RF" and (behind := self._reference(runs, at)))
                or (
                    (run in keys.first_letters or (keys.digits_first and run[0] <= "9"))
                    and (behind := self._number(runs, at))
                )
                or ((run in keys.shapes or run.isdigit()) and (behind := self._shape(runs, at)))
            ):
                at = behind
            else:
                at += 1
            while at < len(runs) and runs[at][1] < self._last[1]:
                at += 1

    def left(self) -> str:
        """The text with blanks where something was read."""
        text = self.text
        for start, end in self.used:
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
        return text

    def _use(self, start: int, end: int) -> None:
        self.used.append((start, end))

    def _number(self, runs: Sequence[tuple[str, int, int]], at: int) -> int:
        """Read a number or a purchase order; the run behind it, 0 where there is none."""
        keys, whole, torn = self.keys, ("", 0), ("", 0)
        key, last = "", runs[at][1]
        for place in range(at, len(runs)):
            run, start, end = runs[place]
            if start - last > GAP or len(key) + len(run) > keys.longest:
                break
            key, last = key + run, end
            if len(key) < LEAST_DIGITS and key.isdigit():
                continue
            number = keys.numbers.get(key)
            if number is None:
                if key in keys.orders:
                    whole = key, place + 1
            elif keys.torn(places(number)[0], [one for one, _, _ in runs[at : place + 1]]):
                torn = key, place + 1
            else:
                whole = key, place + 1
        key, behind = whole if whole[0] else torn
        if not key:
            return 0
        start, end = runs[at][1], runs[behind - 1][2]
        self._use(start, end)
        number = self.keys.numbers.get(key)
        if number is not None:
            self._add(self.named, places(number))
            self.doubtful += key.isdigit() and is_doubtful(self.text, start, end)
            if not whole[0]:
                self.torn.update(places(number))
            before, self._last = self._last, (key, end)
            if before[0] and _BETWEEN.fullmatch(self.text, before[1], start):
                self._between(before[0], key)
            self._follow(key, end)
        else:
            self._add(self.ordered, places(self.keys.orders[key]))
        return behind

    @staticmethod
    def _add(to: list[tuple[int, ...]], found: tuple[int, ...]) -> None:
        if found not in to:
            to.append(found)

    def _follow(self, key: str, end: int) -> None:
        """Read what a list or a range goes on with behind a number: ``INV-1, 2 and 3``, ``INV-50 - 53``."""
        serial = len(key) - len(key.rstrip("0123456789"))
        until = _UNTIL.match(self.text, end)
        if until and serial and len(until[1]) <= serial and not self._is_number(until.start(1)):
            other = key[: -len(until[1])] + until[1]
            if other > key and int(other[-serial:]) - int(key[-serial:]) < MOST_IN_RANGE and other in self.keys.numbers:
                self._range(key, other, serial)
                self._use(until.start(1), until.end(1))
                self._last = other, until.end(1)
                return
            self._unresolved(until)
        while (more := _MORE.match(self.text, end)) and not self._is_number(more.start(1)):
            digits = more[1]
            other = key[: -len(digits)] + digits
            if not serial or len(digits) > serial or other not in self.keys.numbers:
                self._unresolved(more)
                return
            self._add(self.listed, places(self.keys.numbers[other]))
            key, end = other, more.end(1)
            self._use(more.start(1), end)
            self._last = key, end

    def _between(self, first: str, last: str) -> None:
        """Read two whole numbers of one stem that a word for a range stands between."""
        serial = len(first) - len(first.rstrip("0123456789"))
        alike = len(first) == len(last) and first[: len(first) - serial] == last[: len(last) - serial]
        if serial and alike and 1 < int(last[-serial:]) - int(first[-serial:]) < MOST_IN_RANGE:
            self._range(first, last, serial)

    def _unresolved(self, match: re.Match[str]) -> None:
        """Note that a list or a range goes on with what is no open document, unless a day begins there."""
        if self.text[match.end(1) : match.end(1) + 1] not in ("-", ".") and not self._is_number(match.start(1)):
            self.unknown.append(match[1])

    def _is_number(self, start: int) -> bool:
        """Whether what begins at a place is a whole number for itself."""
        key, last = "", start
        for run in RUN.finditer(self.text, start):
            key, gap, last = key + run[0], run.start() - last, run.end()
            if gap > GAP or len(key) > self.keys.longest:
                return False
            if key in self.keys.numbers and not (key.isdigit() and len(key) < LEAST_DIGITS):
                return True
        return False

    def _range(self, first: str, last: str, serial: int) -> None:
        stem, low, high = first[:-serial], int(first[-serial:]), int(last[-serial:])
        for number in range(low, high + 1):
            found = self.keys.numbers.get(f"{stem}{number:0{serial}}")
            if found is not None:
                self.ranged.extend(places(found))

    def _reference(self, runs: Sequence[tuple[str, int, int]], at: int) -> int:
        """Read a creditor reference within a text; the run behind it, 0 where there is none."""
        key, best = "", 0
        for place in range(at, len(runs)):
            key += runs[place][0]
            if len(key) > 25:
                break
            if key in self.keys.references and checked_reference(key):
                best = place + 1
                found = self.keys.references[key]
        if best:
            self._add(self.structured, places(found))
            self._use(runs[at][1], runs[best - 1][2])
        return best

    def _shape(self, runs: Sequence[tuple[str, int, int]], at: int) -> int:
        """Note what is written as our numbers are but is none; the run behind it, 0 where there is nothing."""
        first = runs[at][0]
        for shape in self.keys.shapes.get("" if first.isdigit() else first, ()):
            part = runs[at : at + len(shape)]
            if len(part) < len(shape) or (len(shape) == 1 and len(first) < LEAST_DIGITS):
                continue
            fits = all(
                run == want if isinstance(want, str) else run.isdigit() and len(run) == want
                for (run, _, _), want in zip(part, shape, strict=True)
            )
            close = all(later[1] - earlier[2] <= GAP for earlier, later in pairwise(part))
            if fits and close:
                self.unknown.append("".join(run for run, _, _ in part))
                self._use(part[0][1], part[-1][2])
                return at + len(shape)
        return 0


def shorts_of(left: str, keys: Keys) -> Iterator[Short]:
    """Digits that may be short numbers, dates and amounts left out."""
    text = _NOISE.sub(lambda match: " " * len(match[0]), left)
    for match in _GROUP.finditer(text):
        digits = re.findall("[0-9]+", match[3])
        if all(len(each) > 12 for each in digits) or of_another(text, match.start(3)):
            continue
        letters = match[1] or ""
        ours = (
            letters
            if letters in keys.shapes and not (letters in _WORDS and match[2].strip() in ("", ".", ":", "#"))
            else ""
        )
        if letters in _WORDS and not match[2]:
            ours = letters if letters in keys.shapes else ""
        yield Short(ours, tuple(int(each[-12:]) for each in digits), f"{letters}{match[2]}{match[3]}".strip())


def unread_of(left: str, amount: Decimal) -> int:
    """How many groups of digits stand in what is left of a text, dates and the money itself aside.

    Where a payment names nothing that is open, each of them may be the number of a document that is not open any more.
    """
    found = _DIGITS.findall(_CERTAIN.sub(" ", left))
    return sum(amount_of(each) != amount for each in found)
