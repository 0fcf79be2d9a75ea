"""Two replays of the same documents compared: what each line was, what it would be, and the sums that tie.  Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO

NO_HISTORY: Final = "a record that has no history, such as the contract that a subscription names, was changed since"
"""Why a document comes out otherwise before which nothing was done by hand."""
NOTHING: Final = "(none)"
"""The key of money that nobody, or no rule, is named for."""


class Line(msgspec.Struct, frozen=True):
    """A line that comes out otherwise: its net amount and tax by the rules of then and by the others; nothing where it is on one
    side only.  ``rule`` and ``other_rule`` are the pricing rules of both."""

    run: int
    on: date
    entity: str
    payer: str
    account: str
    subscription: str
    plan: str
    charge: str
    product: str
    kind: str
    service_from: date
    service_to: date
    currency: str
    before: Decimal
    after: Decimal
    tax_before: Decimal
    tax_after: Decimal
    rule: str
    other_rule: str

    @property
    def difference(self) -> Decimal:
        """What it would be more, net."""
        return self.after - self.before


class Row(msgspec.Struct, frozen=True):
    """The money of one key in one currency on both sides, and on how many lines it stands on either."""

    key: str
    currency: str
    before: Decimal
    after: Decimal
    difference: Decimal
    lines: int


class Movers(msgspec.Struct, frozen=True):
    """Who would pay more and who less in one currency: how many, the largest first, and what all of them come to."""

    currency: str
    up: int
    down: int
    unchanged: int
    more: Decimal
    less: Decimal
    top: tuple[Row, ...]
    bottom: tuple[Row, ...]


class Decided(msgspec.Struct, frozen=True):
    """Decisions that would come out otherwise in one way: by another rule, or by the same with other terms; how many, what the
    lines that they price come to, why, and for whom for example.  ``money`` is by currency; ``moved`` are those of them whose line or
    document comes to other money, tax included, or whose posting to another account or amount."""

    family: str
    rule: str
    other_rule: str
    count: int
    money: Mapping[str, Decimal]
    why: tuple[str, ...]
    example: str
    moved: int = 0


class Drift(msgspec.Struct, frozen=True):
    """A document of the books that the replay by its own rules does not give again; None where it is on one side only.

    ``reason`` names the documents by hand, voids and the like, that came before it and after the bill run before; empty where there are
    none.
    """

    run: int
    entity: str
    payer: str
    kind: str
    group: str
    currency: str
    books: Decimal | None
    replayed: Decimal | None
    reason: str = ""

    @property
    def because(self) -> str:
        """Why, in words."""
        return self.reason or NO_HISTORY

    @property
    def difference(self) -> Decimal:
        """What the books have more than the replay."""
        return (self.books or ZERO) - (self.replayed or ZERO)


class Total(msgspec.Struct, frozen=True):
    """The documents of one currency on both sides: net, tax and how many."""

    currency: str
    before: Decimal
    after: Decimal
    difference: Decimal
    tax_before: Decimal
    tax_after: Decimal
    documents_before: int
    documents_after: int


class Tie(msgspec.Struct, frozen=True):
    """Two sums that have to be the same: what they are of, and whether they are."""

    what: str
    currency: str
    one: Decimal
    other: Decimal

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return self.one == self.other


class _Sum:
    __slots__ = ("after", "before", "lines")

    def __init__(self) -> None:
        self.before, self.after, self.lines = ZERO, ZERO, 0


class Tally:
    """Adds up both sides by key and currency, as they come."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, str], _Sum] = defaultdict(_Sum)

    def add(self, key: str, currency: str, before: Decimal, after: Decimal, lines: int = 1) -> None:
        """Add money of a key."""
        one = self._sums[key or NOTHING, currency]
        one.before += before
        one.after += after
        one.lines += lines

    def rows(self) -> tuple[Row, ...]:
        """The sums, the largest differences first."""
        made = (
            Row(key, currency, one.before, one.after, one.after - one.before, one.lines)
            for (key, currency), one in self._sums.items()
        )
        return by_share(made)

    def difference(self) -> dict[str, Decimal]:
        """What all keys come to more, by currency."""
        found: defaultdict[str, Decimal] = defaultdict(Decimal)
        for (_, currency), one in self._sums.items():
            found[currency] += one.after - one.before
        return dict(found)


def by_share(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Sums, the largest difference of each currency first: what is much in one currency may be little in another."""
    made = sorted(rows, key=_by_size)
    largest: dict[str, Decimal] = {}
    for row in made:
        largest.setdefault(row.currency, abs(row.difference))

    def share(row: Row) -> tuple[Any, ...]:
        most = largest[row.currency]
        return -(abs(row.difference) / most if most else ZERO), row.key, row.currency

    return tuple(sorted(made, key=share))


def _by_size(row: Row) -> tuple[Any, ...]:
    return -abs(row.difference), row.key, row.currency


def paired(one: Sequence[Any], other: Sequence[Any], key: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    """Lines of both sides that are about the same, in the order of the first side; the rest with None beside them.

    Several with the same key are paired in their order.
    """
    waiting: defaultdict[Any, list[Any]] = defaultdict(list)
    for line in reversed(other):
        waiting[key(line)].append(line)
    for line in one:
        same = waiting.get(key(line))
        yield line, same.pop() if same else None
    left = {id(line) for lines in waiting.values() for line in lines}
    yield from ((None, line) for line in other if id(line) in left)


def movers(rows: Iterable[Row], most: int) -> tuple[Movers, ...]:
    """Winners and losers by currency among sums by customer: ``most`` of either named."""
    by_currency: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_currency[row.currency].append(row)
    found = []
    for currency, some in sorted(by_currency.items()):
        up = sorted((r for r in some if r.difference > 0), key=_by_size)
        down = sorted((r for r in some if r.difference < 0), key=_by_size)
        found.append(
            Movers(
                currency,
                len(up),
                len(down),
                len(some) - len(up) - len(down),
                sum((r.difference for r in up), ZERO),
                sum((r.difference for r in down), ZERO),
                tuple(up[:most]),
                tuple(down[:most]),
            )
        )
    return tuple(found)


def ties(net: Mapping[str, Decimal], parts: Mapping[str, Mapping[str, Decimal]]) -> tuple[Tie, ...]:
    """Whether each way of cutting the difference comes to the ``net`` difference of the documents, by currency."""
    currencies = sorted(set(net).union(*(set(part) for part in parts.values())))
    return tuple(
        Tie(name, currency, net.get(currency, ZERO), part.get(currency, ZERO))
        for name, part in parts.items()
        for currency in currencies
    )


def terms_apart(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two terms of rules differ, in words: ``price EUR: 31 -> 33``; nothing where they are the same."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}, key=str):
            yield from terms_apart(one.get(key), other.get(key), f"{path} {key}".strip())
    elif _is_list(one) and _is_list(other):
        for place in range(max(len(one), len(other))):
            mine, theirs = (some[place] if place < len(some) else None for some in (one, other))
            yield from terms_apart(mine, theirs, f"{path} {place + 1}".strip())
    elif one != other:
        yield f"{path}: {_word(one)} -> {_word(other)}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _word(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_word(item)}" for key, item in value.items())
    return ", ".join(map(_word, value)) if _is_list(value) else str(value)
