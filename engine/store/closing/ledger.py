"""The journal against the documents it is of, and what its accounts come to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.store import query, types
from engine.store import tables as t
from engine.store.session import Session

_ENTRY, _POSTING, _LINE, _INVOICE = t.ENTRY.c, t.POSTING.c, t.INVOICE_LINE.c, t.INVOICE.c
_OF_INVOICES = "invoice"
"""Kind of the entry that books a document of the engine."""


def _entries(tenant: str, entity: str, first: date, last: date) -> tuple[sa.ColumnElement[bool], ...]:
    return (_ENTRY.tenant == tenant, _ENTRY.entity == entity, _ENTRY.posting_date.between(first, last))


def _documents(tenant: str, entity: str, first: date, last: date) -> tuple[sa.ColumnElement[bool], ...]:
    return (_INVOICE.tenant == tenant, _INVOICE.entity == entity, _INVOICE.invoice_date.between(first, last))


def postings_without_line(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """Postings of some days whose line, or whose document, is not there: (entry, kind, account, currency, amount, day)."""
    brought = sa.exists().where(t.OPENING_LINE.c.id == _POSTING.line_id)
    lineless = (_POSTING.line_id != 0) & _LINE.id.is_(None) & ~brought
    homeless = (_ENTRY.kind == _OF_INVOICES) & _INVOICE.id.is_(None)
    fields = (_ENTRY.id, _ENTRY.kind, _POSTING.account, _POSTING.currency, _POSTING.amount, _ENTRY.posting_date)
    statement = (
        sa.select(*fields)
        .join_from(t.ENTRY, t.POSTING, _POSTING.entry_id == _ENTRY.id)
        .join(t.INVOICE_LINE, (_LINE.id == _POSTING.line_id) & (_POSTING.line_id != 0), isouter=True)
        .join(t.INVOICE, _INVOICE.id == _ENTRY.document, isouter=True)
        .where(*_entries(tenant, entity, first, last), lineless | homeless)
    )
    return session.rows(statement.order_by(_ENTRY.id, _POSTING.number))


def lines_without_posting(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """Lines of documents of some days that nothing was posted for: (number, line, currency, amount, day)."""
    posted = (
        sa.select(_POSTING.line_id)
        .join_from(t.ENTRY, t.POSTING, _POSTING.entry_id == _ENTRY.id)
        .where(_ENTRY.tenant == tenant, _ENTRY.entity == entity, _ENTRY.kind == _OF_INVOICES, _POSTING.line_id != 0)
        .where(_ENTRY.posting_date >= first)
    )
    there = _LINE.id.in_(posted)
    statement = (
        sa.select(_INVOICE.number, _LINE.number.label("line"), _LINE.currency, _LINE.amount, _INVOICE.invoice_date)
        .join_from(t.INVOICE, t.INVOICE_LINE, _LINE.invoice_id == _INVOICE.id)
        .where(*_documents(tenant, entity, first, last), _LINE.amount != 0, ~there)
    )
    return session.rows(statement.order_by(_INVOICE.number, _LINE.number))


def posted_otherwise(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """Documents of some days, and their lines, that are posted with another amount than theirs: (number, line, currency, amount,
    posted, day), where line 0 is the whole.  Lines that are not posted at all are left out."""
    posted = (
        sa.select(
            _ENTRY.document,
            _POSTING.line_id,
            sa.func.sum(_POSTING.amount, type_=_POSTING.amount.type).label("amount"),
        )
        .join_from(t.ENTRY, t.POSTING, _POSTING.entry_id == _ENTRY.id)
        .join(t.INVOICE, _INVOICE.id == _ENTRY.document)
        .where(*_documents(tenant, entity, first, last), _ENTRY.kind == _OF_INVOICES)
        .group_by(_ENTRY.document, _POSTING.line_id)
        .subquery()
        .c
    )
    owed, nothing = _LINE.amount + _LINE.tax_amount, sa.literal(0, _INVOICE.total.type)
    whole = sa.func.coalesce(posted.amount, nothing)
    heads = (
        sa.select(_INVOICE.number, sa.literal(0).label("line"), _INVOICE.currency, _INVOICE.total.label("amount"))
        .add_columns(sa.type_coerce(whole, _INVOICE.total.type).label("posted"), _INVOICE.invoice_date)
        .join_from(
            t.INVOICE, posted.document.table, (posted.document == _INVOICE.id) & (posted.line_id == 0), isouter=True
        )
        .where(*_documents(tenant, entity, first, last), _INVOICE.total != whole)
    )
    parts = (
        sa.select(_INVOICE.number, _LINE.number.label("line"), _INVOICE.currency)
        .add_columns(sa.type_coerce(owed, _LINE.amount.type).label("amount"))
        .add_columns(sa.type_coerce(-posted.amount, _LINE.amount.type).label("posted"), _INVOICE.invoice_date)
        .join_from(t.INVOICE, t.INVOICE_LINE, _LINE.invoice_id == _INVOICE.id)
        .join(posted.document.table, (posted.document == _INVOICE.id) & (posted.line_id == _LINE.id))
        .where(*_documents(tenant, entity, first, last), owed + posted.amount != 0)
    )
    return [
        row for statement in (heads, parts) for row in session.rows(statement.order_by(_INVOICE.number, sa.text("2")))
    ]


def lines_without_contract(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """Lines of documents of some days that name a contract, or a line of one, that is not there: (number, line, contract, currency,
    amount, day)."""
    contract, price = t.CONTRACT.c, t.CONTRACT_LINE.c
    known = sa.exists().where(
        contract.tenant == _LINE.tenant, contract.entity == _LINE.entity, contract.key == _LINE.contract
    )
    priced = sa.exists().where(price.id == _LINE.contract_line_id)
    lost = ((_LINE.contract != "") & ~known) | ((_LINE.contract_line_id != 0) & ~priced)
    fields = (_INVOICE.number, _LINE.number.label("line"), _LINE.contract, _LINE.currency, _LINE.amount)
    statement = (
        sa.select(*fields, _INVOICE.invoice_date)
        .join_from(t.INVOICE, t.INVOICE_LINE, _LINE.invoice_id == _INVOICE.id)
        .where(*_documents(tenant, entity, first, last), lost)
    )
    return session.rows(statement.order_by(_INVOICE.number, _LINE.number))


def other_dates(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """Documents whose entry has another date, where either is one of some days: (number, currency, total, invoice_date,
    posting_date)."""
    days = _INVOICE.invoice_date.between(first, last) | _ENTRY.posting_date.between(first, last)
    statement = (
        sa.select(_INVOICE.number, _INVOICE.currency, _INVOICE.total, _INVOICE.invoice_date, _ENTRY.posting_date)
        .join_from(t.INVOICE, t.ENTRY, (_ENTRY.document == _INVOICE.id) & (_ENTRY.kind == _OF_INVOICES))
        .where(_INVOICE.tenant == tenant, _INVOICE.entity == entity, _ENTRY.posting_date != _INVOICE.invoice_date, days)
    )
    return session.rows(statement.order_by(_INVOICE.number))


def balances(session: Session, tenant: str, entity: str, last: date, accounts: Sequence[str]) -> list[Any]:
    """What GL accounts come to at the end of a day, where that is not nothing: (account, currency, amount, since), where ``since``
    is the day of the newest posting."""
    total = t.LEDGER_TOTAL.c
    amount = sa.func.sum(total.amount, type_=total.amount.type)
    since = sa.func.max(total.posting_date, type_=total.posting_date.type)
    statement = (
        sa.select(total.account, total.currency, amount.label("amount"), since.label("since"))
        .where(total.tenant == tenant, total.entity == entity, total.posting_date <= last)
        .where(query.among(session.dialect, total.account, "accounts", types.TextList))
        .group_by(total.account, total.currency)
        .having(amount != 0)
        .order_by(total.account, total.currency)
    )
    return session.rows(statement, accounts=list(accounts))


def untold_entries(session: Session, tenant: str, entity: str, last: date) -> list[Any]:
    """Entries up to a day that are in no document of another system, added up: (kind, month, count, debit, since), in functional
    currency."""
    told = sa.exists().where(t.ERP_ENTRY.c.entry_id == _ENTRY.id)
    kind = _POSTING.functional_amount.type
    debit = sa.case((_POSTING.functional_amount > 0, _POSTING.functional_amount), else_=sa.literal(0, kind))
    one = (
        sa.select(_ENTRY.id, _ENTRY.kind, _ENTRY.posting_date, sa.func.sum(debit, type_=kind).label("debit"))
        .join_from(t.ENTRY, t.POSTING, _POSTING.entry_id == _ENTRY.id)
        .where(_ENTRY.tenant == tenant, _ENTRY.entity == entity, _ENTRY.posting_date <= last, ~told)
        .group_by(_ENTRY.id, _ENTRY.kind, _ENTRY.posting_date)
        .subquery()
        .c
    )
    keys = (one.kind, one.posting_date)
    statement = sa.select(*keys, sa.func.count().label("entries"), sa.func.sum(one.debit, type_=kind).label("debit"))
    return session.rows(statement.group_by(*keys).order_by(*keys))


def moved(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """How GL accounts got from the first to the last of some days: (account, currency, opening, debits, credits, closing,
    functional_currency, functional_opening, functional_debits, functional_credits, functional_closing); credits are below zero."""
    within = _ENTRY.posting_date >= first
    keys = (_POSTING.account, _POSTING.currency, _POSTING.functional_currency)
    statement = (
        sa.select(*keys[:2], *_rolled(_POSTING.amount, within, ""))
        .add_columns(keys[2], *_rolled(_POSTING.functional_amount, within, "functional_"))
        .join_from(t.ENTRY, t.POSTING, _POSTING.entry_id == _ENTRY.id)
        .where(_ENTRY.tenant == tenant, _ENTRY.entity == entity, _ENTRY.posting_date <= last)
    )
    return session.rows(statement.group_by(*keys).order_by(*keys))


def _rolled(amount: sa.Column[Any], within: sa.ColumnElement[bool], name: str) -> list[sa.ColumnElement[Any]]:
    nothing = sa.literal(0, amount.type)
    sums = {
        "opening": sa.case((within, nothing), else_=amount),
        "debits": sa.case((within & (amount > 0), amount), else_=nothing),
        "credits": sa.case((within & (amount < 0), amount), else_=nothing),
        "closing": amount,
    }
    return [sa.func.sum(made, type_=amount.type).label(f"{name}{key}") for key, made in sums.items()]
