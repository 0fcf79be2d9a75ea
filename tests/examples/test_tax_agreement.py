"""The table of the adapter ``tax_table`` and the rules it falls back to say the same about every line of the sample."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from engine import config
from engine.base.errors import TollbookError
from engine.families import ALL
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.host import AdapterFailed, Host
from engine.rulebook.rulebook import RuleBook, compile_book, read
from engine.runs.billing.tax_step import by_rule
from examples.skyline import catalog, generate
from examples.skyline.world import ENTITIES

HOME = Path(generate.__file__).parent
ADAPTER = "tax_table"

SAMPLE_SELLERS = {row[0]: (row[2], tuple(tax.split(":")[0] for tax in row[7].split(";"))) for row in ENTITIES}
"""Entity -> its country, and where it is registered."""
SELLERS: Mapping[str, tuple[str, tuple[str, ...]]] = SAMPLE_SELLERS | {
    "at home only": ("DE", ("DE",)),
    "registered nowhere": ("US", ()),
    "one-stop shop from outside": ("US", ("US", "IE")),
    "registered in America": ("NL", ("NL", "US")),
    "British": ("GB", ("GB", "FR", "US")),
}
STATES = ("CA", "NY", "TX", "FL", "IL", "WA", "PA", "MA", "NJ", "OR")
PLACES = (*((country, None) for country in ("NL", "DE", "FR", "GB", "JP")), *(("US", state) for state in STATES))
BUYERS = {
    "business with a tax id": ("XX999", False),
    "business without a tax id": (None, False),
    "consumer": (None, False),
    "exempt": (None, True),
    "exempt with a tax id": ("XX999", True),
}
TAX_CODES = sorted({charge[-1] for charge in catalog.CHARGES} | {"standard"})
"""Those of the catalogue, and the one that the import gives to a charge without any."""
DAYS = (date(2024, 2, 1), date(2026, 2, 1))

ALLOWED: Mapping[str, str] = {}
"""Key of a request -> why the table and the rules may differ on it."""

Answer = tuple[Decimal, str, str, str]


def _requests() -> list[TaxRequest]:
    made = []
    for seller, (country, region), buyer, code, day in product(SELLERS, PLACES, BUYERS, TAX_CODES, DAYS):
        home, registered = SELLERS[seller]
        tax_id, exempt = BUYERS[buyer]
        place = f"{country}-{region}" if region else country
        key = f"{seller} sells {code} to {buyer} in {place} on {day}"
        made.append(
            TaxRequest(
                *(key, "skyline", seller, home, registered, "A-1", country, region, tax_id, exempt, code, day),
                *("EUR", Decimal("100.00")),
            )
        )
    return made


def _answer(quote: TaxQuote) -> Answer:
    return quote.rate, quote.category, quote.jurisdiction, quote.reason


@pytest.fixture(scope="module")
def settings() -> config.Config:
    return config.load(HOME / "config.yaml")


@pytest.fixture(scope="module")
def host(settings: config.Config) -> Host:
    return Host(settings.adapters, settings.folder)


@pytest.fixture(scope="module")
def book(settings: config.Config) -> RuleBook:
    return compile_book(read(settings.rules.folders), ALL)


@pytest.fixture(scope="module")
def by_table(host: Host) -> dict[str, Answer]:
    return {quote.key: _answer(quote) for quote in host.ask_tax(ADAPTER, _requests())}


@pytest.fixture(scope="module")
def by_rules(book: RuleBook) -> dict[str, Answer]:
    return {request.key: _answer(by_rule(book.decide, request)[0]) for request in _requests()}


def test_the_table_and_the_rules_agree(by_table: dict[str, Answer], by_rules: dict[str, Answer]) -> None:
    """Rate, category, jurisdiction, and the reason that is printed."""
    assert len(by_table) == len(SELLERS) * len(PLACES) * len(BUYERS) * len(TAX_CODES) * len(DAYS)
    differ = {key: (by_table[key], by_rules[key]) for key in by_table if by_table[key] != by_rules[key]}
    assert {key: both for key, both in differ.items() if key not in ALLOWED} == {}
    assert sorted(ALLOWED.keys() - differ.keys()) == [], "allowed, and no difference"


@pytest.mark.parametrize(
    ("line", "rate", "category"),
    [
        # abroad: a registration is no establishment
        ("skyline-eu sells telecom to business with a tax id in GB", "0", "O"),
        ("skyline-eu sells goods to business with a tax id in GB", "0", "G"),
        ("skyline-eu sells goods to consumer in GB", "0", "G"),
        ("skyline-us sells digital_service to business with a tax id in JP", "0", "O"),
        ("skyline-us sells goods to consumer in JP", "0", "G"),
        ("skyline-us sells service to business with a tax id in DE", "0", "O"),
        # consumers abroad
        ("skyline-eu sells telecom to consumer in GB", "0.20", "S"),
        ("skyline-eu sells telecom to business without a tax id in GB", "0.20", "S"),
        ("skyline-eu sells telecom to consumer in JP", "0", "O"),
        ("skyline-us sells telecom to consumer in JP", "0.10", "S"),
        ("skyline-us sells telecom to consumer in FR", "0", "O"),
        ("one-stop shop from outside sells telecom to consumer in FR", "0.20", "S"),
        ("one-stop shop from outside sells goods to consumer in FR", "0", "G"),
        # the European Union
        ("skyline-eu sells telecom to business with a tax id in DE", "0", "AE"),
        ("skyline-eu sells goods to business with a tax id in DE", "0", "K"),
        ("skyline-eu sells goods to consumer in DE", "0.19", "S"),
        ("skyline-eu sells goods to business with a tax id in NL", "0.21", "S"),
        # the United States
        ("skyline-us sells digital_service to consumer in US-NY", "0.04", "S"),
        ("skyline-us sells digital_service to business with a tax id in US-TX", "0.05", "S"),
        ("skyline-us sells digital_service to consumer in US-CA", "0", "O"),
        ("skyline-us sells service to consumer in US-NY", "0", "O"),
        ("skyline-us sells goods to consumer in US-FL", "0.06", "S"),
        ("skyline-us sells goods to consumer in US-NJ", "0.06625", "S"),
        ("skyline-us sells goods to consumer in US-OR", "0", "O"),
        ("skyline-us sells goods to exempt in US-NY", "0", "E"),
    ],
)
@pytest.mark.parametrize("day", DAYS)
def test_what_they_agree_on(by_table: dict[str, Answer], day: date, line: str, rate: str, category: str) -> None:
    answer = by_table[f"{line} on {day}"]
    assert answer == (Decimal(rate), category, line.rpartition(" ")[2], answer[3])
    assert bool(answer[3]) == (category != "S")


@pytest.mark.parametrize(("region", "code"), [(None, "goods"), ("WY", "goods"), ("CT", "service"), ("NY", "books")])
def test_neither_guesses(host: Host, book: RuleBook, region: str | None, code: str) -> None:
    request = TaxRequest(
        *("1", "skyline", "skyline-us", "US", ("US",), "A-1", "US", region, None, False, code, DAYS[0]),
        *("USD", Decimal("100.00")),
    )
    with pytest.raises(AdapterFailed):
        host.ask_tax(ADAPTER, [request])
    with pytest.raises(TollbookError) as raised:
        by_rule(book.decide, request)
    assert [finding.code for finding in raised.value.findings] == ["rule.no-answer"]
