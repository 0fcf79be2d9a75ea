"""Who stands on a document: the versions of seller and buyer that an invoice was made with.

What a version left empty of what only documents need (:data:`engine.store.tables.masters.PARTICULARS`) is filled from the
first later version that has it, and never changes after that.  So a document that lacks a field can be mended by importing
the field, and one that is printed again next year still shows the address of its day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.store import query, types
from engine.store.session import Session
from engine.store.tables import ACCOUNT, CONTRACT, ENTITY, INVOICE, INVOICE_LINE, MEMO, OPENING_LINE
from engine.store.tables.masters import BUYER_PARTICULARS, SELLER_PARTICULARS

Row = dict[str, Any]


def sellers(session: Session, heads: Sequence[Row]) -> dict[int, Row]:
    """Legal entities by the id of the invoice; as they are now where the invoice does not say which version."""
    versions = _by_id(session, ENTITY, {head["seller_id"] for head in heads if head["seller_id"]})
    unsaid = sorted({(head["tenant"], head["entity"]) for head in heads if not head["seller_id"]})
    column, now = ENTITY.c, {}
    for tenant, key in unsaid:
        statement = sa.select(ENTITY).where(column.tenant == tenant, column.key == key, column.current)
        row = session.connection.execute(statement).mappings().first()
        now[tenant, key] = None if row is None else dict(row)
    _filled(session, ENTITY, SELLER_PARTICULARS, ("tenant", "key"), versions.values())
    found = {head["id"]: versions.get(head["seller_id"]) or now.get((head["tenant"], head["entity"])) for head in heads}
    return {ident: row for ident, row in found.items() if row is not None}


def buyers(session: Session, heads: Sequence[Row]) -> dict[int, Row]:
    """Payers by the id of their version."""
    versions = _by_id(session, ACCOUNT, {head["payer_id"] for head in heads})
    _filled(session, ACCOUNT, (*BUYER_PARTICULARS, "tax_id"), ("tenant", "entity", "key"), versions.values())
    return versions


def _by_id(session: Session, table: sa.Table, ids: Iterable[int]) -> dict[int, Row]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    statement = sa.select(table).where(query.among(session.dialect, table.c.id, "ids"))
    return {row["id"]: dict(row) for row in session.connection.execute(statement, {"ids": wanted}).mappings()}


def _filled(
    session: Session, table: sa.Table, fields: Sequence[str], key: tuple[str, ...], versions: Iterable[Row]
) -> None:
    """Fill in what versions that are not the newest left empty."""
    lacking = [row for row in versions if not row["current"] and any(not row[name] for name in fields)]
    for prefix, mine in _grouped(lacking, key[:-1]).items():
        statement = sa.select(table).where(
            *(table.c[name] == value for name, value in zip(key, prefix, strict=False)),
            query.among(session.dialect, table.c.key, "keys", types.TextList),
            table.c.id > min(row["id"] for row in mine),
        )
        keys = sorted({row["key"] for row in mine})
        later = session.connection.execute(statement.order_by(table.c.id), {"keys": keys}).mappings().all()
        for row in mine:
            _fill(row, fields, [dict(one) for one in later if one["key"] == row["key"] and one["id"] > row["id"]])


def _grouped(rows: Iterable[Row], names: tuple[str, ...]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def _fill(row: Row, fields: Sequence[str], later: Sequence[Mapping[str, Any]]) -> None:
    for name in fields:
        if not row[name]:
            row[name] = next((one[name] for one in later if one[name]), row[name])


def credited(session: Session, ids: Sequence[int]) -> dict[int, list[tuple[str, date]]]:
    """By invoice, the (number, date) of the earlier ones that lines of it give back, in order of date; those of an old system,
    and those that notes by hand name, too."""
    line, earlier, before = INVOICE_LINE.c, INVOICE_LINE.alias("earlier"), INVOICE.alias("before")
    mine = (query.among(session.dialect, line.invoice_id, "ids"), line.credits != 0)
    own = (
        sa.select(line.invoice_id, before.c.number, before.c.invoice_date)
        .join_from(INVOICE_LINE, earlier, earlier.c.id == line.credits)
        .join(before, before.c.id == earlier.c.invoice_id)
        .where(*mine)
    )
    old = (
        sa.select(line.invoice_id, OPENING_LINE.c.document, OPENING_LINE.c.document_date)
        .join_from(INVOICE_LINE, OPENING_LINE, OPENING_LINE.c.id == line.credits)
        .where(*mine, OPENING_LINE.c.document != "")
    )
    by_hand = (
        sa.select(MEMO.c.id, before.c.number, before.c.invoice_date)
        .join_from(MEMO, before, before.c.id == MEMO.c.original)
        .where(query.among(session.dialect, MEMO.c.id, "ids"))
    )
    rows = {tuple(row) for one in (own, old, by_hand) for row in session.connection.execute(one, {"ids": list(ids)})}
    found: dict[int, list[tuple[str, date]]] = {}
    for invoice, on, number in sorted((invoice, on, number) for invoice, number, on in rows):
        found.setdefault(invoice, []).append((number, on))
    return found


def contract_types(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """By invoice, the type of the contracts that its lines are under; left out where they have none, or several."""
    line, contract = INVOICE_LINE.c, CONTRACT.c
    mine = (contract.tenant == line.tenant, contract.entity == line.entity, contract.key == line.contract)
    statement = (
        sa.select(line.invoice_id, sa.func.min(contract.type), sa.func.max(contract.type))
        .join_from(INVOICE_LINE, CONTRACT, sa.and_(*mine, contract.current))
        .where(query.among(session.dialect, line.invoice_id, "ids"))
        .group_by(line.invoice_id)
    )
    rows = session.connection.execute(statement, {"ids": list(ids)})
    return {invoice: low for invoice, low, high in rows if low == high}
