"""Writes of disputes: what happened, evidence and bookings are only ever appended; how a dispute stands is kept with it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.model.dispute import DisputeRecord, Event
from engine.store.reading.disputes import record_of
from engine.store.tables import DISPUTE, DISPUTE_BOOKING, DISPUTE_EVENT, DISPUTE_EVIDENCE
from engine.store.writing.base import WriterBase

BLOCK: Final = "invoice"
"""Name of the block that ids of bookings come from: an id never means two documents."""


class DisputesWriter(WriterBase):
    """Writes disputes."""

    def lock_dispute(self, tenant: str, entity: str, key: str) -> DisputeRecord | None:
        """A dispute as it is now; nobody else does anything for it until this transaction ends."""
        head = DISPUTE.c
        mine = (head.tenant == tenant, head.entity == entity, head.key == key)
        fields = (head[name] for name in DisputeRecord.__struct_fields__)
        row = self.connection.execute(sa.select(*fields).where(*mine).with_for_update()).one_or_none()
        return None if row is None else record_of(row)

    def put_dispute(self, tenant: str, new: DisputeRecord) -> DisputeRecord:
        """Keep a new dispute; it has its id afterwards.

        Raises:
            TollbookError: ``store.duplicate`` where there is one of that key.
        """
        made = msgspec.structs.replace(new, id=self.take_ids(DISPUTE.name, 1))
        values = _plain(made) | {"tenant": tenant}
        with self._spoiling():
            self._insert(DISPUTE, [tuple(values[column.name] for column in DISPUTE.columns)])
        after = {"kind": made.kind, "account": made.account, "payment": made.payment, "reason": made.reason}
        self.audit("open dispute", f"dispute/{made.key}", None, after, tenant=tenant)
        return made

    def hear_dispute(self, tenant: str, dispute: DisputeRecord, event: Event, source: str) -> None:
        """Keep something that happened to a dispute.

        Raises:
            TollbookError: ``store.duplicate`` where it is known.
        """
        content = msgspec.to_builtins(event, enc_hook=str)
        row = (self.take_ids(DISPUTE_EVENT.name, 1), tenant, dispute.id, event.id, event.kind, event.at, content)
        with self._spoiling():
            self._insert(DISPUTE_EVENT, [(*row, self.change.at, source)])
        told = {"event": event.id, "kind": event.kind, "day": event.day.isoformat()}
        self.audit("hear of dispute", f"dispute/{dispute.key}", None, told, tenant=tenant)

    def stand_dispute(self, tenant: str, dispute: DisputeRecord, **values: Any) -> DisputeRecord:
        """Keep how a dispute stands now; nothing is written where it has not changed."""
        news = {name: value for name, value in values.items() if getattr(dispute, name) != value}
        if not news:
            return dispute
        after = msgspec.structs.replace(dispute, **news, version=dispute.version + 1)
        with self._spoiling():
            statement = sa.update(DISPUTE).where(DISPUTE.c.id == dispute.id)
            self.connection.execute(statement.values(**news, version=after.version))
        told = [{name: _word(getattr(one, name)) for name in news} for one in (dispute, after)]
        self.audit("change dispute", f"dispute/{dispute.key}", *told, tenant=tenant)
        return after

    def keep_evidence(
        self, tenant: str, dispute: DisputeRecord, kind: str, name: str, size: int, sha256: str, note: str
    ) -> bool:
        """Keep that a file is evidence; whether that was not known."""
        row = {
            "id": self.take_ids(DISPUTE_EVIDENCE.name, 1),
            "tenant": tenant,
            "dispute": dispute.id,
            "kind": kind,
            "name": name,
            "size": size,
            "sha256": sha256,
            "note": note,
            "at": self.change.at,
        }
        mine = [DISPUTE_EVIDENCE.c[word] == row[word] for word in ("dispute", "kind", "sha256")]
        if self.connection.execute(sa.select(DISPUTE_EVIDENCE.c.id).where(*mine)).first() is not None:
            return False
        with self._spoiling():
            self._insert(DISPUTE_EVIDENCE, [tuple(row[column.name] for column in DISPUTE_EVIDENCE.columns)])
        self.audit("add evidence", f"dispute/{dispute.key}", None, {"kind": kind, "sha256": sha256}, tenant=tenant)
        return True

    def book_dispute(
        self,
        tenant: str,
        dispute: DisputeRecord,
        document: int,
        settlement: str,
        day: date,
        sums: tuple[Decimal, Decimal, Decimal, Decimal, Decimal],
    ) -> None:
        """Keep what was booked for a dispute.

        Args:
            document: the id that its entry names.
            sums: what is added to opened, held, lost, fees, and to the worth of what is held.
        """
        column = DISPUTE_BOOKING.c
        last = self.connection.execute(
            sa.select(sa.func.max(column.part)).where(column.dispute == dispute.id)
        ).scalar_one()
        part = (last or 0) + 1
        with self._spoiling():
            self._insert(DISPUTE_BOOKING, [(document, tenant, dispute.id, part, settlement, day, *sums)])
        names = ("opened", "held", "lost", "fees")
        told = {name: f"{value:f}" for name, value in zip(names, sums, strict=False) if value}
        self.audit("book dispute", f"dispute/{dispute.key}", None, told | {"document": document}, tenant=tenant)


def _plain(record: DisputeRecord) -> dict[str, Any]:
    """The columns of a dispute; documents as JSON values."""
    values = {name: getattr(record, name) for name in record.__struct_fields__}
    return values | {name: msgspec.to_builtins(values[name], enc_hook=str) for name in ("items", "terms")}


def _word(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)
