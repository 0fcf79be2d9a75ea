"""How old what customers owe is: days after it was due, in buckets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise

from engine.base.errors import Code, refuse

WRONG_BUCKETS = Code("ledger.wrong-buckets", "Buckets of ages that are not days, each more than the one before.")


def limits(text: str) -> tuple[int, ...]:
    """The last day of each bucket, from words such as ``30,60,90``.

    Raises:
        TollbookError: ``ledger.wrong-buckets``.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise _wrong(text)
    found = tuple(int(part) for part in parts)
    if found[0] < 1 or any(a >= b for a, b in pairwise(found)):
        raise _wrong(text)
    return found


def _wrong(text: str) -> Exception:
    return refuse(WRONG_BUCKETS, f"{text!r} says no buckets", mend="name days in ascending order, such as 30,60,90")


def names(ends: Sequence[int]) -> tuple[str, ...]:
    """The buckets by name: not due yet, days overdue, and more than the last."""
    starts = [1, *(end + 1 for end in ends[:-1])]
    return ("not due", *(f"{a}-{b}" for a, b in zip(starts, ends, strict=True)), f"over {ends[-1]}")


def bucket(due: date, on: date, ends: Sequence[int]) -> int:
    """The place of a document among the buckets: 0 where it is not overdue."""
    late = (on - due).days
    return 0 if late <= 0 else next((place for place, end in enumerate(ends, 1) if late <= end), len(ends) + 1)


def aged(items: Iterable[tuple[date, Decimal]], on: date, ends: Sequence[int]) -> list[Decimal]:
    """The sums of (due date, amount) by bucket."""
    sums = [Decimal(0)] * (len(ends) + 2)
    for due, amount in items:
        sums[bucket(due, on, ends)] += amount
    return sums
