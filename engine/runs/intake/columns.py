"""Rows of one kind judged column by column: the quick way for many rows about which nothing is unusual.

All texts of a column are looked at together.  Where that look meets anything that takes a closer one (an empty cell, a
blank to trim, a number with an exponent, a character that no key may hold), there is no answer, and the rows are judged
one by one by :func:`~engine.runs.intake.rows.read_row`, which accepts each of them or says what is wrong with it.  What
both accept has the same values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Final

import msgspec

from engine.base.errors import Where
from engine.base.units import Unfit
from engine.runs.intake.formats import Column, Format
from engine.runs.intake.rows import Rules, Values, rules_of
from engine.runs.intake.values import FIRST_INSTANT, KEY_LENGTH, TEXT_LENGTH, last_instant, reader

Texts = Sequence[str]
Read = Callable[[Texts], Sequence[Any] | None]
"""The values of a column of texts; None where one of them needs a closer look."""

_MOMENT: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[-+][0-9]{2}:[0-9]{2})"


class Good(msgspec.Struct, frozen=True, gc=False):
    """A row whose values are right by themselves, and where it stands."""

    values: Values
    where: Where


class Block(msgspec.Struct, frozen=True):
    """Rows that are right by themselves, as lists of values by column; ``label`` and ``lines`` say where they stand."""

    values: Mapping[str, Sequence[Any]] = {}
    lines: Sequence[int] = ()
    label: str = ""

    def __len__(self) -> int:
        return len(self.lines)

    def row(self, at: int) -> Good:
        """One of them by itself."""
        values = {name: column[at] for name, column in self.values.items()}
        return Good(values, Where(self.label, self.lines[at]))

    def rows(self) -> list[Good]:
        """All of them, one by one."""
        return [self.row(at) for at in range(len(self))]


def block_of(form: Format, rows: Sequence[Good], label: str = "") -> Block:
    """Rows that were judged one by one, as a block."""
    values = {column.name: [row.values[column.name] for row in rows] for column in form.columns}
    return Block(values, [row.where.line for row in rows], label)


def joined(blocks: Sequence[Block]) -> Block:
    """Several blocks of one form one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    full = [block for block in blocks if block.lines]
    names = full[0].values if full else {}
    values = {name: list(chain.from_iterable(block.values[name] for block in full)) for name in names}
    return Block(values, list(chain.from_iterable(block.lines for block in full)))


class Quick:
    """The quick way for a format on a business date, and the rules of the careful one."""

    def __init__(self, form: Format, today: date) -> None:
        self.rules: Rules = rules_of(form, today)
        self._reads = {column.name: _READS.get(column.type, _one_by_one)(column, today) for column in form.columns}
        self._absent = {
            name: known.get(None) for name, _, known, _, column in self.rules.columns if not column.required
        }

    def read(self, columns: Mapping[str, Texts], lines: Sequence[int], label: str = "") -> Block | None:
        """Columns of texts as a block; None where a row needs a closer look."""
        if self.rules.extra is not None:
            return None
        values: dict[str, Sequence[Any]] = {}
        for name, read in self._reads.items():
            texts = columns.get(name)
            if texts is None or (name in self._absent and not any(texts)):
                if name not in self._absent:
                    return None
                values[name] = [self._absent[name]] * len(lines)
                continue
            found = read(texts)
            if found is None:
                return None
            values[name] = found
        return Block(values, lines, label)


def _distinct(texts: Texts) -> list[str] | None:
    """The different texts, where none is empty or has blanks around it."""
    distinct = list(set(texts))
    return distinct if all(distinct) and list(map(str.strip, distinct)) == distinct else None


def _text(column: Column, today: date) -> Read:
    """Keys and other short texts.  Those that are plain ASCII can have no character that is banned anywhere."""
    careful = _one_by_one(column, today)
    longest = KEY_LENGTH if column.type == "key" else column.high or TEXT_LENGTH

    def read(texts: Texts) -> Sequence[Any] | None:
        distinct = _distinct(texts)
        if distinct is None or max(map(len, distinct)) > longest:
            return None
        letters = "".join(distinct)
        return texts if letters.isascii() and letters.isprintable() else careful(texts)

    return read


def _decimal(column: Column, today: date) -> Read:
    match = _all_like(rf"[0-9]{{1,{column.before}}}(?:\.[0-9]{{1,{column.after}}})?")
    low, high = column.low, column.high

    def read(texts: Texts) -> Sequence[Any] | None:
        if not match(texts):
            return None
        numbers = list(map(Decimal, texts))
        fits = (low is None or min(numbers) >= low) and (high is None or max(numbers) <= high)
        return numbers if fits else None

    return read


def _instant(column: Column, today: date) -> Read:
    match, last = _all_like(_MOMENT), last_instant(today)

    def read(texts: Texts) -> Sequence[Any] | None:
        if not match(texts):
            return None
        try:
            moments = list(map(datetime.fromisoformat, texts))
            moments = [at if at.tzinfo is UTC else at.astimezone(UTC) for at in moments]
        except (ValueError, OverflowError):
            return None
        return moments if min(moments) >= FIRST_INSTANT and max(moments) <= last else None

    return read


def _one_by_one(column: Column, today: date) -> Read:
    """Each different text by the reader of the column."""
    careful = reader(column, today)

    def read(texts: Texts) -> Sequence[Any] | None:
        distinct = _distinct(texts)
        try:
            values = {text: careful(text) for text in distinct or ()}
        except Unfit:
            return None
        return None if distinct is None else [values[text] for text in texts]

    return read


def _all_like(pattern: str) -> Callable[[Texts], bool]:
    """Whether every text of a list is like a pattern, which may not match the end of a line."""
    match = re.compile(rf"(?:{pattern}\n)*+").fullmatch

    def alike(texts: Texts) -> bool:
        text = "\n".join(texts) + "\n"
        return text.count("\n") == len(texts) and match(text) is not None

    return alike


_READS: Final[Mapping[str, Callable[[Column, date], Read]]] = {
    "key": _text,
    "text": _text,
    "decimal": _decimal,
    "instant": _instant,
}
