"""The rows that a billed partition leaves in the books, as tuples in the column order of their tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.model.effect import document_keys
from engine.model.invoice import Invoice, RatedCharge
from engine.model.journal import FxRate, JournalEntry

Row = tuple[Any, ...]
_CHARGE_FIELDS = RatedCharge.__struct_fields__


def line_rows(invoice_id: int, first_line: int, invoice: Invoice) -> Iterable[Row]:
    """Rows of ``invoice_line``."""
    draft = invoice.draft
    for line in invoice.lines:
        tax = line.tax
        yield (
            first_line + line.number - 1,
            invoice_id,
            line.number,
            draft.tenant,
            draft.entity,
            *msgspec.structs.astuple(line.charge),
            tax.rate,
            tax.amount,
            tax.category,
            tax.jurisdiction,
            tax.source,
            tax.reason,
            line.tax_decision,
        )


def invoice_row(
    invoice_id: int,
    invoice: Invoice,
    sequence: int,
    number: str,
    rate: FxRate,
    functional_total: Decimal,
    run_id: int,
    seller_id: int,
) -> Row:
    """A row of ``invoice``; its period is its date, ``seller_id`` the version of the legal entity that issues it."""
    draft = invoice.draft
    return (
        invoice_id,
        draft.tenant,
        draft.entity,
        invoice.kind,
        invoice.series,
        sequence,
        number,
        draft.payer,
        draft.payer_id,
        draft.currency,
        draft.invoice_date,
        draft.tax_point,
        draft.due_date,
        draft.purchase_order,
        draft.invoice_date.isoformat(),
        draft.group,
        invoice.net,
        invoice.tax,
        invoice.total,
        rate.quote,
        functional_total,
        rate.rate,
        rate.source,
        rate.on,
        draft.decision,
        invoice.numbering,
        run_id,
        seller_id,
    )


def entry_row(entry_id: int, entry: JournalEntry, document: int, run_id: int) -> Row:
    """A row of ``entry``."""
    return (entry_id, entry.tenant, entry.entity, entry.kind, entry.posting_date, document, entry.text, run_id)


def posting_rows(entry_id: int, entry: JournalEntry, first_line: int) -> Iterable[Row]:
    """Rows of ``posting``; postings name lines by number, ``first_line`` is the id of line 1."""
    tenant, entity = entry.tenant, entry.entity
    for number, p in enumerate(entry.postings, 1):
        yield (
            entry_id,
            number,
            tenant,
            entity,
            p.account,
            p.currency,
            p.amount,
            p.functional_currency,
            p.functional_amount,
            p.rate,
            p.rate_source,
            p.rate_on,
            first_line + p.line - 1 if p.line else 0,
            p.decision,
        )


def effect_key(invoice: Invoice) -> str:
    """The key of what is told of an invoice; see :func:`engine.model.effect.document_keys`."""
    draft = invoice.draft
    return document_keys(draft.tenant, draft.entity, draft.payer, draft.invoice_date, invoice.kind, draft.group)[0]


def detail_rows(first_detail: int, first_line: int, invoice_id: int, invoice: Invoice) -> Iterable[Row]:
    """Rows of ``tax_detail``: the parts of the tax of lines that have such."""
    draft, ident = invoice.draft, first_detail
    for line in invoice.lines:
        for number, part in enumerate(line.tax.details, 1):
            line_id = first_line + line.number - 1
            yield (ident, draft.tenant, draft.entity, invoice_id, line_id, number, *msgspec.structs.astuple(part))
            ident += 1


def effect_row(
    effect_id: int, invoice: Invoice, invoice_id: int, adapter: str, run_id: int, port: str = "delivery"
) -> Row:
    """A row of ``effect``: deliver the invoice, or tell a tax provider of it.  Its key is the invoice's natural key, so that
    it can be told once only."""
    draft, key = invoice.draft, effect_key(invoice)
    return (
        effect_id,
        draft.tenant,
        draft.entity,
        port,
        "invoice" if port == "delivery" else "tax-refund" if invoice.kind == "credit_note" else "tax-commit",
        key,
        {"invoice_id": invoice_id},
        "pending",
        adapter,
        0,
        None,
        None,
        run_id,
    )


def audit_row(audit_id: int, tenant: str, change: Sequence[Any], subject: str, after: Any, run_id: int) -> Row:
    """A row of ``audit`` for a new document; ``change`` is (at, who, reason)."""
    at, who, reason = change
    return (audit_id, tenant, at, who, reason, "issue", subject, None, after, run_id)
