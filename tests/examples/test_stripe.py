"""The rules of the Stripe flavour: their cases, and what they bill."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from engine import families
from engine.rulebook.desk import RuleDesk
from engine.rulebook.rulebook import compile_book
from tests.unit.billing.simulator import Shop, charge
from tests.vectors.proration_changes import Rules

FOLDER = Path(__file__).parents[2] / "examples" / "flavours" / "stripe" / "rules"
PRICES = {"basic": ("30 USD", 1, "seats"), "pro": ("60 USD", 1, "seats"), "year": ("600 USD", 12, "seats")}
PRICES |= {"plain": ("90 USD", 1, "no-proration")}


def shop() -> Shop:
    """A subscription whose periods begin on the 1st at 09:30 in New York."""
    charges = [charge(plan=plan, months=months, product=product) for plan, (_, months, product) in PRICES.items()]
    rules = [
        {"id": plan, "when": f'plan == "{plan}"', "then": {"method": "per_unit", "unit": price}}
        for plan, (price, _, _) in PRICES.items()
    ]
    prices = {"ruleset": "pricing/plans", "effective": {"from": date(2000, 1, 1)}, "rules": rules}
    files = {
        "rules/pricing/plans.yaml": yaml.safe_dump(prices).encode(),
        "rules/proration/stripe.yaml": (FOLDER / "proration" / "stripe.yaml").read_bytes(),
    }
    book = compile_book(files, families.ALL)
    return Rules(book, charges, currency="USD", zone="America/New_York", anchor_time="09:30:00")


def at(text: str) -> tuple[date, datetime]:
    """A local day of New York in winter, and the instant."""
    moment = datetime.fromisoformat(f"{text}-05:00")
    return moment.date(), moment.astimezone(UTC)


def begun(plan: str) -> Shop:
    """The subscription, billed for January."""
    one = shop()
    day, moment = at("2026-01-01T09:30:00")
    one.know("start", day, plan, 1, moment)
    one.run(day)
    return one


def test_the_cases() -> None:
    assert not RuleDesk(families.ALL, (FOLDER,)).test().findings


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize(
    ("plan", "to", "amounts", "following"),
    [
        ("basic", "pro", ["-15.00", "30.00"], "60.00"),
        ("pro", "basic", ["-30.00", "15.00"], "30.00"),
        ("basic", "year", ["-15.00", "600.00"], None),
        ("plain", "pro", [], "60.00"),
        ("pro", "plain", ["-30.00"], "90.00"),
    ],
)
def test_a_change_half_way(plan: str, to: str, amounts: list[str], following: str | None) -> None:
    one = begun(plan)
    day, moment = at("2026-01-16T21:30:00")
    one.know("change", day, to, None, moment)
    made = one.run(day)
    assert sorted(str(line.amount) for line in made) == sorted(amounts)
    later = one.run(date(2026, 2, 1))
    assert [str(line.amount) for line in later] == ([following] if following else [])


@pytest.mark.capability("A2.3")
def test_a_yearly_period_begins_on_the_moment_of_the_change() -> None:
    one = begun("basic")
    day, moment = at("2026-01-16T21:30:00")
    one.know("change", day, "year", None, moment)
    (year,) = (line for line in one.run(day) if line.amount > 0)
    assert year.exact.split(" ")[1] == "2026-01-17T02:30:00Z/2027-01-17T02:30:00Z"
    assert [str(line.amount) for line in one.run(date(2027, 1, 16))] == ["600.00"]
