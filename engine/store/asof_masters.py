"""Masters as they were before a run: later versions are hidden, and the ones that they replaced are current again.

A change of a master makes a new version with a higher id, and the audit says in one row which ids came to be.  So the first such
row after the start of a run tells from which id on a version was not there yet; what is asked of the books stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.writing.masters import KINDS, Kind

VERSIONED: Final[Mapping[str, Kind]] = {f"put {kind}": how for kind, how in KINDS.items() if how.versioned}
"""Masters that are kept in versions, by the action that the audit has for them."""
NAMES: Final = tuple(how.table.name for how in VERSIONED.values())
AGAIN: Final = "asof_again"
"""The temporary table of versions that have been replaced since: the table that they are of, and their id."""


def views(home: str, bound: str) -> Iterator[str]:
    """The statements that put masters as they were in front of those of the schema ``home``; ``bound`` has a column for each."""
    yield f"CREATE TEMPORARY TABLE {AGAIN} (name TEXT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (name, id))"
    for how in VERSIONED.values():
        name = how.table.name
        again = f"m.current <> (m.id IN (SELECT id FROM {AGAIN} WHERE name = '{name}')) AS current"
        shown = ", ".join(again if c.name == "current" else f'm."{c.name}"' for c in how.table.columns)
        yield (
            f"CREATE TEMPORARY VIEW {name} AS SELECT {shown} FROM {home}.{name} m WHERE m.id < (SELECT {name} FROM {bound})"
        )


def firsts(connection: sa.Connection, audit: sa.Table, run_id: int) -> dict[str, int]:
    """By table, the first id of versions that came after a run began; nothing of tables without any."""
    one, begun = audit.c, audit.alias("begun")
    tenant = sa.select(t.RUN.c.tenant).where(t.RUN.c.id == run_id).scalar_subquery()
    start = sa.select(sa.func.min(begun.c.id)).where(
        begun.c.tenant == tenant, begun.c.subject == f"run/{run_id}", begun.c.action == "start run"
    )
    later = (one.id > start.scalar_subquery(), one.action.in_(VERSIONED))
    first = sa.select(sa.func.min(one.id)).where(*later).group_by(one.action)
    rows = connection.execute(sa.select(one.action, one.after).where(one.id.in_(first)))
    return {VERSIONED[action].table.name: after.get("from") or after["id"] for action, after in rows}


def replaced(home: str, how: Kind, first: int) -> str:
    """The statement that takes down which versions of a table were replaced by ids from ``first`` on."""
    name = how.table.name
    same = " AND ".join(f'n."{key}" = m."{key}"' for key in how.key)
    each = ", ".join(f'm."{key}"' for key in how.key)
    return (
        f"INSERT INTO {AGAIN} SELECT '{name}', max(m.id) FROM {home}.{name} n JOIN {home}.{name} m ON {same} "
        f"WHERE n.id >= {first:d} AND m.id < {first:d} GROUP BY {each}"
    )


def restored(connection: sa.Connection, home: str, first: Mapping[str, int]) -> None:
    """Have the versions current again that were replaced by those from ``first`` on."""
    connection.exec_driver_sql(f"DELETE FROM {AGAIN}")
    for how in VERSIONED.values():
        if how.table.name in first:
            connection.exec_driver_sql(replaced(home, how, first[how.table.name]))


def ids_of(after: Any) -> dict[str, Any]:
    """What of an audit row tells which ids came to be."""
    return {name: value for name, value in (after or {}).items() if name in ("id", "from")}
