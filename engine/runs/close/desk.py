"""The desk of the close: checks of a month, its steps, what is let go, and the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.model.close import REOPEN, CheckResult, CloseFinding, CloseReport, FindingWaiver, Month, StepRow
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.runs.approvals import Approvals, Outcome
from engine.runs.close.acts import given_of
from engine.runs.close.checking import check_month
from engine.runs.close.evidence import pack, written
from engine.runs.close.running import Run, standing
from engine.runs.close.steps import STEPS, Closing
from engine.runs.ledger_desk import UNKNOWN_ENTITY
from engine.runs.run import Parts, PartsOn
from engine.store.closing import history

NO_FINDING = Code("close.no-such-finding", "A finding to be let go that the checks of the month do not find.")


class Told(msgspec.Struct, frozen=True):
    """Something that happened to a month: a step of its close, or a change of the state of its period."""

    at: Any
    who: str
    what: str
    state: str
    words: str


class CloseDesk:
    """What people ask of the close of a month, and do there."""

    def __init__(self, parts: PartsOn, approvals: Approvals) -> None:
        """``parts`` are made when they are needed."""
        self._parts, self._approvals = parts, approvals

    def check(self, entity: str, month: date, change: Change, codes: Sequence[str] = ()) -> list[CheckResult]:
        """What the checks of a month find; all where none is named.  Writes nothing but the daily sums of usage.

        Raises:
            TollbookError: ``ledger.unknown-entity``, ``close.unknown-check``.
        """
        parts = self._parts(on=Month.of(month).last)
        with parts.books.reader() as reader:
            return check_month(parts, reader, self._entity(parts, entity), Month.of(month), change, codes)

    def run(self, entity: str, month: date, change: Change, *, dry_run: bool = False) -> CloseReport:
        """Do the steps of a month's close as far as nothing is in the way; a dry run says what would be done.

        Raises:
            TollbookError: ``ledger.unknown-entity``.
        """
        parts = self._parts(on=Month.of(month).last)
        of = self._entity(parts, entity)
        return Run(Closing(parts, self._approvals, of, Month.of(month), change, dry_run)).close()

    def shown(self, entity: str, month: date) -> CloseReport:
        """How a month's close stands, as it was kept.

        Raises:
            TollbookError: ``ledger.unknown-entity``.
        """
        parts, of = self._parts(), Month.of(month)
        self._entity(parts, entity)
        with parts.books.reader() as reader:
            rows = history.steps(reader, parts.tenant, entity, of.first)
            period = reader.period_state(parts.tenant, entity, of.first)
        return CloseReport(entity, str(of), period, tuple(standing(rows, step) for step in STEPS))

    def waivers(self, entity: str, month: date) -> list[FindingWaiver]:
        """What was let go in a month's close."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return history.waivers(reader, parts.tenant, entity, Month.of(month).first)

    def history(self, entity: str, month: date) -> list[Told]:
        """Everything that happened to a month, in order: steps of its close, and the states of its period.

        Raises:
            TollbookError: ``ledger.unknown-entity``.
        """
        parts, first = self._parts(), Month.of(month).first
        self._entity(parts, entity)
        with parts.books.reader() as reader:
            rows = history.steps(reader, parts.tenant, entity, first)
            changes = history.period_changes(reader, parts.tenant, entity, first)
        told = [_step(row) for row in rows if row.step != REOPEN]
        told += [Told(row.at, row.who, row.action, row.after["state"], row.reason) for row in changes]
        return sorted(told, key=lambda one: one.at)

    def waive(self, entity: str, month: date, code: str, subject: str, change: Change) -> list[Outcome]:
        """Propose to let findings of a check about something go, as they are now.

        Raises:
            TollbookError: ``ledger.unknown-entity``, ``close.unknown-check``, ``close.no-such-finding``.
        """
        of = Month.of(month)
        found = [f for result in self.check(entity, month, change, [code]) for f in result.findings]
        mine = [one for one in found if one.subject == subject and one.state == "open"]
        if not mine:
            what = f"{code} finds nothing about {subject!r} in {of} of {entity} that could be let go"
            mend = did_you_mean(subject, [one.subject for one in found if one.state == "open"]) if found else ""
            raise refuse(NO_FINDING, what, mend=mend or "`tollbook close check` shows what is found")
        return [self._waived(entity, of, one, change) for one in mine]

    def _waived(self, entity: str, month: Month, one: CloseFinding, change: Change) -> Outcome:
        given = given_of(entity, str(month), one, change.who, change.reason)
        return self._approvals.act("waive-finding", given, change)

    def reopen(self, entity: str, month: date, change: Change) -> Outcome:
        """Open a closed month again, or propose that; a close of it begins anew.

        Raises:
            TollbookError: ``ledger.unknown-entity``, ``approval.needless``.
        """
        self._entity(self._parts(), entity)
        return self._approvals.act("open-period", {"entity": entity, "month": str(Month.of(month))}, change)

    def evidence(self, entity: str, month: date, place: Path) -> dict[str, int]:
        """Write the evidence of a month's close into a new folder or ``.zip`` archive; the size of each file in bytes.

        Raises:
            TollbookError: ``ledger.unknown-entity``, ``close.not-begun``, ``close.file-there``.
        """
        parts = self._parts()
        of = self._entity(parts, entity)
        with parts.books.reader() as reader:
            files = pack(reader, parts.tenant, of, Month.of(month))
        written(files, place)
        return {name: len(content) for name, content in files.items()}

    def _entity(self, parts: Parts, key: str) -> LegalEntity:
        with parts.books.reader() as reader:
            entities = reader.entities(parts.tenant)
        if key not in entities:
            raise refuse(UNKNOWN_ENTITY, f"there is no legal entity {key!r}", mend=did_you_mean(key, entities))
        return entities[key]


def _step(row: StepRow) -> Told:
    return Told(row.at, row.who, row.step, row.state, row.what)
