"""Reads of all versions of a contract and of its lines, and of who made them."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from engine.store.reader import Reader
from engine.store.records import AuditRow
from engine.store.session import Session
from engine.store.tables import CONTRACT, CONTRACT_LINE

Row = dict[str, Any]


class Versions(msgspec.Struct, frozen=True):
    """Every version of a contract and of its lines, in the order of their ids; the newest of each record is ``current``."""

    heads: tuple[Row, ...]
    lines: tuple[Row, ...]

    @property
    def number(self) -> int:
        """The version of the contract: how many versions there are of it and of its lines."""
        return len(self.heads) + len(self.lines)


def versions_of(session: Session, tenant: str, entity: str, key: str, *, lock: bool = False) -> Versions:
    """The versions of a contract; empty where there is none.  With ``lock`` nobody else who locks it comes between."""
    head, line = CONTRACT.c, CONTRACT_LINE.c
    mine = (head.tenant == tenant, head.entity == entity, head.key == key)
    if lock:
        session.rows(sa.select(head.id).where(*mine, head.current).with_for_update())
    theirs = (line.tenant == tenant, line.entity == entity, line.contract == key)
    return Versions(
        tuple(dict(row._mapping) for row in session.rows(sa.select(CONTRACT).where(*mine).order_by(head.id))),
        tuple(dict(row._mapping) for row in session.rows(sa.select(CONTRACT_LINE).where(*theirs).order_by(line.id))),
    )


def audit_of(reader: Reader, tenant: str, versions: Versions, limit: int) -> list[tuple[AuditRow, str, Row]]:
    """(audit row, name of the table, the version that it made) in the order in which they were made; versions that were made
    before the newest ``limit`` audit rows of their kind are left out."""
    found: list[tuple[AuditRow, str, Row]] = []
    for table, kind, rows, names in (
        (CONTRACT.name, "contracts", versions.heads, ("entity", "key")),
        (CONTRACT_LINE.name, "contract_lines", versions.lines, ("entity", "contract", "plan", "charge", "valid_from")),
    ):
        left = {row["id"]: row for row in rows}
        subjects = {"/".join([table, *(str(row[name]) for name in names)]) for row in rows}
        for subject in sorted(subjects):
            for made in reader.audit_rows(tenant, subject, limit):
                if made.after["id"] in left:
                    found.append((made, table, left.pop(made.after["id"])))
        for made in reader.audit_rows(tenant, kind, limit) if left else ():
            for ident in [one for one in left if made.after["from"] <= one <= made.after["to"]]:
                found.append((made, table, left.pop(ident)))
            if not left:
                break
    return sorted(found, key=lambda one: (one[0].id, one[2]["id"]))
