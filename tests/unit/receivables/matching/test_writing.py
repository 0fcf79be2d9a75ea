"""Names are compared without case, accents, script and legal form; numbers in them count."""

from __future__ import annotations

import pytest

from engine.receivables.matching.writing import distance, name_of, readings, similar, upper

ONE = (
    ("TERRA MOTORS GMBH & CO. KG", "Terra Motors GmbH und Co KG"),
    ("Jorgensen Metall BV", "Jørgensen Metall B.V."),
    ("Müller Bau AG", "MUELLER BAU"),
    ("O'Neil Foods", "ONEIL FOODS LLC"),
    ("ООО «Ромашка»", "Romashka"),
    ("华龙科技有限公司", "Hua Long Ke Ji"),
    ("ΑΘΗΝΑ ΕΜΠΟΡΙΚΗ ΑΕ", "Athina Emporiki"),
    ("Kessler Bau Sp. z o.o.", "KESSLER BAU SP Z OO"),
)


@pytest.mark.parametrize(("one", "other"), ONE)
def test_ways_to_write_one_name_have_one_core(one: str, other: str) -> None:
    assert name_of(one).core == name_of(other).core != ""


def test_a_legal_form_is_kept_apart_and_a_name_is_never_only_one() -> None:
    assert name_of("Linden Papier Ltd").full != name_of("Linden Papier GmbH").full
    assert name_of("AG").core == "ag" and name_of("«»").core == ""


@pytest.mark.parametrize("more", [" AP DEPT", " C/O SHARED SERVICES", ", Buchhaltung", " accounts payable"])
def test_what_payers_add_to_their_name_is_one_reading_of_it(more: str) -> None:
    assert name_of("Helix Systems").core in [one.core for one in readings(f"Helix Systems KK{more}")]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Linden", "Linden Papier Ltd", True),
        ("Linden Papeir", "Linden Papier", True),
        ("TERRA MOTORS INTERNATI", "Terra Motors International Logistics", True),
        ("Acme Corporation 777", "Acme Corp 0", False),
        ("Acme Corporation 777", "Acme Corporation 778", False),
        ("Linden Consulting", "Linden Papier", False),
        ("", "Linden", False),
    ],
)
def test_names_are_similar_by_their_words(one: str, other: str, same: bool) -> None:
    assert similar(name_of(one), name_of(other)) is similar(name_of(other), name_of(one)) is same


def test_letters_that_are_exchanged_are_one_mistake_and_counting_ends() -> None:
    assert [distance("INV13", "INV31", 3), distance("abc", "abd", 3), distance("abc", "ab", 3)] == [1, 1, 1]
    assert distance("abcdef", "uvwxyz", 2) == 3


def test_digits_and_letters_of_other_widths_and_scripts_are_those_of_ascii() -> None:
    assert upper("ＩＮＶ－２０２６ ٠١٢ rg") == "INV-2026 012 RG"
