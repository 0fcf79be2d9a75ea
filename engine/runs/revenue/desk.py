"""The desk of revenue: what is recognised, what remains, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from engine.model.journal import Change
from engine.model.revenue import RevenueEvent
from engine.runs.approvals import Approvals, Outcome
from engine.runs.revenue import exporting, facts, reports
from engine.runs.revenue.contract_source import ContractSource
from engine.runs.revenue.line_source import LineSource
from engine.runs.revenue.recognising import run_recognise
from engine.runs.revenue.sources import Source
from engine.runs.run import PartsOn, Progress, Report, silent
from engine.store import revenue_reports
from engine.store.revenue_plans import plans
from engine.store.session import checked_change

SOURCES: tuple[Source, ...] = (LineSource(), ContractSource())
"""What knows what is due of lines; a run asks :class:`ContractSource` too, which remembers what it planned."""


class RevenueDesk:
    """What people ask about revenue, and do with it."""

    def __init__(self, parts: PartsOn, approvals: Approvals) -> None:
        """``parts`` are made when they are needed."""
        self._parts, self._approvals = parts, approvals

    def recognise(
        self, through: date, change: Change, *, entity: str = "", dry_run: bool = False, progress: Progress = silent
    ) -> Report:
        """Post what is earned up to and with a day; see :func:`engine.runs.revenue.recognising.run_recognise`."""
        parts = self._parts(on=through)
        return run_recognise(parts, SOURCES, through, change, entity=entity, dry_run=dry_run, progress=progress)

    def events(self, asked: Sequence[facts.Asked], change: Change) -> int:
        """Keep what was done, all of it or nothing; how many events are new.

        Raises:
            TollbookError: ``revenue.bad-event``, ``revenue.other-event``, ``explain.no-such-line``.
        """
        parts = self._parts()
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            made = [facts.event_of(writer.reader, parts.tenant, one) for one in asked]
            return writer.add_revenue_events(parts.tenant, made)

    def recognise_early(self, line: str, on: date, change: Change, *, override: bool = False) -> Outcome:
        """Let what is left of a line be recognised on a day, before its criterion: an act of two persons.

        Raises:
            TollbookError: ``revenue.not-earned`` with the criterion that is missing, unless it is an ``override``;
                ``revenue.no-schedule``, ``revenue.earned``.
        """
        parts, change = self._parts(), checked_change(change)
        with parts.books.reader() as reader:
            row = facts.schedule_of(reader, parts.tenant, line)
            wanted = facts.missing(parts, reader, row, on)
            plan = plans(reader, [row["id"]])[row["id"]]
        if wanted and not override:
            raise facts.refused(line, on, wanted)
        amount = facts.left_after(plan.amount, plan.items, on)
        given = {"line": line, "on": on.isoformat(), "missing": wanted, "reason": change.reason}
        return self._approvals.act(facts.ACT, {**given, "amount": f"{amount:f}", "currency": row["currency"]}, change)

    def overrides(self) -> list[tuple[str, RevenueEvent]]:
        """What two persons let be recognised before its criterion, as (line, event)."""
        parts = self._parts()
        with parts.books.reader() as reader:
            found = [event for _, _, event in reader.revenue_events(parts.tenant, overrides=True)]
        return [(event.key.removeprefix("early/").rpartition("/")[0], event) for event in found]

    def shown(self, line: str, on: date | None = None) -> reports.Shown:
        """The schedule of a line.

        Raises:
            TollbookError: ``revenue.no-schedule``, ``revenue.bad-event``, ``explain.no-such-line``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            return reports.shown(parts, reader, facts.schedule_of(reader, parts.tenant, line), on)

    def roll_forward(self, first: date, last: date, entity: str = "") -> list[reports.Moved]:
        """How contract liabilities moved between two days, both included, and what the ledger says."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reports.roll_forward(reader, parts.tenant, first, last, entity)

    def remaining(self, on: date, entity: str = "") -> list[reports.Remains]:
        """What is to be recognised after a day, by month."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reports.remaining(reader, parts.tenant, on, entity)

    def export(self, file: Path, form: str, last: date = date.max, entity: str = "") -> int:
        """Write schedules with what was recognised up to and with a day to a file; how many rows.

        Raises:
            TollbookError: ``revenue.no-format``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            return exporting.write(revenue_reports.exported(reader, parts.tenant, last, entity), file, form)
