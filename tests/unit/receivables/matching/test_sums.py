"""Sums are exact: what a look at every set of documents finds, no more and no less."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.receivables.matching.sums import MOST_ITEMS, sums_to

PARTS = st.lists(st.integers(-9, 60).filter(bool), max_size=8)


@settings(max_examples=60)
@given(PARTS, st.integers(1, 150))
def test_one_sum_is_found_where_there_is_one_and_two_where_there_are_more(parts: list[int], target: int) -> None:
    every = [
        taken
        for count in (*range(2, 6), *range(max(len(parts) - 5, 6), len(parts) + 1))
        for taken in combinations(range(len(parts)), count)
        if sum(parts[place] for place in taken) == target
    ]
    found = sums_to(Decimal(target) / 100, [Decimal(part) / 100 for part in parts])
    assert found.complete and len(found.found) == min(len(every), 2)
    assert {tuple(sorted(each)) for each in found.found} <= set(every)


def test_too_many_documents_are_not_looked_through() -> None:
    assert sums_to(Decimal(2), [Decimal(1)] * (MOST_ITEMS + 1)) == sums_to(Decimal(3), [Decimal(1)] * (MOST_ITEMS + 1))
    assert not sums_to(Decimal(2), [Decimal(1)] * (MOST_ITEMS + 1)).complete
