"""Usage of ordinary customers: an exact number of events from three systems, some late, some delivered twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from examples.skyline.catalog import METERS, PLAN_METERS
from examples.skyline.customers import Served
from examples.skyline.deliveries import END, FOLDERS, MONTHS, Deliveries, Row, next_folder

DUPLICATED, LATE, VERY_LATE = 0.006, 0.004, 0.05
"""Shares: of events that come twice, of events that come a month late, and of those that come two months late."""


class Habit(NamedTuple):
    """How a meter is used: the system that counts it, events as against other meters, mean and digits of a quantity,
    and whether quantities lie close to their mean (a level) or anywhere (a flow)."""

    source: str
    weight: float
    mean: float
    digits: int
    level: bool = False


HABITS = {
    "voice_minutes": Habit("switch", 1.3, 9, 1),
    "messages": Habit("iot-core", 0.7, 1, 0, True),
    "compute_hours": Habit("cloud-meter", 1.1, 16, 2),
    "storage_gb": Habit("cloud-meter", 0.3, 90, 1, True),
    "api_calls": Habit("cloud-meter", 1.0, 7, 3),
    "transit_gb": Habit("cloud-meter", 1.0, 110, 2),
    "data_mb": Habit("iot-core", 1.2, 22, 2),
}
KINDS = {
    "switch": ("csv", "csv", "csv"),
    "iot-core": ("jsonl", "jsonl", "jsonl"),
    "cloud-meter": ("csv", "parquet", "csv"),
}
"""What each system writes in the three months."""
_TYPES = {key: aggregation for key, _, aggregation in METERS}
_DAY = 86_400


class Slot(NamedTuple):
    """One subscription, meter and month with the days on which it may be used."""

    served: Served
    meter: str
    month: int
    days: tuple[date, ...]
    weight: float


class Counts(NamedTuple):
    """What was made."""

    events: int
    duplicates: int
    late: int


def usage(seed: int, events: int, served: Sequence[Served], out: Deliveries) -> Counts:
    """Exactly ``events`` different usage events of ``served``, and repeats of some of them, added to ``out``."""
    random = Random(f"skyline/{seed}/usage")
    slots = list(_slots(served))
    made: dict[tuple[str, int], list[tuple[int, str, Row]]] = defaultdict(list)
    for slot, count in zip(slots, _apportion(events, [slot.weight for slot in slots]), strict=True):
        made[HABITS[slot.meter].source, slot.month].extend(_events(random, slot, count))
    counts = Counts(0, 0, 0)
    for (source, month), drawn in sorted(made.items()):
        drawn.sort(key=lambda event: event[:2])
        more = _deliver(random, source, month, drawn, out)
        counts = Counts(*(a + b for a, b in zip(counts, more, strict=True)))
    return counts


def _slots(served: Sequence[Served]) -> Iterator[Slot]:
    ends = (*MONTHS[1:], END)
    for one in served:
        for month, (first, end) in enumerate(zip(MONTHS, ends, strict=True)):
            by_meter: dict[str, list[date]] = defaultdict(list)
            for spell in one.spells:
                start, stop = max(first, spell.start), min(end, spell.end)
                for meter in PLAN_METERS[spell.plan] if start < stop else ():
                    by_meter[meter].extend(start + timedelta(n) for n in range((stop - start).days))
            for meter, days in by_meter.items():
                weight = HABITS[meter].weight * len(days) * (0.5 + min(one.size, 12) ** 0.4)
                yield Slot(one, meter, month, tuple(days), weight)


def _apportion(total: int, weights: Sequence[float]) -> list[int]:
    """``total`` in whole numbers in proportion to weights: cumulative rounding."""
    every = sum(weights)
    if not every:
        return [0] * len(weights)
    parts, running, given = [], 0.0, 0
    for weight in weights:
        running += weight
        due = round(total * running / every)
        parts.append(due - given)
        given = due
    parts[-1] += total - given
    return parts


@cache
def _local_day(zone: str, day: date) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    """First second of a local day, its length in seconds, and (from second, offset) within it.

    A change of clocks makes a day 23 or 25 hours long, and gives it two offsets.
    """
    place = ZoneInfo(zone)

    def begins(day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=place).timestamp())

    def offset(second: int) -> int:
        shift = datetime.fromtimestamp(second, place).utcoffset()
        return int(shift.total_seconds()) if shift else 0

    first, end = begins(day), begins(day + timedelta(1))
    steps = [(first, offset(first))]
    for second in range(first, end, 1800):
        if offset(second) != steps[-1][1]:
            steps.append((second, offset(second)))
    return first, end - first, tuple(steps)


@cache
def _day_text(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(number)).isoformat()


@cache
def _time_text(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    return f"T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


@cache
def _offset_text(offset: int) -> str:
    away = abs(offset) // 60
    return f"{'-' if offset < 0 else '+'}{away // 60:02}:{away % 60:02}" if offset else "Z"


def _instant(second: int, offset: int) -> str:
    """``2024-03-31T03:15:00+02:00``; ``Z`` where the offset is none."""
    day, rest = divmod(second + offset, _DAY)
    return _day_text(day) + _time_text(rest) + _offset_text(offset)


def _events(random: Random, slot: Slot, count: int) -> Iterator[tuple[int, str, Row]]:
    """(second, subscription, row without its key) of ``count`` events."""
    one, habit = slot.served, HABITS[slot.meter]
    draw, days, local = random.random, slot.days, habit.source == "switch"
    unit = 10**habit.digits
    counted = _TYPES[slot.meter] == "count"
    mean = habit.mean * one.size * unit
    for _ in range(count):
        first, length, steps = _local_day(one.zone, days[int(draw() * len(days))])
        second = first + int(draw() * length)
        offset = next((shift for since, shift in reversed(steps) if since <= second), 0) if local else 0
        amount = 1 if counted else int(mean * (0.85 + 0.3 * draw() if habit.level else 2 * draw())) + 1
        quantity = f"{amount // unit}.{amount % unit:0{habit.digits}}" if habit.digits else str(amount)
        yield second, one.key, (one.entity, one.key, slot.meter, "", _instant(second, offset), quantity, habit.source)


def _deliver(random: Random, source: str, month: int, drawn: Sequence[tuple[int, str, Row]], out: Deliveries) -> Counts:
    """Give one system's events of a month their keys and lay them into folders: some of them later, some twice."""
    folder, kind = FOLDERS[month + 1], KINDS[source][month]
    rows: list[Row] = []
    again: list[Row] = []
    late = duplicates = 0
    for number, (_, _, row) in enumerate(drawn, 1):
        row = (*row[:3], f"{source}-{MONTHS[month]:%Y%m}-{number:07}", *row[4:])
        delayed = next_folder(folder) if random.random() < LATE else None
        if delayed:
            delayed = (random.random() < VERY_LATE and next_folder(delayed)) or delayed
            out.add(delayed, "usage", [row], "late")
            late += 1
            continue
        rows.append(row)
        if random.random() < DUPLICATED:
            duplicates += 1
            resent = next_folder(folder) if random.random() < 0.5 else None
            if resent:
                out.add(resent, "usage", [row], "resent")
            else:
                again.append(row)
    out.add(folder, "usage", rows + again, source, kind)
    return Counts(len(drawn), duplicates, late)
