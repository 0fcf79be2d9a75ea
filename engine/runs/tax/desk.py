"""The desk of tax: truing up, what waits for the next bill, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from engine.base.period import Period
from engine.model.journal import Change
from engine.runs.run import PartsOn, Progress, Report, silent
from engine.runs.tax.ids import Refreshed, Standing, refresh, standing
from engine.runs.tax.oss_report import OssReport, oss_report
from engine.runs.tax.oss_threshold import threshold_findings
from engine.runs.tax.report import BY, TaxReport, tax_report
from engine.runs.tax.true_up import run_true_up, told
from engine.store.books import Books


class TaxDesk:
    """What people ask about tax.  Safe to share between threads."""

    def __init__(self, books: Books, parts: PartsOn) -> None:
        self._books, self._parts = books, parts

    def true_up(
        self, days: Period, on: date, change: Change, *, dry_run: bool = False, progress: Progress = silent
    ) -> Report:
        """Ask again for tax that the fallback decided or a certificate exempts; see
        :func:`engine.runs.tax.true_up.run_true_up`."""
        return run_true_up(self._parts(on=on), days, on, change, dry_run=dry_run, progress=progress)

    def report(self, days: Period, by: Sequence[str] = BY, entity: str = "") -> TaxReport:
        """Net and tax of the documents of some days, tied to the GL accounts of tax, and how sales to consumers in other member states
        stand to the threshold; see :func:`engine.runs.tax.report.tax_report` and
        :func:`engine.runs.tax.oss_threshold.threshold_findings`."""
        with self._books.reader() as reader:
            found = tax_report(self._parts(), reader, days, by, entity)
            standing = threshold_findings(self._parts(), reader, days.end, entity)
        return msgspec.structs.replace(found, findings=tuple(standing))

    def one_stop_shop(self, quarter: str, entity: str = "") -> OssReport:
        """The return of the one-stop shop for a quarter such as ``2026-Q1``; see :func:`engine.runs.tax.oss_report.oss_report`."""
        with self._books.reader() as reader:
            return oss_report(self._parts(), reader, quarter, entity)

    def ids(self, on: date, older_than: int = 0, entity: str = "") -> list[Standing]:
        """How the tax ids of customers abroad in the European Union stand: those whose answer is more than so many days old, or that
        have none."""
        with self._books.reader() as reader:
            return standing(self._parts(), reader, on, older_than, entity)

    def refresh_ids(self, change: Change, on: date, older_than: int = 0, entity: str = "") -> Refreshed:
        """Ask about them, and keep the answers as evidence; see :func:`engine.runs.tax.ids.refresh`."""
        return refresh(self._parts(), change, on, older_than, entity)

    def waiting(self) -> list[dict[str, Any]]:
        """Differences that wait for the next bill of their payer, as :func:`engine.runs.tax.true_up.told` says."""
        with self._books.reader() as reader:
            return [told(one) for one in reader.waiting_corrections(self._parts().tenant)]
