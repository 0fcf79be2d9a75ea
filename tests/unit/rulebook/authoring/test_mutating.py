"""Mutation of rules: cases that hold too little are named, and the same ones each time."""

from __future__ import annotations

from engine.families import ALL
from engine.rulebook.authoring.mutants import spread
from engine.rulebook.authoring.mutating import Strength, mutate
from engine.rulebook.rulebook import compile_book

FILE = """ruleset: pricing/x
scope: charge.key == "x"
hit: first
parameters:
  floor: {type: integer, value: 1000, min: 1, max: 9000, tuned_by: finance_admin, why: "bulk"}
rules:
  - {id: bulk, when: quantity >= floor, then: {method: per_unit, unit: 0.01 EUR}}
  - {id: known, when: 'account.segment in ["a", "b"] and complete', then: {method: per_unit, unit: 2 EUR, included: 1}}
  - {id: rest, then: {method: per_unit, unit: 3 EUR}}
cases:
"""
CASE = "  - {{given: {{charge: {{key: x}}, account: {{currency: EUR, segment: {segment}}}, quantity: {quantity}, complete: {complete}}}, expect: {expect}}}\n"
WEAK = [("a", 1001, "true", "{rule: bulk}"), ("a", 5, "true", "{rule: known}"), ("c", 5, "true", "{amount: 15.00 EUR}")]
STRONG = [
    ("c", 999, "true", "{rule: rest, amount: 2997.00 EUR}"),
    ("a", 1000, "true", "{rule: bulk, exact: 10.00 EUR}"),
    ("a", 5, "true", "{rule: known, amount: 8.00 EUR}"),
    ("b", 5, "true", "{rule: known}"),
    ("a", 5, "false", "{rule: rest, amount: 15.00 EUR}"),
    ("c", 5, "true", "{rule: rest}"),
]


def strength(cases: list[tuple[str, int, str, str]], most: int = 1000, file: str = FILE) -> Strength:
    fields = ("segment", "quantity", "complete", "expect")
    text = file + "".join(CASE.format(**dict(zip(fields, case, strict=True))) for case in cases)
    (found,) = mutate(compile_book({"rules/pricing/x.yaml": text.encode()}, ALL), most)
    return found


def said(found: Strength) -> set[str]:
    return {f"{weak.rule}: {weak.what}" for weak in found.survived}


def test_a_weak_set_of_cases_is_named_with_what_it_lets_through() -> None:
    assert said(strength(WEAK)) >= {
        "bulk: quantity > floor instead of quantity >= floor",
        "bulk: the parameter floor is 1001, not 1000",
        "bulk: unit.EUR is 0.02, not 0.01",
        "known: it does not ask for complete",
        "known: included is 0, not 1",
        "known: unit.EUR is 3, not 2",
    }


def test_a_strong_set_notices_every_mistake() -> None:
    found = strength(STRONG)
    assert said(found) == set()
    assert found.noticed == found.asked == found.mutants > 15


def test_a_mistake_that_changes_nothing_is_marked_and_the_mark_is_held_to_it() -> None:
    marks = (
        *("known: included is 0, not 1", "known: unit.EUR is 3, not 2"),
        *("bulk: the rule is missing", "bulk: quantity < floor instead of quantity > floor"),
    )
    rows = [mark.split(": ") for mark in marks]
    text = "".join(f"  - {{rule: {rule}, mistake: '{mistake}', why: so}}\n" for rule, mistake in rows)
    plain, found = strength(WEAK), strength(WEAK, file=FILE.replace("cases:", f"equivalent:\n{text}cases:"))
    assert said(plain) - said(found) == {*marks[:2]}
    assert said(found) - said(plain) == {
        "bulk: 'equivalent' says that 'the rule is missing' changes nothing, but a case notices it",
        "bulk: 'equivalent' says that 'quantity < floor instead of quantity > floor' changes nothing, but there is no such mistake",
    }
    assert (found.mutants, found.noticed, found.equivalent) == (plain.mutants - 3, plain.noticed - 1, 4)


def test_places_and_kinds_of_mistakes() -> None:
    found = strength([("c", 5, "true", "{rule: rest}")])
    places = {(weak.rule, weak.where.line) for weak in found.survived}
    assert places == {("bulk", 7), ("bulk", 5), ("known", 8), ("rest", 9)}
    assert "bulk: the rule is missing" in said(found)
    assert "bulk: the rule stands behind known" in said(found)


def test_days_lists_and_percentages_are_mutated() -> None:
    file = FILE.replace("quantity >= floor", 'day < d"2026-02-01" and quantity >= floor').replace(
        "{method: per_unit, unit: 3 EUR}", "{method: percentage, rate: 2.5 %}"
    )
    cases = [("c", 5, "true", "{rule: bulk}")]
    text = file + CASE.format(segment="c", quantity=2000, complete="true, day: 2026-01-01", expect="{rule: bulk}")
    (found,) = mutate(compile_book({"rules/pricing/x.yaml": text.encode()}, ALL), 1000)
    words = said(found)
    assert cases
    assert 'bulk: day < d"2026-02-02" instead of day < d"2026-02-01"' in words
    assert "rest: rate is 0.026, not 0.025" in words
    assert 'known: account.segment not in ["a", "b"] instead of account.segment in ["a", "b"]' in words


def test_neighbours_that_never_meet_are_not_swapped() -> None:
    apart = FILE.replace('account.segment in ["a", "b"] and complete', "quantity < 10").replace(
        "quantity >= floor", "quantity > 20"
    )
    apart = apart.replace(
        'parameters:\n  floor: {type: integer, value: 1000, min: 1, max: 9000, tuned_by: finance_admin, why: "bulk"}\n',
        "",
    )
    assert not any(
        "stands behind known" in text for text in said(strength([("c", 5, "true", "{rule: known}")], file=apart))
    )


def test_the_same_mutants_are_asked_each_time_and_no_more_than_said() -> None:
    one, other = strength(WEAK, 7), strength(WEAK, 7)
    assert one == other
    assert (one.asked, one.mutants > 7) == (7, True)
    assert spread([], 5) == []
