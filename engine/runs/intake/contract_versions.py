"""Rows of contracts that say which version of the contract their author has seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from engine.runs.intake.formats import Format
from engine.runs.intake.rows import subject_of
from engine.runs.intake.session import Good, Session, Tally
from engine.runs.subscriptions.contracts import conflict
from engine.store.contracts import Versions, versions_of
from engine.store.reader import Reader

EMPTY: Final = {"valid_from": date.min, "valid_to": date.max}
"""What the books keep where a day is absent."""
KINDS: Final = {"contracts": "key", "contract_lines": "contract"}
"""Kinds of file whose rows may say a version, and their column that names the contract."""


def of_their_version(session: Session, form: Format, rows: Sequence[Good], tally: Tally) -> list[Good]:
    """The rows whose contract is as their author has seen it, or is so already; the others are quarantined.

    A version is that before the import: rows of one import do not stand in each other's way.
    """
    if form.kind not in KINDS or all(row.values["if_version"] is None for row in rows):
        return list(rows)
    good = []
    with session.books.reader() as reader:
        for row in rows:
            version = row.values["if_version"]
            if version is None or _fits(session, reader, form, row, version, tally):
                good.append(row)
    return good


def _fits(session: Session, reader: Reader, form: Format, row: Good, version: int, tally: Tally) -> bool:
    entity, key = row.values["entity"], row.values[KINDS[form.kind]]
    found = versions_of(reader, session.tenant, entity, key)
    before = session.contract_versions.setdefault((entity, key), found.number)
    if version == before or _there(form, row, found):
        return True
    (finding,) = conflict(reader, session.tenant, found, key, version).findings
    tally.refuse_row(msgspec.structs.replace(finding, where=row.where, subject=subject_of(form, row.values)))
    return False


def _there(form: Format, row: Good, found: Versions) -> bool:
    """Whether the books have a row just so."""
    known = found.heads if form.kind == "contracts" else found.lines
    wanted = {name: EMPTY.get(name) if value is None else value for name, value in row.values.items()}
    del wanted["if_version"]
    return any(one["current"] and wanted.items() <= one.items() for one in known)
