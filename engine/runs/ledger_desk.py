"""The desk of the ledger: trial balance, journal and export by legal entity, the state of accounting periods, and currencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.ledger.export import Exported, export
from engine.model.journal import Change
from engine.ports.host import Host
from engine.runs.approvals import Approvals, Outcome
from engine.runs.journal import closings, exported
from engine.runs.rates import Fetched, fetch_rates
from engine.runs.revaluation import Revaluation, revalue
from engine.runs.run import PartsOn
from engine.store.books import Books
from engine.store.revaluing import currency_pairs

UNKNOWN_ENTITY = Code("ledger.unknown-entity", "A legal entity that the books do not have.")

PERIOD_ACTS: Final = {"open": "open-period", "soft": "soft-close-period", "closed": "close-period"}
"""The act that makes an accounting period what it is to be."""


class LedgerDesk:
    """What people ask of the ledger, and do with its periods."""

    def __init__(
        self,
        books: Books,
        tenant: str,
        approvals: Approvals,
        parts: PartsOn,
        host: Callable[[], Host],
        fx_source: str,
    ) -> None:
        """``parts`` and ``host`` are made when they are needed; ``fx_source`` is the source whose rates are used."""
        self._books, self._tenant, self._approvals = books, tenant, approvals
        self._parts, self._host, self._fx_source = parts, host, fx_source

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
        """Make an accounting period ``open``, ``soft`` or ``closed``, or propose that.

        Raises:
            TollbookError: ``ledger.unknown-entity``, ``approval.needless``.
        """
        self.entities(entity)
        return self._approvals.act(PERIOD_ACTS[state], {"entity": entity, "month": f"{month:%Y-%m}"}, change)

    def revalue(self, on: date, change: Change, *, entity: str | None = None, dry_run: bool = False) -> Revaluation:
        """Revalue what is owed in money and foreign currency; see :func:`engine.runs.revaluation.revalue`."""
        self.entities(entity)
        return revalue(self._parts(on=on), on, change, entity=entity or "", dry_run=dry_run)

    def fetch_rates(self, change: Change, first: date, last: date, adapters: Sequence[str] = ()) -> list[Fetched]:
        """Fetch the exchange rates of some days; see :func:`engine.runs.rates.fetch_rates`."""
        with self._books.reader() as reader:
            pairs = currency_pairs(reader, self._tenant)
        days = (first, last)
        return fetch_rates(self._books, self._tenant, self._host(), pairs, days, change, adapters, self._fx_source)
