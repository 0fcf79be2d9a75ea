"""Whether what a tax adapter answers beside quotes is within the contract: parts of a tax, lists of documents, addresses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

from engine.model.tax import Address, TaxDetail, TaxQuote
from engine.ports.hookspecs.tax import (
    LONGEST_CURSOR,
    AddressRequest,
    ProviderDocument,
    ResolvedAddress,
    TaxListing,
    TaxListRequest,
)

LEVELS: Final = ("country", "state", "county", "city", "special")
"""Who may levy a part of a tax."""


def details_flaw(quote: TaxQuote) -> str:
    """What is wrong with the parts of a tax; empty where nothing is, or where there are none."""
    if not quote.details:
        return ""
    for detail in quote.details:
        if not isinstance(detail, TaxDetail) or detail.level not in LEVELS or not detail.jurisdiction:
            return f"answered a part of the tax that names no jurisdiction or none of the levels {', '.join(LEVELS)}"
        if not all(_number(value) for value in (detail.rate, detail.taxable, detail.amount)):
            return "answered a part of the tax with what is no finite Decimal"
    parts = sum(detail.amount for detail in quote.details)
    return (
        "" if parts == quote.amount else f"answered parts of the tax that add up to {parts} instead of {quote.amount}"
    )


def listing_flaws(request: TaxListRequest, listing: Any) -> str:
    """What is wrong with a list of documents; empty where nothing is."""
    if not isinstance(listing, TaxListing):
        return f"answered {type(listing).__name__} instead of TaxListing"
    documents: Any = listing.documents
    if not isinstance(documents, (tuple, list)):
        return "answered documents that are no list"
    if not isinstance(listing.cursor, str) or len(listing.cursor) > LONGEST_CURSOR:
        return f"answered a cursor that is no text of at most {LONGEST_CURSOR} characters"
    if listing.cursor and listing.cursor == request.cursor:
        return "answered that there are more documents, without a cursor that moves on"
    return next((flaw for document in documents if (flaw := _document_flaw(request, document))), "")


def _document_flaw(request: TaxListRequest, document: Any) -> str:
    if not isinstance(document, ProviderDocument) or not isinstance(document.number, str) or not document.number:
        return "answered a document without a number"
    if not isinstance(document.day, date) or not request.since <= document.day < request.until:
        return f"answered a document of {document.day}, which was not asked for"
    if not _number(document.net) or not _number(document.tax):
        return f"answered the document {document.number!r} with what is no finite Decimal"
    if document.state not in ("committed", "open", "void"):
        return f"answered the state {document.state!r}, which is none of committed, open, void"
    return ""


def address_flaws(request: AddressRequest, answer: Any) -> str:
    """What is wrong with what became of an address; empty where nothing is."""
    if not isinstance(answer, ResolvedAddress):
        return f"answered {type(answer).__name__} instead of ResolvedAddress"
    if answer.address is None:
        return "" if answer.message else "answered neither an address nor why there is none"
    return "" if isinstance(answer.address, Address) else "answered an address that is no Address"


def _number(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_finite()
