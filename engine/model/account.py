"""Who buys: customer accounts.  An Account is not a GLAccount (``journal``)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.model.attribute import AccountAttributes


class Account(msgspec.Struct, frozen=True, gc=False):
    """A customer of one legal entity.  Natural key: (tenant, entity, key).

    ``id`` names the version of the record, not the customer: a change makes a new version, and an invoice line keeps
    the id of the version that it was decided on.
    """

    id: Annotated[int, Meta(description="id of this version of the record")]
    tenant: Annotated[str, Meta(description="tenant key")]
    entity: Annotated[str, Meta(description="key of the legal entity that sells to it")]
    key: Annotated[str, Meta(description="account key, as in import files")]
    name: Annotated[str, Meta(description="name on invoices")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country that it is taxed in")]
    currency: Annotated[str, Meta(description="ISO 4217 currency that it is invoiced in")]
    zone: Annotated[str, Meta(description="IANA time zone in which its days begin")]
    payer: Annotated[
        str, Meta(description="key of the account that receives its invoices; its own key unless a parent pays")
    ]
    parent: Annotated[str | None, Meta(description="key of the parent account")] = None
    region: Annotated[str | None, Meta(description="state or province, ISO 3166-2 without the country")] = None
    segment: Annotated[str, Meta(description="commercial segment, such as enterprise, business, consumer")] = "business"
    language: Annotated[str, Meta(description="ISO 639-1 language of its documents")] = "en"
    tax_id: Annotated[str | None, Meta(description="its tax registration number, if it has one")] = None
    tax_exempt: Annotated[bool, Meta(description="whether a certificate exempts it from tax")] = False
    email: Annotated[str | None, Meta(description="where invoices are sent")] = None
    address: Annotated[str, Meta(description="address lines, separated by newlines")] = ""
    city: Annotated[str, Meta(description="city or town")] = ""
    postcode: Annotated[str, Meta(description="postal code")] = ""
    attributes: Annotated[
        AccountAttributes, Meta(description="attributes of the customer, as rules/attributes.yaml declares them")
    ] = AccountAttributes()
