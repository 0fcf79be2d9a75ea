"""What is asked of the books about allowances and about shares of other legal entities."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.model.accrual import INTERCOMPANY
from engine.store import tables as t
from engine.store.session import Session


def newest_day(session: Session, tenant: str, entity: str = "") -> date | None:
    """The last day that an allowance was booked for, of one legal entity or of any."""
    column = t.IMPAIRMENT.c
    mine = (column.tenant == tenant, *([column.entity == entity] if entity else []))
    found: date | None = session.connection.execute(sa.select(sa.func.max(column.on_day)).where(*mine)).scalar()
    return found


def booked(session: Session, tenant: str, entity: str) -> dict[str, Decimal]:
    """The allowance that stands, by customer."""
    column = t.IMPAIRMENT.c
    total = sa.func.sum(column.amount, type_=column.amount.type)
    mine = (column.tenant == tenant, column.entity == entity)
    rows = session.rows(sa.select(column.account, total).where(*mine).group_by(column.account))
    return {account: amount for account, amount in rows if amount}


def shared_lines(session: Session, tenant: str, since: date, through: date) -> Iterator[Any]:
    """Lines of documents dated from ``since`` to ``through`` that no other legal entity has a booked share in, in order of id."""
    line, head, payer = t.INVOICE_LINE.c, t.INVOICE.c, t.ACCOUNT.c
    done = sa.exists().where(t.INTERCOMPANY.c.line_id == line.id)
    fields = (line.id, line.entity, line.product, line.plan, line.charge, line.kind, line.contract)
    statement = (
        sa.select(*fields, payer.country, line.currency, line.amount, head.invoice_date)
        .join_from(t.INVOICE, t.INVOICE_LINE, line.invoice_id == head.id)
        .join(t.ACCOUNT, payer.id == head.payer_id)
        .where(head.tenant == tenant, head.invoice_date.between(since, through), line.amount != 0, ~done)
        .order_by(line.id)
    )
    yield from session.connection.execute(statement.execution_options(yield_per=1000))


def pairs(session: Session, tenant: str, through: date) -> list[Any]:
    """By legal entity, partner and currency: the shares, what the entity has booked as payable, what the partner has as receivable."""
    row, entry, posting = t.INTERCOMPANY.c, t.ENTRY.c, t.POSTING.c
    kind = row.amount.type
    zero = sa.literal(Decimal(0), kind)
    owing = sa.case(((entry.entity == row.entity) & (posting.number == 2), -posting.amount), else_=zero)
    owed = sa.case(((entry.entity == row.partner) & (posting.number == 1), posting.amount), else_=zero)
    once = sa.case(((entry.entity == row.entity) & (posting.number == 2), row.amount), else_=zero)
    keys = (row.entity, row.partner, row.currency)
    joined = (
        sa.select(*keys, *(sa.func.sum(one, type_=kind) for one in (once, owing, owed)))
        .join_from(t.INTERCOMPANY, t.ENTRY, (entry.document == row.id) & (entry.kind == INTERCOMPANY))
        .join(t.POSTING, posting.entry_id == entry.id)
        .where(row.tenant == tenant, entry.posting_date <= through)
    )
    return session.rows(joined.group_by(*keys).order_by(*keys))


def allowances(session: Session, tenant: str, document: int) -> list[Any]:
    """What the entry of a document has changed allowances by, in order of customer."""
    column = t.IMPAIRMENT.c
    mine = (column.tenant == tenant, column.document == document)
    return session.rows(sa.select(t.IMPAIRMENT).where(*mine).order_by(column.account))


def share(session: Session, tenant: str, ident: int) -> Any | None:
    """A share of another legal entity, by its id."""
    column = t.INTERCOMPANY.c
    rows = session.rows(sa.select(t.INTERCOMPANY).where(column.tenant == tenant, column.id == ident))
    return rows[0] if rows else None
