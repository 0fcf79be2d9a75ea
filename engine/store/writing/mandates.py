"""Writes of collections: what is planned, and each step that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.direct_debit import PLANNED, DirectDebit
from engine.store import query
from engine.store.tables import DEBIT_STEP, DIRECT_DEBIT, MANDATE
from engine.store.writing.base import WriterBase

STALE = Code("direct-debit.stale", "A step of a collection that has taken another step meanwhile.")


class Taken(msgspec.Struct, frozen=True):
    """A step to be written; the fields are those of :class:`engine.model.direct_debit.DebitStep`."""

    debit: DirectDebit
    state: str
    day: date
    amount: Decimal
    due: date
    version: int = 0
    sequence: str = ""
    effect: str = ""
    provider: str = ""
    event: str = ""
    code: str = ""
    kind: str = ""
    fee: Decimal = Decimal(0)
    evidence: str = ""


class MandatesWriter(WriterBase):
    """Writes direct debits."""

    def hold_mandates(self, tenant: str, entity: str) -> int:
        """Lock the mandates of a legal entity until this transaction ends: one run at a time collects under them.  How many."""
        column = MANDATE.c
        mine = (column.tenant == tenant, column.entity == entity, column.current)
        return len(self.rows(sa.select(column.id).where(*mine).order_by(column.id).with_for_update()))

    def plan_debits(self, tenant: str, debits: Sequence[DirectDebit]) -> int:
        """Write down what is to be collected; their ids are taken here.  How many."""
        if not debits:
            return 0
        first = self.take_ids(DIRECT_DEBIT.name, len(debits))
        own: dict[str, Any] = {"state": PLANNED, "step": 0, "run_id": self.run_id}
        rows = [
            _row(DIRECT_DEBIT, msgspec.structs.asdict(one) | own | {"id": first + n, "tenant": tenant})
            for n, one in enumerate(debits)
        ]
        with self._spoiling():
            self._insert(DIRECT_DEBIT, rows)
        after = {"planned": len(debits), "from": first, "to": first + len(debits) - 1}
        self.audit("plan direct debits", DIRECT_DEBIT.name, None, after, tenant=tenant)
        return len(debits)

    def lock_debits(self, tenant: str, debits: Sequence[int]) -> dict[int, DirectDebit]:
        """Collections as they stand, by id; nobody else moves them before this transaction ends."""
        column = DIRECT_DEBIT.c
        names = DirectDebit.__struct_fields__
        statement = (
            sa.select(*(column[name] for name in names))
            .where(column.tenant == tenant, query.among(self.dialect, column.id, "ids"))
            .order_by(column.id)
            .with_for_update()
        )
        rows = self.connection.execute(statement, {"ids": sorted(set(debits))})
        return {row[0]: DirectDebit(*row) for row in rows}

    def step_debits(self, tenant: str, steps: Sequence[Taken]) -> int:
        """Write steps of collections, each after the last one that its ``debit`` knows of.  How many.

        Raises:
            TollbookError: ``direct-debit.stale``: it has taken another one.
        """
        if not steps:
            return 0
        first, at = self.take_ids(DEBIT_STEP.name, len(steps)), self.change.at
        rows, column = [], DIRECT_DEBIT.c
        with self._spoiling():
            for n, one in enumerate(steps):
                number = one.debit.step + 1
                mine = (column.id == one.debit.id, column.tenant == tenant, column.step == one.debit.step)
                update = sa.update(DIRECT_DEBIT).where(*mine).values(state=one.state, step=number)
                if self.connection.execute(update).rowcount != 1:
                    raise refuse(
                        STALE,
                        f"collection {one.debit.key} is no longer {one.debit.state}",
                        why="somebody else has moved it meanwhile",
                        mend="do it again",
                        subject=f"direct-debit/{one.debit.key}",
                    )
                own = {"id": first + n, "tenant": tenant, "debit": one.debit.id, "step": number, "at": at}
                values = {name: getattr(one, name) for name in Taken.__struct_fields__} | own
                rows.append(_row(DEBIT_STEP, values | {"run_id": self.run_id}))
            self._insert(DEBIT_STEP, rows)
        for one in steps:
            subject = f"direct-debit/{one.debit.entity}/{one.debit.key}"
            self.audit("step", subject, {"state": one.debit.state}, {"state": one.state}, tenant=tenant)
        return len(steps)


def _row(table: sa.Table, values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(values[column.name] for column in table.columns)
