"""What documents say of customers: postal addresses, tax numbers with the check digits of their country, electronic addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from examples.skyline.deliveries import Row
from examples.skyline.world import COUNTRIES

SCHEMES = {"NL": "9944", "DE": "9930", "FR": "9957", "GB": "9932"}
"""Kinds of electronic addresses that are a company's number for VAT, by the list EAS."""
NATURAL = ("consumer",)


def account(row: Row) -> Row:
    """A row of ``accounts`` with its address in parts, a tax number whose check digits are right, and what e-invoices need."""
    *before, tax_id, exempt, mail, address = row
    country, segment = str(row[3]), str(row[9])
    tax_id = numbered(country, str(tax_id)) if tax_id else ""
    street, _, town = str(address).partition("\n")
    place = town.partition("\n")[0]
    match = next((one for one in COUNTRIES[country].cities if one[0] in place), ("", "", "", ""))
    scheme = SCHEMES.get(country, "") if tax_id else ""
    company = segment not in NATURAL
    more = (
        *(match[0], match[1], "", "", tax_id if scheme else "", scheme),
        *("Accounts payable" if company else "", "", mail if company else ""),
        f"{row[1]}-AP" if company else "",
    )
    return (*before, tax_id, exempt, mail, street if match[0] else address, *more)


def numbered(country: str, tax_id: str) -> str:
    """A made-up tax number with its check digits, from the six digits at its end; itself where the country has none here."""
    digits = re.search(r"([0-9]{6})(?:B[0-9]{2})?$", tax_id)
    return CHECKED[country](digits[1]) if digits and country in CHECKED else tax_id


def _german(digits: str) -> str:
    body, product = f"99{digits}", 10
    for one in body:  # ISO 7064, modulus 11,10
        rest = (int(one) + product) % 10 or 10
        product = 2 * rest % 11
    return f"DE{body}{(11 - product) % 10}"


def _dutch(digits: str) -> str:
    body = f"999{digits}B"
    spelled = "".join(str(int(one, 36)) for one in f"NL{body}")
    return f"NL{body}{98 - int(spelled + '00') % 97:02}"


def _french(digits: str) -> str:
    body = f"99{digits}"
    doubled = (int(one) * (2 if place % 2 else 1) for place, one in enumerate(body))
    siren = f"{body}{-sum(value // 10 + value % 10 for value in doubled) % 10}"
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02}{siren}"


def _british(digits: str) -> str:
    body = f"9{digits}"
    total = sum(int(one) * weight for one, weight in zip(body, range(8, 1, -1), strict=True))
    return f"GB{body}{97 - total % 97:02}"


def _japanese(digits: str) -> str:
    body = f"999999{digits}"
    total = sum(int(one) * (1 + place % 2) for place, one in enumerate(reversed(body)))
    return f"T{9 - total % 9}{body}"


CHECKED: Mapping[str, Callable[[str], str]] = {
    "DE": _german,
    "FR": _french,
    "GB": _british,
    "JP": _japanese,
    "NL": _dutch,
}
"""Tax numbers by country."""
