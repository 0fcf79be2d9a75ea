"""What stands beside legal numbers, and the steps of documents that an authority clears."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, document, ident, index, moment, table, text, unique

NUMBER_MARK: Final = table(
    "number_mark",
    ident(),
    text("tenant"),
    text("entity"),
    text("series"),
    big("sequence"),
    text("code"),
    text("signer"),
    text("entered"),
    text("text"),
    text("signature"),
    text("printed"),
    unique("tenant", "entity", "series", "sequence"),
)
"""One row for each document whose series has a code or a chain; its id is that of the invoice."""

CLEARANCE_STEP: Final = table(
    "clearance_step",
    ident(),
    text("tenant"),
    text("entity"),
    big("invoice_id"),
    big("step"),
    text("state"),
    moment("at"),
    text("key"),
    text("adapter"),
    big("payer_id"),
    text("authority_id"),
    text("qr"),
    text("reason"),
    document("evidence"),
    big("decision"),
    big("run_id"),
    unique("invoice_id", "step"),
    index("tenant", "state"),
)
"""What became of a document that an authority has to clear, step by step; the last step says how it stands.  ``key`` is that of
the effect that submits it, ``payer_id`` the version of the buyer that it names."""
