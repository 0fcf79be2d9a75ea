"""Writes of changes of master data that wait for their steward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.stewardship import PENDING, REJECTED, REPLACED, MasterChange, NewChange, State
from engine.store.tables import MASTER_CHANGE
from engine.store.writing.base import WriterBase

UNKNOWN_CHANGE = Code("stewardship.unknown", "A change of master data that the books do not have.")
DECIDED_CHANGE = Code("stewardship.decided", "A change of master data on which somebody has decided already.")

TURN: Final = "master_change_turn"
"""Name of the block whose row whoever keeps changes has locked."""


class StewardshipWriter(WriterBase):
    """Writes changes of master data."""

    def hold_changes(self, tenant: str, changes: Sequence[NewChange], begin: Callable[[], None]) -> int:
        """Keep changes that wait; how many are new.  ``begin`` is called before the first one is written.

        One that waits already with the same value is left as it is; one of another value for the same day takes its place.  A value
        that was rejected, and comes again while the books still have what they had, is not kept again.
        """
        if not changes:
            return 0
        with self._spoiling():
            self._ids_here(TURN, 1)  # locks out others that hold changes
            waiting = {_key(one): one for one in self.reader.master_changes(tenant, PENDING, limit=1_000_000)}
            refused = {
                (*_key(one), one.before, one.after)
                for one in self.reader.master_changes(tenant, REJECTED, limit=1_000_000)
            }
            fresh = {
                _key(one): one
                for one in changes
                if not _same(waiting.get(_key(one)), one) and (*_key(one), one.before, one.after) not in refused
            }
            if not fresh:
                return 0
            begin()
            for key in fresh.keys() & waiting.keys():
                self.decide_change(waiting[key], REPLACED)
            first = self._ids_here(MASTER_CHANGE.name, len(fresh))
            open_ = (self.change.at, self.run_id, PENDING, "", None, "", 0)
            self._insert(
                MASTER_CHANGE,
                [(first + n, tenant, *msgspec.structs.astuple(one), *open_) for n, one in enumerate(fresh.values())],
            )
        for n, one in enumerate(fresh.values()):
            after = {"field": one.field, "source": one.source, "steward": one.steward, "due": one.due.isoformat()}
            self.audit("hold change", f"master-change/{first + n}", None, after, tenant=tenant)
        return len(fresh)

    def lock_change(self, tenant: str, number: int) -> MasterChange:
        """A change that waits, locked until this transaction ends.

        Raises:
            TollbookError: ``stewardship.unknown``, ``stewardship.decided``.
        """
        column = MASTER_CHANGE.c
        statement = sa.select(MASTER_CHANGE).where(column.tenant == tenant, column.id == number).with_for_update()
        row = self.connection.execute(statement).one_or_none()
        if row is None:
            mend = "`tollbook changes list` shows them"
            raise refuse(UNKNOWN_CHANGE, f"there is no change {number}", mend=mend)
        found = MasterChange(*row)
        if found.state != PENDING:
            what = f"change {number} was {found.state} by {found.decided_by}"
            raise refuse(DECIDED_CHANGE, what, mend="import the value again if it is wanted", subject=found.subject)
        return found

    def decide_change(self, change: MasterChange, state: State, applied: int = 0) -> None:
        """End a change that waits; who, when and why come from the change that this writer makes."""
        told = self.change
        values = {"state": state, "decided_by": told.who, "decided_at": told.at, "why": told.reason, "applied": applied}
        with self._spoiling():
            self.connection.execute(sa.update(MASTER_CHANGE).where(MASTER_CHANGE.c.id == change.id).values(values))
        after = {"state": state, "field": change.field, "record": change.subject}
        self.audit(
            f"{state} change", f"master-change/{change.id}", {"state": change.state}, after, tenant=change.tenant
        )


def _key(one: NewChange | MasterChange) -> tuple[object, ...]:
    return one.entity, one.object, one.record, one.field, one.day


def _same(known: MasterChange | None, one: NewChange) -> bool:
    return known is not None and known.after == one.after
