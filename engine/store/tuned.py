"""Values that people have set for parameters of rules: what was approved is the record, so nothing is kept twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.model.approval import APPROVED
from engine.store.session import Session
from engine.store.tables import APPROVAL, DECISION, INVOICE, INVOICE_LINE, LATE_USAGE, MEMO, SETTLEMENT

ACT: Final = "tune"
"""The act by which a parameter is set."""
_MANY: Final = 500


class Tuned(msgspec.Struct, frozen=True):
    """A parameter as it was set: by which approval, when, and within which bands rates are expected to stay since."""

    ruleset: str
    parameter: str
    value: str
    bands: Sequence[Mapping[str, str]]
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
        found[name] = Tuned(*name, given["value"], _bands(given), ident, maker, checker, at)
    return found


def _bands(given: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    """The bands of a proposal; those that were made when a parameter had one band only named it alone."""
    alone = given.get("band")
    bands: Sequence[Mapping[str, str]] = given.get("bands") or ([alone] if alone else [])
    return bands


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


def late_by(session: Session, tenant: str, runs: Sequence[int]) -> dict[int, list[Any]]:
    """The late usage that some runs ended, by run: rows with the columns of that table that say how, of what and for how much."""
    column = LATE_USAGE.c
    fields = (
        column.run_id,
        column.disposition,
        column.subscription_id,
        column.plan,
        column.charge,
        column.service_from,
        column.service_to,
        column.amount,
        column.currency,
    )
    found: dict[int, list[Any]] = {}
    for start in range(0, len(runs), _MANY):
        mine = (column.tenant == tenant, column.run_id.in_(runs[start : start + _MANY]))
        for row in session.rows(sa.select(*fields).where(*mine).order_by(column.id)):
            found.setdefault(row.run_id, []).append(row)
    return found


def credited_by(session: Session, tenant: str, runs: Sequence[int]) -> dict[int, tuple[str, str, Decimal]]:
    """The credit note that each of some runs has made: the rule that let it be made, its currency, and what it gives back before
    tax, with tax where prices include it."""
    memo, head, line, decision = MEMO.c, INVOICE.c, INVOICE_LINE.c, DECISION.c
    fields = (
        memo.run_id,
        decision.ruleset,
        decision.rule,
        head.currency,
        sa.func.sum(line.amount, type_=line.amount.type),
    )
    found: dict[int, tuple[str, str, Decimal]] = {}
    for start in range(0, len(runs), _MANY):
        mine = (memo.tenant == tenant, memo.kind == "credit", memo.run_id.in_(runs[start : start + _MANY]))
        joined = (head.id == memo.id, line.invoice_id == head.id, decision.id == memo.decision)
        query = sa.select(*fields).where(*mine, *joined).group_by(*fields[:-1])
        found |= {run: (f"{name}#{rule}", currency, -net) for run, name, rule, currency, net in session.rows(query)}
    return found
