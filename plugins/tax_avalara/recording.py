"""Issued documents as AvaTax records them, and whether what it has is what was told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.ports.hookspecs.tax import TaxDocument, TaxLine

from .quoting import addresses, customer, exemption
from .wire import INVOICE, RETURN, Transaction

AS_INVOICED: Final = "The tax as it was invoiced"
TAX_POINT: Final = "The day that decides the rate"


def type_of(document: TaxDocument) -> str:
    """What AvaTax calls such a document; it looks documents up by code and type."""
    return RETURN if document.kind == "credit_note" else INVOICE


def document_of(
    document: TaxDocument,
    mark: str,
    company: str,
    adapter: str,
    codes: Mapping[str, str],
    absent: str,
    exact: bool,
) -> dict[str, Any]:
    """A document to be recorded and committed.

    Lines whose tax the adapter did not quote, and credits, have their tax told; with ``exact``, all lines have.
    """
    fields: dict[str, Any] = {
        "type": type_of(document),
        "code": document.number,
        "companyCode": company,
        "date": document.invoice_date.isoformat(),
        "customerCode": customer(document.account),
        "currencyCode": document.currency,
        "referenceCode": mark,
        "commit": True,
        "addresses": addresses(document.ship_from, document.ship_to),
        "lines": [_line(line, adapter, codes, exact) for line in document.lines],
        **exemption(document.exempt, document.certificate, document.use_code, absent),
    }
    if document.buyer_tax_id:
        fields["businessIdentificationNo"] = document.buyer_tax_id
    day = document.preceding.invoice_date if document.preceding else document.tax_point
    if day != document.invoice_date:
        fields["taxOverride"] = {"type": "TaxDate", "taxDate": day.isoformat(), "reason": TAX_POINT}
    return fields


def _line(line: TaxLine, adapter: str, codes: Mapping[str, str], exact: bool) -> dict[str, Any]:
    fields = {
        "number": str(line.number),
        "quantity": 1,
        "amount": line.amount,
        "taxCode": codes.get(line.tax_code, line.tax_code),
        "itemCode": line.product[:50],
        "description": line.text[:2000],
    }
    if exact or line.source != adapter or line.amount < 0:
        fields["taxOverride"] = {"type": "TaxAmount", "taxAmount": line.tax, "reason": AS_INVOICED}
    return fields


def other(document: TaxDocument, mark: str, found: Transaction) -> str:
    """Why a document that AvaTax has under the number is not the one that is told; empty where it is."""
    if found.referenceCode != mark:
        return f"AvaTax has another document {document.number}, which was not told by this key"
    if found.totalAmount != document.net or found.currencyCode != document.currency:
        return f"AvaTax has {document.number} with a net amount of {found.totalAmount} {found.currencyCode}"
    return ""
