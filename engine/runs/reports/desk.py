"""The desk of reports over the ledger, and of what is booked beside documents."""

from __future__ import annotations

from datetime import date

from engine.base.errors import did_you_mean, refuse
from engine.model.journal import Change
from engine.runs.accruals.repeating import only_of
from engine.runs.ledger_desk import UNKNOWN_ENTITY
from engine.runs.reports.ageing import USUAL, Ageing, By, ageing
from engine.runs.reports.balances import Balance, dimensions, totals
from engine.runs.reports.impairment import Impairment, impair
from engine.runs.reports.intercompany import Pair, Shares, pairs, share_out
from engine.runs.reports.ties import Tie, ties
from engine.runs.run import PartsOn
from engine.store.reader import Reader


class ReportDesk:
    """What people ask of the ledger and its subledgers."""

    def __init__(self, parts: PartsOn) -> None:
        """``parts`` are made when they are needed."""
        self._parts = parts

    def ageing(self, on: date, *, by: By = "account", buckets: str = USUAL, entity: str = "") -> Ageing:
        """What customers owed on a day, by how long it was overdue; see :func:`engine.runs.reports.ageing.ageing`."""
        parts = self._parts()
        with parts.books.reader() as reader:
            _known(reader, parts.tenant, entity)
            return ageing(parts, reader, on, by=by, buckets=buckets, entity=entity)

    def balances(self, by: str, first: date | None, last: date, entity: str = "") -> list[Balance]:
        """Sums of postings by dimensions such as ``account,month``.

        Raises:
            TollbookError: ``ledger.unknown-dimension``, ``ledger.unknown-entity``.
        """
        wanted, parts = dimensions(by), self._parts()
        with parts.books.reader() as reader:
            _known(reader, parts.tenant, entity)
            return totals(parts, reader, wanted, first, last, entity)

    def ties(self, on: date, entity: str = "") -> list[Tie]:
        """Subledgers beside the ledger on a day."""
        parts = self._parts()
        with parts.books.reader() as reader:
            _known(reader, parts.tenant, entity)
            return ties(parts, reader, on, entity)

    def impair(self, on: date, change: Change, *, entity: str = "", dry_run: bool = False) -> Impairment:
        """Book the allowance for losses that are expected, of one legal entity or of all; see
        :func:`engine.runs.reports.impairment.impair`.

        Raises:
            TollbookError: ``accrual.unknown-entity``, and those of the run.
        """
        parts = self._parts(on=on)
        with parts.books.reader() as reader:
            only_of(reader, parts.tenant, entity)
        return impair(parts, on, change, entity=entity, dry_run=dry_run)

    def share_out(self, through: date, change: Change, *, dry_run: bool = False) -> Shares:
        """Book shares of other legal entities; see :func:`engine.runs.reports.intercompany.share_out`."""
        return share_out(self._parts(on=through), through, change, dry_run=dry_run)

    def intercompany(self, on: date) -> list[Pair]:
        """Who owes whom on a day."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return pairs(parts, reader, on)


def _known(reader: Reader, tenant: str, entity: str) -> None:
    known = sorted(reader.entities(tenant))
    if entity and entity not in known:
        raise refuse(UNKNOWN_ENTITY, f"there is no legal entity {entity!r}", mend=did_you_mean(entity, known))
