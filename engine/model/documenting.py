"""Documents: what the rules know when they choose how one looks, and which fields they may require of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.account import Account
from engine.model.entity import LegalEntity


class DocumentFacts(msgspec.Struct, frozen=True, gc=False):
    """What the family ``documents`` is asked about: one invoice, credit note or corrected invoice."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that issues it")]
    account: Annotated[Account, Meta(description="who it is for")]
    kind: Annotated[
        Literal["invoice", "credit_note", "corrected_invoice", "debit_note", "advance_invoice"],
        Meta(description="what kind of document it is"),
    ]
    invoice_date: Annotated[date, Meta(description="its date")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the document")]
    total: Annotated[Decimal, Meta(description="its total with tax, below zero where it gives back")]
    contract_type: Annotated[
        str, Meta(description="type of the contract that its lines are under; empty where they have none, or several")
    ] = ""


_PARTY: Final = {
    "name": "name",
    "address": "street and house",
    "city": "town",
    "postcode": "postal code",
    "region": "state or province",
    "country": "country",
    "legal_id": "number in a register of companies",
    "legal_scheme": "register that the number is of",
    "endpoint": "electronic address for e-invoices",
    "endpoint_scheme": "kind of the electronic address",
    "contact.name": "person or desk that answers questions",
    "contact.phone": "telephone of that desk",
    "contact.email": "mail address of that desk",
}
FIELDS: Final[Mapping[str, str]] = {
    **{f"seller.{name}": f"{text} of the seller" for name, text in _PARTY.items()},
    "seller.registrations": "a tax registration of the seller",
    "seller.bank_accounts": "a bank account of the seller",
    **{f"buyer.{name}": f"{text} of the buyer" for name, text in _PARTY.items()},
    "buyer.tax_id": "tax registration number of the buyer",
    "buyer.email": "mail address of the buyer",
    "buyer.reference": "what the buyer wants named",
    "purchase_order": "the buyer's order number",
    "due_date": "day to pay by",
    "tax_point": "day on which tax is due",
    "preceding": "the earlier document that it refers to",
    "lines.tax_code": "code of the product for tax, on every line",
    "lines.unit": "unit of the quantity, on every line",
}
"""Fields of documents that rules may require, and what they are."""

ATTRIBUTES: Final = "fields."
"""What the name of a field begins with that is an attribute of the account."""
EITHER: Final = " or "
"""Between the names of fields one of which is enough."""


def absent(document: Mapping[str, Any], required: str) -> bool:
    """Whether a document, as plain values, has none of the fields that ``required`` names."""
    return not any(_has(document, name.split(".")) for name in required.split(EITHER))


def _has(value: Any, path: list[str]) -> bool:
    """Whether there is something at a path; of a list, in every one of its items."""
    if path and path[0] == "fields":
        return any(one["key"] == path[1] and one["value"] for one in value.get("fields", ()))
    if not path:
        return bool(value)
    if isinstance(value, list):
        return bool(value) and all(_has(one, path) for one in value)
    return isinstance(value, dict) and _has(value.get(path[0]), path[1:])
