"""Names of people."""

from __future__ import annotations

import pytest

from engine.base.person import same_person


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada", "ada", True),
        ("ada", "Ada", True),
        ("ada", " a d a\t", True),
        ("Ada Lovelace", "ADA\u00a0LOVELACE", True),
        ("straße", "STRASSE", True),
        ("\uff41da", "ada", True),
        ("re\u0301ne", "r\u00e9ne", True),
        ("ada", "adam", False),
        ("ada.l", "adal", False),
        ("\u0430da", "ada", False),
    ],
)
def test_case_and_spaces_do_not_make_another_person(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same
