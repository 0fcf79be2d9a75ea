"""Two replays compared, without books: pairs, sums that tie, winners and losers, terms in words, why another rule answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import Where
from engine.model.decision import Trace, Tried
from engine.runs.simulate.difference import NOTHING, Tally, movers, paired, terms_apart, ties
from engine.runs.simulate.why import told

D = Decimal
MONEY = st.decimals(-10_000, 10_000, places=2)
LINES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["EUR", "JPY"]), MONEY, MONEY), max_size=30)


@given(LINES)
def test_every_cut_comes_to_the_same(lines: list[tuple[str, str, Decimal, Decimal]]) -> None:
    """By whatever key money is added up, it is the difference of all; winners, losers and the rest are everybody."""
    one, other = Tally(), Tally()
    net: dict[str, Decimal] = {}
    for key, currency, before, after in lines:
        one.add(key, currency, before, after)
        other.add("all", currency, before, after)
        net[currency] = net.get(currency, D(0)) + after - before
    assert all(tie.holds for tie in ties(net, {"one": one.difference(), "other": other.difference()}))
    rows = one.rows()
    for found in movers(rows, 2):
        mine = [row for row in rows if row.currency == found.currency]
        assert found.up + found.down + found.unchanged == len(mine)
        assert found.more + found.less == net[found.currency]
        assert len(found.top) == min(2, found.up) and len(found.bottom) == min(2, found.down)


def test_sums_that_do_not_tie_say_so() -> None:
    """A cut that misses a cent, or a currency, is found."""
    (one, other) = ties({"EUR": D("1.00")}, {"by rule": {"EUR": D("0.99"), "USD": D(0)}})
    assert (one.holds, other.holds) == (False, True)


def test_large_differences_come_first_in_each_currency() -> None:
    """What is much in one currency may be little in another."""
    tally = Tally()
    for key, currency, after in (("a", "JPY", 900), ("b", "JPY", 100), ("c", "EUR", 5), ("", "EUR", 1)):
        tally.add(key, currency, D(0), D(after))
    assert [row.key for row in tally.rows()] == ["a", "c", NOTHING, "b"]


@pytest.mark.parametrize(
    ("one", "other", "pairs"),
    [
        ("ab", "ba", [("a", "a"), ("b", "b")]),
        ("aab", "ac", [("a", "a"), ("a", None), ("b", None), (None, "c")]),
        ("", "aa", [(None, "a"), (None, "a")]),
    ],
)
def test_lines_about_the_same_are_paired(one: str, other: str, pairs: list[Any]) -> None:
    """In the order of the first side; what is on one side only stands alone."""
    mine, theirs = ([(key, n) for n, key in enumerate(keys)] for keys in (one, other))
    found = [(a and a[0], b and b[0]) for a, b in paired(mine, theirs, lambda each: each[0])]
    assert found == pairs


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({"price": {"EUR": D(31)}}, {"price": {"EUR": D("33.00")}}, ["price EUR: 31 -> 33"]),
        ({"tiers": [{"unit": D(1)}, {"unit": D(2)}]}, {"tiers": [{"unit": D(1)}]}, ["tiers 2: unit 2 -> nothing"]),
        ({"band": "auto"}, {"band": "suggest"}, ["band: auto -> suggest"]),
        ({"a": [1, 2]}, {"a": [1, 2]}, []),
    ],
)
def test_terms_that_differ_in_words(one: Any, other: Any, words: list[str]) -> None:
    """Where they differ, from what, to what."""
    assert list(terms_apart(one, other)) == words


def tried(rule: str, matched: bool, failed: str = "", near: str = "") -> Tried:
    return Tried("p/x", rule, Where("rules/p/x.yaml"), matched, condition="q > 1", failed=failed, near=near)


@pytest.mark.parametrize(
    ("known", "before", "after", "words"),
    [
        (({"p/x#a", "p/x#b"},) * 2, [tried("a", True)], [tried("a", False, "q > 9", "q is 3"), tried("b", True)],
         ("p/x#a no longer holds: q > 9 (q is 3)",)),
        (({"p/x#a", "p/x#b"},) * 2, [tried("b", False, "q > 9"), tried("a", True)], [tried("b", True)],
         ("p/x#b holds and did not: q > 9",)),
        (({"p/x#a"}, {"p/x#b"}), [tried("a", True)], [tried("b", True)], ("p/x#a is gone", "p/x#b is new: q > 1")),
        (({"p/x#a", "p/x#b"},) * 2, [tried("a", True)], [tried("b", True)], ("p/x#b is asked before p/x#a",)),
    ],
)  # fmt: skip
def test_why_another_rule_answers(known: Any, before: Any, after: Any, words: tuple[str, ...]) -> None:
    """The condition that holds now, or no longer does; a rule that is new, gone, or asked earlier."""
    assert told(("p/x#a", "p/x#b"), known, Trace(None, tuple(before)), Trace(None, tuple(after))) == words
