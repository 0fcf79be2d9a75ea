"""Reads of attribute values: of some records, as far as they were known up to an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.model.attribute import AttributeValue
from engine.store import tables, types
from engine.store.query import Query, among
from engine.store.session import Session


def _values(dialect: str) -> sa.Select[Any]:
    column = tables.ATTRIBUTE_VALUE.c
    mine = (column.tenant == sa.bindparam("tenant"), column.entity == sa.bindparam("entity"))
    wanted = (column.object == sa.bindparam("object"), among(dialect, column.record, "records", types.TextList))
    fields = (column[name] for name in AttributeValue.__struct_fields__)
    return sa.select(*fields).where(*mine, *wanted, column.id <= sa.bindparam("high")).order_by(column.id)


_VALUES = Query(_values, AttributeValue)


def values_of(
    session: Session, tenant: str, entity: str, name: str, records: Sequence[str], high: int
) -> list[AttributeValue]:
    """Values of attributes of accounts or subscriptions (``name``) with some keys, up to an id, in the order of ids."""
    where = {"tenant": tenant, "entity": entity, "object": name, "records": list(records), "high": high}
    found: list[AttributeValue] = _VALUES(session.connection, where)
    return found


def newest(session: Session) -> int:
    """Id of the newest value; 0 where there is none."""
    highest = sa.select(sa.func.coalesce(sa.func.max(tables.ATTRIBUTE_VALUE.c.id), 0))
    value: int = session.connection.execute(highest).scalar_one()
    return value
