"""What the books know of subscriptions that another system billed before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.store import query, tables, types
from engine.store.session import Session

PAGE = 2_000


class Marked(msgspec.Struct, frozen=True):
    """A subscription that came over."""

    subscription_id: int
    key: str
    first_day: date


class Unopened(msgspec.Struct, frozen=True):
    """Subscriptions of a legal entity that began before a cut-over and are neither opened nor billed."""

    entity: str
    cutover: str
    first_day: date
    count: int
    keys: tuple[str, ...]


def opened(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Key of the cut-over of those subscriptions that came over, by id."""
    mark = tables.OPENING_MARK.c
    mine = query.among(session.dialect, mark.subscription_id, "ids")
    statement = sa.select(mark.subscription_id, mark.cutover).where(mine)
    return {row[0]: row[1] for row in session.connection.execute(statement, {"ids": list(ids)})}


def billed_here(session: Session, ids: Sequence[int]) -> set[int]:
    """Which of some subscriptions have an invoice line of ours, or a billing mark that no cut-over has set."""
    mark, come, line = tables.BILLING_MARK.c, tables.OPENING_MARK.c, tables.INVOICE_LINE.c
    given = {"ids": list(ids)}
    there = sa.exists().where(come.subscription_id == mark.subscription_id)
    marked = sa.select(mark.subscription_id).where(query.among(session.dialect, mark.subscription_id, "ids"), ~there)
    lined = sa.select(line.subscription_id).distinct().where(query.among(session.dialect, line.subscription_id, "ids"))
    return {row[0] for statement in (marked, lined) for row in session.connection.execute(statement, given)}


def lines(session: Session, tenant: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Opening lines by (legal entity, key), each by column name."""
    line = tables.OPENING_LINE.c
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for entity, group in groupby(sorted(keys), key=lambda key: key[0]):
        mine = (line.tenant == tenant, line.entity == entity)
        wanted = query.among(session.dialect, line.key, "wanted", types.TextList)
        statement = sa.select(tables.OPENING_LINE).where(*mine, wanted)
        for row in session.connection.execute(statement, {"wanted": [key for _, key in group]}).mappings():
            found[entity, row["key"]] = dict(row)
    return found


def accounts(session: Session, tenant: str) -> set[str]:
    """Keys of accounts that have a subscription which came over."""
    mark, taken = tables.OPENING_MARK.c, tables.SUBSCRIPTION.c
    statement = sa.select(taken.account).distinct().where(taken.id == mark.subscription_id, mark.tenant == tenant)
    return {row[0] for row in session.rows(statement)}


def pages(session: Session, tenant: str) -> Iterator[list[Marked]]:
    """Subscriptions that came over, in order of id."""
    mark, taken, after = tables.OPENING_MARK.c, tables.SUBSCRIPTION.c, 0
    statement = (
        sa.select(mark.subscription_id, taken.key, mark.first_day)
        .join_from(tables.OPENING_MARK, tables.SUBSCRIPTION, taken.id == mark.subscription_id)
        .order_by(mark.subscription_id)
        .limit(PAGE)
    )
    while page := [
        Marked(*row) for row in session.rows(statement.where(mark.tenant == tenant, mark.subscription_id > after))
    ]:
        yield page
        after = page[-1].subscription_id


def charges(session: Session, ids: Sequence[int]) -> set[tuple[int, str]]:
    """(subscription, charge) of which a line or a date of the old system is known."""
    return _charges_in(session, tables.OPENING_LINE, ids) | dated(session, ids)


def dated(session: Session, ids: Sequence[int]) -> set[tuple[int, str]]:
    """(subscription, charge) of which a billed-through date is known."""
    return _charges_in(session, tables.BILLED_THROUGH, ids)


def _charges_in(session: Session, table: sa.Table, ids: Sequence[int]) -> set[tuple[int, str]]:
    wanted = query.among(session.dialect, table.c.subscription_id, "ids")
    statement = sa.select(table.c.subscription_id, table.c.charge).distinct().where(wanted)
    return {(row[0], row[1]) for row in session.connection.execute(statement, {"ids": list(ids)})}


def unopened(session: Session, tenant: str, shown: int) -> list[Unopened]:
    """For each cut-over, subscriptions of its legal entity that began before it and that nothing says is billed."""
    event, taken = tables.SUBSCRIPTION_EVENT.c, tables.SUBSCRIPTION.c
    cutover, mark = tables.CUTOVER.c, tables.BILLING_MARK.c
    began = sa.exists().where(
        event.subscription_id == taken.id, event.kind == "start", event.on_day < cutover.first_day
    )
    known = sa.exists().where(mark.subscription_id == taken.id)
    same = (taken.tenant == cutover.tenant) & (taken.entity == cutover.entity)
    statement = (
        sa.select(cutover.entity, cutover.key, cutover.first_day, taken.key.label("subscription"))
        .join_from(tables.CUTOVER, tables.SUBSCRIPTION, same)
        .where(cutover.tenant == tenant, began, ~known)
        .order_by(cutover.entity, cutover.key, taken.key)
    )
    rows = session.rows(statement)
    result = []
    for (entity, key, first_day), group in groupby(rows, key=attrgetter("entity", "key", "first_day")):
        keys = [row.subscription for row in group]
        result.append(Unopened(entity, key, first_day, len(keys), tuple(keys[:shown])))
    return result
