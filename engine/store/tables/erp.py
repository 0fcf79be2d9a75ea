"""Which journal entries were posted to the general ledger of another system, and as what."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, ident, index, table, text, unique

ERP_DOCUMENT: Final = table(
    "erp_document",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("adapter"),
    day("posting_date"),
    text("currency"),
    text("functional_currency"),
    amount("debit"),
    amount("functional_debit"),
    big("entries"),
    big("again"),
    unique("tenant", "key"),
    index("tenant", "posting_date"),
)
"""A document.  ``debit`` is what its debits come to, ``again`` how often it was posted anew; the key of its effect has that, too.
Without an effect nothing was to be posted."""

ERP_ENTRY: Final = table(
    "erp_entry",
    big("entry_id", key=True),
    big("part", key=True),
    text("tenant"),
    text("currency"),
    big("document_id"),
    big("decision"),
    index("document_id"),
    clustered=True,
)
"""The postings of an entry in one currency, its ``part``-th, and the document that they are in."""
