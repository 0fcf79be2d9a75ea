"""What looks like a number of ours and is none, and what is written so that it nearly is none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model.matching import Candidate
from engine.receivables.matching.doubting import is_doubtful
from engine.receivables.matching.fitting import transposed
from tests.cash.small import OTHER, invoice, matched, money, shown

pytestmark = pytest.mark.capability("A4.2")


@pytest.mark.parametrize(
    ("text", "number", "doubtful"),
    [
        ("KD-NR. 100234", "100234", True),
        ("KUNDENNUMMER: 100234 DANKE", "100234", True),
        ("CUSTOMER NO 100234", "100234", True),
        ("TEL. 100234", "100234", True),
        ("TEL. 030 / 100234", "100234", True),
        ("IBAN DE89 3704 100234 0044", "100234", True),
        ("TELLER 100234", "100234", False),
        ("PLZ 10117", "10117", True),
        ("VERTRAG 10117 RECHNUNG 100234", "100234", False),
        ("RECHNUNG 100234", "100234", False),
        ("100234", "100234", False),
        ("DANKE 100234", "100234", False),
        ("20260112", "20260112", False),
        ("INVOICE NO. 20260112", "20260112", False),
        ("MIETE 20260112", "20260112", True),
        ("RECHNUNG VOM 20260112", "20260112", True),
        ("20261412", "20261412", False),
        ("2026-01-12", "2026-01-12", True),
        ("12.01.2026", "12.01.2026", True),
        ("12.01 2026", "12.01 2026", False),
        ("DANKE 100152", "100152", False),
    ],
)
def test_digits_behind_a_word_for_something_else_or_written_as_a_day_are_doubtful(
    text: str, number: str, doubtful: bool
) -> None:
    start = text.index(number)
    assert is_doubtful(text, start, start + len(number)) is doubtful


BARE = [invoice("100234", "100.00"), invoice("20260112", "60.00"), invoice("777001", "40.00", "OTHER")]


@pytest.mark.parametrize(
    ("amount", "text", "status"),
    [
        ("100.00", "Kd-Nr. 100234", "auto"),
        ("40.00", "Kd-Nr. 100234", "suggest"),
        ("40.00", "Rechnung 100234", "auto"),
        ("60.00", "20260112", "auto"),
        ("25.00", "20260112", "auto"),
        ("25.00", "Miete 20260112", "suggest"),
        ("25.00", "Lieferung 2026-01-12", "suggest"),
        ("60.00", "ref 777001", "suggest"),
    ],
)
def test_a_part_of_a_doubtful_number_is_asked_about(amount: str, text: str, status: str) -> None:
    assert matched(BARE, money("P", amount, text))["P"].status == status


def test_a_stranger_with_a_doubtful_number_is_asked_about() -> None:
    assert matched(BARE, money("P", "40.00", "PLZ 777001", payer=None))["P"].status == "suggest"
    assert matched(BARE, money("P", "40.00", "777001", payer=OTHER))["P"].status == "auto"


THREE = [invoice(f"INV-2026-0000{n}", amount) for n, amount in (("49", "10.00"), ("50", "20.00"), ("51", "30.00"))]


def paid(*items: Candidate) -> set[tuple[str, str]]:
    return {(one.id, f"{one.open:f}") for one in items}


@pytest.mark.parametrize(
    ("amount", "text", "items"),
    [
        ("60.00", "INV-2026-000049, INV-2026-0000 50, INV-2026-000051", THREE),
        ("60.00", "INV-2026-000049 bis INV-2026-000051", THREE),
        ("60.00", "INV-2026-000049 - INV-2026-000051", THREE),
        ("40.00", "INV-2026-000049 - INV-2026-000051", [THREE[0], THREE[2]]),
    ],
    ids=["one of a list is torn", "a range of whole numbers", "a range by a dash", "a dash between two"],
)
def test_lists_torn_by_the_ends_of_lines_and_ranges_of_whole_numbers(
    amount: str, text: str, items: list[Candidate]
) -> None:
    found = matched(THREE, money("P", amount, text))["P"]
    assert (found.status, set(shown(found)[1:])) == ("auto", paid(*items))


def test_a_list_of_numbers_that_end_with_the_year_is_no_list_of_short_ones() -> None:
    items = [invoice("17/2026", "10.00"), invoice("18/2026", "20.00")]
    found = matched(items, money("P", "30.00", "17/2026, 18/2026"))["P"]
    assert (found.status, found.rule, set(shown(found)[1:])) == ("auto", "number-exact", paid(*items))


def test_a_torn_list_of_another_sum_is_asked_about() -> None:
    assert matched(THREE, money("P", "55.00", "INV-2026-000049, INV-2026-0000 50"))["P"].status == "suggest"


def test_instalments_are_applied_one_after_the_other_and_the_same_words_twice_are_asked_about() -> None:
    one = invoice("INV-2026-000049", "90.00")
    parts = [money(f"P{n}", "30.00", f"{one.id} Rate {n}/3", day=n) for n in (1, 2, 3)]
    found = matched([one], *parts)
    assert [each.status for each in found.values()] == ["auto"] * 3
    again = matched([one], parts[0], money("P4", "30.00", f"{one.id} Rate 1/3", day=5))["P4"]
    assert (again.status, again.reason) == ("suggest", "paid-already")


def test_a_bank_entry_in_other_capitals_and_blanks_is_the_same() -> None:
    first, again = (
        money("P1", "10.00", "Rg INV-2026-000049"),
        money("P2", "10.00", "RG  inv-2026-000049 ", bank_ref="BP1"),
    )
    found = matched(THREE, first, again)
    assert (found["P1"].status, found["P2"].status, found["P2"].of) == ("auto", "duplicate", "P1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("12.34", "21.34", True),
        ("12", "21.00", True),
        ("10065", "65.40", False),
        ("1000", "9.99", False),
        ("12.34", "12.34", False),
        ("1E+2", "010", False),
    ],
)
def test_amounts_with_unlike_decimals_are_compared_digit_by_digit(one: str, other: str, same: bool) -> None:
    assert transposed(Decimal(one), Decimal(other)) is transposed(Decimal(other), Decimal(one)) is same


def test_money_without_decimals_against_documents_with_them_is_asked_about() -> None:
    found = matched([invoice("INV-2026-000049", "65.40")], money("P", "10065", "INV-2026-000049"))["P"]
    assert (found.status, found.reason) == ("suggest", "over-tolerance")
