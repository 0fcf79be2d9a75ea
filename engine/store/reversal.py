"""What credits need of the lines that they credit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.invoice import Reversible
from engine.model.journal import FxRate
from engine.model.revenue_contract import Covered
from engine.model.tax import TaxQuote
from engine.model.tax_correction import TAX
from engine.store import query
from engine.store import tables as t
from engine.store.revenue_plans import plans_of_lines
from engine.store.session import Session

OLD_SYSTEM = "cut-over"
"""Source of the tax and of the exchange rate of a line that another system billed."""

Given = dict[int, tuple[Decimal, Decimal]]


def reversible(session: Session, ids: Sequence[int]) -> dict[int, Reversible]:
    """Billed lines by id, ours and those of the old system: their tax, what earlier credits left of them, the rate of their
    invoice, and what they still earn later.
    """
    parameters = {"ids": sorted(set(ids))}
    back = _given(session, t.INVOICE_LINE, parameters)
    line, invoice, mark = t.INVOICE_LINE, t.INVOICE, t.REVENUE_BILLED
    rows = session.connection.execute(
        sa.select(line, invoice.c.functional_currency, invoice.c.rate, invoice.c.rate_source, invoice.c.rate_on)
        .add_columns(mark.c.contract.label("revenue_contract"), mark.c.obligation.label("revenue_obligation"))
        .join_from(line, invoice, invoice.c.id == line.c.invoice_id)
        .join(mark, mark.c.id == line.c.id, isouter=True)
        .where(query.among(session.dialect, line.c.id, "ids")),
        parameters,
    )
    found = {}
    for row in rows:
        rate = FxRate(row.currency, row.functional_currency, row.rate, row.rate_source, row.rate_on)
        one = _reversible(row, row.tax_source, row.tax_decision, rate, back)
        covered = Covered(row.revenue_contract, row.revenue_obligation) if row.revenue_contract else None
        found[row.id] = msgspec.structs.replace(one, covered=covered) if covered else one
    if len(found) < len(parameters["ids"]):
        found |= _of_old_system(session, parameters, back)
    for ident, plan in plans_of_lines(session, parameters["ids"]).items() if found else ():
        found[ident] = msgspec.structs.replace(found[ident], plan=plan)
    return found | _corrected(session, parameters, found)


def _corrected(session: Session, parameters: Mapping[str, Any], found: dict[int, Reversible]) -> dict[int, Reversible]:
    """Those of the lines whose tax was corrected since, with the rate that the newest correction gave them, and with net and tax
    as all corrections have left them."""
    line = t.INVOICE_LINE.c
    among = query.among(session.dialect, line.credits, "ids")
    some: sa.ColumnElement[bool] = sa.literal_column("invoice_line.credits <> 0")
    statement = sa.select(t.INVOICE_LINE).where(among, some, line.kind == TAX).order_by(line.id)
    made: dict[int, Reversible] = {}
    for row in session.connection.execute(statement, parameters) if found else ():
        one = made.get(row.credits) or found[row.credits]
        head = ("", row.tax_rate, one.tax.amount + row.tax_amount, row.tax_category, row.tax_jurisdiction)
        tax = TaxQuote(*head, row.tax_source, row.tax_reason)
        made[row.credits] = msgspec.structs.replace(
            one, net=one.net + row.amount, tax=tax, tax_decision=row.tax_decision
        )
    return made


def _of_old_system(session: Session, parameters: Mapping[str, Any], back: Given) -> dict[int, Reversible]:
    line = t.OPENING_LINE
    for ident, (net, tax) in _given(session, line, parameters).items():
        before = back.get(ident, (ZERO, ZERO))
        back[ident] = (before[0] + net, before[1] + tax)
    statement = sa.select(line, _deferred(line.c).label("deferred"))
    found = {}
    for row in session.connection.execute(statement.where(query.among(session.dialect, line.c.id, "ids")), parameters):
        rate = FxRate(row.currency, row.functional_currency, row.rate, OLD_SYSTEM, row.document_date)
        one = _reversible(row, OLD_SYSTEM, 0, rate, back)
        found[row.id] = msgspec.structs.replace(one, deferred=True) if row.deferred else one
    return found


def _deferred(line: Any) -> sa.ColumnElement[bool]:
    """Whether a deferral came over of the product of an old line, on days of it, that is of its subscription or of none."""
    one = t.DEFERRAL.c
    same = (
        getattr(one, name) == getattr(line, name) for name in ("tenant", "entity", "account", "product", "currency")
    )
    days = (one.service_from < line.service_to, one.service_to > line.service_from)
    return sa.exists().where(*same, *days, one.subscription.in_(("", line.subscription)))


def _given(session: Session, line: sa.Table, parameters: Mapping[str, Any]) -> Given:
    """Net and tax of the credits on some lines, by the id of the line."""
    rows = session.connection.execute(
        sa.select(
            line.c.credits,
            sa.func.sum(line.c.amount, type_=line.c.amount.type),
            sa.func.sum(line.c.tax_amount, type_=line.c.tax_amount.type),
        )
        .where(query.among(session.dialect, line.c.credits, "ids"), sa.literal_column(f"{line.name}.credits <> 0"))
        .group_by(line.c.credits),
        parameters,
    )
    return {credited: (net, tax) for credited, net, tax in rows}


def _reversible(row: Any, source: str, decision: int, rate: FxRate, back: Given) -> Reversible:
    net, tax = back.get(row.id, (ZERO, ZERO))
    quote = TaxQuote("", row.tax_rate, row.tax_amount, row.tax_category, row.tax_jurisdiction, source, row.tax_reason)
    return Reversible(row.amount, quote, decision, row.amount + net, row.tax_amount + tax, rate)
