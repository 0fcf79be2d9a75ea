"""Reads for the return of the one-stop shop: lines by their tax, what corrects tax, what was posted for either, and rates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from engine.model.journal import FxRate
from engine.model.tax_correction import TAX
from engine.store import query
from engine.store.session import Session
from engine.store.tables import ACCOUNT, ENTRY, FX_RATE, INVOICE, INVOICE_LINE, POSTING, TAX_CORRECTION

_LINE, _HEAD = INVOICE_LINE, INVOICE
_BILLED: Final = INVOICE_LINE.alias("billed")
_BILLED_HEAD: Final = INVOICE.alias("billed_head")
_DECLARED = sa.case((_LINE.c.credits != 0, _HEAD.c.invoice_date), else_=_HEAD.c.tax_point)
"""The day in whose quarter a line is declared: its tax point; what gives back or corrects, the date of its document."""
_ORIGIN = sa.func.coalesce(_BILLED_HEAD.c.tax_point, _DECLARED, type_=_HEAD.c.tax_point.type)
"""The tax point of what a line gives back or corrects; its own day where it does neither."""


def _country(column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    return sa.func.substr(column, 1, 2, type_=column.type)


def _lines(statement: sa.Select[Any], tenant: str, entities: Collection[str]) -> sa.Select[Any]:
    """Lines joined with their document, and with the document of what they give back."""
    joined = sa.join(_LINE, _HEAD, _HEAD.c.id == _LINE.c.invoice_id)
    joined = joined.outerjoin(_BILLED, (_BILLED.c.id == _LINE.c.credits) & (_LINE.c.credits != 0))
    joined = joined.outerjoin(_BILLED_HEAD, _BILLED_HEAD.c.id == _BILLED.c.invoice_id)
    return statement.select_from(joined).where(_HEAD.c.tenant == tenant, _HEAD.c.entity.in_(sorted(entities)))


class OssReader(Session):
    """Reads what the one-stop shop is told."""

    def levied_in(
        self, tenant: str, entities: Collection[str], countries: Collection[str], since: date, until: date
    ) -> list[Any]:
        """Lines at a rate (category S) of some countries that are declared from ``since`` up to but not including ``until``: rows
        with (entity, day, origin, dated, country, rate, goods, currency, net, tax).

        ``origin`` is the tax point of what is given back, else ``day``; ``dated`` the date of the document."""
        line, head = _LINE.c, _HEAD.c
        keys = (
            *(head.entity, sa.type_coerce(_DECLARED, head.tax_point.type).label("day"), _ORIGIN.label("origin")),
            *(head.invoice_date.label("dated"), _country(line.tax_jurisdiction).label("country")),
            *(line.tax_rate.label("rate"), (line.tax_code == "goods").label("goods"), head.currency),
        )
        sums = [sa.func.sum(c, type_=c.type).label(n) for n, c in (("net", line.amount), ("tax", line.tax_amount))]
        statement = _lines(sa.select(*keys, *sums), tenant, entities).where(
            *self._at_rates(countries, since, until), line.kind != TAX
        )
        return self.rows(statement.group_by(*keys).order_by(*keys))

    def consumers_abroad(
        self, tenant: str, entities: Mapping[str, str], countries: Collection[str], since: date, until: date
    ) -> list[Any]:
        """Lines at a rate (category S) to buyers in some countries other than the seller's, from ``since`` up to but not including
        ``until``; ``entities`` has the country of each seller.  Rows with (entity, day, country, tax_code, rate, net), in order of day:
        ``country`` levies the tax, ``net`` is in the document's currency, ``rate`` leads to that of the books."""
        line, head = _LINE.c, _HEAD.c
        keys = (
            *(head.entity, sa.type_coerce(_DECLARED, head.tax_point.type).label("day")),
            *(_country(line.tax_jurisdiction).label("country"), line.tax_code, head.rate),
        )
        home = sa.case(entities, value=head.entity)
        statement = _lines(
            sa.select(*keys, sa.func.sum(line.amount, type_=line.amount.type).label("net")), tenant, entities
        )
        statement = statement.join(ACCOUNT, ACCOUNT.c.id == head.payer_id).where(
            *self._at_rates(countries, since, until),
            *(line.kind != TAX, ACCOUNT.c.country.in_(sorted(countries)), ACCOUNT.c.country != home),
        )
        return self.rows(statement.group_by(*keys).order_by(keys[1], *keys))

    def levied_posted(
        self, tenant: str, entities: Collection[str], countries: Collection[str], since: date, until: date
    ) -> list[Any]:
        """What invoices have posted for the lines of :meth:`levied_in`: rows with (entity, origin, dated, country, account,
        currency, amount)."""
        line, head, posting = _LINE.c, _HEAD.c, POSTING.c
        keys = (
            *(head.entity, _ORIGIN.label("origin"), head.invoice_date.label("dated")),
            *(_country(line.tax_jurisdiction).label("country"), posting.account, posting.currency),
        )
        total = sa.func.sum(posting.amount, type_=posting.amount.type).label("amount")
        statement = _lines(sa.select(*keys, total), tenant, entities)
        statement = self._posted(statement).where(*self._at_rates(countries, since, until), line.kind != TAX)
        return self.rows(statement.group_by(*keys).order_by(*keys))

    def tax_corrected_in(self, tenant: str, entities: Collection[str], since: date, until: date) -> list[Any]:
        """Corrections of tax on documents dated from ``since`` up to but not including ``until``: rows with (entity, origin,
        dated, goods, currency, line, levied, net, tax_included, then country_before, rate_before, category_before, before, country, rate,
        category, after); ``line`` is the id of the line that carries it, ``levied`` the country of that line."""
        one, line, head = TAX_CORRECTION.c, _LINE.c, _HEAD.c
        carried = (one.line_id == line.credits) & (one.document == head.id)
        statement = _lines(
            sa.select(
                *(head.entity, _ORIGIN.label("origin"), head.invoice_date.label("dated")),
                *((_BILLED.c.tax_code == "goods").label("goods"), one.currency, line.id.label("line")),
                *(_country(line.tax_jurisdiction).label("levied"), one.net, _BILLED.c.tax_included),
                *(_country(_BILLED.c.tax_jurisdiction).label("country_before"), one.rate_before, one.category_before),
                *(one.before, _country(one.tax_jurisdiction).label("country"), one.tax_rate.label("rate")),
                *(one.tax_category.label("category"), one.after),
            ),
            tenant,
            entities,
        )
        statement = statement.join(TAX_CORRECTION, carried)
        days = (head.invoice_date >= since, head.invoice_date < until)
        return self.rows(statement.where(line.kind == TAX, *days).order_by(one.id))

    def postings_for(self, lines: Sequence[int]) -> list[Any]:
        """What invoices have posted for some lines: rows with (line, account, currency, amount)."""
        line, posting = _LINE.c, POSTING.c
        statement = self._posted(
            sa.select(line.id.label("line"), posting.account, posting.currency, posting.amount).select_from(
                sa.join(_LINE, _HEAD, _HEAD.c.id == line.invoice_id)
            )
        ).where(query.among(self.dialect, line.id, "lines"))
        return list(self.connection.execute(statement, {"lines": list(lines)}))

    def first_rate(self, tenant: str, source: str, base: str, quote: str, since: date, until: date) -> FxRate | None:
        """The first rate of a source that is published from ``since`` up to but not including ``until``."""
        column = FX_RATE.c
        fields = (column.base, column.quote, column.rate, column.source, column.on_day)
        mine = (column.tenant == tenant, column.source == source, column.base == base, column.quote == quote)
        statement = sa.select(*fields).where(*mine, column.on_day >= since, column.on_day < until)
        row = self.connection.execute(statement.order_by(column.on_day).limit(1)).first()
        return None if row is None else FxRate(*row)

    def _at_rates(self, countries: Collection[str], since: date, until: date) -> tuple[sa.ColumnElement[bool], ...]:
        where = _country(_LINE.c.tax_jurisdiction).in_(sorted(countries))
        return (_LINE.c.tax_category == "S", where, since <= _DECLARED, until > _DECLARED)

    def _posted(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        entry, posting = ENTRY.c, POSTING.c
        of = (entry.document == _HEAD.c.id) & (entry.kind == "invoice") & (entry.tenant == _HEAD.c.tenant)
        mine = (posting.entry_id == entry.id) & (posting.line_id == _LINE.c.id)
        return statement.join(ENTRY, of).join(POSTING, mine)
