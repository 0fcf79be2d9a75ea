"""Events of a stretch to quantities, one by one: for filters and formulas that the databases cannot work out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import accumulate
from types import SimpleNamespace
from typing import Any, Final

import msgspec

from engine.base.money import CONTEXT, ZERO
from engine.model.measure import DIGITS, Found, Measure, Window, order_of

_UNIT: Final = Decimal(1).scaleb(-DIGITS)
_TYPES: Final[Mapping[str, type]] = {"text": str, "number": Decimal, "boolean": bool}


class Event(msgspec.Struct, frozen=True):
    """A usage event as measures see it, in order of time; ``before`` says that it is of days before the window."""

    at: datetime
    id: int
    quantity: Decimal
    dimensions: str | None
    before: bool = False


class _Counted(msgspec.Struct, frozen=True):
    second: int
    id: int
    value: Any
    before: bool


def aggregated(measure: Measure, window: Window, events: Iterable[Event]) -> list[Found]:
    """What a window has, by group; ``events`` are in order of time, and of id where that is the same."""
    groups: dict[tuple[str | None, ...], list[_Counted]] = defaultdict(list)
    for one in events:
        judged = fitting(measure, one.quantity, one.dimensions)
        if judged is not None:
            second = int(one.at.timestamp() // 1)
            groups[group_of(measure, judged)].append(_Counted(second, one.id, value_of(measure, judged), one.before))
    found = []
    for group, some in sorted(groups.items(), key=lambda item: order_of(item[0])):
        inside = [one for one in some if not one.before]
        if measure.aggregation == "weighted_sum":
            quantity, used = _level(_summed(some), window), some
        elif measure.aggregation == "time_weighted":
            quantity, used = _level(some, window), [*inside, *[one for one in some if one.before][-1:]]
        elif inside:
            quantity, used = _AGGREGATIONS[measure.aggregation]([one.value for one in inside], measure), inside
        else:
            continue
        quantity = quantity.quantize(_UNIT, ROUND_HALF_UP, CONTEXT)
        found.append(Found(group, quantity, len(inside), max(one.id for one in used)))
    return found


def fitting(measure: Measure, quantity: Decimal, dimensions: str | None) -> Any:
    """The event as filters and formulas see it, if it fulfils all filters; else None."""
    event = SimpleNamespace(quantity=quantity, dim=_named(dimensions, tuple(measure.kinds.items())))
    return event if all(one.of(event) for one in measure.filters) else None


def group_of(measure: Measure, event: Any) -> tuple[str | None, ...]:
    """The values of the dimensions that a measure groups by, as texts."""
    return tuple(_text(getattr(event.dim, name)) for name in measure.group_by)


def value_of(measure: Measure, event: Any) -> Any:
    """What an event brings to its aggregation."""
    if measure.aggregation == "unique":
        return getattr(event.dim, measure.dimension)
    if measure.value is not None and measure.aggregation == "expression":
        return measure.value.of(event)
    return event.quantity


@lru_cache(maxsize=10_000)
def _named(text: str | None, kinds: tuple[tuple[str, str], ...]) -> SimpleNamespace:
    """Dimensions by name, None where the event lacks one or has a value of another kind than is declared."""
    held = json.loads(text, parse_float=Decimal, parse_int=Decimal) if text else {}
    values = {name: held.get(name) for name, _ in kinds}
    typed = {name: values[name] if type(values[name]) is _TYPES[kind] else None for name, kind in kinds}
    return SimpleNamespace(**typed)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value.normalize():f}" if value else "0"


def _level(events: Sequence[_Counted], window: Window) -> Decimal:
    """The average of levels that hold from their second on, over the whole of the cycle."""
    start, end = int(window.start.timestamp() // 1), int(window.end.timestamp() // 1)
    area, level, since = ZERO, ZERO, start
    for one in events:
        now = min(max(one.second, start), end)
        area += level * (now - since)
        level, since = one.value, now
    return CONTEXT.divide(area + level * (end - since), Decimal(window.whole))


def _summed(events: Sequence[_Counted]) -> list[_Counted]:
    """Events that add to a level, as events that set it."""
    levels = accumulate(one.value for one in events)
    return [msgspec.structs.replace(one, value=level) for one, level in zip(events, levels, strict=True)]


def _rank(values: Sequence[Decimal], measure: Measure) -> Decimal:
    """The nearest rank: the smallest value that at least so many percent of all do not exceed."""
    place = -(-int(measure.percentile * 10_000) * len(values) // 1_000_000)
    return sorted(values)[place - 1]


_AGGREGATIONS: Final[Mapping[str, Callable[[Sequence[Any], Measure], Decimal]]] = {
    "sum": lambda values, _: sum(values, ZERO),
    "expression": lambda values, _: sum(values, ZERO),
    "count": lambda values, _: Decimal(len(values)),
    "max": lambda values, _: max(values),
    "min": lambda values, _: min(values),
    "latest": lambda values, _: values[-1],
    "unique": lambda values, _: Decimal(len({value for value in values if value is not None})),
    "percentile": _rank,
}
