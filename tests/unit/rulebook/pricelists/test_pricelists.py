"""Price lists of other systems: what they cost there they cost here, and nothing is dropped without a word."""

from __future__ import annotations

import json
import math
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.families import ALL
from engine.rulebook.cases import run_cases
from engine.rulebook.pricelists.writing import import_prices
from engine.rulebook.rulebook import RuleBook, compile_book, read

SAMPLES = Path(__file__).parent / "samples"
D = Decimal


def taken(tmp_path: Path, name: str) -> tuple[Any, RuleBook]:
    made = import_prices(name.partition(".")[0], SAMPLES / name, tmp_path, ALL, force=False)
    return made, compile_book(read([tmp_path / "rules"]), ALL)


@pytest.mark.parametrize("name", ["stripe.json", "stripe.csv", "lago.json", "killbill.xml"])
def test_a_price_list_becomes_rules_whose_cases_hold(tmp_path: Path, name: str) -> None:
    made, book = taken(tmp_path, name)
    report = run_cases(book)
    assert (report.findings, book.warnings) == ((), ())
    assert len(report.results) == made.cases > 3
    charges = (tmp_path / "data/charges.csv").read_text().splitlines()
    assert len(charges) == made.charges + 1
    assert report.uncovered == ()


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(D("0.01"), ROUND_HALF_UP)


def expected_of(tmp_path: Path, name: str, rule: str) -> dict[Any, Decimal]:
    """The amounts of the cases of a rule by quantity."""
    _, book = taken(tmp_path, name)
    plan, _, charge = rule.partition("#")
    ruleset = book.rulesets[f"pricing/{name.partition('.')[0]}-{plan}"]
    cases = [case for case in ruleset.cases if case.expect["rule"] == charge]
    return {case.given["quantity"]: D(str(case.expect["amount"]).partition(" ")[0]) for case in cases}


def test_graduated_prices_of_stripe_are_summed_tier_by_tier(tmp_path: Path) -> None:
    def bill(quantity: int) -> Decimal:
        money = D("5.00")
        for number, price in ((1000, D("0.005")), (9000, D("0.0035")), (quantity, D("0.00125"))):
            units = min(number, quantity)
            money, quantity = money + units * price, quantity - units
        return cents(money)

    found = expected_of(tmp_path, "stripe.json", "price_calls#price")
    assert found == {quantity: bill(quantity) for quantity in (1, 1000, 1001, 10000, 10001, 30000)}


def test_packages_and_volumes_of_stripe(tmp_path: Path) -> None:
    found = expected_of(tmp_path / "a", "stripe.json", "price_pack#price")
    assert found == {quantity: D("2.50") * math.ceil(quantity / 100) for quantity in (1, 100, 101, 200, 201, 600)}
    found = expected_of(tmp_path / "b", "stripe.json", "price_volume#price")
    assert found == {q: D(1500 * q if q <= 10 else 1200 * q + 300) for q in (1, 10, 11, 30)}


def test_charge_models_of_lago(tmp_path: Path) -> None:
    found = expected_of(tmp_path / "a", "lago.json", "startup#calls")
    assert found == {q: D("0.5") * min(q, 10) + 2 + (D("0.4") * (q - 10) + 3 if q > 10 else 0) for q in (1, 10, 11, 30)}
    found = expected_of(tmp_path / "b", "lago.json", "startup#mails")
    assert found == {q: D(5 * math.ceil(max(0, q - 100) / 1000)) for q in (1, 100, 101, 1100, 1101, 3300)}
    found = expected_of(tmp_path / "c", "lago.json", "startup#storage")
    assert found == {q: max(D(10), D("0.05") * q) for q in (1, 30)}
    fees = {100: D(0), 1100: D(10), 3: D("0.63")}
    assert expected_of(tmp_path / "d", "lago.json", "startup#payments") == fees
    found = expected_of(tmp_path / "e", "lago.json", "startup#volume_fee")
    assert found == {
        q: cents(1 + D("0.02") * min(q, 1000) + D("0.0125") * max(0, q - 1000)) for q in (1, 1000, 1001, 3000)
    }


def test_blocks_and_phases_of_kill_bill(tmp_path: Path) -> None:
    def bullets(quantity: int) -> Decimal:
        first = min(quantity, 1000)
        return D("2.95") * math.ceil(first / 100) + D("5.95") * math.ceil((quantity - first) / 1000)

    found = expected_of(tmp_path / "a", "killbill.xml", "standard-monthly#bullets")
    assert found == {quantity: bullets(quantity) for quantity in (1, 1000, 1001, 101000)}
    text = (tmp_path / "a/rules/pricing/killbill-standard-monthly.yaml").read_text()
    assert "ramp: [{days: 30, pays: 0 %}, {months: 6, pays: 50 %}, {pays: 100 %}]" in text


def test_what_has_no_equivalent_is_named(tmp_path: Path) -> None:
    made, _ = taken(tmp_path / "a", "stripe.json")
    assert {left.where for left in made.left} >= {
        "price price_gift",
        "price price_old",
        "price price_bare",
        "price price_once",
    }
    ids = {price["id"] for price in json.loads((SAMPLES / "stripe.json").read_text())["data"]}
    plans = (tmp_path / "a/data/plans.csv").read_text()
    lost = {i for i in ids if i not in plans and f"price {i}" not in {left.where for left in made.left}}
    assert lost == {"price_seat"}  # its plan is called by the lookup key
    assert "seat_monthly" in plans
    made, _ = taken(tmp_path / "b", "killbill.xml")
    assert [left.what for left in made.left if left.where == "plan odd-discount"] == [
        "the price of its phase DISCOUNT is no exact percentage of the last one's",
        "nothing of it can be billed here",
    ]
    assert any("billed in advance" in left.what for left in made.left)
    made, _ = taken(tmp_path / "c", "lago.json")
    assert {"the charge model 'custom'", "its prices for filters", "its trial of 0.5 days"} <= {
        left.what for left in made.left
    }


@pytest.mark.parametrize(
    ("system", "name", "content", "code"),
    [
        ("stripe", "x.json", b"{", "prices.unreadable"),
        ("stripe", "x.json", b'{"data": []}', "prices.unreadable"),
        ("stripe", "x.csv", b"a,b\n1,2\n", "prices.unreadable"),
        ("stripe", "x.csv", b"Price ID,Amount,Currency\np,ten,usd\n", "prices.unreadable"),
        ("lago", "x.json", b"\xff", "prices.unreadable"),
        ("lago", "x.json", b'{"plans": [{"code": 1}]}', "prices.unreadable"),
        ("lago", "x.json", b'{"plans": 3}', "prices.unreadable"),
        ("stripe", "x.json", b'[{"id": "p", "currency": "eur", "active": false}]', "prices.unreadable"),
        ("stripe", "x.json", b'[{"id": "p", "currency": "eur", "unit_amount": 1e400}]', "prices.unreadable"),
        ("killbill", "x.xml", b"<catalog>", "prices.unreadable"),
        ("killbill", "x.xml", b"<catalog/>", "prices.unreadable"),
        ("killbill", "x.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><catalog/>', "prices.unreadable"),
        ("chargebee", "x.json", b"{}", "prices.unknown-system"),
    ],
)
def test_what_is_no_price_list_is_refused(tmp_path: Path, system: str, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TollbookError) as caught:
        import_prices(system, tmp_path / name, tmp_path / "out", ALL, force=False)
    assert caught.value.findings[0].code == code and caught.value.findings[0].mend
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "before", "after", "where"),
    [
        ("stripe.json", '"divide_by": 100', '"divide_by": "abc"', "price price_pack"),
        ("stripe.json", '"tiers": [', '"tiers": ["abc", ', "price price_calls"),
        ("lago.json", '"amount_cents": 10000', '"amount_cents": "abc"', "plan startup"),
        ("killbill.xml", "<size>100<", "<size>0<", "plan standard-monthly"),
    ],
)
def test_a_part_of_another_shape_is_named_and_the_rest_taken(
    tmp_path: Path, name: str, before: str, after: str, where: str
) -> None:
    text = (SAMPLES / name).read_text()
    assert before in text
    (tmp_path / name).write_text(text.replace(before, after, 1))
    made = import_prices(name.partition(".")[0], tmp_path / name, tmp_path / "out", ALL, force=False)
    assert made.plans and [one.mend for one in made.left if one.where == where] == ["correct it in the file"]


def test_files_that_are_there_are_kept_unless_forced(tmp_path: Path) -> None:
    import_prices("stripe", SAMPLES / "stripe.csv", tmp_path, ALL, force=False)
    (tmp_path / "data/plans.csv").write_text("mine")
    with pytest.raises(TollbookError, match="already"):
        import_prices("stripe", SAMPLES / "stripe.csv", tmp_path, ALL, force=False)
    assert (tmp_path / "data/plans.csv").read_text() == "mine"
    import_prices("stripe", SAMPLES / "stripe.csv", tmp_path, ALL, force=True)
    assert (tmp_path / "data/plans.csv").read_text() != "mine"
