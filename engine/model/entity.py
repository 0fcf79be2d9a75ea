"""Who sells: tenants and their legal entities."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

import msgspec
from msgspec import Meta

OSS: Final = "oss"
"""Kind of a registration for the Union scheme of the one-stop shop (Directive 2006/112/EC, articles 369a to 369k); its country
is the member state of identification."""


class TaxRegistration(msgspec.Struct, frozen=True, gc=False):
    """A legal entity's registration for tax in one country, valid in [``valid_from``, ``valid_to``)."""

    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the registration")]
    kind: Annotated[str, Meta(description="vat, gst, sales_tax, consumption_tax, oss")]
    number: Annotated[str, Meta(description="the registration number as printed on invoices")]
    valid_from: date = date.min
    valid_to: date = date.max


class BankAccount(msgspec.Struct, frozen=True, gc=False):
    """Where customers pay a legal entity."""

    name: str
    currency: str
    iban: str = ""
    bic: str = ""


class Tenant(msgspec.Struct, frozen=True, gc=False):
    """One user of the installation whose books are apart from everybody else's; part of every natural key."""

    key: str
    name: str


class LegalEntity(msgspec.Struct, frozen=True, gc=False):
    """A company that sells and keeps books.  Natural key: (tenant, key)."""

    tenant: Annotated[str, Meta(description="tenant key")]
    key: Annotated[str, Meta(description="legal entity key, as in import files")]
    name: Annotated[str, Meta(description="legal name")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of establishment")]
    functional_currency: Annotated[str, Meta(description="ISO 4217 currency that the books are kept in")]
    zone: Annotated[str, Meta(description="IANA time zone of its business days")]
    address: Annotated[str, Meta(description="address lines, separated by newlines")] = ""
    fiscal_year_start: Annotated[int, Meta(description="month in which the fiscal year begins, 1 to 12")] = 1
    registrations: tuple[TaxRegistration, ...] = ()
    bank_accounts: tuple[BankAccount, ...] = ()
    region: Annotated[str, Meta(description="state or province, ISO 3166-2 without the country")] = ""
    city: Annotated[str, Meta(description="city or town")] = ""
    postcode: Annotated[str, Meta(description="postal code")] = ""
    id: Annotated[int, Meta(description="id of this version of the record")] = 0
