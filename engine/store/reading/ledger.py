"""Reads of invoices and of the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from engine.model.journal import JournalEntry, Posting
from engine.store import parties, query, tables
from engine.store.records import Balance
from engine.store.session import Session
from engine.store.tables.ledger import OPEN

PAGE = 1000


class LedgerReader(Session):
    """Reads invoices and the journal."""

    def find_invoice(self, tenant: str, number: str, entity: str = "") -> int | None:
        """The id of the invoice with that legal number; None where there is none.  Where legal entities use the same
        number, ``entity`` says whose is meant (default: the first by key)."""
        column = tables.INVOICE.c
        statement = sa.select(column.id).where(column.tenant == tenant, column.number == number)
        if entity:
            statement = statement.where(column.entity == entity)
        found: int | None = self.connection.execute(statement.order_by(column.entity).limit(1)).scalar()
        return found

    def invoice(self, invoice_id: int) -> dict[str, Any] | None:
        """The head of an invoice by column name."""
        row = (
            self.connection.execute(sa.select(tables.INVOICE).where(tables.INVOICE.c.id == invoice_id))
            .mappings()
            .first()
        )
        return None if row is None else dict(row)

    def invoices(
        self, tenant: str, entity: str = "", *, run_id: int = 0, period: str = "", payer: str = ""
    ) -> Iterator[dict[str, Any]]:
        """Heads of invoices by column name, in order of id; those that fulfil all conditions given."""
        column = tables.INVOICE.c
        given = {column.entity: entity, column.run_id: run_id, column.period: period, column.payer: payer}
        statement = sa.select(tables.INVOICE).where(
            column.tenant == tenant, *(c == value for c, value in given.items() if value)
        )
        for row in self._stream(statement.order_by(column.id)):
            yield dict(row._mapping)

    def invoice_lines(self, invoice_id: int) -> list[dict[str, Any]]:
        """Lines of an invoice by column name, in order of number."""
        column = tables.INVOICE_LINE.c
        statement = sa.select(tables.INVOICE_LINE).where(column.invoice_id == invoice_id).order_by(column.number)
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def invoice_documents(
        self, ids: Sequence[int], named: Mapping[int, int] | None = None
    ) -> dict[int, dict[str, Any]]:
        """Invoices by id with everything that is printed on them and everything that explains them, as plain values.  ``named``
        gives other versions of payers than the invoices were made for, by invoice.

        ``invoice``: the head; ``seller`` and ``buyer``: the versions of the legal entity and of the payer that the
        invoice was made for (:mod:`engine.store.parties`); ``lines``; ``taxes``: net and tax by (category, rate, jurisdiction, reason);
        ``totals``: net, tax, total; ``fx``: functional currency and total with rate, source and date; ``decisions``:
        ids of all decisions behind it, sorted.  Ids of no invoice are left out.
        """
        heads = self._by(tables.INVOICE, tables.INVOICE.c.id, ids)
        lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for line in self._by(tables.INVOICE_LINE, tables.INVOICE_LINE.c.invoice_id, ids):
            lines[line["invoice_id"]].append(line)
        named = named or {}
        made_for = [{**head, "payer_id": named.get(head["id"], head["payer_id"])} for head in heads]
        sellers, buyers = parties.sellers(self, made_for), parties.buyers(self, made_for)
        return {
            head["id"]: _document(
                head,
                sellers.get(head["id"]),
                buyers.get(named.get(head["id"], head["payer_id"])),
                sorted(lines[head["id"]], key=itemgetter("number")),
            )
            for head in heads
        }

    def preceding(self, ids: Sequence[int]) -> dict[int, list[tuple[str, date]]]:
        """By invoice, the number and date of earlier ones that its lines give back."""
        return parties.credited(self, ids)

    def contract_types(self, ids: Sequence[int]) -> dict[int, str]:
        """By invoice, the type of the contracts that its lines are under; left out where they have none, or several."""
        return parties.contract_types(self, ids)

    def _by(self, table: sa.Table, column: sa.Column[int], values: Sequence[int]) -> list[dict[str, Any]]:
        statement = sa.select(table).where(query.among(self.dialect, column, "values"))
        return [dict(row) for row in self.connection.execute(statement, {"values": list(values)}).mappings()]

    def journal(
        self, tenant: str, entity: str = "", first: date | None = None, last: date | None = None
    ) -> Iterator[tuple[int, int, JournalEntry]]:
        """Entries as (id, document id, entry), in order of posting date and id; of one legal entity or all, dated from
        ``first`` to ``last`` (both included).  Streams: any number of entries need the memory of a page."""
        column = tables.ENTRY.c
        statement = sa.select(tables.ENTRY).where(column.tenant == tenant)
        if entity:
            statement = statement.where(column.entity == entity)
        if first is not None:
            statement = statement.where(column.posting_date >= first)
        if last is not None:
            statement = statement.where(column.posting_date <= last)
        stream = self._stream(statement.order_by(column.posting_date, column.id))
        for page in _pages(stream):
            postings = self._postings([row.id for row in page])
            for row in page:
                entry = JournalEntry(
                    row.tenant, row.entity, row.kind, row.posting_date, row.text, tuple(postings[row.id])
                )
                yield row.id, row.document, entry

    def entries_of(self, document: int) -> list[tuple[int, JournalEntry]]:
        """Entries of one document (invoice), as (id, entry)."""
        column = tables.ENTRY.c
        invoice = (
            sa.select(tables.INVOICE.c.tenant, tables.INVOICE.c.entity)
            .where(tables.INVOICE.c.id == document)
            .subquery()
        )
        mine = sa.and_(
            column.tenant == invoice.c.tenant, column.entity == invoice.c.entity, column.document == document
        )
        rows = self.rows(sa.select(tables.ENTRY).join_from(invoice, tables.ENTRY, mine).order_by(column.id))
        postings = self._postings([row.id for row in rows])
        return [
            (
                row.id,
                JournalEntry(row.tenant, row.entity, row.kind, row.posting_date, row.text, tuple(postings[row.id])),
            )
            for row in rows
        ]

    def trial_balance(self, tenant: str, entity: str, up_to: date | None = None) -> list[Balance]:
        """Sums of postings by GL account and currency, in that order, dated up to and including ``up_to``."""
        column = tables.POSTING.c
        statement = sa.select(
            column.account,
            column.currency,
            sa.func.sum(column.amount),
            column.functional_currency,
            sa.func.sum(column.functional_amount),
        ).where(column.tenant == tenant, column.entity == entity)
        if up_to is not None:
            entry = tables.ENTRY.c
            statement = statement.join_from(tables.POSTING, tables.ENTRY, entry.id == column.entry_id)
            statement = statement.where(entry.posting_date <= up_to)
        keys = (column.account, column.currency, column.functional_currency)
        return [Balance(*row) for row in self.connection.execute(statement.group_by(*keys).order_by(*keys))]

    def ledger_totals(
        self, tenant: str, entity: str, up_to: date | None = None
    ) -> list[tuple[date, str, str, Decimal]]:
        """What was posted on each day as it was written down with the postings: (day, GL account, currency, amount)."""
        column = tables.LEDGER_TOTAL.c
        keys = (column.posting_date, column.account, column.currency)
        statement = sa.select(*keys, sa.func.sum(column.amount, type_=column.amount.type))
        statement = statement.where(column.tenant == tenant, column.entity == entity)
        if up_to is not None:
            statement = statement.where(column.posting_date <= up_to)
        return [
            (day, account, currency, amount)
            for day, account, currency, amount in self.rows(statement.group_by(*keys).order_by(*keys))
        ]

    def period_state(self, tenant: str, entity: str, month: date) -> str:
        """``open``, ``soft`` or ``closed``: the accounting period that holds the day ``month``."""
        column = tables.ACCOUNTING_PERIOD.c
        mine = (column.tenant == tenant, column.entity == entity, column.month == month.replace(day=1))
        state: str | None = self.connection.execute(sa.select(column.state).where(*mine)).scalar()
        return state or OPEN

    def _postings(self, entries: Sequence[int]) -> dict[int, list[Posting]]:
        column = tables.POSTING.c
        fields = [
            column.entry_id,
            *(column[name] for name in Posting.__struct_fields__[:-2]),
            column.line_id,
            column.decision,
        ]
        statement = sa.select(*fields).where(query.among(self.dialect, column.entry_id, "ids"))
        postings: dict[int, list[Posting]] = defaultdict(list)
        rows = self.connection.execute(statement.order_by(column.entry_id, column.number), {"ids": list(entries)})
        for entry, *values in rows:
            postings[entry].append(Posting(*values))
        return postings

    def _stream(self, statement: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
        """Rows that are fetched in pages, by a server-side cursor on PostgreSQL."""
        yield from self.connection.execute(statement.execution_options(yield_per=PAGE))


def _document(
    head: dict[str, Any], seller: dict[str, Any] | None, buyer: dict[str, Any] | None, lines: list[dict[str, Any]]
) -> dict[str, Any]:
    decided = {head["draft_decision"], head["numbering_decision"]}
    decided.update(line[name] for line in lines for name in ("decision", "proration", "tax_decision"))
    return {
        "invoice": head,
        "seller": seller,
        "buyer": buyer,
        "lines": lines,
        "taxes": _taxes(lines),
        "totals": {name: head[name] for name in ("net", "tax", "total", "currency")},
        "fx": {
            "currency": head["functional_currency"],
            "total": head["functional_total"],
            "rate": head["rate"],
            "source": head["rate_source"],
            "on": head["rate_on"],
        },
        "decisions": sorted(decided - {0}),
    }


def _pages(rows: Iterator[sa.Row[Any]]) -> Iterator[list[sa.Row[Any]]]:
    page: list[sa.Row[Any]] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _taxes(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("tax_category", "tax_rate", "tax_jurisdiction", "tax_reason")
    sums: dict[tuple[Any, ...], list[Any]] = {}
    for line in lines:
        total = sums.setdefault(tuple(line[name] for name in names), [0, 0])
        total[0] += line["amount"]
        total[1] += line["tax_amount"]
    return [
        {"category": key[0], "rate": key[1], "jurisdiction": key[2], "reason": key[3], "net": net, "tax": tax}
        for key, (net, tax) in sorted(sums.items(), key=lambda item: item[0])
    ]
