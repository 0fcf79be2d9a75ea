"""Sets of values of one fact: what a comparison with constants leaves of them, and how people say it.

A set is a row of cuts in the order of the values: from the first cut up to the second one, from the third up to the
fourth, and so on; and whether null is in it.  Numbers have a cut before and a cut after each value.  Whole numbers,
days, moments, texts and words have a next value each, so that the cut after one is the cut before the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final, NamedTuple

import msgspec

Cut = tuple[Any, ...]
Cuts = tuple[Cut, ...]

START: Final[Cut] = (0,)
END: Final[Cut] = (2,)

BOOLEANS: Final = (False, True)
SOME_TEXT: Final = "other"
"""The example of a text where any will do."""
MOST_WORDS: Final = 6
"""Values that a sentence names."""


class Values(NamedTuple):
    """A set of values of one fact: cuts, an even number of them, each above the one before; and whether null is in it."""

    cuts: Cuts
    null: bool

    def __bool__(self) -> bool:
        return bool(self.cuts) or self.null


def invert(cuts: Cuts) -> Cuts:
    """Everything that is not between the cuts."""
    out = cuts[1:] if cuts and cuts[0] == START else (START, *cuts)
    return out[:-1] if out and out[-1] == END else (*out, END)


def meet_cuts(one: Cuts, other: Cuts) -> Cuts:
    """What is between both rows of cuts."""
    if one == other:
        return one
    out: list[Cut] = []
    i = j = 0
    while i < len(one) and j < len(other):
        low, high = max(one[i], other[j]), min(one[i + 1], other[j + 1])
        if low < high:
            out += (low, high)
        if one[i + 1] < other[j + 1]:
            i += 2
        else:
            j += 2
    return tuple(out)


def join_cuts(one: Cuts, other: Cuts) -> Cuts:
    """What is between one row of cuts or the other."""
    return invert(meet_cuts(invert(one), invert(other)))


def meet(one: Values, other: Values) -> Values:
    """The values that are in both sets."""
    return Values(meet_cuts(one.cuts, other.cuts), one.null and other.null)


def join(one: Values, other: Values) -> Values:
    """The values that are in one set or the other."""
    return Values(join_cuts(one.cuts, other.cuts), one.null or other.null)


def without(one: Values, other: Values) -> Values:
    """The values of the first set that are not in the second."""
    return Values(meet_cuts(one.cuts, invert(other.cuts)), one.null and not other.null)


def join_all(sets: Iterable[Values]) -> Values:
    """The values that are in any of the sets."""
    null, spans = False, list[tuple[Cut, Cut]]()
    for each in sets:
        null = null or each.null
        spans += _pairs(each.cuts)
    out: list[Cut] = []
    for low, high in sorted(spans):
        if out and low <= out[-1]:
            out[-1] = max(out[-1], high)
        else:
            out += (low, high)
    return Values(tuple(out), null)


def inside(one: Values, other: Values) -> bool:
    """Whether every value of the first set is in the second."""
    return not without(one, other)


class Domain(msgspec.Struct, frozen=True):
    """All values that a fact can have.

    Attributes:
        kind: ``number``, ``whole``, ``date``, ``datetime``, ``string``, or ``word`` for one of a few known values.
        words: the known values of kind ``word``; their order is that of the cuts.
        nullable: whether it may be null.
        low: the least value, None if there is none.
        high: the greatest value.
    """

    kind: str
    words: tuple[Any, ...] = ()
    nullable: bool = False
    low: Any = None
    high: Any = None

    @property
    def full(self) -> Values:
        """All of them."""
        if self.kind == "word":
            return Values(((1, 0, 0), (1, len(self.words), 0)), self.nullable)
        first = "" if self.kind == "string" else self.low
        low = START if first is None else self.cut(first, False)
        return Values((low, END if self.high is None else self.cut(self.high, True)), self.nullable)

    def cut(self, value: Any, after: bool) -> Cut:
        """The cut before or after a value."""
        if self.kind == "number":
            return (1, value, 1 if after else 0)
        if self.kind == "word":
            return (1, self.words.index(value) + after, 0)
        if self.kind == "whole":
            number = Decimal(value)
            whole = number.to_integral_value(ROUND_FLOOR) + 1 if after else number.to_integral_value(ROUND_CEILING)
            return (1, whole, 0)
        if not after:
            return (1, value, 0)
        if self.kind == "string":
            return (1, value + "\0", 0)
        try:
            return (1, value + (timedelta(days=1) if self.kind == "date" else timedelta(microseconds=1)), 0)
        except OverflowError:
            return END

    def compared(self, sign: str, value: Any) -> Values:
        """The values that stand in the relation ``sign`` (``< <= > >= ==``) to a constant, null not among them."""
        before, after = self.cut(value, False), self.cut(value, True)
        low = {">": after, ">=": before, "==": before}.get(sign, START)
        high = {"<": before, "<=": after, "==": after}.get(sign, END)
        return Values(meet_cuts((low, high), self.full.cuts) if low < high else (), False)

    def points(self, values: Iterable[Any]) -> Values:
        """The set of some values; None is null."""
        null = Values((), self.nullable)
        return join_all(null if value is None else self.compared("==", value) for value in values)

    def opposite(self, values: Values) -> Values:
        """The values that are not in a set."""
        return without(self.full, values)

    def example(self, values: Values) -> Any:
        """One value of a set that is not empty: the least, or one near a bound."""
        if not values.cuts:
            return None
        low, high = values.cuts[0], values.cuts[1]
        if self.kind == "word":
            return self.words[low[1]]
        if low == START:
            return self._below(high)
        if self.kind == "string" and inside(self.compared("==", SOME_TEXT), values):
            return SOME_TEXT
        if self.kind != "number" or low[2] == 0:
            return low[1]
        return low[1] + 1 if high == END or low[1] + 1 < high[1] else (low[1] + high[1]) / 2

    def _below(self, high: Cut) -> Any:
        """A value just below a cut, or any where there is no cut."""
        if self.kind in ("number", "whole"):
            return Decimal(0) if high == END else high[1] if high[2] else high[1] - 1
        first = {"date": date(2000, 1, 1), "datetime": datetime.fromisoformat("2000-01-01T00:00:00+00:00")}[self.kind]
        step = timedelta(days=1) if self.kind == "date" else timedelta(microseconds=1)
        return first if high == END else high[1] - step

    def said(self, values: Values) -> str:
        """A set in words that stand behind the name of the fact: ``from 1000 up``, ``"DE" or "AT"``."""
        parts = list(self._parts(values))
        if values.null:
            parts.append("null")
        if len(parts) > MOST_WORDS:
            parts = [*parts[:MOST_WORDS], f"{len(parts) - MOST_WORDS} others"]
        return " or ".join(parts)

    def _parts(self, values: Values) -> Iterator[str]:
        if self.kind == "word":
            for low, high in _pairs(values.cuts):
                yield from (_word(word) for word in self.words[low[1] : high[1]])
            return
        if self.kind == "string" and values.cuts:
            missing = without(Values(self.full.cuts, False), values).cuts
            if all(self._is_point(low, high) for low, high in _pairs(missing)):
                named = [_word(low[1]) for low, _ in _pairs(missing)]
                yield f"other than {' or '.join(named)}" if named else "of any value"
                return
        for low, high in _pairs(values.cuts):
            yield self._span(low, high)

    def is_point(self, values: Values) -> bool:
        """Whether a set has one value, which is not null."""
        return len(values.cuts) == 2 and not values.null and self._is_point(*values.cuts)

    def _is_point(self, low: Cut, high: Cut) -> bool:
        if low == START or high == END:
            return False
        if self.kind == "word":
            return bool(high[1] == low[1] + 1)
        return bool(high == self.cut(low[1], True) and low[2] == 0)

    def _span(self, low: Cut, high: Cut) -> str:
        if self._is_point(low, high):
            return _word(low[1])
        from_ = "" if low == START else f"above {_word(low[1])}" if low[2] else f"from {_word(low[1])}"
        if high == END:
            return f"{from_} up" if from_.startswith("from") else from_ or "of any value"
        to = f"up to and including {_word(high[1])}" if high[2] else f"below {_word(high[1])}"
        return f"{from_} {to}" if from_.startswith("from") and high[2] else f"{from_} and {to}" if from_ else to


def _pairs(cuts: Cuts) -> Iterator[tuple[Cut, Cut]]:
    return zip(cuts[::2], cuts[1::2], strict=True)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def written(value: Any) -> str:
    """A value as a condition would write it, near enough for people; null for None."""
    return "null" if value is None else _word(value)
