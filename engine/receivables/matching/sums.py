"""Which open documents make up an amount exactly, with a bound on the work.

Sums of pairs are looked up, not searched: three documents are one and a pair, four are two pairs, five are a pair and three.
That is exact, and for forty documents less than a thousand sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

import msgspec

MOST_ITEMS: Final = 40
"""Documents of more than this are not looked through."""
FEW_ITEMS: Final = 16
"""Of so many, sums of five are looked for, too; of more, sums of four are the largest."""

Place = tuple[int, ...]


class Sums(msgspec.Struct, frozen=True, gc=False):
    """What was found: at most two sums, and whether there were few enough parts to look."""

    found: tuple[Place, ...]
    complete: bool


def sums_to(amount: Decimal, parts: Sequence[Decimal]) -> Sums:
    """Which ``parts`` (by their places, two or more of them) come to ``amount``.

    It ends with the second sum, because two that fit mean that a person has to say which.  Parts below zero count like
    others.  Beside sums of a few parts it finds those of all but a few.
    """
    if len(parts) > MOST_ITEMS:
        return Sums((), False)
    scale = 10 ** max((-int(part.as_tuple().exponent) for part in (*parts, amount)), default=0)
    values, target = [int(part * scale) for part in parts], int(amount * scale)
    found = dict[Place, None]()
    everything = tuple(range(len(values)))
    pairs: dict[int, list[Place]] = defaultdict(list)
    for one, other in combinations(everything, 2):
        pairs[values[one] + values[other]].append((one, other))
    for taken in _of_few(values, target, pairs):
        found[taken] = None
        if len(found) > 1:
            return Sums(tuple(found), True)
    rest = sum(values) - target
    for left_out in ((), *((place,) for place in everything if values[place] == rest), *_of_few(values, rest, pairs)):
        if (rest == 0) == (not left_out) and len(everything) - len(left_out) > 1:
            found[tuple(place for place in everything if place not in left_out)] = None
        if len(found) > 1:
            break
    return Sums(tuple(found), True)


def two_make(parts: Sequence[Decimal], amount: Decimal) -> bool:
    """Whether two of few ``parts`` come to ``amount``; False of more than :data:`MOST_ITEMS`, where two often do by chance."""
    seen = set[Decimal]()
    for part in parts if len(parts) <= MOST_ITEMS else ():
        if amount - part in seen:
            return True
        seen.add(part)
    return False


def _of_few(values: Sequence[int], target: int, pairs: Mapping[int, Sequence[Place]]) -> Iterator[Place]:
    """Places of two to five values that come to a target; one set of them may come more than once."""
    yield from pairs.get(target, ())
    for place, value in enumerate(values):
        for pair in pairs.get(target - value, ()):
            if place < pair[0]:
                yield (place, *pair)
    for total, some in pairs.items():
        if 2 * total > target or (others := pairs.get(target - total)) is None:
            continue
        for one in some:
            for other in others:
                if len({*one, *other}) == 4:
                    yield tuple(sorted((*one, *other)))
    if len(values) <= FEW_ITEMS:
        for first, second in combinations(range(2, len(values)), 2):  # the pair comes before the first of three
            rest = target - values[first] - values[second]
            for third in range(second + 1, len(values)):
                if rest - values[third] in pairs:
                    yield from (
                        (*pair, first, second, third) for pair in pairs[rest - values[third]] if pair[1] < first
                    )
