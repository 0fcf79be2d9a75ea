"""What texts name: whole numbers in any writing, lists and ranges, orders, and digits that name nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.model.matching import Candidate
from engine.receivables.matching.keys import Keys, checked_reference
from engine.receivables.matching.reading import Reader, shorts_of, unread_of
from engine.receivables.matching.saying import amount_of

DAY = date(2026, 1, 1)
NUMBERS = (
    "INV-2026-000049",
    "INV-2026-000050",
    "INV-2026-000051",
    "INV-2026-000053",
    "RE26/0000003",
    "RE26/0000008",
    "CN-INV-2026-000022",
    "4100012345",
    "R-251",
    "R-2513",
    "12",
    "2026-1078",
    "2026-1079",
    "2026-2026",
)


def item(number: str, order: str = "", reference: str = "") -> Candidate:
    return Candidate(number, number, "invoice", "A", DAY, DAY, "EUR", Decimal(1), Decimal(1), "", order, reference)


ITEMS = [*map(item, NUMBERS), item("X-1", "PO-7788", "RF18539007547034")]
KEYS = Keys(ITEMS)
READER = Reader(KEYS)


def numbers(places: tuple[tuple[int, ...], ...] | tuple[int, ...]) -> list[str]:
    return [ITEMS[place].number for each in places for place in (each if isinstance(each, tuple) else (each,))]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Rechnung INV-2026-000049 vom 03.01.2026 danke", ["INV-2026-000049"]),
        ("inv 2026.000049", ["INV-2026-000049"]),
        ("请求INV2026000050", ["INV-2026-000050"]),
        ("our ref 99812 / your inv RE26/0000003", ["RE26/0000003"]),
        ("INV-2026-000049INV", ["INV-2026-000049"]),
        ("RMR*IV*RE26/0000008**12.50~", ["RE26/0000008"]),
        ("INV-2026-000049 - CN-INV-2026-000022", ["INV-2026-000049", "CN-INV-2026-000022"]),
        ("4100012345 and RE26/0000003", ["4100012345", "RE26/0000003"]),
        ("R-251 3/2026", ["R-251"]),
        ("2026-1078, 2026-1079", ["2026-1078", "2026-1079"]),
        ("no 12", []),
        ("INV-2026-0000491", []),
    ],
)
@pytest.mark.capability("A4.2")
def test_whole_numbers_are_found_in_any_writing(text: str, named: list[str]) -> None:
    found = READER.read(text)
    assert numbers(found.named) == named and not found.torn


def test_a_number_with_a_gap_within_its_digits_is_said_to_be_torn() -> None:
    found = READER.read("INV-20 26-000049")
    assert numbers(found.named) == ["INV-2026-000049"] and found.torn
    assert READER.plain("INV-20 26-000049") == READER.plain("R-251 3") == -1 != READER.plain("r 251")


@pytest.mark.parametrize(
    ("text", "listed", "ranged"),
    [
        ("INV-2026-000049, 50 and 51", ["INV-2026-000050", "INV-2026-000051"], []),
        ("RE26/0000003/0008", ["RE26/0000008"], []),
        ("INV-2026-000050 - 000053", [], ["INV-2026-000050", "INV-2026-000051", "INV-2026-000053"]),
        ("INV-2026-000050 bis 53", [], ["INV-2026-000050", "INV-2026-000051", "INV-2026-000053"]),
        ("INV-2026-000050, 12.50", [], []),
        ("INV-2026-000050 2/3", [], []),
    ],
)
def test_lists_and_ranges_go_on_with_the_last_digits(text: str, listed: list[str], ranged: list[str]) -> None:
    found = READER.read(text)
    assert (numbers(found.listed), numbers(found.ranged)) == (listed, ranged)


def test_orders_references_and_numbers_that_are_not_open_are_told_apart() -> None:
    found = READER.read("PO-7788 / RF18 5390 0754 7034 / INV-2025-000049")
    assert (numbers(found.ordered), numbers(found.structured)) == (["X-1"], ["X-1"])
    assert found.unknown == ("INV2025000049",)
    assert (
        READER.read("INV-2026-000053 - 003").unknown == ("003",) and not READER.read("RE26/0000003, 2026-01-09").unknown
    )
    assert checked_reference("RF18 5390 0754 7034") and not checked_reference("RF19 5390 0754 7034")
    assert READER.structured("RF19539007547034") == ((), False)


def test_digits_that_may_be_short_numbers_leave_out_dates_shares_and_amounts() -> None:
    text = "RG 61 VOM 03.01.2026 2% SKONTO 12,50 EUR 1/2 RE26/3"
    assert [one.of for one in shorts_of(text, KEYS)] == [(61,), (26, 3)]


def test_what_names_nothing_open_is_counted_but_for_dates_and_the_money_itself() -> None:
    money = Decimal("1234.56")
    assert [unread_of(text, money) for text in ("3/2026 VOM 03.01.2026", "1.234,56", "AR.26.51", "77184")] == [
        0,
        0,
        1,
        1,
    ]


def test_charges_tax_and_deductions_are_read_as_they_are_stated() -> None:
    assert READER.read("x /CHGS/USD7.50").fee() == ("USD", Decimal("7.50"))
    assert READER.read("WHT 10%").withheld() == 10 and READER.read("withholding").withheld() == 0
    assert READER.read("less 12.30 damage").deducted() == (Decimal("12.30"),)
    purposes = {
        "Vorauszahlung": "advance",
        "Rechnung": "document",
        "Gehalt": "other",
        "außer 7": "against",
        "SEPA-Gutschrift": "document",
    }
    assert {text: READER.read(text).purpose() for text in purposes} == purposes
    assert [amount_of(text) for text in ("1.234,56", "1,234.5", "12", "x")] == [
        Decimal("1234.56"),
        Decimal("1234.5"),
        Decimal(12),
        None,
    ]
