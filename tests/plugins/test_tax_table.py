"""The adapter ``tax_table``: which row answers, how the tax is rounded, and the rates that come with it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.base.money import ROUNDING
from engine.model.tax import TaxRequest
from engine.ports.discovery import SHIPPED
from engine.ports.host import AdapterFailed, Host

Shipped = Callable[..., Host]


def request(key: str = "1", **changes: Any) -> TaxRequest:
    facts: dict[str, Any] = {
        "key": key,
        "tenant": "main",
        "entity": "acme",
        "seller_country": "DE",
        "seller_registered_in": ("DE",),
        "account": "A-1",
        "country": "DE",
        "region": None,
        "buyer_tax_id": None,
        "exempt": False,
        "tax_code": "standard",
        "tax_point": date(2026, 1, 31),
        "currency": "EUR",
        "amount": Decimal("100.00"),
    }
    return TaxRequest(**{**facts, **changes})


BUSINESS = {"buyer_tax_id": "XX123"}
US = {"seller_country": "US", "seller_registered_in": ("US",), "currency": "USD", "country": "US"}
JP = {"seller_country": "JP", "seller_registered_in": ("JP",), "currency": "JPY", "country": "JP"}
CH = {"seller_country": "CH", "seller_registered_in": ("CH",), "currency": "CHF", "country": "CH"}


@pytest.mark.parametrize(
    ("facts", "amount", "category", "jurisdiction"),
    [
        # at home: the standard rate, for businesses too
        ({}, "19.00", "S", "DE"),
        (BUSINESS, "19.00", "S", "DE"),
        (CH, "8.10", "S", "CH"),
        (JP, "10", "S", "JP"),
        ({**US, "region": "NY"}, "4.00", "S", "US-NY"),
        ({**US, "region": "US-NY"}, "4.00", "S", "US-NY"),
        ({**US, "region": "OR"}, "0.00", "O", "US-OR"),
        ({"region": "BY"}, "19.00", "S", "DE-BY"),
        # the United States: goods at the rate of the state, services where the table names them
        ({**US, "region": "CO", "tax_code": "goods"}, "2.90", "S", "US-CO"),
        ({**US, "region": "NY", "tax_code": "digital_service", **BUSINESS}, "4.00", "S", "US-NY"),
        ({**US, "region": "NY", "tax_code": "service"}, "0.00", "O", "US-NY"),
        ({**US, "region": "TX", "tax_code": "digital_service"}, "5.00", "S", "US-TX"),
        ({**US, "region": "CA", "tax_code": "telecom"}, "0.00", "O", "US-CA"),
        # another country of the Union: the buyer's tax for consumers, reverse charge for businesses
        ({"country": "FR"}, "20.00", "S", "FR"),
        ({"country": "FR", **BUSINESS}, "0.00", "AE", "FR"),
        ({"country": "FR", **BUSINESS, "tax_code": "goods"}, "0.00", "K", "FR"),
        ({"country": "FR", **BUSINESS, "seller_registered_in": ("DE", "FR")}, "0.00", "AE", "FR"),
        ({"country": "FI"}, "25.50", "S", "FI"),
        # outside the Union
        ({"country": "CH"}, "0.00", "O", "CH"),
        ({"country": "CH", **BUSINESS}, "0.00", "O", "CH"),
        ({"country": "CH", "tax_code": "goods"}, "0.00", "G", "CH"),
        ({"country": "CH", "seller_registered_in": ("DE", "CH")}, "8.10", "S", "CH"),
        ({"country": "CH", "seller_registered_in": ("DE", "CH"), **BUSINESS}, "0.00", "O", "CH"),
        ({"country": "CH", "seller_registered_in": ("DE", "CH"), "tax_code": "goods"}, "0.00", "G", "CH"),
        ({"country": "GB", **BUSINESS}, "0.00", "O", "GB"),
        ({"country": "GB", **BUSINESS, "tax_point": date(2020, 12, 31)}, "0.00", "AE", "GB"),
        # into the Union: consumers where the seller is registered in any country of it
        ({**US, "country": "FR"}, "0.00", "O", "FR"),
        ({**US, "country": "FR", "seller_registered_in": ("US", "IE")}, "20.00", "S", "FR"),
        ({**US, "country": "FR", "seller_registered_in": ("US", "IE"), **BUSINESS}, "0.00", "O", "FR"),
        ({**US, "country": "FR", "seller_registered_in": ("US", "IE"), "tax_code": "goods"}, "0.00", "G", "FR"),
        # exempt buyers, wherever they are
        ({"exempt": True}, "0.00", "E", "DE"),
        ({"exempt": True, "country": "FR", **BUSINESS}, "0.00", "E", "FR"),
        ({**US, "region": "NY", "exempt": True}, "0.00", "E", "US-NY"),
        # the day decides
        ({"tax_point": date(2020, 6, 30)}, "19.00", "S", "DE"),
        ({"tax_point": date(2020, 7, 1)}, "16.00", "S", "DE"),
        ({"tax_point": date(2020, 12, 31)}, "16.00", "S", "DE"),
        ({"tax_point": date(2021, 1, 1)}, "19.00", "S", "DE"),
        ({**CH, "tax_point": date(2023, 12, 31)}, "7.70", "S", "CH"),
        ({**JP, "tax_point": date(2019, 9, 30)}, "8", "S", "JP"),
    ],
)
def test_the_shipped_table(
    shipped: Shipped, facts: dict[str, Any], amount: str, category: str, jurisdiction: str
) -> None:
    [quote] = shipped("tax_table", "tax").ask_tax("it", [request(**facts)])
    assert (quote.amount, quote.category, quote.jurisdiction) == (Decimal(amount), category, jurisdiction)
    assert quote.rate == Decimal(amount) / 100
    assert bool(quote.reason) == (category != "S")
    assert quote.source == "it"


def test_the_reason_of_a_reverse_charge_is_what_the_law_asks_for(shipped: Shipped) -> None:
    [quote] = shipped("tax_table", "tax").ask_tax("it", [request(country="FR", **BUSINESS)])
    assert quote.reason == "Reverse charge: VAT is accounted for by the buyer (Article 196 of Directive 2006/112/EC)"


@pytest.mark.parametrize(
    ("amount", "facts", "tax"),
    [
        ("0.13", {}, "0.02"),  # 0.0247
        ("0.50", {}, "0.10"),  # 0.095: half up
        ("-0.50", {}, "-0.10"),
        ("0.02", {}, "0.00"),  # 0.0038
        ("15", JP, "2"),  # 1.5: half up to whole yen
        ("-15", JP, "-2"),
        ("14", JP, "1"),
        ("0", {}, "0"),
        ("12345678901234.55", {}, "2345678991234.56"),  # 2345678991234.5645
    ],
)
def test_tax_is_rounded_half_up_to_the_minor_unit(
    shipped: Shipped, amount: str, facts: dict[str, Any], tax: str
) -> None:
    assert ROUNDING["half_up"] == "ROUND_HALF_UP"
    [quote] = shipped("tax_table", "tax").ask_tax("it", [request(**facts, amount=Decimal(amount))])
    assert quote.amount == Decimal(tax)


def test_a_line_without_a_row_does_not_stop_the_others(shipped: Shipped) -> None:
    requests = [request("a"), request("b", **{**US, "region": "WY"}), request("c", tax_point=date(1999, 1, 1))]
    requests.append(request("d", **{**US, "region": "CT", "tax_code": "digital_service"}))
    with pytest.raises(AdapterFailed) as raised:
        shipped("tax_table", "tax").ask_tax("it", requests)
    assert [quote.key for quote in raised.value.answered] == ["a"]
    assert raised.value.keys == ("b", "c", "d")
    assert raised.value.kind == "permanent"
    assert [finding.what for finding in raised.value.findings] == [
        "no tax is known for 'b': the table of rates has no row for a local supply of 'standard' to a buyer of kind "
        "'consumer' in US-WY on 2026-01-31",
        "no tax is known for 'c': the table of rates has no row for a local supply of 'standard' to a buyer of kind "
        "'consumer' in DE on 1999-01-01",
        "no tax is known for 'd': the table of rates has no row for a local supply of 'digital_service' to a buyer of "
        "kind 'consumer' in US-CT on 2026-01-31",
    ]


HEADER = "country,region,tax_code,buyer,supply,from,to,rate,category,reason,source\n"
TABLE = HEADER + (
    "*,*,*,*,*,,,1 %,S,,test\n"
    "*,*,*,business,*,,,2 %,S,,test\n"
    "*,*,books,*,*,,,3 %,S,,test\n"
    "*,X,*,*,*,,,4 %,S,,test\n"
    "DE,*,*,*,*,,,5 %,S,,test\n"
    "DE,*,books,*,*,,,6 %,S,,test\n"
    "DE,*,books,business,*,,,7 %,S,,test\n"
    "DE,X,*,*,*,,,8 %,S,,test\n"
    "*,*,*,*,intra_eu,,,9 %,S,,test\n"
    "*,*,*,exempt,*,,,10 %,S,,test\n"
)


@pytest.mark.parametrize(
    ("facts", "percent"),
    [
        ({"country": "BR"}, 1),
        ({"country": "BR", **BUSINESS}, 2),
        ({"country": "BR", **BUSINESS, "tax_code": "books"}, 3),
        ({"country": "BR", **BUSINESS, "tax_code": "books", "region": "X"}, 4),
        ({**BUSINESS}, 5),
        ({"tax_code": "books"}, 6),
        ({"tax_code": "books", **BUSINESS}, 7),
        ({"tax_code": "books", "region": "X"}, 8),
        ({"tax_code": "books", "region": "Y"}, 6),
        ({"country": "FR", "tax_code": "books", **BUSINESS}, 9),
        ({"tax_code": "books", "region": "X", "exempt": True}, 10),
    ],
)
def test_the_most_specific_row_wins(shipped: Shipped, tmp_path: Path, facts: dict[str, Any], percent: int) -> None:
    (tmp_path / "own.csv").write_text(TABLE)
    [quote] = shipped("tax_table", "tax", table="own.csv").ask_tax("it", [request(**facts)])
    assert quote.rate == Decimal(percent) / 100


def test_a_table_may_come_from_a_spreadsheet(shipped: Shipped, tmp_path: Path) -> None:
    table = "\ufeff" + HEADER.replace(",", ", ") + 'DE,*,*,*,*,,,"12.5 %",S,,"a law, with a comma"\n'
    (tmp_path / "own.csv").write_text(table, encoding="utf-8")
    [quote] = shipped("tax_table", "tax", table="own.csv").ask_tax("it", [request()])
    assert quote.amount == Decimal("12.50")


IN = {
    "seller_country": "IN",
    "seller_registered_in": ("IN",),
    "country": "IN",
    "currency": "INR",
    "seller_region": "KA",
}


@pytest.mark.parametrize(
    ("facts", "amount", "parts"),
    [
        ({"region": "KA"}, "18.00", [("IN", "country", "CGST", "9.00"), ("IN-KA", "state", "SGST", "9.00")]),
        ({"region": "IN-MH"}, "18.01", [("IN", "country", "IGST", "18.01")]),
        (
            {"region": "CH", "seller_region": "IN-CH"},
            "18.00",
            [("IN", "country", "CGST", "9.00"), ("IN-CH", "state", "UTGST", "9.00")],
        ),
        (
            {"region": "KA", "tax_included": True},
            "15.26",
            [("IN", "country", "CGST", "7.63"), ("IN-KA", "state", "SGST", "7.63")],
        ),
    ],
)
def test_india_names_its_taxes(shipped: Shipped, facts: dict[str, Any], amount: str, parts: list[Any]) -> None:
    """CGST and SGST within a state, each rounded by itself, UTGST in a union territory, IGST between states."""
    [quote] = shipped("tax_table", "tax").ask_tax("it", [request(**{**IN, "amount": Decimal("100.03"), **facts})])
    assert (quote.rate, quote.amount) == (Decimal("0.18"), Decimal(amount))
    assert [(one.jurisdiction, one.level, one.name, str(one.amount)) for one in quote.details] == parts
    assert {one.taxable for one in quote.details} == {
        Decimal("100.03") - (quote.amount if facts.get("tax_included") else 0)
    }


@pytest.mark.parametrize(
    ("facts", "lacking"),
    [
        ({"region": None}, "the customer has none"),
        ({"region": "KA", "seller_region": ""}, "the legal entity has none"),
        ({"seller_region": ""}, "the legal entity and the customer have none"),
    ],
)
def test_no_tax_is_guessed_where_it_depends_on_a_state_that_is_not_known(
    shipped: Shipped, facts: dict[str, Any], lacking: str
) -> None:
    with pytest.raises(AdapterFailed, match=f"the same state or province, and {lacking}: set the field region"):
        shipped("tax_table", "tax").ask_tax("it", [request(**{**IN, **facts})])


def test_parts_that_are_not_the_rate_are_refused(shipped: Shipped, tmp_path: Path) -> None:
    rows = ("country CGST 9 %; state SGST 8 %", "CGST 9 %", "country CGST nine", "country GST 18 %", "")
    lines = [f"IN,{n},*,*,*,,,18 %,S,,test,{parts}\n" for n, parts in enumerate(rows)]
    (tmp_path / "own.csv").write_text(HEADER.replace("\n", ",parts\n") + "".join(lines))
    with pytest.raises(TollbookError) as raised:
        shipped("tax_table", "tax", table="own.csv").ask_tax("it", [request()])
    assert [(one.where.line, one.what) for one in raised.value.findings] == [
        (2, "parts are not 18 % together"),
        (3, "parts has 'CGST 9 %'"),
        (4, "parts is the text 'nine'"),
    ]


def test_every_shipped_rate_names_its_source() -> None:
    with (SHIPPED / "tax_table" / "rates.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 80
    assert [row for row in rows if not row["source"]] == []
    countries = {row["country"] for row in rows}
    with (SHIPPED / "tax_table" / "eu_members.csv").open(encoding="utf-8", newline="") as file:
        members = {row["country"] for row in csv.DictReader(file)}
    assert len(members) == 28
    assert members <= countries
