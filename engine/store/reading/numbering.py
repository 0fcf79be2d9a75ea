"""Reads of what stands beside legal numbers, and of documents that an authority clears."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from engine.model.clearance import Clearance
from engine.model.numbering import Mark
from engine.store import query
from engine.store.session import Session
from engine.store.tables import CLEARANCE_STEP, INVOICE, NUMBER_MARK

_STEP: Final = (
    "step",
    "state",
    "at",
    "adapter",
    "key",
    "payer_id",
    "authority_id",
    "qr",
    "reason",
    "evidence",
    "decision",
)


def _newest(tenant: str) -> sa.Subquery:
    """The last step of each document that has any."""
    step = CLEARANCE_STEP.c
    return (
        sa.select(step.invoice_id, sa.func.max(step.step).label("step"))
        .where(step.tenant == tenant)
        .group_by(step.invoice_id)
        .subquery("newest")
    )


class NumberingReader(Session):
    """Reads marks of numbers and steps of clearances."""

    def last_signature(self, tenant: str, entity: str, series: str) -> str:
        """The signature of the newest document of a series; empty where there is none."""
        mark = NUMBER_MARK.c
        mine = (mark.tenant == tenant, mark.entity == entity, mark.series == series)
        newest = sa.select(mark.signature).where(*mine).order_by(mark.sequence.desc()).limit(1)
        return self.connection.execute(newest).scalar() or ""

    def number_marks(self, ids: Sequence[int]) -> dict[int, Mark]:
        """What stands beside the numbers of invoices, by id; those that have nothing are left out."""
        mark = NUMBER_MARK.c
        fields = (mark.id, *(mark[name] for name in Mark.__struct_fields__))
        rows = self.connection.execute(
            sa.select(*fields).where(query.among(self.dialect, mark.id, "ids")), {"ids": list(ids)}
        )
        return {ident: Mark(*values) for ident, *values in rows}

    def clearances(self, tenant: str, state: str = "", limit: int = 1000) -> list[Clearance]:
        """How documents stand with the authority, the oldest first; those of one state, or all."""
        newest, step, head = _newest(tenant), CLEARANCE_STEP.c, INVOICE.c
        statement = (
            sa.select(head.id, head.number, head.entity, head.payer, *(step[name] for name in _STEP))
            .join_from(
                CLEARANCE_STEP, newest, sa.and_(step.invoice_id == newest.c.invoice_id, step.step == newest.c.step)
            )
            .join(INVOICE, head.id == step.invoice_id)
            .where(*([step.state == state] if state else ()))
            .order_by(head.id)
            .limit(limit)
        )
        return [Clearance(*row) for row in self.connection.execute(statement)]

    def clearance_steps(self, ids: Sequence[int]) -> dict[int, list[Clearance]]:
        """Every step of documents, in order, by the id of the invoice; those that need no clearance are left out."""
        step, head = CLEARANCE_STEP.c, INVOICE.c
        statement = (
            sa.select(head.id, head.number, head.entity, head.payer, *(step[name] for name in _STEP))
            .join_from(CLEARANCE_STEP, INVOICE, head.id == step.invoice_id)
            .where(query.among(self.dialect, step.invoice_id, "ids"))
            .order_by(step.invoice_id, step.step)
        )
        found: dict[int, list[Clearance]] = {}
        for row in self.connection.execute(statement, {"ids": list(ids)}):
            found.setdefault(row[0], []).append(Clearance(*row))
        return found

    def marked_series(self, tenant: str) -> list[Any]:
        """The mark of every document of the series that have any, with the head of its invoice, in order of number."""
        mark, head = NUMBER_MARK.c, INVOICE.c
        statement = (
            sa.select(
                NUMBER_MARK,
                *(head[name] for name in ("number", "invoice_date", "total", "currency", "numbering_decision")),
                *(head[name] for name in ("functional_total", "functional_currency")),
            )
            .join_from(NUMBER_MARK, INVOICE, head.id == mark.id)
            .where(mark.tenant == tenant)
            .order_by(mark.entity, mark.series, mark.sequence)
        )
        return list(self.connection.execute(statement))
