"""What credits need of the lines that they credit."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.invoice import Reversible
from engine.model.journal import FxRate
from engine.model.tax import TaxQuote
from engine.store import query
from engine.store import tables as t
from engine.store.session import Session


def reversible(session: Session, ids: Sequence[int]) -> dict[int, Reversible]:
    """Billed lines by id: their tax, what earlier credits left of them, and the rate of their invoice."""
    line, invoice = t.INVOICE_LINE, t.INVOICE
    parameters = {"ids": sorted(set(ids))}
    given = session.connection.execute(
        sa.select(
            line.c.credits,
            sa.func.sum(line.c.amount, type_=line.c.amount.type),
            sa.func.sum(line.c.tax_amount, type_=line.c.tax_amount.type),
        )
        .where(query.among(session.dialect, line.c.credits, "ids"), sa.literal_column("invoice_line.credits <> 0"))
        .group_by(line.c.credits),
        parameters,
    )
    back = {credited: (net, tax) for credited, net, tax in given}
    rows = session.connection.execute(
        sa.select(line, invoice.c.functional_currency, invoice.c.rate, invoice.c.rate_source, invoice.c.rate_on)
        .join_from(line, invoice, invoice.c.id == line.c.invoice_id)
        .where(query.among(session.dialect, line.c.id, "ids")),
        parameters,
    )
    found = {}
    for row in rows:
        net, tax = back.get(row.id, (ZERO, ZERO))
        quote = TaxQuote(
            "", row.tax_rate, row.tax_amount, row.tax_category, row.tax_jurisdiction, row.tax_source, row.tax_reason
        )
        rate = FxRate(row.currency, row.functional_currency, row.rate, row.rate_source, row.rate_on)
        found[row.id] = Reversible(quote, row.tax_decision, row.amount + net, row.tax_amount + tax, rate)
    return found
