"""Reads of the terms of subscriptions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.terms import Term
from engine.store import tables, types
from engine.store.query import Query, among
from engine.store.session import Session


def _terms(dialect: str) -> sa.Select[Any]:
    column = tables.SUBSCRIPTION_TERM.c
    mine = (column.tenant == sa.bindparam("tenant"), column.entity == sa.bindparam("entity"), column.current)
    wanted = among(dialect, column.subscription, "subscriptions", types.TextList)
    fields = (column[name] for name in Term.__struct_fields__)
    return sa.select(*fields).where(*mine, wanted).order_by(column.subscription, column.starts)


_TERMS = Query(_terms, Term)


def terms_of(session: Session, tenant: str, entity: str, subscriptions: Sequence[str]) -> dict[str, list[Term]]:
    """The terms of subscriptions by their keys, in the order of their days; those without any are left out."""
    where = {"tenant": tenant, "entity": entity, "subscriptions": list(subscriptions)}
    found: dict[str, list[Term]] = defaultdict(list)
    for term in _TERMS(session.connection, where):
        found[term.subscription].append(term)
    return dict(found)


def ending(session: Session, tenant: str, by: date) -> dict[str, list[str]]:
    """Keys of the subscriptions, by legal entity, whose last term ends on or before a day."""
    column, other = tables.SUBSCRIPTION_TERM.c, tables.SUBSCRIPTION_TERM.alias("later").c
    same = (other.tenant == column.tenant, other.entity == column.entity, other.subscription == column.subscription)
    later = sa.exists().where(*same, other.current, other.starts > column.starts)
    statement = (
        sa.select(column.entity, column.subscription)
        .where(column.tenant == tenant, column.current, column.ends <= by, ~later)
        .order_by(column.entity, column.subscription)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for entity, key in session.rows(statement):
        found[entity].append(key)
    return dict(found)
