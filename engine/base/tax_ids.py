"""Tax registration numbers, by the check digits of the country that gives them out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from engine.base.errors import Code, Finding, Where

BAD_TAX_ID = Code("tax-id.invalid", "A tax registration number that its country cannot have given out.")
UNCHECKED_TAX_ID = Code(
    "tax-id.unchecked", "Tax registration numbers cannot be checked, as the library for it is absent."
)

_SCHEMES: Final[dict[str, tuple[str, ...]]] = {
    "AU": ("au.abn",),
    "BR": ("br.cnpj", "br.cpf"),
    "CA": ("ca.bn",),
    "CH": ("ch.vat", "ch.uid"),
    "CN": ("cn.uscc",),
    "GB": ("gb.vat",),
    "IL": ("il.hp", "il.idnr"),
    "IN": ("in_.gstin",),
    "JP": ("jp.cn",),
    "MX": ("mx.rfc",),
    "NO": ("no.mva", "no.orgnr"),
    "NZ": ("nz.ird",),
    "SG": ("sg.uen",),
    "TR": ("tr.vkn",),
    "US": ("us.ein", "us.tin"),
    "ZA": ("za.tin",),
}
"""Numbers that sellers know their customers by, where it is not the one that the library calls the country's VAT number."""

_CHECKED: Final[dict[str, dict[str, bool]]] = {"stdnum.mx.rfc": {"validate_check_digits": True}}
"""What the library has to be told to look at check digits."""

_GENERIC: Final = frozenset({"XAXX010101000", "XEXX010101000"})
"""Numbers of Mexico for the public at large, and for customers abroad."""

_EU: Final = {
    name: name for name in "AT BE BG CY CZ DE DK EE ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
}
_EU["EL"] = "GR"
"""Countries by what their numbers for VAT begin with."""


UNION: Final = frozenset(_EU.values())
"""Member states of the European Union."""


def in_union(tax_id: str, country: str) -> tuple[str, str, str] | None:
    """A VAT number of the European Union: what it begins with, the rest, and the country; None where it is none.

    One without a country in front is taken for one of ``country``.
    """
    number = "".join(sign for sign in tax_id.upper() if sign.isalnum())
    prefixes = {**_EU, "XI": "GB"}
    if number[:2] in prefixes and len(number) > 2 and number[:2] != "GR":
        return number[:2], number[2:], prefixes[number[:2]]
    prefix = next((name for name, of in _EU.items() if of == country), "")
    number = number.removeprefix("GR") if country == "GR" else number
    return (prefix, number, country) if prefix and number else None


@lru_cache(maxsize=100_000)
def fault(tax_id: str, country: str) -> str:
    """What is wrong with a number of a country, in words; empty where nothing is, or where nothing is known of the country.

    Raises:
        ImportError: the library is not installed.
    """
    number = tax_id.strip().upper()
    if number[:2] in _EU and number[2:3] and country != number[:2]:
        country = _EU[number[:2]]  # registered elsewhere in the EU than it is taxed
    schemes = _schemes(country)
    number = number.removeprefix("T") if country == "JP" else number
    if not schemes or not number or number in _GENERIC:
        return ""
    faults = [_fault(scheme, number) for scheme in schemes]
    return "" if "" in faults else faults[0]


def finding(tax_id: str | None, country: str, where: Where, subject: str, level: str = "warning") -> Finding | None:
    """What is wrong with the number of somebody in a country; None where nothing is."""
    if not tax_id:
        return None
    try:
        wrong = fault(tax_id, country)
    except ImportError:
        what, mend = "tax registration numbers are not checked", "install tollbook[documents]"
        return Finding(UNCHECKED_TAX_ID, where, what, "the library python-stdnum is absent", mend, level, subject)
    if not wrong:
        return None
    what = f"{tax_id!r} is no tax registration number of {country}"
    return Finding(BAD_TAX_ID, where, what, wrong, "ask the customer, and import the account again", level, subject)


def _fault(scheme: Any, number: str) -> str:
    from stdnum.exceptions import InvalidChecksum, InvalidFormat, InvalidLength, ValidationError

    checked = _CHECKED.get(scheme.__name__, {})
    try:
        scheme.validate(number, **checked)
    except InvalidChecksum:
        return "its check digits are wrong"
    except InvalidLength:
        return "it has too many or too few characters"
    except InvalidFormat:
        return "it is not written as such numbers are"
    except ValidationError:
        return "a part of it is none that is given out"
    return ""


@lru_cache(maxsize=300)
def _schemes(country: str) -> tuple[Any, ...]:
    """The modules of the library that know numbers of a country."""
    import importlib

    from stdnum import get_cc_module

    if country in _SCHEMES:
        return tuple(importlib.import_module(f"stdnum.{name}") for name in _SCHEMES[country])
    found = get_cc_module(country.lower(), "vat")
    return () if found is None else (found,)
