"""Reads that walk back: from a usage event or a posting to the invoice line that it belongs to; and near misses of names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.session import Session
from engine.store.tracing import NEAR, LineRecord, counted_until, record_of


def invoice_head(session: Session, tenant: str, number: str) -> dict[str, Any] | None:
    """The head of the invoice with a legal number."""
    rows = session.rows(sa.select(t.INVOICE).where(t.INVOICE.c.tenant == tenant, t.INVOICE.c.number == number))
    return dict(rows[0]._mapping) if rows else None


def head_by_id(session: Session, invoice_id: int) -> dict[str, Any] | None:
    """The head of the invoice with that id."""
    rows = session.rows(sa.select(t.INVOICE).where(t.INVOICE.c.id == invoice_id))
    return dict(rows[0]._mapping) if rows else None


def lines_of(session: Session, head: dict[str, Any]) -> list[LineRecord]:
    """All lines of an invoice in order."""
    line = t.INVOICE_LINE.c
    rows = session.rows(sa.select(t.INVOICE_LINE).where(line.invoice_id == head["id"]).order_by(line.number))
    return [record_of(row, head) for row in rows]


def subscription(session: Session, tenant: str, entity: str, key: str) -> int | None:
    """The id of a subscription."""
    column = t.SUBSCRIPTION.c
    rows = session.rows(sa.select(column.id).where(column.tenant == tenant, column.entity == entity, column.key == key))
    return rows[0][0] if rows else None


def payers_of(session: Session, subscription_id: int) -> list[str]:
    """The keys of the accounts that pay for a subscription: the payer of its account first, then those whom events name."""
    taken, buyer = t.SUBSCRIPTION.c, t.ACCOUNT.c
    same = (buyer.tenant == taken.tenant) & (buyer.entity == taken.entity) & (buyer.key == taken.account)
    joined = sa.select(buyer.payer).join_from(t.SUBSCRIPTION, t.ACCOUNT, same)
    found = [row[0] for row in session.rows(joined.where(taken.id == subscription_id, buyer.current))]
    event = t.SUBSCRIPTION_EVENT.c
    mine = (event.subscription_id == subscription_id, event.payer.is_not(None))
    rows = session.rows(sa.select(event.payer).distinct().where(*mine).order_by(event.payer))
    return [*found, *(row[0] for row in rows if row[0] not in found)]


def subscription_keys(session: Session, tenant: str, entity: str, key: str) -> list[str]:
    """Keys of subscriptions that begin like one that does not exist, else any."""
    column = t.SUBSCRIPTION.c
    mine = sa.select(column.key).where(column.tenant == tenant, column.entity == entity)
    begins = mine.where(column.key.startswith(key[: len(key) // 2], autoescape=True)).limit(NEAR)
    return [row[0] for row in session.rows(begins) or session.rows(mine.limit(NEAR))]


def events_named(session: Session, subscription_id: int, meter: str, key: str) -> list[dict[str, Any]]:
    """The usage events of a subscription and meter with that key; one a source."""
    event = t.USAGE_EVENT.c
    rows = session.rows(
        sa.select(t.USAGE_EVENT)
        .where(event.subscription_id == subscription_id, event.meter == meter, event.key == key)
        .order_by(event.id)
    )
    return [dict(row._mapping) for row in rows]


def reversal_of(session: Session, event_id: int) -> int | None:
    """The id under which it became known that an event is taken back; None where it is not."""
    back = t.USAGE_REVERSAL.c
    rows = session.rows(sa.select(back.id).where(back.event_id == event_id))
    return rows[0][0] if rows else None


def event_keys(session: Session, subscription_id: int, meter: str, key: str) -> list[str]:
    """Keys of events that begin like one that does not exist, else any of the subscription's."""
    event = t.USAGE_EVENT.c
    mine = sa.select(event.key).where(event.subscription_id == subscription_id, event.meter == meter)
    begins = mine.where(event.key.startswith(key[: len(key) // 2], autoescape=True)).limit(NEAR)
    return [row[0] for row in session.rows(begins) or session.rows(mine.limit(NEAR))]


def meters_used(session: Session, subscription_id: int) -> list[str]:
    """The meters that a subscription has usage of."""
    event = t.USAGE_EVENT.c
    rows = session.rows(sa.select(event.meter).where(event.subscription_id == subscription_id).distinct())
    return sorted(row[0] for row in rows)


def lines_with_event(session: Session, event: dict[str, Any]) -> list[LineRecord]:
    """The lines that bill a usage event: of its subscription and meter, on its day, up to what was known."""
    line, charge = t.INVOICE_LINE.c, t.CHARGE.c
    rows = session.rows(
        sa.select(t.INVOICE_LINE, charge.meters.label("charge_meters"), charge.meter.label("charge_meter"))
        .join(t.CHARGE, charge.id == line.charge_id)
        .where(
            line.subscription_id == event["subscription_id"],
            (charge.meter == event["meter"]) | charge.meters.is_not(None),
            line.service_from <= event["day"],
            line.service_to >= event["day"],
            line.usage_after < event["id"],
            line.usage_to >= event["id"],
        )
        .order_by(line.id)
    )
    found = []
    for row in rows:
        meters = row.charge_meters.split(";") if row.charge_meters else [row.charge_meter]
        record = record_of(row, head_by_id(session, row.invoice_id) or {})
        ends = record.charge.service_to
        if event["meter"] in meters and (event["day"] < ends or counted_until(session, record.charge, meters) > ends):
            found.append(record)
    return found


def findings_about(session: Session, tenant: str, subjects: Sequence[str], like: str = "") -> list[dict[str, Any]]:
    """Findings of all runs about some subjects, or those that ``like`` matches (``%`` for anything), the newest first."""
    column = t.FINDING.c
    about: sa.ColumnElement[bool] = column.subject.in_(list(subjects))
    if like:
        about = sa.or_(about, column.subject.like(like, escape="\\"))
    rows = session.rows(sa.select(t.FINDING).where(column.tenant == tenant, about).order_by(column.id.desc()).limit(20))
    return [dict(row._mapping) for row in rows]


def entry(session: Session, tenant: str, entry_id: int) -> dict[str, Any] | None:
    """The entry with that id."""
    rows = session.rows(sa.select(t.ENTRY).where(t.ENTRY.c.tenant == tenant, t.ENTRY.c.id == entry_id))
    return dict(rows[0]._mapping) if rows else None


def entries_of(session: Session, document: int) -> list[dict[str, Any]]:
    """The entries of a document in order."""
    rows = session.rows(sa.select(t.ENTRY).where(t.ENTRY.c.document == document).order_by(t.ENTRY.c.id))
    return [dict(row._mapping) for row in rows]


def book_entries(session: Session, tenant: str, *, ident: int = 0, of_entry: int = 0) -> list[dict[str, Any]]:
    """Entries of further books in order: that with an id, or those that adjust an entry of the leading book."""
    column = t.BOOK_ENTRY.c
    wanted = column.id == ident if ident else column.of_entry == of_entry
    rows = session.rows(sa.select(t.BOOK_ENTRY).where(column.tenant == tenant, wanted).order_by(column.id))
    return [dict(row._mapping) for row in rows]


def book_postings(session: Session, entry_id: int) -> list[dict[str, Any]]:
    """The postings of an entry of a further book in order."""
    column = t.BOOK_POSTING.c
    rows = session.rows(sa.select(t.BOOK_POSTING).where(column.entry_id == entry_id).order_by(column.number))
    return [dict(row._mapping) for row in rows]


def postings(session: Session, entry_id: int) -> list[dict[str, Any]]:
    """The postings of an entry in order."""
    column = t.POSTING.c
    rows = session.rows(sa.select(t.POSTING).where(column.entry_id == entry_id).order_by(column.number))
    return [dict(row._mapping) for row in rows]
