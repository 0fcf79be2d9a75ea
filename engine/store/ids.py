"""Ids in blocks.

A block is one short update of one row.  Ids are unique for ever and mean nothing; a block that was not used up leaves a
gap, which nobody minds (legal numbers are another matter: ``writing_ledger.take_numbers``).
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store import types
from engine.store.tables import ID_BLOCK


def take(connection: sa.Connection, name: str, count: int) -> int:
    """The first of ``count`` consecutive ids of the sequence ``name``; they start at 1.  0 where none are wanted.

    The row stays locked until the transaction ends, so ids of one name are in the order of commits where they are taken
    in the transaction that uses them.
    """
    return take_blocks(connection, {name: count})[name]


def take_blocks(connection: sa.Connection, wanted: Mapping[str, int]) -> dict[str, int]:
    """The first ids of several sequences, by name, as :func:`take` gives them; rows are locked in the order of names."""
    counts = {name: count for name, count in sorted(wanted.items()) if count > 0}
    free = dict.fromkeys(wanted, 0)
    if counts:
        insert = (sqlite if connection.dialect.name == types.SQLITE else postgresql).insert(ID_BLOCK)
        insert = insert.values([{"name": name, "next": 1 + count} for name, count in counts.items()])
        after = ID_BLOCK.c.next + insert.excluded.next - 1
        statement = insert.on_conflict_do_update(index_elements=["name"], set_={"next": after})
        found = connection.execute(statement.returning(ID_BLOCK.c.name, ID_BLOCK.c.next))
        free |= {name: following - counts[name] for name, following in found}
    return free
