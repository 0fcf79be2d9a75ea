"""Before a bill run: control totals of usage sources are compared with what arrived, and deliveries that did not come are noticed.

Each difference is one finding and one item of the worklist; what waits because of it is pinned with the run, so that a run
that is resumed holds the same.  An item whose cause has gone is closed by the run that sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.period import Period
from engine.billing.completeness import ControlFacts, days_of, deliveries, differs, meters_of, tolerated, uncovered
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.lateness import UsageSource, UsageTotal
from engine.model.worklist import GONE, Difference, WorkItem
from engine.runs.billing.late_step import HOLDS
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writer import Writer

TOTALS_DIFFER = Code("usage.totals-differ", "A control total of a usage source that differs from what arrived.")
NOT_DELIVERED = Code("usage.not-delivered", "A delivery of a usage source that did not come in time.")
ITEM_GONE = Code("worklist.gone", "An item of the worklist that a run has closed, because its cause has gone.")

TOTAL: Final = "usage-total"
MISSING: Final = "usage-missing"
NOTED: Final = "noted"
"""Where the parameters of a run keep how many findings were made before it."""
_WAITS: Final[Mapping[str, str]] = {
    "usage": "charges that count it wait",
    "subscription": "subscriptions with charges that count it wait",
    "entity": "everything of the legal entity waits",
    "warn": "nothing waits",
}
_BACK: Final = timedelta(days=31)


class Control(msgspec.Struct):
    """What a look at control totals and deliveries comes to, before anything of it is written."""

    holds: list[tuple[str, ...]] = []
    findings: list[Finding] = []
    differences: list[Difference] = []
    gone: list[tuple[WorkItem, str]] = []
    settled: dict[str, list[int]] = {}
    reached: dict[str, int] = {}

    @property
    def parameters(self) -> dict[str, Any]:
        """What the run pins of it."""
        return {HOLDS: self.holds, NOTED: len(self.findings)} if self.findings else {}


def arrive(parts: Parts, writer: Writer, high: int) -> None:
    """Keep up what arrived by source, where anybody asks for that."""
    if writer.reader.reconciles_usage(parts.tenant):
        writer.note_arrived(parts.tenant, high)


def look(parts: Parts, reader: Reader, on: date) -> Control:
    """Compare what arrived by the run's date with what sources say and should have delivered; nothing where there are none."""
    if not reader.reconciles_usage(parts.tenant):
        return Control()
    looked = _Look(parts, reader, on)
    looked.at_totals()
    looked.at_deliveries()
    return looked.done()


def keep(parts: Parts, writer: Writer, run_id: int, control: Control) -> None:
    """Write down what a look came to, under the run that it was for."""
    writer.run_id = run_id
    for found in control.differences:
        writer.open_item(parts.tenant, found)
    for item, why in control.gone:
        writer.resolve_item(parts.tenant, item.id, GONE, why)
    for how, totals in control.settled.items():
        writer.settle_totals(parts.tenant, totals, how)
    for name, day in control.reached.items():
        writer.reach(parts.tenant, name, day)
    writer.add_findings(parts.tenant, control.findings)


class _Look:
    """One look at all sources of the tenant."""

    def __init__(self, parts: Parts, reader: Reader, on: date) -> None:
        self.parts, self.reader, self.on = parts, reader, on
        self.entities: dict[str, LegalEntity] = reader.entities(parts.tenant)
        items = reader.work_items(parts.tenant, kinds=(TOTAL, MISSING), state="unresolved", limit=100_000)
        self.open = {(item.kind, item.subject): item for item in items}
        self.still: set[tuple[str, str]] = set()
        self.control = Control()

    def at_totals(self) -> None:
        """Compare control totals of days that are over and that are not settled."""
        for total in self.reader.open_totals(self.parts.tenant, self.on):
            days = days_of(total)
            subject = f"{TOTAL}/{total.entity}/{total.source}/{total.meter}/{total.day}"
            if days.end > self.on:
                continue
            facts = self._compared(total, days)
            decision = self.parts.rules.decide("usage_control", facts, total.day)
            if tolerated(decision, facts):
                exact = (facts.expected in (None, facts.arrived), facts.expected_events in (None, facts.arrived_events))
                self.control.settled.setdefault("agreed" if all(exact) else "tolerated", []).append(total.id)
                continue
            what = differs(facts, days)
            if self.reader.accepted(self.parts.tenant, TOTAL, subject, what):
                self.control.settled.setdefault("accepted", []).append(total.id)
                continue
            detail = {"source": total.source, "meter": total.meter, "from": str(days.start), "to": str(days.end)}
            found = Difference(total.entity, TOTAL, subject, what, detail, decision.terms["owner"], decision.id)
            self._differs(TOTALS_DIFFER, found, decision, decision.terms["on_difference"], (total.meter,), days)

    def at_deliveries(self) -> None:
        """Look for deliveries that should be there: those since the last look, and those that were missing then."""
        for source in self.reader.usage_sources(self.parts.tenant):
            name = reached_name(source.entity, source.key)
            mark = self.reader.watermark(self.parts.tenant, name)
            since = date.fromordinal(mark) if mark else source.first_day
            periods = self._missing_before(source, since)
            for period, wanted in deliveries(source, since, self.on):
                if wanted:
                    periods.append(period)
                    self.control.reached[name] = period.end.toordinal()
            for period in periods:
                self._delivered(source, period)

    def done(self) -> Control:
        """What was found, with the items whose cause has gone."""
        for key, item in self.open.items():
            if key not in self.still:
                why = f"on {self.on} there is no such difference any more"
                self.control.gone.append((item, why))
                what = f"item {item.id} of the worklist is closed: {why}: {item.difference}"
                self.control.findings.append(
                    Finding(ITEM_GONE, Where(item.subject), what, level="info", subject=item.subject)
                )
        return self.control

    def _compared(self, total: UsageTotal, days: Period) -> ControlFacts:
        events, quantity = self.reader.arrived(
            self.parts.tenant, total.entity, total.source, total.meter, days.start, days.end
        )
        return ControlFacts(
            self.entities[total.entity],
            total.source,
            total.meter,
            "totals",
            0,
            total.quantity,
            quantity,
            total.events,
            events,
            total.day,
        )

    def _missing_before(self, source: UsageSource, since: date) -> list[Period]:
        """Periods before a day that were missing when they were looked at last."""
        mine = f"{MISSING}/{source.entity}/{source.key}/"
        items = (item for item in self.open.values() if item.kind == MISSING and item.subject.startswith(mine))
        days = (Period(*(date.fromisoformat(item.detail[name]) for name in ("from", "to"))) for item in items)
        return sorted((one for one in days if one.start < since), key=lambda one: one.start)

    def _delivered(self, source: UsageSource, period: Period) -> None:
        tenant, entity = self.parts.tenant, source.entity
        if source.totals:
            near = period.start - _BACK
            totals = self.reader.totals_between(tenant, entity, source.key, near, period.end)
            lacking = uncovered(source, period, totals)
            what = f"{source.key} has sent no control totals{_of(lacking)} for {period}"
        else:
            events, _ = self.reader.arrived(tenant, entity, source.key, "", period.start, period.end)
            lacking = () if events else meters_of(source) or ("",)
            what = f"{source.key} has delivered no usage for {period}"
        subject = f"{MISSING}/{entity}/{source.key}/{period.start}"
        if not lacking or self.reader.accepted(tenant, MISSING, subject, what):
            return
        overdue = (self.on - period.end).days - source.due_days
        facts = ControlFacts(
            self.entities[entity], source.key, "", "delivery", overdue, None, None, None, None, period.start
        )
        decision = self.parts.rules.decide("usage_control", facts, period.start)
        detail = {"source": source.key, "from": str(period.start), "to": str(period.end)}
        found = Difference(entity, MISSING, subject, what, detail, decision.terms["owner"], decision.id)
        self._differs(NOT_DELIVERED, found, decision, decision.terms["on_missing"], lacking, period)

    def _differs(
        self, code: Code, found: Difference, decision: Decision, scope: str, meters: tuple[str, ...], days: Period
    ) -> None:
        self.still.add((found.kind, found.subject))
        self.control.differences.append(found)
        if scope != "warn":
            begin, end = days.start.isoformat(), days.end.isoformat()
            for meter in meters:
                self.control.holds.append((found.entity, meter, begin, end, scope, found.subject, found.difference))
        self.control.findings.append(
            Finding(
                code,
                Where(found.subject),
                found.difference,
                f"rule {decision.rule} of {decision.ruleset} at {decision.where} says that {_WAITS[scope]}",
                "let the source send what is missing, or settle it: `tollbook worklist list`",
                level="warning",
                subject=found.subject,
            )
        )


def _of(meters: tuple[str, ...]) -> str:
    return f" of {', '.join(meters)}" if any(meters) else ""


def reached_name(entity: str, source: str) -> str:
    """Name of the watermark up to which the deliveries of a source were looked at."""
    return f"delivered/{entity}/{source}"


def _look_again(writer: Writer, item: WorkItem) -> None:
    """A delivery whose cause was mended is looked for again by the next run."""
    name = reached_name(item.entity, item.detail["source"])
    day = date.fromisoformat(item.detail["from"]).toordinal()
    mark = writer.reader.watermark(item.tenant, name)
    if mark > day:
        writer.reach(item.tenant, name, day)


LOOK_AGAIN: Final[Mapping[str, Callable[[Writer, WorkItem], None]]] = {MISSING: _look_again}
"""What else has to be done, by kind of item, so that the next run looks again at what somebody says is mended."""
