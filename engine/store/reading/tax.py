"""Reads of tax: what fell back, what is known since, certificates of exemption, and what was quoted last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.model.account import Account
from engine.model.invoice import RatedCharge
from engine.model.tax import TaxQuote
from engine.model.tax_correction import LAST_GOOD, RULES, TAX, Correction, Exemption
from engine.model.tax_evidence import Evidence
from engine.store import query, types
from engine.store.reading.base import ACCOUNT_COLUMNS
from engine.store.session import Session
from engine.store.tables import (
    ACCOUNT,
    ENTRY,
    EXEMPTION,
    INVOICE,
    INVOICE_LINE,
    POSTING,
    TAX_CODE,
    TAX_CORRECTION,
    TAX_EVIDENCE,
)

_HEAD: Final = (
    *("id", "number", "invoice_date", "tax_point", "due_date", "payer", "payer_id", "currency", "purchase_order"),
    *("draft_decision", "functional_currency", "rate", "rate_source", "rate_on"),
)
_TAXED: Final = ("tax_rate", "tax_amount", "tax_category", "tax_jurisdiction", "tax_source", "tax_reason")

Between = tuple[str, str, str]
"""Legal entity, first payer, last payer."""


class TaxedLine(msgspec.Struct, frozen=True):
    """A line of an invoice with its tax as it was invoiced; ``head`` is that of its invoice."""

    id: int
    charge: RatedCharge
    tax: TaxQuote
    decision: int
    head: dict[str, Any]

    @property
    def fell_back(self) -> bool:
        """Whether no adapter answered for it."""
        return self.tax.source == RULES or self.tax.source.startswith(LAST_GOOD)


class Quoted(msgspec.Struct, frozen=True):
    """The tax that an adapter quoted last for a payer and tax code in a jurisdiction, and on which day."""

    payer: str
    tax_code: str
    on: date
    quote: TaxQuote


def _fell_back() -> sa.ColumnElement[bool]:
    source = INVOICE_LINE.c.tax_source
    return (source == RULES) | source.startswith(LAST_GOOD, autoescape=True)


class TaxReader(Session):
    """Reads what is known of tax."""

    def exemptions(self, tenant: str, entity: str, low: str, high: str) -> dict[str, tuple[Exemption, ...]]:
        """Certificates of the accounts from ``low`` to ``high``, by account, in order of certificate."""
        column = EXEMPTION.c
        mine = (column.tenant == tenant, column.entity == entity, column.current, column.account.between(low, high))
        fields = [column[name] for name in Exemption.__struct_fields__]
        found: dict[str, list[Exemption]] = defaultdict(list)
        for row in self.rows(sa.select(*fields).where(*mine).order_by(column.account, column.certificate)):
            codes = tuple(code.strip() for code in row.tax_codes.split(";") if code.strip())
            values = {**row._mapping, "tax_codes": codes}
            found[row.account].append(Exemption(**values))
        return {account: tuple(members) for account, members in found.items()}

    def tax_evidence(self, tenant: str, entity: str, low: str, high: str) -> dict[str, tuple[Evidence, ...]]:
        """Evidence of the accounts from ``low`` to ``high``, by account, in the order in which it became known."""
        column = TAX_EVIDENCE.c
        mine = (column.tenant == tenant, column.entity == entity, column.account.between(low, high))
        fields = [column[name] for name in Evidence.__struct_fields__]
        found: dict[str, list[Evidence]] = defaultdict(list)
        for row in self.rows(sa.select(*fields).where(*mine).order_by(column.account, column.id)):
            found[row.account].append(Evidence(*row))
        return {account: tuple(members) for account, members in found.items()}

    def waiting_corrections(self, tenant: str, entity: str = "", low: str = "", high: str = "") -> list[Correction]:
        """Corrections of tax that wait for the next bill of their payer, in order of payer; of all payers, or from ``low``
        to ``high``."""
        return [one for one, document in self._corrections(tenant, entity, low, high, True) if not document]

    def corrections_on(self, tenant: str, lines: Sequence[int]) -> list[tuple[Correction, int]]:
        """All corrections of the tax of some lines with the id of the document that carries each, 0 for none."""
        return self._corrections(tenant, "", "", "", False, lines)

    def _corrections(
        self, tenant: str, entity: str, low: str, high: str, waiting: bool, lines: Sequence[int] = ()
    ) -> list[tuple[Correction, int]]:
        one, line = TAX_CORRECTION.c, INVOICE_LINE
        charged = [line.c[name].label(f"c_{name}") for name in RatedCharge.__struct_fields__]
        statement = (
            sa.select(TAX_CORRECTION, *charged)
            .join_from(TAX_CORRECTION, line, line.c.id == one.line_id)
            .where(one.tenant == tenant)
        )
        if waiting:
            statement = statement.where(sa.text("tax_correction.document = 0 AND tax_correction.way = 'next_bill'"))
        if entity:
            statement = statement.where(one.entity == entity, one.payer.between(low, high))
        if lines:
            statement = statement.where(query.among(self.dialect, one.line_id, "lines"))
        rows = self.connection.execute(
            statement.order_by(one.entity, one.payer, one.id), {"lines": list(lines)} if lines else {}
        )
        return [(_correction(row), row.document) for row in rows]

    def payers_to_true_up(self, tenant: str, since: date, until: date) -> list[tuple[str, str]]:
        """(legal entity, payer) of invoices of some days that were taxed by the fallback and not looked at since, or of payers
        that have certificates of exemption; in order."""
        line, head, one, paper = INVOICE_LINE.c, INVOICE.c, TAX_CORRECTION.c, EXEMPTION.c
        days = (head.tenant == tenant, head.invoice_date >= since, head.invoice_date < until)
        seen = sa.exists().where(one.line_id == line.id, one.cause == "fallback")
        silent = (
            sa.select(head.entity, head.payer)
            .join_from(INVOICE_LINE, INVOICE, head.id == line.invoice_id)
            .where(*days, line.credits == 0, _fell_back(), ~seen)
        )
        certified = sa.exists().where(
            paper.tenant == tenant, paper.entity == head.entity, paper.account == head.payer, paper.current
        )
        exempt = sa.select(head.entity, head.payer).where(*days, head.tax != 0, certified)
        rows = self.rows(sa.union(silent, exempt))
        return sorted((row[0], row[1]) for row in rows)

    def lines_to_ask_again(self, tenant: str, between: Between, since: date, until: date) -> list[TaxedLine]:
        """All lines of invoices of some payers, dated from ``since`` up to but not including ``until``, of which a line was
        taxed by the fallback and was not looked at since."""
        entity, low, high = between
        line, head, one = INVOICE_LINE.c, INVOICE.c, TAX_CORRECTION.c
        seen = sa.exists().where(one.line_id == line.id, one.cause == "fallback")
        wanted = (
            sa.select(line.invoice_id)
            .join_from(INVOICE_LINE, INVOICE, head.id == line.invoice_id)
            .where(head.tenant == tenant, head.entity == entity, head.payer.between(low, high))
            .where(head.invoice_date >= since, head.invoice_date < until)
            .where(line.credits == 0, _fell_back(), ~seen)
        )
        return self._lines(INVOICE_LINE.c.invoice_id.in_(wanted))

    def taxed_lines(self, tenant: str, entity: str, payers: Iterable[str], since: date, until: date) -> list[TaxedLine]:
        """Lines with tax of the invoices of some payers, dated from ``since`` up to but not including ``until``."""
        head = INVOICE.c
        among = query.among(self.dialect, head.payer, "payers", types.TextList)
        mine = (head.tenant == tenant, head.entity == entity, among)
        days = (head.invoice_date >= since, head.invoice_date < until)
        return self._lines(
            sa.and_(*mine, *days, INVOICE_LINE.c.credits == 0, INVOICE_LINE.c.tax_amount != 0),
            {"payers": sorted(set(payers))},
        )

    def _lines(self, where: sa.ColumnElement[bool], parameters: dict[str, Any] | None = None) -> list[TaxedLine]:
        line, head = INVOICE_LINE, INVOICE
        heads = [head.c[name].label(f"h_{name}") for name in _HEAD]
        statement = sa.select(line, *heads).join_from(line, head, head.c.id == line.c.invoice_id).where(where)
        found = []
        for row in self.connection.execute(statement.order_by(head.c.payer, line.c.id), parameters or {}):
            values = row._mapping
            charge = RatedCharge(*(values[name] for name in RatedCharge.__struct_fields__))
            quote = _quote(str(row.id), [values[name] for name in _TAXED])
            heading = {name: values[f"h_{name}"] for name in _HEAD}
            found.append(TaxedLine(row.id, charge, quote, row.tax_decision, heading))
        return found

    def accounts_as_of(self, ids: Iterable[int]) -> dict[int, Account]:
        """Versions of accounts by id, current or not."""
        wanted = query.among(self.dialect, ACCOUNT.c.id, "ids")
        rows = self.connection.execute(sa.select(*ACCOUNT_COLUMNS).where(wanted), {"ids": sorted(set(ids))})
        return {row.id: Account(*row) for row in rows}

    def last_quotes(self, tenant: str, entity: str, payers: Iterable[str], since: date) -> list[Quoted]:
        """What adapters have quoted for some payers on invoices since a day, oldest first."""
        line, head = INVOICE_LINE.c, INVOICE.c
        among = query.among(self.dialect, head.payer, "payers", types.TextList)
        fields = (head.payer, line.tax_code, head.invoice_date, *(line[name] for name in _TAXED))
        asked = (line.credits == 0) | (line.kind == TAX)
        statement = (
            sa.select(*fields)
            .join_from(INVOICE_LINE, INVOICE, head.id == line.invoice_id)
            .where(head.tenant == tenant, head.entity == entity, among, head.invoice_date >= since)
            .where(asked, ~_fell_back())
            .order_by(head.invoice_date, line.id)
        )
        rows = self.connection.execute(statement, {"payers": sorted(set(payers))})
        return [Quoted(payer, code, on, _quote("", taxed)) for payer, code, on, *taxed in rows]

    def tax_by_day(self, tenant: str, since: date, until: date, entity: str = "") -> list[Any]:
        """Net and tax of lines of invoices dated from ``since`` up to but not including ``until``: rows with (entity, day,
        jurisdiction, category, rate, tax_code, code, currency, corrects, lines, net, tax); ``corrects`` says of lines that
        correct tax that they do.

        ``code`` is the reporting code of the tax code, or the tax code itself where it has none."""
        line, head, known = INVOICE_LINE.c, INVOICE.c, TAX_CODE.c
        keys = (
            head.entity,
            head.invoice_date.label("day"),
            line.tax_jurisdiction.label("jurisdiction"),
            line.tax_category.label("category"),
            line.tax_rate.label("rate"),
            line.tax_code,
            sa.func.coalesce(known.reporting_code, line.tax_code).label("code"),
            head.currency,
            (line.kind == TAX).label("corrects"),
        )
        sums = [
            sa.func.sum(column, type_=column.type).label(name)
            for name, column in (("net", line.amount), ("tax", line.tax_amount))
        ]
        statement = (
            sa.select(*keys, sa.func.count().label("lines"), *sums)
            .join_from(INVOICE_LINE, INVOICE, head.id == line.invoice_id)
            .join(TAX_CODE, (known.tenant == line.tenant) & (known.key == line.tax_code), isouter=True)
            .where(head.tenant == tenant, head.invoice_date >= since, head.invoice_date < until)
            .group_by(*keys)
            .order_by(*keys)
        )
        return self.rows(statement.where(head.entity == entity) if entity else statement)

    def corrected_by_day(self, tenant: str, since: date, until: date, entity: str = "") -> list[Any]:
        """What documents dated from ``since`` up to but not including ``until`` correct, line by line: rows with (entity, day,
        currency, tax_code, code, net, tax_included, then jurisdiction_before, rate_before, category_before and before, then
        jurisdiction, rate, category and after)."""
        one, head, line, known = TAX_CORRECTION.c, INVOICE.c, INVOICE_LINE.c, TAX_CODE.c
        statement = (
            sa.select(
                *(head.entity, head.invoice_date.label("day"), one.currency, line.tax_code),
                sa.func.coalesce(known.reporting_code, line.tax_code).label("code"),
                *(
                    one.net,
                    line.tax_included,
                    line.tax_jurisdiction.label("jurisdiction_before"),
                    one.rate_before,
                    one.category_before,
                ),
                *(one.before, one.tax_jurisdiction.label("jurisdiction"), one.tax_rate.label("rate")),
                *(one.tax_category.label("category"), one.after),
            )
            .join_from(TAX_CORRECTION, INVOICE, head.id == one.document)
            .join(INVOICE_LINE, line.id == one.line_id)
            .join(TAX_CODE, (known.tenant == line.tenant) & (known.key == line.tax_code), isouter=True)
            .where(one.tenant == tenant, head.invoice_date >= since, head.invoice_date < until)
            .order_by(one.id)
        )
        return self.rows(statement.where(head.entity == entity) if entity else statement)

    def posted_on(self, tenant: str, entity: str, accounts: Iterable[str], since: date, until: date) -> list[Any]:
        """What was posted to some GL accounts from ``since`` up to but not including ``until``: rows with (account, currency,
        whether by invoices, amount, functional)."""
        entry, posting = ENTRY.c, POSTING.c
        invoiced = (entry.kind == "invoice").label("invoiced")
        sums = [
            sa.func.sum(column, type_=column.type).label(name)
            for name, column in (("amount", posting.amount), ("functional", posting.functional_amount))
        ]
        keys = (posting.account, posting.currency, invoiced)
        statement = (
            sa.select(*keys, *sums)
            .join_from(POSTING, ENTRY, entry.id == posting.entry_id)
            .where(entry.tenant == tenant, entry.entity == entity)
            .where(entry.posting_date >= since, entry.posting_date < until, posting.account.in_(sorted(set(accounts))))
            .group_by(*keys)
            .order_by(*keys)
        )
        return self.rows(statement)


def _quote(key: str, taxed: Sequence[Any]) -> TaxQuote:
    rate, amount, category, jurisdiction, source, reason = taxed
    return TaxQuote(key, rate, amount, category, jurisdiction, source, reason)


def _correction(row: Any) -> Correction:
    values = row._mapping
    charge = RatedCharge(*(values[f"c_{name}"] for name in RatedCharge.__struct_fields__))
    quote = TaxQuote(
        str(row.line_id),
        row.tax_rate,
        row.after,
        row.tax_category,
        row.tax_jurisdiction,
        row.tax_source,
        row.tax_reason,
    )
    head = (row.line_id, row.cause, row.reference, row.entity, row.payer, row.invoice, charge, row.net, row.before)
    return Correction(*head, row.rate_before, row.category_before, row.reason_before, quote, row.tax_decision, row.way)
