"""Truing up tax: what the fallback decided, and what certificates came late for, is asked again, and only the difference is
posted: by a document that names the original, or on the payer's next bill.

Each line is looked at once for each cause, so truing up again asks only for what has not been answered.  A run that was
stopped goes on where it was left; one partition of payers is written in one transaction, as a bill run does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

import msgspec

from engine.base.errors import Finding, refuse
from engine.base.money import round_to
from engine.base.period import Period
from engine.billing.job import Job
from engine.model.journal import Change
from engine.model.tax_correction import Correction
from engine.runs.billing.finish import Issued, finish_all
from engine.runs.billing.partition import Batch
from engine.runs.billing.read import Pinned, evidence_of
from engine.runs.billing.run import UNFINISHED, refuse_the_impossible, report_of
from engine.runs.billing.true_up_step import true_up_payers
from engine.runs.billing.write import write_partition
from engine.runs.run import Clock, Parts, Progress, Report, add_up, silent
from engine.store.reader import Reader
from engine.store.reading.tax import Between
from engine.store.reversal import reversible
from engine.store.writer import Writer

KIND: Final = "true-up"


def run_true_up(
    parts: Parts, days: Period, on: date, change: Change, *, dry_run: bool = False, progress: Progress = silent
) -> Report:
    """Ask again for the tax on invoices of some days that the fallback taxed or a certificate exempts; documents are dated
    ``on``.  ``details`` of the report are the corrections.

    Raises:
        TollbookError: ``run.unfinished``, ``period.closed``, ``run.before-documents``, ``run.no-entity``.
    """
    clock = Clock()
    if dry_run:
        return _preview(parts, days, on, change, clock, progress)
    pinned = _start(parts, days, on, change)
    with parts.books.reader() as reader:
        todo = [one for one in reader.partitions(pinned.run_id) if one.state != "done"]
    details: list[dict[str, Any]] = []
    totals: dict[str, Any] = {}
    for number, one in enumerate(todo, 1):
        with parts.books.reader() as reader:
            batch = _batch(parts, reader, pinned.on, (one.entity, one.low, one.high), days, pinned.run_id, clock)
            entity = reader.entities(parts.tenant)[one.entity]
        summary = write_partition(parts, pinned, one.number, entity, batch)
        add_up(totals, summary["counts"])
        details.extend(map(told, batch.corrections))
        progress(KIND, number, len(todo))
    with parts.books.writer(change, pinned.run_id) as writer:
        if writer.lock_run(pinned.run_id).state == "running":
            writer.finish_run(pinned.run_id, {"counts": totals, "seconds": clock.seconds})
    report = report_of(parts, pinned.run_id)
    return msgspec.structs.replace(report, details=tuple(details))


def _start(parts: Parts, days: Period, on: date, change: Change) -> Pinned:
    """The run: one that was left unfinished, or a new one; runs that issue documents wait for one another."""
    rules = parts.rules
    with parts.books.writer(change) as writer:
        seen = {"usage": writer.roll_up_usage(parts.tenant), "events": writer.reader.high_marks()[1]}
        writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())
        refuse_the_impossible(parts, writer.reader, on, writer.change.who)
        scope = _scope(writer, parts.tenant, days, on)
        started = writer.start_run(parts.tenant, KIND, on.isoformat(), scope, rules.release, seen)
        run = writer.lock_run(started.id)
        for other in writer.reader.runs(parts.tenant, limit=1000):
            if other.kind in ("bill", "void", KIND) and other.state == "running" and other.id != run.id:
                what = f"{other.kind} run {other.id} of {other.period} ({other.scope}) is not finished"
                raise refuse(UNFINISHED, what, mend="wait for it, or go on with it")
        if not started.new:
            writer.resume_run(run.id)
        payers = writer.reader.payers_to_true_up(parts.tenant, days.start, days.end)
        if not writer.reader.partitions(run.id):
            ranges = _ranges(payers, parts.partition_size)
            writer.add_partitions(run.id, [(n, *one) for n, one in enumerate(ranges, 1)])
    return Pinned(run.id, on, scope, rules.release, dict(run.parameters), change)


def _scope(writer: Writer, tenant: str, days: Period, on: date) -> str:
    """The scope of the first run of these days, on that date, that is not done: the same may be asked for any number of
    times."""
    mine = (KIND, on.isoformat())
    done = {
        run.scope
        for run in writer.reader.runs(tenant, limit=1000)
        if (run.kind, run.period) == mine and run.state == "done"
    }
    base, number = f"{days.start}..{days.end}", 1
    while (scope := base if number == 1 else f"{base} #{number}") in done:
        number += 1
    return scope


def _ranges(payers: Sequence[tuple[str, str]], size: int) -> Iterator[Between]:
    """(entity, first payer, last payer) of each partition."""
    for entity in sorted({entity for entity, _ in payers}):
        mine = [payer for other, payer in payers if other == entity]
        for start in range(0, len(mine), size):
            part = mine[start : start + size]
            yield entity, part[0], part[-1]


def _batch(parts: Parts, reader: Reader, on: date, between: Between, days: Period, run_id: int, clock: Clock) -> Batch:
    """What one partition comes to; nothing is kept of payers whose documents cannot be made."""
    tenant = parts.tenant
    entity = reader.entities(tenant)[between[0]]
    parts = msgspec.structs.replace(parts, host=parts.host.of_run(run_id)) if run_id else parts
    evidence = evidence_of(parts, reader, between)
    job = Job(entity, {}, {}, parts.rules.decide, on, 0, 0, evidence=evidence)
    with clock.step("ask"):
        found = true_up_payers(parts, reader, job, between, days.start, days.end)
    findings: list[Finding] = list(found.findings)
    issued: list[Issued] = []
    failed: set[str] = set()
    if found.billables:
        carried = {one.line_id: one for one in found.corrections if one.way == "document"}
        job = msgspec.structs.replace(job, corrections=carried)
        issued, failed = finish_all(parts, job, found.billables, partial(reversible, reader), findings, clock)
    kept = tuple(one for one in found.corrections if one.payer not in failed)
    return Batch(tuple(issued), (), frozenset(), tuple(findings), corrections=kept)


def _preview(parts: Parts, days: Period, on: date, change: Change, clock: Clock, progress: Progress) -> Report:
    """The same with nothing written; adapters are asked."""
    details: list[dict[str, Any]] = []
    findings: list[Finding] = []
    counts = {"invoices": 0, "lines": 0}
    with parts.books.reader() as reader:
        refuse_the_impossible(parts, reader, on, change.who)
        ranges = list(_ranges(reader.payers_to_true_up(parts.tenant, days.start, days.end), parts.partition_size))
        for number, between in enumerate(ranges, 1):
            batch = _batch(parts, reader, on, between, days, 0, clock)
            details.extend(map(told, batch.corrections))
            findings.extend(batch.findings)
            counts["invoices"] += len(batch.issued)
            counts["lines"] += sum(len(one.invoice.lines) for one in batch.issued)
            progress(KIND, number, len(ranges))
    head = (0, KIND, on.isoformat(), parts.rules.release, "dry run")
    return Report(*head, counts | {"findings": len(findings)}, clock.seconds, tuple(findings), tuple(details))


def told(one: Correction) -> dict[str, Any]:
    """A correction as people and programs read it: net and tax of the line before and after it, what is posted of either, and what the
    customer pays of it, which is nothing where the price includes tax."""
    amounts = {
        "net": one.net,
        "before": one.before,
        "net_after": one.net_after,
        "after": one.quote.amount,
        "net_difference": one.net_after - one.net,
        "difference": one.difference,
        "payable": one.payable,
    }
    currency = one.charge.currency
    return {
        "entity": one.entity,
        "payer": one.payer,
        "invoice": one.invoice,
        "text": one.charge.text,
        "cause": one.cause,
        "reference": one.reference,
        "currency": currency,
        **{name: str(round_to(amount, currency)) for name, amount in amounts.items()},
        "way": one.way,
    }
