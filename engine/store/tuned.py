"""Values that people have set for parameters of rules: what was approved is the record, so nothing is kept twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.model.approval import APPROVED
from engine.store.session import Session
from engine.store.tables import APPROVAL, SETTLEMENT

ACT: Final = "tune"
"""The act by which a parameter is set."""
_MANY: Final = 500


class Tuned(msgspec.Struct, frozen=True):
    """A parameter as it was set: by which approval, when, and within which band the rate is expected to stay since."""

    ruleset: str
    parameter: str
    value: str
    band: Mapping[str, str]
    approval: int
    maker: str
    checker: str
    at: datetime


def tuned(session: Session, tenant: str) -> dict[tuple[str, str], Tuned]:
    """The newest setting of each parameter, by rule set and name."""
    column = APPROVAL.c
    mine = (column.tenant == tenant, column.act == ACT, column.state == APPROVED)
    fields = (column.content, column.id, column.maker, column.checker, column.checked_at)
    found: dict[tuple[str, str], Tuned] = {}
    for content, ident, maker, checker, at in session.rows(
        sa.select(*fields).where(*mine).order_by(column.checked_at, column.id)
    ):
        given = msgspec.json.decode(content)["do"]
        name = (given["ruleset"], given["parameter"])
        found[name] = Tuned(*name, given["value"], given["band"], ident, maker, checker, at)
    return found


def overrides(session: Session, tenant: str, since: datetime | None = None) -> dict[str, dict[str, Any]]:
    """The values that were set, those set before ``since`` left out: rule set -> parameter -> value as a rule file would write it."""
    made: dict[str, dict[str, Any]] = {}
    for (ruleset, parameter), one in tuned(session, tenant).items():
        if since is None or one.at > since:
            made.setdefault(ruleset, {})[parameter] = one.value
    return made


def write_offs_by(session: Session, tenant: str, runs: Sequence[int]) -> dict[int, int]:
    """How many write-offs some runs have made, by run; those without any are left out."""
    column, act = SETTLEMENT.c, sa.func.count(SETTLEMENT.c.key.distinct())
    found: dict[int, int] = {}
    for start in range(0, len(runs), _MANY):
        mine = (column.tenant == tenant, column.kind == "write_off", column.run_id.in_(runs[start : start + _MANY]))
        query = sa.select(column.run_id, act).where(*mine, ~column.key.startswith("undo/")).group_by(column.run_id)
        found |= {row[0]: row[1] for row in session.rows(query)}
    return found
