"""The difference of two releases in words: one change of a file, one sentence about it."""

from __future__ import annotations

from datetime import date

import pytest

from engine.model.release import Content, Touched
from engine.rulebook.difference import compare

BASE = """# prices
ruleset: pricing/acme
effective: {from: 2020-01-01}
owner: finance.pricing
parameters:
  floor: {type: decimal, value: 10, min: 1, max: 100, unit: calls, tuned_by: finance, why: contract}
rules:
  - {id: big, when: quantity >= floor, then: {method: flat, price: 5 EUR}}
  - id: calls
    when: charge.key == "calls"
    then: {method: graduated, tiers: [{up_to: 100, unit: 0.10 EUR}, {unit: 0.05 EUR}]}
  - {id: rest, then: {method: flat, price: [1 EUR, 2 USD]}}
cases:
  - {given: {quantity: 1}, expect: {rule: rest}}
"""


def content(text: str | None, name: str = "r-1", **more: bytes) -> Content:
    files = {} if text is None else {"rules/pricing/acme.yaml": text.encode()}
    return Content(
        name, {**files, **{f"rules/{k.replace('__', '/').replace('_dot_', '.')}": v for k, v in more.items()}}
    )


def words(before: str | None, after: str | None) -> list[str]:
    return [one.what for one in compare(content(before), content(after, "r-2")).changes]


@pytest.mark.capability("B6.7")
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("price: 5 EUR}", "price: 6 EUR}", ["rule big, price: 5 EUR -> 6 EUR"]),
        ("up_to: 100", "up_to: 120", ["rule calls, tiers[1].up_to: 100 -> 120"]),
        ("[1 EUR, 2 USD]", "[1 EUR]", ["rule rest, price: [1 EUR, 2 USD] -> [1 EUR]"]),
        ("quantity >= floor", "quantity > floor", ["rule big, condition: quantity >= floor -> quantity > floor"]),
        ("when: quantity >= floor, ", "", ["rule big, condition: quantity >= floor -> always"]),
        ("method: flat, price: 5", "method: per_unit, unit: 5",
         ["rule big, method: flat -> per_unit", "rule big, price: 5 EUR -> nothing", "rule big, unit: nothing -> 5 EUR"]),
        ("value: 10,", "value: 20,", ["parameter floor: 10 -> 20"]),
        ("max: 100,", "max: 50,", ["parameter floor, max: 100 -> 50"]),
        ("from: 2020-01-01", "from: 2020-01-01, to: 2027-01-01", ["in force from 2020-01-01 -> from 2020-01-01 to 2027-01-01"]),
        ("owner: finance.pricing", "owner: legal", ["owner: finance.pricing -> legal"]),
        ("owner:", "scope: quantity > 1\nowner:", ["scope: all facts -> quantity > 1"]),
        ("rules:", "hit: unique\nrules:", ["hit: first -> unique"]),
        ("{rule: rest}", "{rule: big}", ["its cases are changed"]),
        ("# prices", "# other words", ["only its comments, notes or layout are changed"]),
    ],
)  # fmt: skip
def test_one_change_is_one_sentence(old: str, new: str, said: list[str]) -> None:
    assert old in BASE
    assert words(BASE, BASE.replace(old, new)) == said


def test_nothing_is_nothing() -> None:
    assert words(BASE, BASE) == []
    assert compare(content(BASE), content(BASE)).touched == ()


def test_rules_come_go_and_move() -> None:
    big, calls, rest = (BASE[BASE.index(a) : BASE.index(b)] for a, b in (("  - {id: big", "  - id: calls"), ("  - id: calls", "  - {id: rest"), ("  - {id: rest", "cases:")))  # fmt: skip
    head, tail = BASE[: BASE.index(big)], BASE[BASE.index("cases:") :]
    assert words(BASE, head + calls + big + rest + tail) in (
        ["rule big is moved to after calls"],
        ["rule calls is moved to the top"],
    )
    assert words(BASE, head + big + rest + tail) == [
        'rule calls is removed: when charge.key == "calls", then method graduated, tiers[1].up_to 100, tiers[1].unit 0.10 EUR, '
        "tiers[2].unit 0.05 EUR"
    ]
    new = "  - {id: vip, when: quantity > 5, then: {method: flat, price: 0 EUR}}\n"
    added = "rule vip is added after big: when quantity > 5, then method flat, price 0 EUR"
    assert words(BASE, head + big + new + calls + rest + tail) == [added]
    found = compare(content(BASE), content(head + big + new + calls + rest + tail, "r-2")).changes
    assert [(one.kind, one.rule, one.where) for one in found] == [("added", "vip", "rules/pricing/acme.yaml:9")]


def test_files_come_and_go() -> None:
    assert words(None, BASE) == ["rule set pricing/acme is added, with 3 rules"]
    assert words(BASE, None) == ["rule set pricing/acme is removed, with 3 rules"]
    table = content(BASE, pricing__rates_dot_csv=b"a,b\n")
    assert [one.what for one in compare(content(BASE), table).changes] == ["the table rules/pricing/rates.csv is added"]
    cases = content(BASE, pricing__acme_dot_cases_dot_yaml=b"cases: []\n")
    assert [one.kind for one in compare(content(BASE), cases).changes] == ["cases"]
    attributes = content(BASE, attributes_dot_yaml=b"account: {}\n")
    assert compare(content(BASE), attributes).touched == (Touched("attributes", "attributes", "", "changed"),)


def test_values_set_by_the_release_and_plug_ins() -> None:
    plain = content(BASE)
    tuned = Content("r-2", plain.files, {"pricing/acme": {"floor": "30"}}, {"tax": "tax_table 1"})
    found = compare(plain, tuned)
    assert [one.what for one in found.changes] == [
        "plug-in tax: none -> tax_table 1",
        "parameter floor: 10 -> 30, set by the release",
    ]
    assert found.touched == (
        Touched("plugins", "plugins", "", "changed"),
        Touched("pricing", "pricing/acme", "finance.pricing", "parameters", date(2020, 1, 1)),
    )


def test_what_cannot_be_read_is_compared_as_a_whole() -> None:
    """A release of an older version, whose file this one cannot parse."""
    said = words("ruleset: [", BASE)
    assert "owner: nobody -> finance.pricing" in said
    assert [one for one in said if one.startswith("rule big is added as the first one")]
