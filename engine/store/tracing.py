"""Reads that walk from an invoice line to everything it rests on, and forward to its postings; and sums for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.base.money import ZERO
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.contract import ContractLine
from engine.model.invoice import RatedCharge
from engine.model.numbering import ASCENDING
from engine.model.subscription import SubscriptionEvent
from engine.store import tables as t
from engine.store import types
from engine.store.query import among
from engine.store.session import Session

NO_SUCH_LINE = Code("explain.no-such-line", "An invoice number or line number that the books do not have.")

NEAR = 500
"""Names that a suggestion is looked for among."""

_NOUNS: dict[type[msgspec.Struct], sa.Table] = {Account: t.ACCOUNT, Charge: t.CHARGE, ContractLine: t.CONTRACT_LINE}


class LineRecord(msgspec.Struct, frozen=True):
    """An invoice line as it stands in the books: the head, the charge, its tax, and its id."""

    id: int
    number: int
    head: dict[str, Any]
    charge: RatedCharge
    tax: dict[str, Any]

    @property
    def price(self) -> Decimal:
        """The amount as its price has it: with its tax, where the price includes it."""
        return self.charge.priced(self.tax["tax_amount"]).amount


def no_invoice(session: Session, tenant: str, number: str) -> TollbookError:
    """The error for a legal number that no invoice has, with the nearest ones."""
    column = t.INVOICE.c
    near: list[str] = []
    for length in (len(number) - 2, len(number) // 2, 0):
        if near:
            break
        query = sa.select(column.number).where(column.tenant == tenant)
        if length > 0:
            query = query.where(column.number.startswith(number[:length], autoescape=True))
        near = [row[0] for row in session.rows(query.order_by(column.id.desc()).limit(NEAR))]
    mend = did_you_mean(number, near) or "the books have no invoices yet"
    return refuse(NO_SUCH_LINE, f"there is no invoice {number!r}", mend=mend)


def line_record(session: Session, tenant: str, invoice: str, number: int) -> LineRecord:
    """Line ``number`` of the invoice with the legal number ``invoice``.

    Raises:
        TollbookError: ``explain.no-such-line``.
    """
    heads = session.rows(sa.select(t.INVOICE).where(t.INVOICE.c.tenant == tenant, t.INVOICE.c.number == invoice))
    if not heads:
        raise no_invoice(session, tenant, invoice)
    head = dict(heads[0]._mapping)
    line = t.INVOICE_LINE.c
    found = session.rows(sa.select(t.INVOICE_LINE).where(line.invoice_id == head["id"], line.number == number))
    if not found:
        last = session.rows(sa.select(sa.func.max(line.number)).where(line.invoice_id == head["id"]))[0][0]
        raise refuse(NO_SUCH_LINE, f"invoice {invoice} has no line {number}", mend=f"its lines are 1 to {last}")
    return record_of(found[0], head)


def record_of(row: Any, head: dict[str, Any]) -> LineRecord:
    """A line record from a row of ``invoice_line``."""
    values = row._mapping
    charge = RatedCharge(*(values[name] for name in RatedCharge.__struct_fields__))
    tax = {name: values[name] for name in values if name.startswith("tax_") and name != "tax_code"}
    return LineRecord(values["id"], values.get("number", 1), head, charge, tax)


def version(session: Session, noun: type[Any], id_: int) -> Any:
    """The version of a master record that has that id, current or not; None if there is none."""
    table = _NOUNS[noun]
    rows = session.rows(sa.select(table).where(table.c.id == id_))
    names = [name for name in noun.__struct_fields__ if name in table.c]
    return noun(**{name: rows[0]._mapping[name] for name in names}) if rows else None


def lines_of_stretch(session: Session, charge: RatedCharge) -> list[LineRecord]:
    """All lines of the same charge, service period and group of usage, oldest first."""
    line = t.INVOICE_LINE.c
    rows = session.rows(
        sa.select(t.INVOICE_LINE)
        .where(
            line.subscription_id == charge.subscription_id,
            line.plan == charge.plan,
            line.charge == charge.charge,
            line.service_from == charge.service_from,
            line.service_to == charge.service_to,
            line.grouped == charge.grouped,
        )
        .order_by(line.id)
    )
    return [record_of(row, {}) for row in rows]


def lines_ending(session: Session, charge: RatedCharge, invoice_id: int) -> list[RatedCharge]:
    """All lines of a subscription whose service ends on the days of one of its charges, up to an invoice."""
    line = t.INVOICE_LINE.c
    rows = session.rows(
        sa.select(t.INVOICE_LINE).where(
            line.subscription_id == charge.subscription_id,
            line.service_to > charge.service_from,
            line.service_to <= charge.service_to,
            line.invoice_id <= invoice_id,
        )
    )
    return [record_of(row, {}).charge for row in rows]


def line_by_id(session: Session, line_id: int) -> LineRecord | None:
    """The line with that id, with the head of its invoice; of a line of an old system, with its number and date."""
    rows = session.rows(sa.select(t.INVOICE_LINE).where(t.INVOICE_LINE.c.id == line_id))
    if not rows:
        old = session.rows(sa.select(t.OPENING_LINE).where(t.OPENING_LINE.c.id == line_id))
        return record_of(old[0], {"number": old[0].document, "invoice_date": old[0].document_date}) if old else None
    heads = session.rows(sa.select(t.INVOICE).where(t.INVOICE.c.id == rows[0].invoice_id))
    return record_of(rows[0], dict(heads[0]._mapping) if heads else {})


def decisions(session: Session, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Stored decisions by id."""
    rows = session.rows(sa.select(t.DECISION).where(t.DECISION.c.id.in_(list(ids))))
    return {row.id: dict(row._mapping) for row in rows}


def postings_of(session: Session, invoice_id: int, line_id: int) -> list[dict[str, Any]]:
    """Postings of an invoice's entries that name the line, and the receivable, which is of the whole invoice."""
    entry, posting = t.ENTRY.c, t.POSTING.c
    rows = session.rows(
        sa.select(t.POSTING, entry.kind.label("entry_kind"), entry.posting_date)
        .join(t.ENTRY, entry.id == posting.entry_id)
        .where(entry.document == invoice_id, posting.line_id.in_([0, line_id]))
        .order_by(posting.entry_id, posting.number)
    )
    return [dict(row._mapping) for row in rows]


_EVENT_COLUMNS = ("id", "source", "meter", "key", "at", "day", "quantity", "dimensions")


def _behind(charge: RatedCharge, meters: Sequence[str], until: date) -> tuple[sa.ColumnElement[bool], ...]:
    """Usage events of some meters on the days of a line, up to, not including, a day, that were known by its run."""
    event = t.USAGE_EVENT.c
    return (
        event.subscription_id == charge.subscription_id,
        event.meter.in_(list(meters)),
        event.day >= charge.service_from,
        event.day < until,
        event.id <= charge.usage_to,
    )


def counted_until(session: Session, charge: RatedCharge, meters: Sequence[str]) -> date:
    """The day up to which, not including, usage counts for a line: its last day too where its service was cancelled on it and the
    rule of that time said so, which shows in the number of events."""
    event = t.USAGE_EVENT.c
    fresh = event.id > charge.usage_after
    seen = sa.select(sa.func.count()).where(*_behind(charge, meters, charge.service_to), fresh)
    ((count,),) = session.rows(seen)
    return charge.service_to if count >= charge.events else charge.service_to + timedelta(days=1)


def usage_events(
    session: Session, charge: RatedCharge, meters: Sequence[str], limit: int | None
) -> list[dict[str, Any]]:
    """The usage events behind a line, in order of time: of its meters and days, known after the line before it."""
    event = t.USAGE_EVENT.c
    until = counted_until(session, charge, meters)
    rows = session.rows(
        sa.select(*(event[name] for name in _EVENT_COLUMNS))
        .where(*_behind(charge, meters, until), event.id > charge.usage_after, ~_taken_back(charge))
        .order_by(event.at, event.key)
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]


def _taken_back(charge: RatedCharge) -> sa.ColumnElement[bool]:
    """Whether an event was taken back by what the run of a line knew, or was dropped because it came late."""
    back, late, event = t.USAGE_REVERSAL.c, t.LATE_USAGE.c, t.USAGE_EVENT.c
    dropped = sa.exists().where(late.usage_id == event.id, late.event_id == event.id, late.disposition == "drop")
    return sa.exists().where(back.event_id == event.id, back.id <= charge.usage_to) | dropped


def usage_taken_back(session: Session, charge: RatedCharge, meters: Sequence[str]) -> list[dict[str, Any]]:
    """The usage events that a line gives back, because they were taken back after the line before it."""
    event, back = t.USAGE_EVENT.c, t.USAGE_REVERSAL.c
    until = charge.service_to + timedelta(days=1)
    rows = session.rows(
        sa.select(*(event[name] for name in _EVENT_COLUMNS))
        .join(t.USAGE_REVERSAL, back.event_id == event.id)
        .where(*_behind(charge, meters, until), event.id <= charge.usage_after)
        .where(back.id > charge.usage_after, back.id <= charge.usage_to)
        .order_by(event.at, event.key)
    )
    return [dict(row._mapping) for row in rows]


def usage_totals(
    session: Session, charge: RatedCharge, meters: Sequence[str], until: date | None = None
) -> dict[str, tuple[Any, int, Any]]:
    """Sum, number and greatest of the events of each meter on the days of a line, as far as its run knew them; up to, not
    including, a day ``until`` where it is given."""
    event = t.USAGE_EVENT.c
    found = (sa.func.sum(event.quantity, type_=event.quantity.type), sa.func.count(), sa.func.max(event.quantity))
    until = until or counted_until(session, charge, meters)
    counted = (*_behind(charge, meters, until), ~_taken_back(charge))
    rows = session.rows(sa.select(event.meter, *found).where(*counted).group_by(event.meter))
    return {meter: (total, count, peak) for meter, total, count, peak in rows}


def subscribed_on(session: Session, subscription_id: int) -> Any:
    """The day of a subscription's first event, of those that were not withdrawn."""
    event, other = t.SUBSCRIPTION_EVENT.c, t.SUBSCRIPTION_EVENT.alias("other")
    withdrawn = sa.exists().where(
        other.c.subscription_id == event.subscription_id,
        other.c.kind == "withdraw",
        other.c.id > event.id,
        other.c.on_day < event.on_day,
    )
    mine = (event.subscription_id == subscription_id, event.kind.not_in(("withdraw", "adjust", "redeem")), ~withdrawn)
    return session.rows(sa.select(sa.func.min(event.on_day)).where(*mine))[0][0]


def cancelled(session: Session, subscription_id: int, known: int) -> list[SubscriptionEvent]:
    """The events of a subscription that end its service or take that back, or take events back, up to an id."""
    event = t.SUBSCRIPTION_EVENT.c
    mine = (event.subscription_id == subscription_id, event.id <= known)
    kinds = event.kind.in_(("cancel", "uncancel", "withdraw"))
    rows = session.rows(sa.select(event.id, event.key, event.kind, event.on_day).where(*mine, kinds).order_by(event.id))
    return [SubscriptionEvent(*row) for row in rows]


def credits_on(session: Session, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Credits on some invoice lines, by column name, in order of id."""
    line = t.INVOICE_LINE.c
    rows = session.rows(
        sa.select(t.INVOICE_LINE).where(line.credits.in_(list(ids)), line.credits != 0).order_by(line.id)
    )
    return [dict(row._mapping) for row in rows]


def payers_billed(
    session: Session, tenant: str, entity: str, payers: Iterable[str], period: str, but: Sequence[str], only: str = ""
) -> set[str]:
    """Those of some payers that have an invoice of that period; documents whose group holds one of ``but`` do not count, and
    only those whose group holds ``only``.  Each payer is looked up by the key of invoices, whatever was billed before."""
    invoice = t.INVOICE.c
    query = (
        sa.select(invoice.payer)
        .where(invoice.tenant == tenant, invoice.entity == entity, invoice.period == period)
        .where(among(session.dialect, invoice.payer, "payers", types.TextList))
        .where(*(~invoice.group_key.contains(one, autoescape=True) for one in but))
        .where(*([invoice.group_key.contains(only, autoescape=True)] if only else ()))
    )
    return {row[0] for row in session.connection.execute(query, {"payers": sorted(payers)})}


def documents_after(session: Session, tenant: str, on: date) -> tuple[str, date] | None:
    """(series, date) of the newest document of a tenant in a series whose dates ascend, if it is dated after a day."""
    series = t.SERIES.c
    ascends = (series.dates == ASCENDING, series.last_date > on)
    query = sa.select(series.series, series.last_date).where(series.tenant == tenant, *ascends)
    rows = session.rows(query.order_by(series.last_date.desc(), series.series).limit(1))
    return (rows[0].series, rows[0].last_date) if rows else None


def numbers(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Legal numbers of invoices by id."""
    invoice = t.INVOICE.c
    return dict(session.rows(sa.select(invoice.id, invoice.number).where(invoice.id.in_(list(ids)))))


def money(session: Session, run_id: int) -> dict[str, list[list[Any]]]:
    """What a run invoiced: (key, currency, lines, net, tax) by ``country`` of the payer, by ``plan`` and by ``currency``."""
    line, invoice, account = t.INVOICE_LINE, t.INVOICE, t.ACCOUNT
    joined = line.join(invoice, invoice.c.id == line.c.invoice_id).join(account, account.c.id == invoice.c.payer_id)
    keys = (account.c.country, line.c.plan, line.c.currency)
    net, tax = (sa.func.sum(column, type_=column.type) for column in (line.c.amount, line.c.tax_amount))
    query = sa.select(*keys, sa.func.count(), net, tax).select_from(joined).where(invoice.c.run_id == run_id)
    return by_key(session.rows(query.group_by(*keys)))


def by_key(parts: Iterable[Sequence[Any]]) -> dict[str, list[list[Any]]]:
    """As :func:`money`, of parts of it: (country, plan, currency, lines, net, tax)."""
    result: dict[str, dict[tuple[str, str], list[Any]]] = {"country": {}, "plan": {}, "currency": {}}
    for country, plan, currency, *sums in parts:
        for name, key in (("country", country), ("plan", plan), ("currency", currency)):
            known = result[name].get((key, currency), [0, ZERO, ZERO])
            result[name][key, currency] = [old + new for old, new in zip(known, sums, strict=True)]
    return {name: [[*key, *sums] for key, sums in sorted(found.items())] for name, found in result.items()}
