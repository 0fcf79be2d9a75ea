"""Bank accounts and creditors of the Single Euro Payments Area, by their check digits."""

from __future__ import annotations

import re
from typing import Final

SEPA: Final[dict[str, int]] = {
    "AD": 24,
    "AL": 28,
    "AT": 20,
    "BE": 16,
    "BG": 22,
    "CH": 21,
    "CY": 28,
    "CZ": 24,
    "DE": 22,
    "DK": 18,
    "EE": 20,
    "ES": 24,
    "FI": 18,
    "FR": 27,
    "GB": 22,
    "GI": 23,
    "GR": 27,
    "HR": 21,
    "HU": 28,
    "IE": 22,
    "IS": 26,
    "IT": 27,
    "LI": 21,
    "LT": 20,
    "LU": 20,
    "LV": 21,
    "MC": 27,
    "MD": 24,
    "ME": 22,
    "MK": 19,
    "MT": 31,
    "NL": 18,
    "NO": 15,
    "PL": 28,
    "PT": 25,
    "RO": 24,
    "RS": 22,
    "SE": 24,
    "SI": 19,
    "SK": 24,
    "SM": 27,
    "VA": 22,
}
"""Countries whose accounts take part in SEPA, and how long their IBANs are.  Territories have the IBAN of their country."""

EEA: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()
)
"""Countries between which the BIC and the address of the debtor may be left out."""

_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_CREDITOR: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}", re.ASCII)


def compact(text: str) -> str:
    """A number as machines write it: capitals, without blanks and hyphens."""
    return re.sub(r"[\s-]", "", text).upper()


def checks(number: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616: the number modulo 97 is 1)."""
    return 15 <= len(number) <= 34 and _remainder(number) == 1


def iban_fault(number: str) -> str:
    """What is wrong with an IBAN that is to be debited or credited within SEPA, in words; empty where nothing is."""
    country = number[:2]
    if country not in SEPA:
        return f"is of {country}, which takes no part in SEPA" if country else "is empty"
    if len(number) != SEPA[country]:
        return f"has {len(number)} characters, an IBAN of {country} has {SEPA[country]}"
    return "" if checks(number) else "has wrong check digits"


def bic_fault(text: str) -> str:
    """What is wrong with a BIC, in words; empty where nothing is."""
    return (
        "" if _BIC.fullmatch(text) else "is no BIC: four characters, country, two characters, perhaps a branch of three"
    )


def creditor_fault(text: str) -> str:
    """What is wrong with a SEPA creditor identifier, in words; empty where nothing is.

    It is a country, two check digits, three characters that the creditor may choose and are not checked, and a national number.
    """
    if not _CREDITOR.fullmatch(text):
        return "is no creditor identifier: country, check digits, business code of three characters, national number"
    if text[:2] not in SEPA:
        return f"is of {text[:2]}, which takes no part in SEPA"
    return "" if _remainder(text[:4] + text[7:]) == 1 else "has wrong check digits"


def _remainder(number: str) -> int:
    turned = number[4:] + number[:4]
    if not (turned.isascii() and turned.isalnum()):
        return 0
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97
