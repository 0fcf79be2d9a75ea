"""What O Series sends and takes, as far as the adapter needs it; names are those of REST v2."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.model.tax import Address

ZERO: Final = Decimal(0)

QUOTATION: Final = "QUOTATION"
INVOICE: Final = "INVOICE"
AS_TOLD: Final = "DISTRIBUTE_TAX"
"""A message whose tax is given: O Series spreads it over the jurisdictions and records it."""

LEVELS: Final = {"COUNTRY": "country", "STATE": "state", "PROVINCE": "state", "COUNTY": "county", "CITY": "city"}
"""Kinds of jurisdictions; the others are districts of some kind."""

LONGEST_CODE: Final = 40
"""Characters of a number or of a customer's code."""


class Jurisdiction(msgspec.Struct, frozen=True):
    """Who levies a tax."""

    value: str = ""
    jurisdictionType: str = ""


class Tax(msgspec.Struct, frozen=True):
    """The part of a line's tax that one jurisdiction levies."""

    jurisdiction: Jurisdiction = Jurisdiction()
    calculatedTax: Decimal = ZERO
    effectiveRate: Decimal = ZERO
    taxable: Decimal = ZERO
    exempt: Decimal = ZERO
    taxResult: str = ""
    taxCollectedFromParty: str = ""


class Line(msgspec.Struct, frozen=True):
    """A line of a document."""

    lineItemNumber: int
    totalTax: Decimal
    taxes: tuple[Tax, ...] = ()


class Currency(msgspec.Struct, frozen=True):
    """A currency."""

    isoCurrencyCodeAlpha: str = ""


class Data(msgspec.Struct, frozen=True):
    """A quotation or a document."""

    subTotal: Decimal
    totalTax: Decimal
    currency: Currency = Currency()
    transactionId: str = ""
    lineItems: tuple[Line, ...] = ()


class Supplied(msgspec.Struct, frozen=True):
    """The answer to a message."""

    data: Data


class Reason(msgspec.Struct, frozen=True):
    """One thing that is wrong with a message."""

    code: str = ""
    title: str = ""
    detail: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """The answer to a message that cannot be done."""

    errors: tuple[Reason, ...]

    @property
    def text(self) -> str:
        """What is wrong, on one line."""
        return "; ".join(": ".join(part for part in (one.code, one.title, one.detail) if part) for one in self.errors)


class Token(msgspec.Struct, frozen=True):
    """An access token, and for how many seconds it holds."""

    access_token: str
    expires_in: int = 300


def place_of(address: Address) -> dict[str, Any]:
    """An address as it is sent; what is not known is left out."""
    fields = {
        "streetAddress1": address.lines[0] if address.lines else "",
        "streetAddress2": " ".join(address.lines[1:]),
        "city": address.city,
        "mainDivision": address.region.removeprefix(f"{address.country}-"),
        "postalCode": address.postcode,
        "country": address.country,
    }
    return {name: value for name, value in fields.items() if value}


def customer_of(
    account: str, there: Address, tax_id: str | None, exempt: bool, certificate: str | None, reason: str | None
) -> dict[str, Any]:
    """The buyer of a message."""
    known = account.isascii() and account.isprintable() and len(account) <= LONGEST_CODE
    code = account if known else hashlib.sha256(account.encode()).hexdigest()[:32]
    fields: dict[str, Any] = {"customerCode": {"value": code}, "destination": place_of(there)}
    if exempt or certificate:
        fields["isTaxExempt"] = True
    if certificate:
        fields["exemptionCertificate"] = {"exemptionCertificateNumber": certificate}
    if reason:
        fields["exemptionReasonCode"] = reason[:4]
    if tax_id:
        fields["taxRegistrations"] = [{"taxRegistrationNumber": tax_id, "isoCountryCode": there.country}]
    return fields
