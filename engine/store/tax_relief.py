"""Reads about documents of which a part was given up: what was posted for it, and what they are taxed at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from engine.model.tax_correction import TAX
from engine.store import query
from engine.store.session import Session
from engine.store.tables import ENTRY, INVOICE, INVOICE_LINE, POSTING, SETTLEMENT, TAX_CODE

GIVEN_UP: Final = "write_off"
"""The kind of acts that give something up, and of those that take it back."""


def given_up(session: Session, tenant: str, since: date, until: date, entity: str = "") -> list[Any]:
    """What acts from ``since`` up to but not including ``until`` have posted: rows with (entity, document, item, day, currency,
    cause, amount, account, posted), those of one act together; ``amount`` is what the act adds to what is open of the item,
    ``posted`` a debit in the same currency.  What takes an act back has
    its cause, and the document of the act where all of it is."""
    act, first, entry, posting = SETTLEMENT.c, SETTLEMENT.alias("first").c, ENTRY.c, POSTING.c
    cause = sa.func.coalesce(first.note, act.note).label("cause")
    of = sa.case((act.key.startswith("undo/"), first.item), else_=act.item).label("item")
    keys = (act.entity, act.document, of, act.day, act.currency, cause, act.amount, posting.account)
    same = (entry.document == act.document) & (entry.tenant == act.tenant) & (entry.kind == "settlement")
    before = (first.tenant == act.tenant) & (first.entity == act.entity) & (first.key == act.source)
    statement = (
        sa.select(*keys, sa.func.sum(posting.amount, type_=posting.amount.type).label("posted"))
        .join_from(SETTLEMENT, ENTRY, same)
        .join(POSTING, (posting.entry_id == entry.id) & (posting.currency == act.currency))
        .join(first.note.table, before & (first.part == act.part) & (act.source != ""), isouter=True)
        .where(act.tenant == tenant, act.kind == GIVEN_UP, act.item != 0, act.day >= since, act.day < until)
        .group_by(*keys)
        .order_by(act.document, posting.account)
    )
    return session.rows(statement.where(act.entity == entity) if entity else statement)


def taxed(session: Session, documents: Sequence[int]) -> list[Any]:
    """What some documents are taxed at: rows with (item, tax_point, jurisdiction, category, rate, tax_code, code, net, tax)."""
    line, known = INVOICE_LINE.c, TAX_CODE.c
    keys = (
        *(
            line.invoice_id.label("item"),
            INVOICE.c.tax_point,
            line.tax_jurisdiction.label("jurisdiction"),
            line.tax_category.label("category"),
        ),
        *(line.tax_rate.label("rate"), line.tax_code),
        sa.func.coalesce(known.reporting_code, line.tax_code).label("code"),
    )
    sums = [
        sa.func.sum(column, type_=column.type).label(name)
        for name, column in (("net", line.amount), ("tax", line.tax_amount))
    ]
    statement = (
        sa.select(*keys, *sums)
        .join_from(INVOICE_LINE, INVOICE, INVOICE.c.id == line.invoice_id)
        .join(TAX_CODE, (known.tenant == line.tenant) & (known.key == line.tax_code), isouter=True)
        .where(query.among(session.dialect, line.invoice_id, "documents"), line.kind != TAX)
        .group_by(*keys)
        .order_by(*keys)
    )
    return list(session.connection.execute(statement, {"documents": list(documents)}))
