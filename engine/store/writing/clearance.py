"""Writes of the steps that a document takes at an authority."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.clearance import MAY_FOLLOW, Clearance
from engine.store.reading.numbering import NumberingReader
from engine.store.tables import CLEARANCE_STEP, INVOICE
from engine.store.writing.base import WriterBase

WRONG_STEP = Code("clearance.wrong-step", "A step of a document at the authority that its state does not let it take.")


class Step(msgspec.Struct, frozen=True):
    """A step that a document takes, with what is new; what is None stays as the step before has it."""

    invoice_id: int
    state: str
    key: str | None = None
    adapter: str | None = None
    payer_id: int | None = None
    authority_id: str | None = None
    qr: str | None = None
    reason: str = ""
    evidence: Mapping[str, Any] | None = None
    decision: int | None = None


class ClearanceWriter(WriterBase):
    """Writes clearances."""

    def lock_clearances(self, tenant: str, ids: Iterable[int]) -> dict[int, Clearance]:
        """How documents stand, by the id of the invoice; nobody else lets them take a step until this transaction ends."""
        wanted = sorted(set(ids))
        head = INVOICE.c
        locked = (
            sa.select(head.id).where(head.tenant == tenant, head.id.in_(wanted)).order_by(head.id).with_for_update()
        )
        self.connection.execute(locked).all()
        steps = NumberingReader(self.connection).clearance_steps(wanted)
        return {ident: taken[-1] for ident, taken in steps.items()}

    def step_clearances(self, tenant: str, steps: Iterable[Step]) -> int:
        """Let documents take a step; how many.

        Raises:
            TollbookError: ``clearance.wrong-step``.
        """
        taken = list(steps)
        known = self.lock_clearances(tenant, [one.invoice_id for one in taken])
        with self._spoiling():
            rows = [self._row(tenant, known.get(one.invoice_id), one) for one in taken]
            if rows:
                first = self.take_ids(CLEARANCE_STEP.name, len(rows))
                self._insert(CLEARANCE_STEP, [(first + n, *row) for n, row in enumerate(rows)])
        for one in taken:
            before = known.get(one.invoice_id)
            self.audit(
                "step clearance",
                f"invoice/{one.invoice_id}",
                {"state": before.state if before else ""},
                {"state": one.state, "key": one.key or (before.key if before else "")},
                tenant=tenant,
            )
        return len(taken)

    def _row(self, tenant: str, before: Clearance | None, one: Step) -> tuple[Any, ...]:
        state = before.state if before else ""
        if before is None or one.state not in MAY_FOLLOW[state]:
            raise refuse(
                WRONG_STEP,
                f"invoice {before.number if before else one.invoice_id} is {state or 'nothing that is cleared'}, "
                f"and cannot be {one.state}",
                why=f"after {state} may come: {', '.join(MAY_FOLLOW[state]) or 'nothing'}",
                mend="`tollbook clearance show NUMBER` says what became of it",
                subject=f"invoice/{one.invoice_id}",
            )

        def kept(name: str) -> Any:
            new = getattr(one, name)
            return getattr(before, name) if new is None else new

        return (
            *(tenant, before.entity, one.invoice_id, before.step + 1, one.state, self.change.at),
            *(kept(name) for name in ("key", "adapter", "payer_id", "authority_id", "qr")),
            *(one.reason, dict(one.evidence or {}), kept("decision"), self.run_id),
        )
