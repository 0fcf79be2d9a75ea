"""Ids in blocks.

A block is one short update of one row.  Ids are unique for ever and mean nothing; a block that was not used up leaves a
gap, which nobody minds (legal numbers are another matter: ``writing_ledger.take_numbers``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store import types
from engine.store.tables import ID_BLOCK


@cache
def _taking(dialect: str, blocks: int, aside: bool) -> sa.Executable:
    """The statement that takes so many blocks; one that is made once need not be compared with those that were compiled."""
    rows = [
        sa.select(sa.bindparam(f"name{n}", type_=sa.Text()), 1 + sa.bindparam(f"count{n}", type_=sa.BigInteger()))
        for n in range(blocks)
    ]
    if aside and dialect != types.SQLITE:
        lax = sa.select(sa.func.set_config("synchronous_commit", "off", True)).cte("lax")
        rows = [row.select_from(lax) for row in rows]
    rows = [row.where(sa.true()) for row in rows]  # SQLite takes the ON of ON CONFLICT for a join's else
    insert = (sqlite if dialect == types.SQLITE else postgresql).insert(ID_BLOCK)
    insert = insert.from_select(["name", "next"], rows[0] if blocks == 1 else sa.union_all(*rows))
    after = ID_BLOCK.c.next + insert.excluded.next - 1
    further = insert.on_conflict_do_update(index_elements=["name"], set_={"next": after})
    statement: sa.Executable = further.returning(ID_BLOCK.c.name, ID_BLOCK.c.next)
    return statement


def take(connection: sa.Connection, name: str, count: int, *, aside: bool = False) -> int:
    """The first of ``count`` consecutive ids of the sequence ``name``; they start at 1.  0 where none are wanted.

    The row stays locked until the transaction ends, so ids of one name are in the order of commits where they are taken
    in the transaction that uses them.  Where they are taken ``aside``, in a transaction of their own, PostgreSQL does not wait for
    the disk: rows that use them are flushed later, and what came before goes along.
    """
    return take_blocks(connection, {name: count}, aside=aside)[name]


def take_blocks(connection: sa.Connection, wanted: Mapping[str, int], *, aside: bool = False) -> dict[str, int]:
    """The first ids of several sequences, by name, as :func:`take` gives them; rows are locked in the order of names."""
    counts = {name: count for name, count in sorted(wanted.items()) if count > 0}
    free = dict.fromkeys(wanted, 0)
    if counts:
        given: dict[str, Any] = {}
        for n, (name, count) in enumerate(counts.items()):
            given |= {f"name{n}": name, f"count{n}": count}
        found = connection.execute(_taking(connection.dialect.name, len(counts), aside), given)
        free |= {name: following - counts[name] for name, following in found}
    return free
