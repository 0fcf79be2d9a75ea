"""What AvaTax sends and takes, as far as the adapter needs it; names are those of REST v2."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.model.tax import Address

ZERO: Final = Decimal(0)

ESTIMATE: Final = "SalesOrder"
INVOICE: Final = "SalesInvoice"
RETURN: Final = "ReturnInvoice"

LEVELS: Final = {
    "Country": "country",
    "CNT": "country",
    "State": "state",
    "STA": "state",
    "County": "county",
    "CTY": "county",
    "City": "city",
    "CIT": "city",
    "Special": "special",
    "STJ": "special",
}
"""Kinds of jurisdictions, in the words and in the letters of AvaTax."""


class Detail(msgspec.Struct, frozen=True):
    """The part of a line's tax that one jurisdiction levies."""

    country: str = ""
    region: str = ""
    jurisType: str = ""
    jurisdictionType: str = ""
    jurisName: str = ""
    rate: Decimal = ZERO
    tax: Decimal = ZERO
    taxableAmount: Decimal = ZERO
    taxName: str = ""
    liabilityType: str = ""
    rateTypeCode: str = ""

    @property
    def level(self) -> str:
        """Our word for who levies it."""
        return LEVELS.get(self.jurisdictionType) or LEVELS.get(self.jurisType, "special")

    @property
    def place(self) -> str:
        """Who levies it: DE, US-NY, US-NY/NEW YORK CITY."""
        if self.level == "country":
            return self.country
        state = f"{self.country}-{self.region}"
        return state if self.level == "state" else f"{state}/{self.jurisName}"


class Line(msgspec.Struct, frozen=True):
    """A line of a transaction."""

    lineNumber: str
    tax: Decimal
    exemptAmount: Decimal = ZERO
    details: tuple[Detail, ...] = ()


class Transaction(msgspec.Struct, frozen=True):
    """An estimate or a document."""

    status: str
    currencyCode: str
    totalAmount: Decimal
    totalTax: Decimal
    id: int = 0
    code: str = ""
    type: str = ""
    date: str = ""
    referenceCode: str = ""
    lines: tuple[Line, ...] = ()


class Page(msgspec.Struct, frozen=True, rename={"next": "@nextLink"}):
    """A page of a list."""

    value: tuple[Transaction, ...]
    next: str = ""


class Reason(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request."""

    code: str = ""
    message: str = ""
    description: str = ""


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong with a request."""

    code: str
    message: str = ""
    details: tuple[Reason, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """The answer to a request that cannot be done."""

    error: Trouble

    @property
    def text(self) -> str:
        """What is wrong, on one line."""
        found = [self.error.message, *(reason.description for reason in self.error.details)]
        return f"{self.error.code}: " + "; ".join(dict.fromkeys(text for text in found if text))


class Place(msgspec.Struct, frozen=True):
    """An address as it is resolved."""

    country: str = ""
    region: str = ""
    city: str = ""
    postalCode: str = ""
    line1: str = ""
    line2: str = ""
    line3: str = ""

    def address(self) -> Address:
        """It in our words."""
        lines = tuple(line for line in (self.line1, self.line2, self.line3) if line)
        return Address(self.country, self.region, self.city, self.postalCode, lines)


class Remark(msgspec.Struct, frozen=True):
    """Something to be said about an address."""

    summary: str = ""
    details: str = ""
    severity: str = ""


class Resolution(msgspec.Struct, frozen=True):
    """What becomes of an address."""

    validatedAddresses: tuple[Place, ...] = ()
    messages: tuple[Remark, ...] = ()


def place_of(address: Address) -> dict[str, Any]:
    """An address as it is sent; what is not known is left out."""
    names = ("line1", "line2", "line3")
    lines = (*address.lines[:2], " ".join(address.lines[2:]))
    fields = {
        **dict(zip(names, lines, strict=False)),
        "city": address.city,
        "region": address.region.removeprefix(f"{address.country}-"),
        "postalCode": address.postcode,
        "country": address.country,
    }
    return {name: value for name, value in fields.items() if value}
