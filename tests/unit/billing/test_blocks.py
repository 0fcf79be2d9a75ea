"""Blocks in tiers, and tiers of capacity: quantities by meter, and prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.billing.pricing import Part, PricingFacts
from engine.billing.pricing.blocks import added, check_blocks, check_capacity
from tests.unit.billing.simulator import ENTITY, account, charge, decision

D = Decimal


def facts(quantities: dict[str, str], currency: str = "EUR") -> PricingFacts:
    keys = list(quantities)
    mine = charge(kind="usage", timing="arrears", meter=keys[0], meters=";".join(keys) if keys[1:] else None)
    numbers = {key: D(value) for key, value in quantities.items()}
    day, total = date(2026, 1, 1), sum(numbers.values(), D(0))
    several = numbers if len(keys) > 1 else {}
    return PricingFacts(ENTITY, account(currency), mine, "p", total, None, None, day, day, metered=several)


def tier(price: str, size: str = "1", blocks: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"size": D(size), "price": {"EUR": D(price)}}
    return made if blocks is None else {**made, "blocks": D(blocks)}


def parts(method: str, quantities: dict[str, str], share: Fraction = Fraction(1), **terms: Any) -> tuple[Part, ...]:
    made = decision("pricing", method, **terms)
    assert made.method is not None
    found: tuple[Part, ...] = made.method(made.terms, facts(quantities), share)
    return found


def told(found: tuple[Part, ...]) -> list[tuple[str, int, str, str]]:
    return [(part.meter, part.tier, f"{part.quantity:f}", f"{part.amount:f}") for part in found]


TWO = [tier("1", "100", "10"), tier("3", "1000", "5")]
OPEN = [*TWO[:1], tier("3", "1000")]

BLOCKS = [
    ("all_tiers", TWO, "0", []),
    ("all_tiers", TWO, "1", [("a", 1, "1", "1")]),
    ("all_tiers", TWO, "0.5", [("a", 1, "1", "1")]),
    ("all_tiers", TWO, "100", [("a", 1, "1", "1")]),
    ("all_tiers", TWO, "100.01", [("a", 1, "2", "2")]),
    ("all_tiers", TWO, "950", [("a", 1, "10", "10")]),
    ("all_tiers", TWO, "1000", [("a", 1, "10", "10")]),
    ("all_tiers", TWO, "1001", [("a", 1, "10", "10"), ("a", 2, "1", "3")]),
    ("all_tiers", TWO, "6000", [("a", 1, "10", "10"), ("a", 2, "5", "15")]),
    ("all_tiers", OPEN, "60001", [("a", 1, "10", "10"), ("a", 2, "60", "180")]),
    ("top_tier", TWO, "0", []),
    ("top_tier", TWO, "1000", [("a", 1, "10", "10")]),
    ("top_tier", TWO, "1001", [("a", 2, "2", "6")]),
    ("top_tier", TWO, "6000", [("a", 2, "6", "18")]),
    ("top_tier", TWO, "999000", [("a", 2, "999", "2997")]),
]


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(("mode", "tiers", "quantity", "expected"), BLOCKS)
def test_started_blocks_count_whole(mode: str, tiers: Any, quantity: str, expected: Any) -> None:
    assert told(parts("block_tiers", {"a": quantity}, mode=mode, tiers=tiers)) == expected


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ("last_tier", [("a", 1, "10", "10"), ("a", 2, "6", "18")]),
        ("nothing", [("a", 1, "10", "10"), ("a", 2, "5", "15")]),
    ],
)
def test_what_all_tiers_do_not_hold(above: str, expected: Any) -> None:
    assert told(parts("block_tiers", {"a": "6001"}, tiers=TWO, above=above)) == expected
    with pytest.raises(TollbookError, match="1 more than its tiers hold"):
        parts("block_tiers", {"a": "6001"}, tiers=TWO)


def test_each_meter_has_tiers_of_its_own() -> None:
    by_meter = {"a": TWO, "b": [tier("0.5")]}
    found = parts("block_tiers", {"a": "1500", "b": "7", "c": "0"}, by_meter=by_meter)
    assert told(found) == [("a", 1, "10", "10"), ("a", 2, "1", "3"), ("b", 1, "7", "3.5")]
    with pytest.raises(TollbookError, match="meter 'c' of p/fee has no tiers"):
        parts("block_tiers", {"a": "0", "c": "1"}, by_meter=by_meter)


def test_a_share_shrinks_tiers_and_no_blocks() -> None:
    found = parts("block_tiers", {"a": "600"}, Fraction(1, 2), tiers=TWO)
    assert told(found) == [("a", 1, "5", "5"), ("a", 2, "1", "3")]


@given(st.integers(0, 20000), st.integers(1, 300), st.integers(1, 40), st.integers(1, 300))
def test_all_tiers_count_every_unit_once(quantity: int, size: int, blocks: int, other: int) -> None:
    tiers = [tier("1", str(size), str(blocks)), tier("2", str(other))]
    found = parts("block_tiers", {"a": str(quantity)}, tiers=tiers)
    first = min(quantity, size * blocks)
    rest = quantity - first
    assert sum((part.amount for part in found), D(0)) == -(-first // size) + 2 * -(-rest // other)


LIMITS = [
    {"limits": {"a": D(10), "b": D(100)}, "price": {"EUR": D(1)}},
    {"limits": {"a": D(50), "b": D(500)}, "price": {"EUR": D(7)}},
    {"limits": {"a": None}, "price": {"EUR": D(20)}},
]


@pytest.mark.capability("A2.1")
@pytest.mark.parametrize(
    ("peaks", "expected"),
    [
        ({"a": "0", "b": "0"}, []),
        ({"a": "10", "b": "100"}, [("a", 1, "10", "1"), ("b", 1, "100", "0")]),
        ({"a": "10.5", "b": "1"}, [("a", 2, "10.5", "7"), ("b", 1, "1", "0")]),
        ({"a": "1", "b": "500"}, [("a", 1, "1", "0"), ("b", 2, "500", "7")]),
        ({"a": "51", "b": "101"}, [("a", 3, "51", "20"), ("b", 2, "101", "0")]),
        ({"a": "0", "b": "9999"}, [("b", 3, "9999", "20")]),
    ],
)
def test_capacity(peaks: dict[str, str], expected: Any) -> None:
    assert told(parts("capacity", peaks, tiers=LIMITS)) == expected


def test_more_than_every_tier_allows_has_no_price() -> None:
    with pytest.raises(TollbookError, match="11 of meter 'a' of p/fee is above the limits of every tier"):
        parts("capacity", {"a": "11"}, tiers=LIMITS[:1])


def test_what_is_added_to_what_was_billed() -> None:
    by_meter = {"a": TWO, "b": [tier("0.5")]}
    before = parts("block_tiers", {"a": "900", "b": "4"}, by_meter=by_meter)
    after = parts("block_tiers", {"a": "1001", "b": "4"}, by_meter=by_meter)
    assert told(added(after, before)) == [("a", 1, "1", "1"), ("a", 2, "1", "3")]
    assert told(added(before, after)) == [("a", 1, "-1", "-1"), ("a", 2, "-1", "-3")]
    assert added(after, after) == ()
    low, high = parts("capacity", {"a": "1"}, tiers=LIMITS), parts("capacity", {"a": "60"}, tiers=LIMITS)
    assert sum(part.amount for part in added(high, low)) == 19


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({}, "either tiers or by_meter"),
        ({"tiers": TWO, "by_meter": {"a": TWO}}, "either tiers or by_meter"),
        ({"tiers": [tier("1"), tier("2")]}, "tier 1 has no blocks, but is not the last"),
        ({"tiers": [tier("1", "0")]}, "a block of 0 units"),
        ({"by_meter": {"a": [tier("1")], "b": [{"size": D(1), "price": {"USD": D(1)}}]}}, "no price in USD"),
    ],
)
def test_flaws_of_blocks(terms: Any, words: str) -> None:
    assert any(words in flaw.what for flaw in check_blocks(terms))


@pytest.mark.parametrize(
    ("tiers", "words"),
    [
        ([LIMITS[1], LIMITS[0]], "limit 10 is below 50"),
        ([LIMITS[2], LIMITS[1]], "tier 2 limits a, an earlier tier does not"),
        ([LIMITS[0], {"limits": {}, "price": {"USD": D(1)}}], "no price in EUR"),
    ],
)
def test_flaws_of_capacity(tiers: Any, words: str) -> None:
    assert any(words in flaw.what for flaw in check_capacity({"tiers": tiers}))


def test_sound_terms_have_no_flaws() -> None:
    assert not [*check_blocks({"tiers": TWO}), *check_blocks({"tiers": OPEN}), *check_capacity({"tiers": LIMITS})]
