"""Reading a thousand rule files: everything that ``tollbook check`` does, against the YAML parser alone."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from engine import families
from engine.base.money import exact_arithmetic
from engine.rulebook import rulebook

FILES = 1000
RULES = Path(__file__).parents[1] / "rules"
SEGMENTS = ("enterprise", "business", "consumer")
COUNTRIES = ("DE", "FR", "NL", "US", "GB", "JP", "SE", "NO")


def _pricing(number: int, dice: random.Random) -> str:
    """A price list of one charge: its segments, a floor that may be tuned, agreed exceptions by country, cases."""
    floor, price = dice.choice((100, 500, 1000)), dice.randint(5, 900)
    meter = f"meter_{number:04d}"
    exceptions = "".join(
        f"""
  - id: in-{country.lower()}
    when: account.country == "{country}" and account.segment in ["business", "consumer"] and quantity < {floor}
    then: {{method: per_unit, unit: [0.{price:03d} EUR, 0.{price + 7:03d} USD], included: {dice.randint(0, 50)}}}"""
        for country in dice.sample(COUNTRIES, dice.randint(0, 4))
    )
    return f"""\
# Prices of {meter}, as agreed by the pricing board.
ruleset: pricing/{meter}
scope: charge.key == "{meter}"
effective: {{from: 2026-01-01}}
owner: finance.pricing
hit: first
parameters:
  floor: {{type: decimal, value: {floor}, min: 10, max: 100000, unit: calls, tuned_by: finance_admin, why: contract floor}}
rules:
  - id: enterprise
    when: account.segment == "enterprise" and quantity >= floor
    then: {{method: volume, tiers: [{{up_to: {floor}, unit: [0.10 EUR, 0.11 USD]}}, {{unit: [0.08 EUR, 0.09 USD]}}]}}
  - id: trial
    when: subscribed_on >= d"2026-0{dice.randint(1, 9)}-01" and (agreed_price ?? 0) == 0 and account.tax_id == null
    then: {{method: flat, price: [0 EUR, 0 USD]}}{exceptions}
  - id: everyone
    then: {{method: graduated, tiers: [{{up_to: 1000, unit: [0.12 EUR, 0.13 USD]}}, {{unit: [0.{price:03d} EUR, 0.{price:03d} USD]}}]}}
cases:
  - name: a large customer pays the price of its volume
    given: {{account: {{segment: enterprise, currency: EUR}}, charge: {{key: {meter}}}, quantity: {floor + 200}}}
    expect: {{rule: enterprise, amount: {(floor + 200) * 8 / 100:.2f} EUR}}
"""


def _posting(number: int, dice: random.Random) -> str:
    """Accounts of one product in one country."""
    country = dice.choice(COUNTRIES)
    return f"""\
ruleset: posting/product-{number:04d}
scope: product == "product-{number:04d}"
effective: {{from: 2026-01-01}}
owner: finance.accounting
hit: unique
priority: 10
rules:
  - {{id: revenue-home, when: role == "revenue" and country == "{country}", then: {{account: "4{number:04d}"}}}}
  - {{id: revenue-abroad, when: role == "revenue" and country != "{country}", then: {{account: "5{number:04d}"}}}}
"""


def _routing(number: int, dice: random.Random) -> str:
    """Adapters of one legal entity."""
    return f"""\
ruleset: routing/entity-{number:04d}
scope: entity == "E{number:04d}"
priority: 10
rules:
  - id: tax
    when: port == "tax" and country in ["{dice.choice(COUNTRIES)}", "CA"]
    then: {{adapter: none}}
  - {{id: delivery, when: port == "delivery", then: {{adapter: none}}}}
"""


def files(count: int = FILES) -> Mapping[str, bytes]:
    """Rule files by label, always the same: of ten, seven are price lists, two name accounts, one names adapters."""
    dice = random.Random(7)
    made = {}
    for number in range(count):
        family, write = ("pricing", _pricing)
        if number % 10 in (3, 6):
            family, write = ("posting", _posting)
        elif number % 10 == 9:
            family, write = ("routing", _routing)
        made[f"rules/{family}/f{number:04d}.yaml"] = write(number, dice).encode()
    return made


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    exact_arithmetic()
    content = {**rulebook.read([RULES]), **files()}
    wall, cpu = time.perf_counter(), time.process_time()
    book = rulebook.compile_book(content, families.ALL)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    start = time.process_time()
    for each in content.values():
        yaml.load(each, yaml.CSafeLoader)
    limit = time.process_time() - start
    size = sum(map(len, content.values())) / 1024
    yield "## Check"
    yield ""
    yield (
        f"{len(content):,} rule files of {size:,.0f} KiB, {len(book.decisions()):,} rules, {len(book.warnings):,} warnings: "
        f"{wall:.2f} s, {cpu:.2f} s of one core (goal: 3 s)."
    )
    yield f"PyYAML's C loader alone takes {limit:.2f} s: the check takes {cpu / limit:.1f} times as long."
    yield ""
