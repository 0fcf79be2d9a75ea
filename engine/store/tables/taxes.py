"""The parts of the tax of invoice lines, by the jurisdiction that levies them."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, ident, rate, table, text, unique

TAX_DETAIL: Final = table(
    "tax_detail",
    ident(),
    text("tenant"),
    text("entity"),
    big("invoice_id"),
    big("line_id"),
    big("number"),
    text("jurisdiction"),
    text("level"),
    rate("rate"),
    amount("taxable"),
    amount("amount"),
    text("name"),
    unique("line_id", "number"),
)
"""``number`` counts the parts of a line.  Lines whose tax is of one piece, or was not quoted by a provider, have none."""
