"""The desk of direct debits: collecting under mandates, notices, what banks say, and what is on its way."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.model.direct_debit import PLANNED, DebitStep, DirectDebit, Pending
from engine.model.journal import Change
from engine.runs.bank_desk import UNREADABLE
from engine.runs.debits.news import Heard, hear
from engine.runs.debits.sending import DebitReport, notified, preview_debits, run_debits
from engine.runs.run import PartsOn
from engine.store.reader import Reader

UNKNOWN = Code("direct-debit.unknown", "A collection that the books do not have.")
NOT_PLANNED = Code("direct-debit.not-planned", "A notice of a collection that does not wait for one.")


class DebitView(msgspec.Struct, frozen=True):
    """A collection with its steps, and what the provider answered."""

    debit: DirectDebit
    steps: tuple[DebitStep, ...]
    answer: dict[str, Any] | None


class DebitDesk:
    """What people and programs ask of direct debits."""

    def __init__(self, parts: PartsOn) -> None:
        self._parts = parts

    def run(self, change: Change, on: date, *, entity: str = "") -> DebitReport:
        """Plan and hand over collections; see :func:`engine.runs.debits.sending.run_debits`."""
        return run_debits(self._parts(on=on), change, on, entity=entity)

    def preview(self, on: date, *, entity: str = "") -> DebitReport:
        """What a run would do; see :func:`engine.runs.debits.sending.preview_debits`."""
        return preview_debits(self._parts(on=on), on, entity=entity)

    def hear(self, change: Change, file: Path, today: date, *, adapter: str = "") -> Heard:
        """Book what a file of a bank says; see :func:`engine.runs.debits.news.hear`.

        Raises:
            TollbookError: ``bank.unreadable``, and what :func:`engine.runs.debits.news.hear` refuses.
        """
        try:
            body = file.read_bytes()
        except OSError as error:
            raise refuse(
                UNREADABLE, f"{file} cannot be read: {error.strerror}", mend="give a file of the bank"
            ) from None
        return hear(self._parts(), change, body, adapter=adapter, today=today)

    def listed(self, entity: str = "", account: str = "", state: str = "", limit: int = 1000) -> list[DirectDebit]:
        """Collections, the oldest first."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reader.direct_debits(parts.tenant, entity, account, state=state, limit=limit)

    def shown(self, key: str, entity: str = "") -> DebitView:
        """A collection with its steps.

        Raises:
            TollbookError: ``direct-debit.unknown``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            debit = _of(reader, parts.tenant, key, entity)
            steps = reader.debit_steps([debit.id]).get(debit.id, [])
            told = reader.effects(parts.tenant, [step.effect for step in steps if step.effect])
        return DebitView(debit, tuple(steps), told[0].answer if told else None)

    def notify(self, key: str, evidence: str, change: Change, on: date, entity: str = "") -> DebitView:
        """Record that the debtor was told of a collection on a day, and what shows it.

        Raises:
            TollbookError: ``direct-debit.unknown``, ``direct-debit.not-planned``.
        """
        parts = self._parts()
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            found = _of(writer.reader, parts.tenant, key, entity)
            debit = writer.lock_debits(parts.tenant, [found.id])[found.id]
            if debit.state != PLANNED or not evidence.strip():
                what = f"{key} is {debit.state}" if debit.state != PLANNED else f"nothing shows that {key} was told"
                mend = (
                    "only what is planned waits for its notice"
                    if debit.state != PLANNED
                    else "name the letter or message"
                )
                raise refuse(NOT_PLANNED, what, mend=mend)
            writer.step_debits(parts.tenant, [notified(writer.reader, debit, on, evidence)])
        return self.shown(key, debit.entity)

    def pending(self, entity: str, account: str = "", item: int = 0) -> list[Pending]:
        """What is being collected: of a legal entity, of an account, of one document.  Nothing of it is dunned meanwhile."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reader.pending_debits(parts.tenant, entity, account, item)


def _of(reader: Reader, tenant: str, key: str, entity: str) -> DirectDebit:
    found = reader.direct_debits(tenant, entity, key=key)
    if not found:
        near = [one.key for one in reader.direct_debits(tenant, entity, limit=500)]
        mend = did_you_mean(key, near) or "`tollbook direct-debit list` shows those that there are"
        raise refuse(UNKNOWN, f"there is no collection {key!r}", mend=mend)
    return found[0]
