"""Tax registration numbers by the check digits of their countries."""

from __future__ import annotations

import sys

import pytest

from engine.base import tax_ids
from engine.base.errors import Where

GOOD = {
    "DE": "DE129273398 129273398",
    "NL": "NL999900017B36",
    "FR": "FR83404833048 83404833048",
    "IT": "IT00743110157",
    "AT": "ATU57477929",
    "GB": "GB980780684",
    "GR": "EL094259216",
    "IN": "27AAPFU0939F1ZV",
    "MX": "GODE561231GR8 XAXX010101000",
    "BR": "16.727.230/0001-97 390.533.447-05",
    "JP": "T7000012050002 7000012050002",
    "US": "91-1144442",
    "ZZ": "anything",
    "AE": "100123456700003",
}
BAD = [
    ("DE129273399", "DE", "its check digits are wrong"),
    ("NL999900017B01", "NL", "its check digits are wrong"),
    ("27AAPFU0939F1ZA", "IN", "its check digits are wrong"),
    ("GODE561231GR9", "MX", "its check digits are wrong"),
    ("16.727.230/0001-98", "BR", "its check digits are wrong"),
    ("T8000012050002", "JP", "its check digits are wrong"),
    ("DE1292733", "DE", "it has too many or too few characters"),
    ("DE12927339X", "DE", "it is not written as such numbers are"),
]


@pytest.mark.capability("B9.1")
@pytest.mark.parametrize(("number", "country"), [(n, c) for c, text in GOOD.items() for n in text.split()])
def test_a_good_number(number: str, country: str) -> None:
    assert tax_ids.fault(number, country) == ""


@pytest.mark.capability("B9.1")
@pytest.mark.parametrize(("number", "country", "why"), BAD)
def test_a_number_that_nobody_has(number: str, country: str, why: str) -> None:
    assert tax_ids.fault(number, country) == why
    found = tax_ids.finding(number, country, Where("accounts.csv", 3), "account/A1")
    assert found is not None
    assert (found.code, found.why, found.level) == ("tax-id.invalid", why, "warning")


def test_somebody_registered_elsewhere_in_the_union() -> None:
    assert tax_ids.fault("ATU57477929", "DE") == ""
    assert tax_ids.fault("ATU57477928", "DE") == "its check digits are wrong"


def test_without_the_library_it_is_said_that_nothing_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    tax_ids._schemes.cache_clear()
    tax_ids.fault.cache_clear()
    monkeypatch.setitem(sys.modules, "stdnum", None)
    found = tax_ids.finding("DE129273399", "DE", Where("x"), "account/A1", "error")
    assert found is not None
    assert (found.code, found.level) == ("tax-id.unchecked", "error")
    tax_ids._schemes.cache_clear()
