"""How a charge's usage is counted where daily sums do not tell it: what the books are asked for, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

Aggregation = Literal[
    "sum", "count", "max", "min", "latest", "unique", "percentile", "time_weighted", "weighted_sum", "expression"
]
AGGREGATIONS: Final[tuple[str, ...]] = (
    "sum",
    "count",
    "max",
    "min",
    "latest",
    "unique",
    "percentile",
    "time_weighted",
    "weighted_sum",
    "expression",
)
OVER_TIME: Final = frozenset({"time_weighted", "weighted_sum"})
"""Aggregations that average a level over time: each event sets it anew, or adds to it.  What was before a stretch goes on in it."""
BY_DAY: Final = frozenset({"sum", "count", "max"})
"""Aggregations that daily sums tell of all events of a meter."""
SIGNED: Final = frozenset({"weighted_sum"})
"""Aggregations whose events may be below zero: they take away."""
KINDS: Final = ("text", "number", "boolean")
"""What a dimension of an event can hold."""
DIGITS: Final = 6
"""Digits after the point that quantities have."""

Tree = tuple[Any, ...]
"""A condition or formula: its kind, then what is inside it.  ``("number", Decimal)``, ``("string", text)``, ``("boolean", flag)``,
``("null",)``, ``("quantity",)``, ``("dim", name)``, ``("and" | "or" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" |
"coalesce", left, right)``, ``("not" | "minus", inside)``, ``("in", value, (constant, ...))``, ``("choice", test, this, that)``."""


class Formula(msgspec.Struct, frozen=True):
    """A condition on, or a number computed of, one event: as Python, and as a tree that databases can be asked with.

    ``tree`` is None where it has a part that only Python knows.
    """

    text: str
    tree: Tree | None
    of: Callable[[Any], Any]


class Measure(msgspec.Struct, frozen=True):
    """How the events of a meter are counted for one charge.

    ``kinds`` are the declared dimensions.  Only events that fulfil all ``filters`` count.  ``value`` is what each counts in
    an ``expression``; ``dimension`` is that of ``unique``, ``percentile`` that of ``percentile``.
    """

    meter: str
    aggregation: str
    kinds: Mapping[str, str]
    filters: tuple[Formula, ...] = ()
    value: Formula | None = None
    dimension: str = ""
    percentile: Decimal = Decimal(0)
    group_by: tuple[str, ...] = ()

    @property
    def read(self) -> bool:
        """Whether dimensions of events are looked at."""
        return bool(self.filters or self.value or self.dimension or self.group_by)


class Window(msgspec.Struct, frozen=True):
    """Days of one subscription that usage is counted over, up to, not including, ``last``.

    ``start`` and ``end`` are the moments at which they begin and end where the customer is, ``whole`` the seconds of the
    cycle that levels are averaged over.
    """

    subscription_id: int
    first: date
    last: date
    start: datetime
    end: datetime
    whole: int


class Found(msgspec.Struct, frozen=True):
    """What a window has of one group: the values of the group's dimensions, None where events lack them; the quantity, the
    number of events, and the id of the newest event or reversal that it rests on."""

    group: tuple[str | None, ...]
    quantity: Decimal
    events: int
    last_id: int


def order_of(group: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    """A key that puts groups in one order, whoever has counted them: no value comes before the empty text."""
    return tuple((part is not None, part or "") for part in group)
