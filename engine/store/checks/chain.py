"""The check of the chain: every row that was sealed is there as it was written, and no row is there that was not.

The form in which rows were given to the database is made again from what it holds now, with the salt of their seal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store import bulk, types
from engine.store.reader import Reader
from engine.store.seals import ADDED, DIGEST_CHARACTERS, SEALED, Seal, link_hash
from engine.store.tables import CHAIN, METADATA

BROKEN = Code("audit.chain-broken", "A link of the chain that does not follow from the one before it.")
CHANGED = Code("audit.row-changed", "A row that is not as it was written, or is gone.")
NOT_SEALED = Code("audit.not-sealed", "A row that was written past the books: no link of the chain knows it.")

_RESTORE: Final = "find who changed it past Tollbook, and restore the books from a backup"
FOLDED: Final = 20
"""Findings of one kind that are told one by one."""


def chain(reader: Reader, tenant: str) -> list[Finding]:
    """Walk the chain from its first link: its hashes follow one another, and rows are as they were sealed."""
    findings: list[Finding] = []
    previous, position = "", 0
    sealed: dict[str, list[tuple[int, int]]] = {name: [] for name in SEALED}
    for row in _links(reader, tenant):
        follows = row.position == position + 1 and row.previous == previous
        if not follows or row.hash != link_hash(row.previous, row.position, row.seals):
            findings.append(_broken(row.position))
        previous, position = row.hash, row.position
        for seal in row.seals:
            sealed[seal["table"]].append((seal["from"], seal["to"]))
            findings.extend(_changed(reader, seal))
    for name, ranges in sealed.items():
        findings.extend(_not_sealed(reader, tenant, METADATA.tables[name], sorted(ranges)))
    return findings


def head(reader: Reader, tenant: str) -> tuple[int, str]:
    """The position and hash of the newest link: what to keep elsewhere; (0, "") where there is none."""
    column = CHAIN.c
    newest = sa.select(column.position, column.hash).where(column.tenant == tenant)
    row = reader.connection.execute(newest.order_by(column.position.desc()).limit(1)).one_or_none()
    return (row.position, row.hash) if row else (0, "")


def _links(reader: Reader, tenant: str) -> Iterator[Any]:
    statement = sa.select(CHAIN).where(CHAIN.c.tenant == tenant).order_by(CHAIN.c.position)
    yield from reader.connection.execute(statement.execution_options(yield_per=50))


def _broken(position: int) -> Finding:
    return Finding(
        BROKEN,
        Where(f"chain/{position}"),
        f"link {position} of the chain is not as it was written, or a link before it is missing",
        why="each link covers the one before it and the digests of what its transaction wrote",
        mend=_RESTORE,
        subject=f"chain/{position}",
    )


def _rows(reader: Reader, table: sa.Table, low: int, high: int) -> list[tuple[Any, ...]]:
    """Rows whose first column is in the range, with the columns that change as they began."""
    begins = SEALED[table.name][1]
    first = next(iter(table.columns))
    found = reader.connection.execute(
        sa.select(table).where(first.between(low, high)).order_by(*table.primary_key.columns)
    )
    names = [column.name for column in table.columns]
    at = [(names.index(name), value) for name, value in begins.items()]
    rows = []
    for row in found:
        values = list(row)
        for index, value in at:
            values[index] = value
        rows.append(tuple(values))
    return rows


@cache
def narrow(table: sa.Table, width: int) -> sa.Table:
    """A table as it was when it had that many columns."""
    later = _later(table, width)
    if not later:
        return table
    kept = (column._copy() for column in table.columns if column.name not in later)
    return sa.Table(table.name, sa.MetaData(), *kept)


def _later(table: sa.Table, width: int) -> Mapping[str, Any]:
    """The columns that a table got since it had that many, and what they hold in rows that were there."""
    added = ADDED.get(str(table.name), {})
    return dict(list(added.items())[len(added) + width - len(table.columns) :])


def _changed(reader: Reader, seal: Mapping[str, Any]) -> Iterator[Finding]:
    """What of a seal's rows is not as it was."""
    table = METADATA.tables[seal["table"]]
    rows = _rows(reader, table, seal["from"], seal["to"])
    if len(rows) != seal["rows"]:
        what = f"{len(rows)} of {seal['rows']} rows of {table.name} are there, from {seal['from']} to {seal['to']}"
        yield _finding(CHANGED, table, what, rows[:1] or [(seal["from"],)])
        return
    again = Seal(table, seal["salt"])
    names = list(table.columns.keys())
    width = seal.get("columns", len(names) - len(ADDED.get(str(table.name), ())))
    later = {names.index(name): began for name, began in _later(table, width).items()}
    if any(row[at] != began for row in rows for at, began in later.items()):
        yield _finding(CHANGED, table, f"a column that came later is filled in older rows {_span(table, rows)}", rows)
    sealed = [tuple(value for at, value in enumerate(row) if at not in later) for row in rows] if later else rows
    bulk.digest(narrow(table, width), sealed, reader.dialect, again)
    was, now = seal["digests"], again.told()["digests"]
    if was == now:
        return
    for n in range(0, len(was), DIGEST_CHARACTERS):
        if was[n : n + DIGEST_CHARACTERS] != now[n : n + DIGEST_CHARACTERS]:
            start = n // DIGEST_CHARACTERS * again.every
            part = rows[start : start + again.every]
            which = (
                f"the row {_key(table, part[0])}" if len(part) == 1 else f"one of {len(part)} rows {_span(table, part)}"
            )
            yield _finding(CHANGED, table, f"{which} of {table.name} is not as it was written", part)


def _not_sealed(reader: Reader, tenant: str, table: sa.Table, ranges: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """Rows outside all ranges that were sealed."""
    first = next(iter(table.columns))
    joined: list[list[int]] = []
    for low, high in ranges:
        if joined and low <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    gaps = zip([0, *(high + 1 for _, high in joined)], [*(low - 1 for low, _ in joined), types.LIMIT], strict=True)
    for low, high in gaps:
        if low > high:
            continue
        outside = sa.select(*table.primary_key.columns).where(table.c.tenant == tenant, first.between(low, high))
        for row in reader.connection.execute(outside.limit(FOLDED)):
            yield _finding(
                NOT_SEALED, table, f"the row {'/'.join(map(str, row))} of {table.name} was never sealed", [row]
            )


def _finding(code: Code, table: sa.Table, what: str, rows: Sequence[Sequence[Any]]) -> Finding:
    place = f"{table.name}/{rows[0][0]}"
    why = "rows of the books are sealed when they are written, and no verb of Tollbook changes or removes them"
    return Finding(code, Where(place), what, why, _RESTORE, subject=place)


def _key(table: sa.Table, row: Sequence[Any]) -> str:
    names = [column.name for column in table.columns]
    return "/".join(str(row[names.index(column.name)]) for column in table.primary_key.columns)


def _span(table: sa.Table, rows: Sequence[Sequence[Any]]) -> str:
    return f"{_key(table, rows[0])} to {_key(table, rows[-1])}"
