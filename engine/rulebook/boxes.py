"""Boxes and regions: sets of facts, and how they are met, taken away from each other and cut.

A box leaves each fact that it names a set of values; a region is a list of boxes, of which one must hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from engine.rulebook.values import START, Cut, Domain, Values, meet, meet_cuts, without

Box = Mapping[str, Values]
Region = list[Box]

MOST_BOXES: Final = 2000
"""Boxes of one region; a condition or rule set that needs more is not analysed."""
MOST_PAIRS: Final = 1_000_000
"""Pairs of boxes that one question about a rule set may look at: about a second's work."""


class TooMany(Exception):
    """A region has more boxes than are looked at."""


class Space(msgspec.Struct):
    """The dimensions of one family's conditions, as far as they have been met.

    Attributes:
        domains: what each dimension can be; its name is the path of the fact, or the text of the question.
        questions: the dimensions that are no plain fact, with the reason why they are not looked into.
    """

    domains: dict[str, Domain]
    questions: dict[str, str]


def meet_boxes(one: Box, other: Box) -> Box | None:
    """What is in both boxes, None if that is nothing."""
    if len(one) < len(other):
        one, other = other, one
    out = None
    for name, values in other.items():
        known = one.get(name)
        if known is values:
            continue
        left = values if known is None else meet(known, values)
        if not left:
            return None
        if left != known:
            out = dict(one) if out is None else out
            out[name] = left
    return one if out is None else out


def meet_regions(one: Region, other: Region) -> Region:
    """What is in both regions.  Raises TooMany."""
    out = [box for a in one for b in other if (box := meet_boxes(a, b)) is not None]
    if len(out) > MOST_BOXES:
        raise TooMany
    return out


def subtract(region: Region, box: Box, space: Space) -> Region:
    """What is in a region and not in a box.  Raises TooMany."""
    out: Region = []
    for each in region:
        common = meet_boxes(each, box)
        if common is None:
            out.append(each)
            continue
        rest: dict[str, Values] = dict(each)
        for name, values in box.items():
            known = rest.get(name)
            if known is values:
                continue
            outside = without(space.domains[name].full if known is None else known, values)
            if outside:
                out.append({**rest, name: outside})
            rest[name] = common[name]
    if len(out) > MOST_BOXES:
        raise TooMany
    return out


def uncovered(region: Region, others: Sequence[Box], space: Space) -> Iterator[Box]:
    """The parts of a region that are in none of the others, one by one, so that who needs one pays for one.

    A box is cut at all values of one fact at once, of that which most of the others bound; parts that the same others
    may cover stay together.

    Raises:
        TooMany: more than :data:`MOST_PAIRS` of a part and one of the others would have to be looked at.
    """
    parts = [(box, [other for other in others if meet_boxes(box, other) is not None]) for box in region]
    pairs = 0
    while parts:
        box, near = parts.pop()
        if not near:
            yield box
        elif len(near) == 1:
            yield from subtract([box], near[0], space)
        elif all(near):
            counts: dict[str, int] = {}
            for name in (name for other in near for name in other):
                counts[name] = counts.get(name, 0) + 1
            best = max(sorted(counts), key=counts.__getitem__)
            values = box.get(best) or space.domains[best].full
            for cell, there in _cells(values, [other.get(best) for other in near]):
                pairs += len(there)
                if pairs > MOST_PAIRS:
                    raise TooMany
                rest = [{key: each for key, each in near[n].items() if key != best} for n in there]
                parts.append(({**box, best: cell}, list[Box](rest)))


def _cells(values: Values, bounds: Sequence[Values | None]) -> Iterator[tuple[Values, Sequence[int]]]:
    """A set of values cut where it enters or leaves one of some sets, with the positions of the sets that hold each cell;
    None holds all, and cells that the same sets hold are one.
    """
    events: dict[Cut, list[int]] = {cut: [] for cut in values.cuts}
    for number, bound in enumerate(bounds):
        for cut in () if bound is None else meet_cuts(values.cuts, bound.cuts):
            events.setdefault(cut, []).append(number)
    active = {number for number, bound in enumerate(bounds) if bound is None}
    cells: dict[frozenset[int], list[Cut]] = {}
    edges, within, before = set(values.cuts), False, START
    for cut, changed in sorted(events.items()):
        if within:
            spans = cells.setdefault(frozenset(active), [])
            spans[-1:] = [cut] if spans and spans[-1] == before else [*spans[-1:], before, cut]
        within = within is not (cut in edges)
        active ^= set(changed)
        before = cut
    null = frozenset(number for number, bound in enumerate(bounds) if bound is None or bound.null)
    if values.null:
        cells.setdefault(null, [])
    for there, spans in cells.items():
        yield Values(tuple(spans), values.null and there == null), sorted(there)


def covers(one: Region, other: Region) -> bool:
    """Whether each box of the other region is inside one box of the first."""
    return all(any(_holds(outer, inner) for outer in one) for inner in other)


def _holds(outer: Box, inner: Box) -> bool:
    for name, values in outer.items():
        known = inner.get(name)
        if known is not values and (known is None or without(known, values)):
            return False
    return True


def overlap(one: Region, other: Region) -> Box | None:
    """A box that is in both regions, None if they have nothing in common."""
    for a in one:
        for b in other:
            box = meet_boxes(a, b)
            if box is not None:
                return box
    return None


def possible(region: Region, space: Space) -> Region:
    """A region without its questions: where it holds if they are answered in its favour."""
    return [{name: values for name, values in box.items() if name not in space.questions} for box in region]


def certain(region: Region, space: Space) -> Region:
    """The boxes of a region that ask no question: where it holds for sure."""
    return [box for box in region if space.questions.keys().isdisjoint(box)]
