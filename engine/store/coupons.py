"""Coupons that subscriptions have redeemed, read only where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from engine.model.discount import Coupon
from engine.store import tables, types
from engine.store.query import among
from engine.store.session import Session


def any_coupons(session: Session, tenant: str) -> bool:
    """Whether a tenant has any coupons."""
    column = tables.COUPON.c
    return bool(session.rows(sa.select(column.id).where(column.tenant == tenant).limit(1)))


def coupons(session: Session, tenant: str, keys: Iterable[str]) -> dict[str, Coupon]:
    """Coupons by key."""
    column = tables.COUPON.c
    fields = [column[name] for name in Coupon.__struct_fields__]
    wanted = among(session.dialect, column.key, "wanted", types.TextList)
    statement = sa.select(*fields).where(column.tenant == tenant, wanted)
    rows = session.connection.execute(statement, {"wanted": sorted(set(keys))})
    return {row.key: Coupon(*row) for row in rows}


def redemption_numbers(session: Session, tenant: str, known: Mapping[str, Coupon]) -> dict[int, int]:
    """How often a coupon was redeemed up to each event that redeems it, of coupons with a limit; events beyond it are left out."""
    column = tables.SUBSCRIPTION_EVENT.c
    found: dict[int, int] = {}
    for coupon in known.values():
        if coupon.most:
            mine = (column.tenant == tenant, column.coupon == coupon.key, column.coupon.is_not(None))
            rows = session.rows(sa.select(column.id).where(*mine).order_by(column.id).limit(coupon.most))
            found.update({row[0]: number for number, row in enumerate(rows, 1)})
    return found
