"""The recognition run: everything that is due up to a day and was not posted, by legal entity, month and currency.

A legal entity is one transaction, so that a run which was broken off goes on with the others; what was posted is not posted
again, because how far a legal entity is recognised is kept with its entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain, islice
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.model.journal import Change
from engine.model.revenue import KIND
from engine.runs.billing import rows as bill_rows
from engine.runs.billing.run import report_of
from engine.runs.revenue.posting import Group, Recognised
from engine.runs.revenue.sources import Source
from engine.runs.run import Parts, Progress, Report, add_up, silent
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.records import Run
from engine.store.writer import Writer

UNFINISHED = Code("revenue.unfinished", "A recognition run while another one of another day is not finished.")
BEYOND = Code("revenue.beyond", "A legal entity that is recognised beyond the day that a run was asked for.")
UNKNOWN_ENTITY = Code("revenue.unknown-entity", "A legal entity to be recognised that the books do not have.")

ALL: Final = "all"
BLOCK: Final = "invoice"
"""Name of the block of ids of documents: an id never means two of them."""
PAGE: Final = 10_000


class _Undone(Exception):
    """Takes back the transaction of a dry run."""


def run_recognise(
    parts: Parts,
    sources: Sequence[Source],
    through: date,
    change: Change,
    *,
    entity: str = "",
    dry_run: bool = False,
    progress: Progress = silent,
) -> Report:
    """Post what is earned up to and with a day, of one legal entity or of all; a dry run writes nothing.

    The same again posts what became known since, and nothing else.

    Raises:
        TollbookError: ``revenue.unfinished``, ``revenue.unknown-entity``, ``rule.no-answer``.
    """
    with parts.books.reader() as reader:
        known = sorted(reader.entities(parts.tenant))
    if entity and entity not in known:
        raise refuse(UNKNOWN_ENTITY, f"there is no legal entity {entity!r}", mend=f"one of {', '.join(known) or '-'}")
    entities = [entity] if entity else known
    if dry_run:
        return _tried(parts, sources, through, change, entities)
    run = _start(parts, through, change, entity or ALL, entities)
    with parts.books.reader() as reader:
        pending = [one for one in reader.partitions(run.id) if one.state != "done"]
    for number, partition in enumerate(pending, 1):
        with parts.books.writer(change, run.id, tenant=parts.tenant) as writer:
            if writer.claim_partition(run.id, partition.number) is not None:
                made, findings = _recognise(parts, sources, writer, partition.entity, through, run.id)
                writer.store_decisions(parts.rules.decisions())
                writer.add_findings(parts.tenant, findings, run.id)
                counts = _counts(made, findings)
                writer.finish_partition(run.id, partition.number, {"counts": counts, "entries": _plain(made)})
        progress("recognise", number, len(pending))
    return _finish(parts, run, change)


def _tried(parts: Parts, sources: Sequence[Source], through: date, change: Change, entities: Sequence[str]) -> Report:
    """What a run would post: it is done, and taken back."""
    counts: dict[str, int] = {"entries": 0, "schedules": 0, "findings": 0}
    details: list[dict[str, Any]] = []
    found: list[Finding] = []
    for one in entities:
        try:
            with parts.books.writer(change, tenant=parts.tenant) as writer:
                made, findings = _recognise(parts, sources, writer, one, through, 0)
                raise _Undone
        except _Undone:
            add_up(counts, _counts(made, findings))
            details += _plain(made, one)
            found += findings
    return Report(
        0, KIND, through.isoformat(), parts.rules.release, "dry", counts, {}, tuple(found), details=tuple(details)
    )


def _start(parts: Parts, through: date, change: Change, scope: str, entities: Sequence[str]) -> Run:
    """The run of a day, new or to be resumed: a day may have several, one after the other."""
    rules = parts.rules
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())
        mine: list[Run] = []
        for other in writer.reader.runs(parts.tenant, limit=1000):
            if other.kind != KIND:
                continue
            same = other.period == through.isoformat() and other.scope.partition("#")[0] == scope
            if other.state == "running" and not same:
                what = f"recognition run {other.id} through {other.period} ({other.scope}) is not finished"
                mend = f"`tollbook revenue recognise --through {other.period}` goes on with it; then this one"
                raise refuse(UNFINISHED, what, mend=mend)
            mine += [other] if same else []
        running = next((one for one in mine if one.state == "running"), None)
        name = running.scope if running else f"{scope}#{len(mine) + 1}" if mine else scope
        started = writer.start_run(parts.tenant, KIND, through.isoformat(), name, rules.release)
        run = writer.lock_run(started.id)
        writer.add_partitions(run.id, [(n, one, "", "") for n, one in enumerate(entities, 1)])
    return run


def _finish(parts: Parts, run: Run, change: Change) -> Report:
    with parts.books.writer(change, run.id, tenant=parts.tenant) as writer:
        partitions = writer.reader.partitions(run.id)
        if writer.lock_run(run.id).state == "running":
            counts: dict[str, int] = {"entries": 0, "schedules": 0, "findings": 0}
            for one in partitions:
                add_up(counts, one.summary.get("counts", {}))
            writer.finish_run(run.id, {"counts": counts})
    details = [{"entity": one.entity, **entry} for one in partitions for entry in one.summary.get("entries", ())]
    report = report_of(parts, run.id)
    nothing = not report.counts.get("schedules")
    return msgspec.structs.replace(report, details=tuple(details), repeated=nothing and "#" in run.scope)


def _recognise(
    parts: Parts, sources: Sequence[Source], writer: Writer, entity: str, through: date, run_id: int
) -> tuple[list[Group], list[Finding]]:
    """Post what is due of a legal entity, in the transaction of the writer."""
    tenant, reader = parts.tenant, writer.reader
    mark = reader.revenue_mark(tenant, entity)
    if mark is not None and mark.through > through:
        return [], [_beyond(entity, mark.through, through)]
    for source in sources:
        source.plan(parts, writer, entity, through)
    made = Recognised(
        tenant, entity, through, parts.rules.decide, _open_in(reader, tenant, entity), lambda: writer.take_ids("entry", 1)
    )  # fmt: skip
    found = chain.from_iterable(source.due(reader, tenant, entity, through) for source in sources)
    while page := list(islice(found, PAGE)):
        first = writer.take_ids(t.REVENUE_POSTED.name, len(page))
        writer.append(
            t.REVENUE_POSTED,
            [
                (ident, tenant, entity, due.schedule, due.month, due.amount, due.functional, made.add(due), run_id)
                for ident, due in enumerate(page, first)
            ],
        )
    _write(writer, made, run_id)
    for source in sources:
        source.done(writer, tenant, entity, through)
    return list(made.groups.values()), []


def _write(writer: Writer, made: Recognised, run_id: int) -> None:
    entries = made.entries()
    if not entries:
        return
    document = writer.take_ids(BLOCK, len(entries))
    heads = [bill_rows.entry_row(ident, one, document + n, run_id) for n, (ident, one) in enumerate(entries)]
    writer.append(t.ENTRY, heads)
    writer.append(t.POSTING, [row for ident, one in entries for row in bill_rows.posting_rows(ident, one, 0)])


def _open_in(reader: Reader, tenant: str, entity: str) -> Any:
    known: dict[date, bool] = {}

    def open_in(month: date) -> bool:
        if month not in known:
            known[month] = reader.period_state(tenant, entity, month) == "open"
        return known[month]

    return open_in


def _counts(made: Sequence[Group], findings: Sequence[Finding]) -> dict[str, int]:
    return {"entries": len(made), "schedules": sum(one.schedules for one in made), "findings": len(findings)}


def _plain(made: Sequence[Group], entity: str = "") -> list[dict[str, Any]]:
    """Entries as they are shown."""
    return [dict(_shown(one, entity)) for one in made]


def _shown(one: Group, entity: str) -> Iterator[tuple[str, Any]]:
    if entity:
        yield "entity", entity
    yield "entry", one.entry_id
    yield "month", f"{one.month:%Y-%m}"
    yield "posting_date", one.day.isoformat()
    yield "currency", one.currency
    yield "amount", str(one.amount)
    yield "schedules", one.schedules


def _beyond(entity: str, reached: date, through: date) -> Finding:
    place = f"revenue/{entity}"
    what = f"{entity} is recognised through {reached}; nothing is posted through {through}"
    why = "what became known later of days before is caught up by a run through that day or a later one"
    mend = f"`tollbook revenue recognise --through {reached}`"
    return Finding(BEYOND, Where(place), what, why, mend, level="warning", subject=place)
