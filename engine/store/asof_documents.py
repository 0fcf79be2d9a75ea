"""What a run has billed, read past what hides it: the heads of its documents, and the lines of some payers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.model.invoice import BilledLine, RatedCharge
from engine.model.tax import TaxQuote
from engine.model.tax_correction import LAST_GOOD, RULES
from engine.store import tables as t
from engine.store.asof import AsOf

Heads = dict[tuple[str, str, str, str], tuple[Decimal, Decimal]]
"""(payer, kind, group, currency) -> net and tax."""

_MANY: Final = 500


def heads(books: AsOf, run_id: int, entity: str, low: str, high: str) -> Heads:
    """The documents that a run has issued to the payers ``low`` to ``high``, both included."""
    one = books.now(t.INVOICE).c
    mine = (one.run_id == run_id, one.entity == entity, one.payer.between(low, high))
    query = sa.select(one.payer, one.kind, one.group_key, one.currency, one.net, one.tax).where(*mine)
    with books.reader() as reader:
        return {(row[0], row[1], row[2], row[3]): (row[4], row[5]) for row in reader.rows(query)}


def lines(books: AsOf, run_id: int, entity: str, payers: Collection[str]) -> dict[str, list[BilledLine]]:
    """The lines of the documents that a run has issued to some payers."""
    line, head = books.now(t.INVOICE_LINE).c, books.now(t.INVOICE).c
    names = RatedCharge.__struct_fields__
    found: defaultdict[str, list[BilledLine]] = defaultdict(list)
    wanted = sorted(payers)
    with books.reader() as reader:
        for start in range(0, len(wanted), _MANY):
            some = head.payer.in_(wanted[start : start + _MANY])
            query = (
                sa.select(head.payer, line.id, *(line[name] for name in names))
                .where(head.run_id == run_id, head.entity == entity, some, line.invoice_id == head.id)
                .order_by(line.id)
            )
            for payer, ident, *values in reader.rows(query):
                found[payer].append(BilledLine(ident, RatedCharge(*values)))
    return found


class Document(msgspec.Struct, frozen=True):
    """A document of the books: its head by column name, and its lines as their price had them."""

    head: Mapping[str, Any]
    lines: tuple[BilledLine, ...]


def made_by(books: AsOf, run_ids: Sequence[int]) -> dict[int, Document]:
    """The document that each of some runs has made, by the run; runs of people make one."""
    line, head = books.now(t.INVOICE_LINE), books.now(t.INVOICE)
    names = RatedCharge.__struct_fields__
    found: dict[int, Document] = {}
    with books.reader() as reader:
        for start in range(0, len(run_ids), _MANY):
            some = list(run_ids[start : start + _MANY])
            heads = {row.id: row._mapping for row in reader.rows(sa.select(head).where(head.c.run_id.in_(some)))}
            of: defaultdict[int, list[BilledLine]] = defaultdict(list)
            mine = line.c.invoice_id.in_(list(heads))
            for row in reader.rows(sa.select(line).where(mine).order_by(line.c.id)):
                charge = RatedCharge(*(row._mapping[name] for name in names))
                of[row.invoice_id].append(BilledLine(row.id, charge.priced(row.tax_amount)))
            found |= {one["run_id"]: Document(dict(one), tuple(of[ident])) for ident, one in heads.items()}
    return found


def issued_by(books: AsOf, run_ids: Sequence[int]) -> dict[int, list[tuple[str, str, Decimal, str]]]:
    """By run, the documents that some runs have issued: number, payer, total with tax, currency; in order."""
    head = books.now(t.INVOICE).c
    found: defaultdict[int, list[tuple[str, str, Decimal, str]]] = defaultdict(list)
    with books.reader() as reader:
        for start in range(0, len(run_ids), _MANY):
            mine = head.run_id.in_(list(run_ids[start : start + _MANY]))
            fields = (head.run_id, head.number, head.payer, head.net, head.tax, head.currency)
            for run, number, payer, net, tax, currency in reader.rows(sa.select(*fields).where(mine).order_by(head.id)):
                found[run].append((number, payer, net + tax, currency))
    return found


def memo_of(books: AsOf, document: int) -> Mapping[str, Any]:
    """Why a document was made by hand, by column name; empty of another one."""
    memo = books.now(t.MEMO)
    with books.reader() as reader:
        rows = reader.rows(sa.select(memo).where(memo.c.id == document))
    return next((dict(row._mapping) for row in rows), {})


def taxes(books: AsOf, run_id: int, entity: str, low: str, high: str) -> dict[tuple[str, str], TaxQuote]:
    """By payer and tax code, how an adapter has taxed lines that a run has billed to the payers ``low`` to ``high``.

    Lines that no adapter answered for are not among them: rules decide about these again.
    """
    line, head = books.now(t.INVOICE_LINE).c, books.now(t.INVOICE).c
    fields = (
        line.tax_rate,
        line.tax_amount,
        line.tax_category,
        line.tax_jurisdiction,
        line.tax_source,
        line.tax_reason,
    )
    query = (
        sa.select(head.payer, line.tax_code, *fields)
        .where(head.run_id == run_id, head.entity == entity, head.payer.between(low, high))
        .where(line.invoice_id == head.id, line.credits == 0)
        .where(line.tax_source != RULES, ~line.tax_source.startswith(LAST_GOOD, autoescape=True))
        .order_by(line.id.desc())
    )
    with books.reader() as reader:
        return {(payer, code): TaxQuote("", *quote) for payer, code, *quote in reader.rows(query)}


def applied_by(books: AsOf, run_id: int) -> set[int]:
    """Ids of the bank entries that a run has applied to documents."""
    use = books.now(t.BANK_USE).c
    with books.reader() as reader:
        rows = reader.rows(sa.select(use.entry_id).where(use.run_id == run_id, use.kind == "applied").distinct())
        return {row[0] for row in rows}


def by_hand(
    books: AsOf, entity: str, payers: Collection[str], runs: tuple[int, int]
) -> dict[str, list[tuple[str, str, str]]]:
    """By payer, documents that no bill run has issued between two ``runs``: number, kind of their run, date."""
    head, run = books.now(t.INVOICE).c, books.now(t.RUN).c
    found: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    wanted = sorted(payers)
    with books.reader() as reader:
        for start in range(0, len(wanted), _MANY):
            query = (
                sa.select(head.payer, head.number, run.kind, head.invoice_date)
                .where(head.entity == entity, head.payer.in_(wanted[start : start + _MANY]), head.run_id == run.id)
                .where(head.run_id > runs[0], head.run_id < runs[1], run.kind != "bill")
                .order_by(head.id)
            )
            for payer, number, kind, on in reader.rows(query):
                found[payer].append((number, kind, on.isoformat()))
    return found
