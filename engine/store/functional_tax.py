"""What the tax of invoices was posted as in functional currency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.store import query
from engine.store.session import Session
from engine.store.tables import ENTRY, INVOICE, INVOICE_LINE, POSTING


def functional_taxes(session: Session, ids: Sequence[int]) -> dict[int, Decimal]:
    """The sum of the tax postings of invoices in functional currency, by id of the invoice; it has the sign of their tax.

    A line is posted as what it charges, and then as its tax: of its postings that come to its tax, the last one is that.
    """
    if not ids:
        return {}
    posting, entry, line, head = POSTING.c, ENTRY.c, INVOICE_LINE.c, INVOICE.c
    mine = (entry.tenant == head.tenant) & (entry.entity == head.entity) & (entry.document == head.id)
    statement = (
        sa.select(head.id, posting.line_id, posting.functional_amount)
        .join_from(INVOICE, ENTRY, mine & (entry.kind == "invoice"))
        .join(POSTING, posting.entry_id == entry.id)
        .join(INVOICE_LINE, (line.id == posting.line_id) & (line.tax_amount != 0))
        .where(query.among(session.dialect, head.id, "ids"), posting.amount + line.tax_amount == 0)
        .order_by(posting.entry_id, posting.number)
    )
    found: dict[int, dict[int, Decimal]] = defaultdict(dict)
    for ident, line_id, amount in session.connection.execute(statement, {"ids": list(ids)}):
        found[ident][line_id] = -amount
    return {ident: sum(found[ident].values(), ZERO) for ident in ids}
