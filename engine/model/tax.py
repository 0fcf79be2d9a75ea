"""Tax as asked and as answered.  A rate is a share: 0.19 is 19 %."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.base.money import round_to, tax_within


class Address(msgspec.Struct, frozen=True, gc=False):
    """A place, as far as it is known; what is not known is empty."""

    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2")]
    region: Annotated[str, Meta(description="state or province, ISO 3166-2 without the country")] = ""
    city: Annotated[str, Meta(description="city or town")] = ""
    postcode: Annotated[str, Meta(description="postal code")] = ""
    lines: Annotated[tuple[str, ...], Meta(description="street and what else stands above the city")] = ()


class TaxRequest(msgspec.Struct, frozen=True, gc=False):
    """What a tax adapter is asked about one invoice line.  ``key`` comes back in the quote."""

    key: Annotated[str, Meta(description="identifies the line within the batch")]
    tenant: Annotated[str, Meta(description="tenant key")]
    entity: Annotated[str, Meta(description="key of the selling legal entity")]
    seller_country: Annotated[str, Meta(description="ISO 3166-1 alpha-2")]
    seller_registered_in: Annotated[
        tuple[str, ...], Meta(description="countries in which the seller is registered for tax")
    ]
    account: Annotated[str, Meta(description="key of the buying account; no personal data")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the place of supply")]
    region: Annotated[str | None, Meta(description="state or province of the place of supply")]
    buyer_tax_id: Annotated[str | None, Meta(description="the buyer's tax registration number, if it has one")]
    exempt: Annotated[bool, Meta(description="whether a certificate exempts the buyer from tax")]
    tax_code: Annotated[str, Meta(description="the charge's tax code")]
    tax_point: Annotated[date, Meta(description="day that decides the rate")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the invoice")]
    amount: Annotated[
        Decimal, Meta(description="amount in transaction currency, credits negative; net, unless the tax is included")
    ]
    document: Annotated[str, Meta(description="what the lines of one invoice share within the batch")] = ""
    ship_from: Annotated[Address | None, Meta(description="where the seller supplies from, if that is known")] = None
    ship_to: Annotated[Address | None, Meta(description="the place of supply in full, if that is known")] = None
    certificate: Annotated[str | None, Meta(description="number of the certificate that exempts the buyer")] = None
    exemption_reason: Annotated[str | None, Meta(description="why the buyer is exempt")] = None
    use_code: Annotated[str | None, Meta(description="entity use code of the exemption, such as A for a state")] = None
    tax_included: Annotated[bool, Meta(description="whether the amount includes the tax that is asked for")] = False

    one_stop_shop: Annotated[
        str | None,
        Meta(
            description="member state in which the seller is registered for the one-stop shop (Union scheme), if it is"
        ),
    ] = None

    seller_region: Annotated[
        str, Meta(description="state or province of the seller, ISO 3166-2 without the country")
    ] = ""

    def tax_at(self, rate: Decimal) -> Decimal:
        """The tax at a rate, a share of the net amount, rounded to the currency's minor unit: on the amount, or within it."""
        if self.tax_included:
            return tax_within(self.amount, rate, self.currency)
        return round_to(self.amount * rate, self.currency)


class TaxDetail(msgspec.Struct, frozen=True, gc=False):
    """The part of a line's tax that one jurisdiction levies."""

    jurisdiction: Annotated[str, Meta(description="who levies it: US-NY, or US-NY/NEW YORK CITY for a part of a state")]
    level: Annotated[str, Meta(description="country, state, county, city or special")]
    rate: Annotated[Decimal, Meta(description="share of what is taxable")]
    taxable: Annotated[Decimal, Meta(description="what it is levied on")]
    amount: Annotated[Decimal, Meta(description="the tax")]
    name: Annotated[str, Meta(description="what the tax is called")] = ""


class TaxQuote(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An answer: the tax on one line.  Quotes are estimates; committing a document is an effect of its own."""

    key: Annotated[str, Meta(description="key of the request")]
    rate: Annotated[Decimal, Meta(description="share of the net amount, 0.19 for 19 %")]
    amount: Annotated[Decimal, Meta(description="tax in transaction currency, rounded to its minor unit")]
    category: Annotated[str, Meta(description="EN 16931 VAT category: S, Z, E, AE, K, G, O; S for sales taxes too")]
    jurisdiction: Annotated[str, Meta(description="who levies it: DE, US-NY")]
    source: Annotated[str, Meta(description="adapter that answered, or 'rules' for the tax family")]
    reason: Annotated[str, Meta(description="why there is no tax, as printed on the invoice")] = ""
    details: Annotated[
        tuple[TaxDetail, ...], Meta(description="the parts of the tax by jurisdiction, which add up to it; or none")
    ] = ()
