"""Writes of dunning: notes, steps and claims are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.model.dunning import Claim
from engine.store.tables import DUNNING_CLAIM, DUNNING_NOTE, DUNNING_STEP
from engine.store.writing.base import WriterBase

KEY_CONFLICT = Code("dunning.key-conflict", "A key of a hold, promise or plan that the books have with other values.")


class Note(msgspec.Struct, frozen=True):
    """Something that stands against asking an account; see :data:`engine.store.tables.dunning.DUNNING_NOTE`."""

    entity: str
    key: str
    kind: str
    account: str
    start: date
    until: date = date.max
    currency: str = ""
    item: int = 0
    amount: Decimal = Decimal(0)
    ends: int = 0
    detail: Mapping[str, Any] = {}
    reason: str = ""
    digest: str = ""


class TakenStep(msgspec.Struct, frozen=True):
    """A step as it is taken; see :data:`engine.store.tables.dunning.DUNNING_STEP`."""

    entity: str
    account: str
    currency: str
    item: int
    cycle: int
    step: str
    number: int
    planned: date
    day: date
    action: str
    tone: str
    channel: str
    consent: Mapping[str, Any]
    asked: Decimal
    pay_by: date
    items: Sequence[Mapping[str, Any]]
    look: Mapping[str, Any]
    effect: str
    decision: int


class DunningWriter(WriterBase):
    """Writes dunning."""

    def note_dunning(self, tenant: str, note: Note) -> int:
        """Keep a note; its id.  The same note under the same key again is the same.

        Raises:
            TollbookError: ``dunning.key-conflict``.
        """
        known = self.reader.dunning_note(tenant, note.entity, note.key)
        if known is not None:
            if known["digest"] != note.digest:
                what = f"the key {note.key!r} is in the books as a {known['kind']} of {known['account']}"
                mend = "give the new one a key of its own"
                raise refuse(KEY_CONFLICT, what, why="what was noted stays as it is", mend=mend)
            return int(known["id"])
        ident = self._ids_here(DUNNING_NOTE.name, 1)
        head = (ident, tenant, note.entity, note.key, note.kind, note.account, note.currency, note.item, note.amount)
        tail = (note.start, note.until, note.ends, dict(note.detail), note.reason, note.digest, self.change.at)
        with self._spoiling():
            self._insert(DUNNING_NOTE, [(*head, *tail)])
        after = {"kind": note.kind, "account": note.account, "until": note.until.isoformat()}
        self.audit("note dunning", f"dunning/{note.entity}/{note.key}", None, after, tenant=tenant)
        return ident

    def take_step(self, tenant: str, step: TakenStep, claims: Sequence[Claim], document: int = 0) -> int:
        """Keep a step and what it claims, on a debit note where ``document`` is not 0; its id.

        Raises:
            TollbookError: ``store.duplicate`` where the step is taken already.
        """
        ident = self._ids_here(DUNNING_STEP.name, 1)
        given = msgspec.structs.asdict(step) | {"items": list(step.items)}
        ordered = [given[name] for name in TakenStep.__struct_fields__]
        with self._spoiling():
            self._insert(DUNNING_STEP, [(ident, tenant, *ordered, self.change.at, self.run_id)])
            if claims:
                self._insert(DUNNING_CLAIM, self._claims(tenant, step, ident, claims, document))
        after = {"step": step.step, "cycle": step.cycle, "asked": f"{step.asked:f}", "claims": len(claims)}
        subject = f"dunning/{step.entity}/{step.account}/{step.currency}"
        self.audit("take step", subject, None, after, tenant=tenant)
        return ident

    def _claims(
        self, tenant: str, step: TakenStep, ident: int, claims: Sequence[Claim], document: int
    ) -> list[tuple[Any, ...]]:
        first = self._ids_here(DUNNING_CLAIM.name, len(claims))
        return [
            (
                *(
                    first + n,
                    tenant,
                    step.entity,
                    step.account,
                    ident,
                    one.item,
                    one.kind,
                    one.name,
                    one.start,
                    one.until,
                ),
                *(step.currency, one.amount, one.basis, document, one.decision, self.run_id),
            )
            for n, one in enumerate(claims)
        ]
