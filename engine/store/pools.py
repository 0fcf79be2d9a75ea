"""Whether one account pays for a parent account and all of its children."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from engine.store import tables
from engine.store.session import Session


def payers_of_families(session: Session, tenant: str, entity: str, parents: Iterable[str]) -> dict[str, set[str]]:
    """For each of some accounts the keys of those that pay for it and for its children."""
    wanted, account = sorted(set(parents)), tables.ACCOUNT.c
    found: dict[str, set[str]] = {parent: set() for parent in wanted}
    mine = (account.tenant == tenant, account.entity == entity, account.current)
    for column in (account.key, account.parent):
        statement = sa.select(column, account.payer).where(*mine, column.in_(wanted)).distinct()
        for parent, payer in session.connection.execute(statement):
            found[parent].add(payer)
    return found
