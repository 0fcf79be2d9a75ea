"""The desk of the ledger: trial balance, journal and export by legal entity, and the state of accounting periods."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.ledger.export import Exported, export
from engine.model.journal import Change
from engine.runs.approvals import Approvals, Outcome
from engine.runs.journal import closings, exported
from engine.store.books import Books

UNKNOWN_ENTITY = Code("ledger.unknown-entity", "A legal entity that the books do not have.")


class LedgerDesk:
    """What people ask of the ledger, and do with its periods."""

    def __init__(self, books: Books, tenant: str, approvals: Approvals) -> None:
        self._books, self._tenant, self._approvals = books, tenant, approvals

    def entities(self, only: str | None = None) -> list[str]:
        """Keys of the legal entities, or the one that is named.

        Raises:
            TollbookError: ``ledger.unknown-entity``.
        """
        with self._books.reader() as reader:
            known = sorted(reader.entities(self._tenant))
        if only is not None and only not in known:
            raise refuse(UNKNOWN_ENTITY, f"there is no legal entity {only!r}", mend=did_you_mean(only, known))
        return known if only is None else [only]

    def trial_balance(self, entity: str | None = None, up_to: date | None = None) -> dict[str, list[dict[str, Any]]]:
        """Sums of postings by entity, then by GL account and currency, up to and with a day."""
        keys = self.entities(entity)
        with self._books.reader() as reader:
            chart = reader.gl_accounts(self._tenant)
            return {
                key: [
                    {"name": chart[b.account].name if b.account in chart else "", **msgspec.structs.asdict(b)}
                    for b in reader.trial_balance(self._tenant, key, up_to)
                ]
                for key in keys
            }

    def journal(self, entity: str | None = None, up_to: date | None = None) -> Iterator[Exported]:
        """Entries in order of posting date, entity by entity."""
        keys = self.entities(entity)
        with self._books.reader() as reader:
            for key in keys:
                yield from exported(reader, self._tenant, key, up_to)

    def export(self, form: str, entity: str | None = None, up_to: date | None = None) -> Iterator[str]:
        """Lines of the journal in a format of :data:`engine.ledger.export.FORMATS`, with what the accounts come to."""
        keys = self.entities(entity)
        with self._books.reader() as reader:
            entries = (item for key in keys for item in exported(reader, self._tenant, key, up_to))
            totals = (item for key in keys for item in closings(reader, self._tenant, key, up_to))
            yield from export(form, entries, totals, reader.gl_accounts(self._tenant), up_to)

    def set_period(self, entity: str, month: date, state: str, change: Change) -> Outcome:
        """Make an accounting period ``open`` or ``closed``, or propose that.

        Raises:
            TollbookError: ``ledger.unknown-entity``, ``approval.needless``.
        """
        self.entities(entity)
        act = "close-period" if state == "closed" else "open-period"
        return self._approvals.act(act, {"entity": entity, "month": f"{month:%Y-%m}"}, change)
