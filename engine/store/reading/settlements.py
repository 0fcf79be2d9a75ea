"""Reads of open items, settlements, the credit on accounts, and documents made by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.settlement import CREDIT, OpenItem
from engine.store import query, types
from engine.store.session import Session
from engine.store.tables import (
    ACCOUNT,
    ACCOUNT_CREDIT,
    CASH_ON_ACCOUNT,
    INVOICE,
    INVOICE_LINE,
    MEMO,
    OPENING_LINE,
    RECEIVABLE,
    SETTLEMENT,
    WALLET_MOVEMENT,
)

Purse = tuple[str, str]
"""(account, currency)."""

CREDIT_NUMBER: Final = "credit"
"""What stands in the place of a number for the credit of an account."""


class SettlementsReader(Session):
    """Reads settlements."""

    def credits_of(self, tenant: str, entity: str, low: str, high: str) -> set[Purse]:
        """(account, currency) of the payers from ``low`` to ``high`` that have credit."""
        credit = ACCOUNT_CREDIT.c
        mine = (credit.tenant == tenant, credit.entity == entity, credit.account.between(low, high))
        statement = sa.select(credit.account, credit.currency).where(*mine, credit.balance != 0)
        return {(row.account, row.currency) for row in self.rows(statement)}

    def open_items(self, tenant: str, entity: str, accounts: Collection[str]) -> dict[Purse, list[OpenItem]]:
        """What is open of some accounts, by (account, currency): invoices, credit notes, openings, and the credit of each.

        It reads every document of the accounts, and what has settled it.
        """
        wanted = {"accounts": sorted(set(accounts))}
        items = documents_of(self, tenant, entity, accounts)
        left = _settled(self, [item.id for item in items])
        found: dict[Purse, list[OpenItem]] = defaultdict(list)
        for item in items:
            rest = item.left + left.get(item.id, ZERO)
            if rest:
                found[item.account, item.currency].append(_left(item, rest))
        for item in _credits(self, tenant, entity, wanted):
            found[item.account, item.currency].append(item)
        return found

    def item(self, tenant: str, entity: str, ident: int) -> OpenItem | None:
        """A document with what is left of it, settled or not."""
        place = self.places_of(tenant, entity, [ident]).get(ident)
        mine = documents_of(self, tenant, entity, [place[0]]) if place else ()
        item = next((one for one in mine if one.id == ident), None)
        return item and _left(item, item.left + _settled(self, [ident]).get(ident, ZERO))

    def places_of(self, tenant: str, entity: str, ids: Collection[int]) -> dict[int, Purse]:
        """Whose documents are, and in which currency, by id; those that the legal entity does not have are left out."""
        found: dict[int, Purse] = {}
        for table in (INVOICE, RECEIVABLE, CASH_ON_ACCOUNT):
            column = table.c
            rest = [ident for ident in ids if ident not in found]
            if rest:
                fields = (column.id, column.payer if table is INVOICE else column.account, column.currency)
                mine = (column.tenant == tenant, column.entity == entity, query.among(self.dialect, column.id, "ids"))
                rows = self.connection.execute(sa.select(*fields).where(*mine), {"ids": sorted(rest)})
                found |= {row[0]: (row[1], row[2]) for row in rows}
        return found

    def settlements(self, tenant: str, entity: str, **wanted: Any) -> list[dict[str, Any]]:
        """Settlements by column name, in their order: those whose columns hold what is ``wanted``, or one of a list of it."""
        column = SETTLEMENT.c
        held: Iterator[Any] = (column[k].in_(v) if isinstance(v, list) else column[k] == v for k, v in wanted.items())
        mine = (column.tenant == tenant, column.entity == entity, *held)
        return [dict(row._mapping) for row in self.rows(sa.select(SETTLEMENT).where(*mine).order_by(column.id))]

    def sums_of(self, ids: Iterable[int], prefix: str) -> dict[int, Decimal]:
        """What acts whose keys begin with a prefix add to what is left of some documents, by document."""
        act = SETTLEMENT.c
        total = sa.func.sum(act.amount, type_=act.amount.type)
        live: Any = sa.literal_column("settlement.item <> 0")
        begins = act.key.startswith(prefix, autoescape=True)
        statement = (
            sa.select(act.item, total)
            .where(query.among(self.dialect, act.item, "ids"), live, begins)
            .group_by(act.item)
        )
        return {row[0]: row[1] for row in self.connection.execute(statement, {"ids": list(ids)})}

    def originals(self, ids: Iterable[int]) -> dict[int, set[int]]:
        """Ids of the documents whose lines others give back, by document; see :meth:`billed_by`."""
        line = INVOICE_LINE.c
        mine = query.among(self.dialect, line.invoice_id, "ids")
        statement = sa.select(line.invoice_id, line.credits).where(mine, sa.literal_column("credits <> 0"))
        rows = self.connection.execute(statement, {"ids": sorted(set(ids))}).all()
        owners, found = self.billed_by({row.credits for row in rows}), dict[int, set[int]]()
        for row in rows:
            if row.credits in owners:
                found.setdefault(row.invoice_id, set()).add(owners[row.credits])
        return found

    def billed_by(self, lines: Iterable[int]) -> dict[int, int]:
        """Ids of the documents of some lines, by the id of the line: invoices, and of lines that another system billed what came over
        as open of their document."""
        wanted = set(lines)
        found = self.invoices_with(wanted)
        if wanted <= found.keys():
            return found
        line, item = OPENING_LINE.c, RECEIVABLE.c
        same = (item.tenant == line.tenant) & (item.entity == line.entity) & (item.number == line.document)
        statement = sa.select(line.id, item.id).join_from(OPENING_LINE, RECEIVABLE, same)
        statement = statement.where(query.among(self.dialect, line.id, "ids"))
        old = self.connection.execute(statement, {"ids": sorted(wanted - found.keys())})
        return found | dict(map(tuple, old))

    def old_document(self, ident: int, first: int) -> Decimal:
        """What a document that came over as open was of, tax included, less what documents with ids below ``first`` have credited of its
        lines."""
        item, old, line = RECEIVABLE.c, OPENING_LINE.c, INVOICE_LINE.c
        ((original,),) = self.rows(sa.select(item.original).where(item.id == ident))
        same = (item.tenant == old.tenant) & (item.entity == old.entity) & (item.number == old.document)
        sums = (sa.func.sum(column, type_=column.type) for column in (line.amount, line.tax_amount))
        statement = sa.select(*sums).join_from(RECEIVABLE, OPENING_LINE, same)
        statement = statement.join(INVOICE_LINE, (line.credits == old.id) & (line.credits != 0))
        ((net, tax),) = self.rows(statement.where(item.id == ident, line.invoice_id < first))
        left: Decimal = original + (net or ZERO) + (tax or ZERO)
        return left

    def invoices_with(self, lines: Iterable[int]) -> dict[int, int]:
        """Ids of the invoices of some lines, by the id of the line."""
        line = INVOICE_LINE.c
        statement = sa.select(line.id, line.invoice_id).where(query.among(self.dialect, line.id, "ids"))
        return dict(map(tuple, self.connection.execute(statement, {"ids": sorted(set(lines))})))

    def carried_by(self, tenant: str, entity: str, account: str) -> dict[str, dict[int, Decimal]]:
        """What others were invoiced for an account, tax included: by payer, by the id of the document."""
        line, head = INVOICE_LINE.c, INVOICE.c
        gross = sa.func.sum(line.amount + line.tax_amount, type_=line.amount.type)
        statement = (
            sa.select(head.payer, head.id, gross)
            .join_from(INVOICE_LINE, INVOICE, head.id == line.invoice_id)
            .where(line.tenant == tenant, line.entity == entity, line.account == account, head.payer != account)
            .group_by(head.payer, head.id)
        )
        found: dict[str, dict[int, Decimal]] = defaultdict(dict)
        for payer, document, amount in self.rows(statement):
            found[payer][document] = amount
        return found

    def account_keys(self, tenant: str, entity: str, limit: int = 500) -> list[str]:
        """Keys of accounts, for suggestions."""
        owner = ACCOUNT.c
        mine = (owner.tenant == tenant, owner.entity == entity, owner.current)
        return list(self.connection.execute(sa.select(owner.key).where(*mine).limit(limit)).scalars())

    def memo(self, tenant: str, entity: str, key: str) -> dict[str, Any] | None:
        """A document that was made by hand, by its key."""
        column = MEMO.c
        mine = (column.tenant == tenant, column.entity == entity, column.key == key)
        rows = self.rows(sa.select(MEMO).where(*mine))
        return dict(rows[0]._mapping) if rows else None

    def memo_of(self, tenant: str, document: int) -> dict[str, Any] | None:
        """What is known of a document that was made by hand, by its id; None of others."""
        rows = self.rows(sa.select(MEMO).where(MEMO.c.tenant == tenant, MEMO.c.id == document))
        return dict(rows[0]._mapping) if rows else None

    def credited_since(self, tenant: str, entity: str, account: str, first: date) -> int:
        """How many credit notes were made by hand for an account from a day on."""
        column = MEMO.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account, column.kind == "credit")
        ((count,),) = self.rows(sa.select(sa.func.count()).select_from(MEMO).where(*mine, column.day >= first))
        return int(count)


def credit_item(account: str, currency: str, balance: Decimal, own: str, functional: Decimal) -> OpenItem:
    """The credit of an account as an open item: what the customer has with us is below zero."""
    days = (date.min, date.min)
    return OpenItem(CREDIT, account, "credit", CREDIT_NUMBER, *days, currency, -balance, -balance, own, -functional)


def documents_of(session: Session, tenant: str, entity: str, accounts: Collection[str]) -> list[OpenItem]:
    """All documents of some accounts; ``left`` is what wallets have left of them."""
    wanted = {"accounts": sorted(set(accounts))}
    return [*_invoices(session, tenant, entity, wanted), *_openings(session, tenant, entity, wanted)]


def _left(item: OpenItem, left: Decimal) -> OpenItem:
    return msgspec.structs.replace(item, left=left)


def _invoices(session: Session, tenant: str, entity: str, wanted: Mapping[str, Any]) -> list[OpenItem]:
    head, move = INVOICE.c, WALLET_MOVEMENT.c
    paid = (
        sa.select(sa.func.sum(move.amount, type_=move.amount.type))
        .where(move.document == head.id)
        .correlate(INVOICE)
        .scalar_subquery()
    )
    fields = (
        head.id,
        head.payer,
        head.kind,
        head.number,
        head.invoice_date,
        head.due_date,
        head.currency,
        head.total,
    )
    statement = sa.select(*fields, paid, head.functional_currency, head.functional_total).where(
        head.tenant == tenant,
        head.entity == entity,
        query.among(session.dialect, head.payer, "accounts", types.TextList),
    )
    rows = session.connection.execute(statement.order_by(head.id), dict(wanted))
    return [OpenItem(*row[:7], row[7], row[7] + (row[8] or ZERO), row[9], row[10]) for row in rows]


def _openings(session: Session, tenant: str, entity: str, wanted: Mapping[str, Any]) -> list[OpenItem]:
    made: list[OpenItem] = []
    for table, kind, number, days, sign in (
        (RECEIVABLE, "receivable", "number", ("document_date", "due_date"), 1),
        (CASH_ON_ACCOUNT, "cash", "key", ("value_date", "value_date"), -1),
    ):
        column = table.c
        mine = (column.tenant == tenant, column.entity == entity)
        among = query.among(session.dialect, column.account, "accounts", types.TextList)
        statement = sa.select(table).where(*mine, among).order_by(column.id)
        for row in session.connection.execute(statement, dict(wanted)).mappings():
            amount, worth = sign * row["amount"], sign * row["functional_amount"]
            on, due = (row[day] for day in days)
            head = (row["id"], row["account"], kind, row[number], on, due, row["currency"])
            made.append(OpenItem(*head, amount, amount, row["functional_currency"], worth))
    return made


def _credits(session: Session, tenant: str, entity: str, wanted: Mapping[str, Any]) -> list[OpenItem]:
    credit = ACCOUNT_CREDIT.c
    mine = (credit.tenant == tenant, credit.entity == entity)
    among = query.among(session.dialect, credit.account, "accounts", types.TextList)
    fields = (credit.account, credit.currency, credit.balance, credit.functional_currency, credit.functional)
    statement = sa.select(*fields).where(*mine, among).order_by(credit.account, credit.currency)
    return [credit_item(*row) for row in session.connection.execute(statement, dict(wanted))]


def _settled(session: Session, ids: Sequence[int]) -> dict[int, Decimal]:
    column = SETTLEMENT.c
    live: Any = sa.literal_column("settlement.item <> 0")
    total = sa.func.sum(column.amount, type_=column.amount.type)
    statement = sa.select(column.item, total).where(query.among(session.dialect, column.item, "ids"), live)
    return dict(map(tuple, session.connection.execute(statement.group_by(column.item), {"ids": list(ids)})))
