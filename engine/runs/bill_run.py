"""The bill run: pin a release, add up usage, bill partitions of payers, each in one transaction; harmless to repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from multiprocessing import get_context
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.billing.invoicing import legal_number
from engine.ledger.fx import RateTable
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.model.routing import RoutingFacts
from engine.runs import bill_rows as rows
from engine.runs.bill_partition import Batch, Issued, accounts_of, compute, entries, make_job
from engine.runs.run import Clock, Parts, Progress, Report, add_up, silent
from engine.store import tables as t
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.writer import Writer

PERIOD_CLOSED = Code("period.closed", "A posting into an accounting period that is closed.")
NO_ENTITY = Code("run.no-entity", "There is no legal entity to bill for.")
UNKNOWN_ACCOUNT = Code(
    "run.unknown-account", "The account that a run is limited to has nothing to bill or does not exist."
)
UNUSED_PRICE = Code("pricing.unused-rule", "A pricing rule that was in force but priced nothing in the run.")
ALREADY_BILLED = Code(
    "run.already-billed", "A payer that already has an invoice of this date; what is new waits for the next date."
)
UNKNOWN_RUN = Code("run.unknown-run", "A run that the books do not have.")
RELEASE_MOVED = Code(
    "run.release-moved", "A run cannot be resumed, because the rules on disk are no longer those that it pinned."
)

ALL = "all"


class Pinned(msgspec.Struct, frozen=True):
    """What a run fixed when it started."""

    run_id: int
    on: date
    scope: str
    release: str
    seen: dict[str, int]
    change: Change


def run_bill(
    parts: Parts,
    on: date,
    change: Change,
    *,
    account: str | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Report:
    """Bill everything that is owed on ``on``, for one account or for all.

    The same run twice changes nothing: a finished run is reported again, an unfinished one is resumed with the release and
    the usage that it pinned.  A dry run computes the same and writes nothing but the daily sums of usage.

    Raises:
        TollbookError: ``period.closed``, ``run.no-entity``, ``run.unknown-account``, ``run.release-moved``.
    """
    clock = Clock()
    with parts.books.reader() as reader:
        entities = reader.entities(parts.tenant)
        if not entities:
            raise refuse(NO_ENTITY, f"tenant {parts.tenant} has no legal entity", mend="run `tollbook import` first")
        closed = [e for e in entities if reader.period_state(parts.tenant, e, on) == "closed"]
        if closed:
            raise refuse(
                PERIOD_CLOSED,
                f"{on:%Y-%m} is closed in {', '.join(sorted(closed))}",
                mend="bill on a date in an open period, or open it again with `tollbook ledger open-period`",
            )
    with clock.step("meter"), parts.books.writer(change) as writer:
        progress("meter", 0, 1)
        seen = {"usage": writer.roll_up_usage(parts.tenant), "events": writer.reader.high_marks()[1]}
    if dry_run:
        return _dry_run(
            parts, Pinned(0, on, account or ALL, parts.rules.release, seen, change), account, clock, progress
        )
    pinned, done = _start(parts, on, change, account, seen)
    if done is not None:
        return done
    parts.books.refresh_statistics()
    pending = _plan(parts, pinned, account)
    for number, summary in enumerate(_work(parts, pinned, pending, progress), 1):
        progress("bill", number, len(pending))
        add_up(clock.seconds, summary["seconds"])
    return _finish(parts, pinned, clock)


def _start(
    parts: Parts, on: date, change: Change, account: str | None, seen: dict[str, int]
) -> tuple[Pinned, Report | None]:
    with parts.books.writer(change) as writer:
        rules = parts.rules
        writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())
        run = writer.start_run(parts.tenant, "bill", on.isoformat(), account or ALL, rules.release, seen)
    pinned = Pinned(run.id, on, run.scope, run.release, dict(run.parameters), change)
    if run.state == "done":
        return pinned, report_of(parts, run.id)
    if run.release != parts.rules.release:
        raise refuse(
            RELEASE_MOVED,
            f"run {run.id} pinned release {run.release}, the rules on disk are {parts.rules.release}",
            mend="`tollbook runs resume` takes the rules from the books",
        )
    return pinned, None


def _plan(parts: Parts, pinned: Pinned, account: str | None) -> list[int]:
    """Numbers of the partitions that are still to be billed; makes them if the run has none yet."""
    with parts.books.reader() as reader:
        planned = reader.partitions(pinned.run_id)
        if planned:
            return [p.number for p in planned if p.state != "done"]
        ranges = _ranges(parts, reader, account)
    with parts.books.writer(pinned.change, pinned.run_id) as writer:
        writer.add_partitions(pinned.run_id, [(n, *one) for n, one in enumerate(ranges, 1)])
    return list(range(1, len(ranges) + 1))


def _ranges(parts: Parts, reader: Reader, account: str | None) -> list[tuple[str, str, str]]:
    """(entity, first payer, last payer) of each partition."""
    ranges = [
        (entity, chunk[0], chunk[-1])
        for entity in sorted(reader.entities(parts.tenant))
        for chunk in _chunks(reader.payers(parts.tenant, entity, account), parts.partition_size)
    ]
    if account and not ranges:
        raise refuse(
            UNKNOWN_ACCOUNT, f"account {account} has no subscriptions, or does not exist", mend="check its key"
        )
    return ranges


def _chunks(keys: Sequence[str], size: int) -> list[Sequence[str]]:
    return [keys[i : i + size] for i in range(0, len(keys), size)]


def _work(parts: Parts, pinned: Pinned, pending: Sequence[int], progress: Progress) -> Any:
    """Summaries of the partitions as they are done, by this process or by workers."""
    progress("bill", 0, len(pending))
    if parts.workers < 2 or parts.recipe is None:
        for number in pending:
            yield bill_partition(parts, pinned, number)
        return
    context = get_context(
        "forkserver"
    )  # workers share one import of the engine, and none of this process's connections
    context.set_forkserver_preload([type(parts.recipe).__module__])
    with ProcessPoolExecutor(parts.workers, context) as pool:
        jobs = [pool.submit(parts.recipe, pinned, number) for number in pending]
        for job in as_completed(jobs):
            yield job.result()


def bill_partition(parts: Parts, pinned: Pinned, number: int) -> dict[str, Any]:
    """Bill one partition of a run; its done-mark is committed with its rows, so that a repeat is harmless."""
    clock = Clock()
    with clock.step("read"), parts.books.reader() as reader:
        partition = next(p for p in reader.partitions(pinned.run_id) if p.number == number)
        job, dues, table, again = _read(parts, reader, pinned, partition.entity, partition.low, partition.high)
    batch = compute(parts, job, dues, table, clock)
    batch = msgspec.structs.replace(batch, findings=(*batch.findings, *again))
    with clock.step("write"):
        summary = _write(parts, pinned, number, job.entity, job, batch)
    summary["seconds"] = clock.seconds
    return summary


def _read(parts: Parts, reader: Any, pinned: Pinned, entity_key: str, low: str, high: str) -> tuple[Any, ...]:
    entity: LegalEntity = reader.entities(parts.tenant)[entity_key]
    job = make_job(parts, entity, reader.catalogue(parts.tenant), reader.meters(parts.tenant), pinned.on, pinned.seen)
    dues = reader.due(parts.tenant, entity_key, low, high, pinned.seen["usage"], pinned.seen["events"])
    billed = tracing.payers_billed(reader, parts.tenant, entity_key, low, high, pinned.on.isoformat())
    again = [
        Finding(
            ALREADY_BILLED,
            Where(f"account/{due.payer.key}"),
            f"account {due.payer.key} already has an invoice of {pinned.on}",
            mend="what became known since is on the invoice of the next date",
            level="info",
            subject=f"account/{due.payer.key}",
        )
        for due in dues
        if due.payer.key in billed
    ]
    rates = reader.fx_rates(parts.tenant, pinned.on, parts.fx_max_age)
    table = RateTable([rate for rate in rates if rate.source == parts.fx_source], pinned.on)
    return job, [due for due in dues if due.payer.key not in billed], table, again


def _write(parts: Parts, pinned: Pinned, number: int, entity: LegalEntity, job: Any, batch: Batch) -> dict[str, Any]:
    """One transaction: lines, entries, postings, effects, audit, marks, findings; then numbers; then invoice heads."""
    issued = batch.issued
    take = _taker(parts)
    invoice_ids = take("invoice", len(issued))
    line_ids = take("invoice_line", sum(len(i.invoice.lines) for i in issued))
    entry_ids = take("entry", 2 * len(issued))
    effect_ids = take("effect", len(issued))
    audit_ids = take("audit", len(issued))
    change, accounts = pinned.change, accounts_of(job)
    made: dict[str, list[rows.Row]] = {name: [] for name in ("line", "entry", "posting", "effect", "audit")}
    adapters: dict[tuple[str, str], str] = {}
    stamp = (change.at, change.who, change.reason)
    for n, one in enumerate(issued):
        invoice, invoice_id = one.invoice, invoice_ids + n
        made["line"].extend(rows.line_rows(invoice_id, line_ids, invoice))
        for built in entries(job, one, line_ids, accounts(one.invoice.draft.currency)):
            made["entry"].append(rows.entry_row(entry_ids, built, invoice_id, pinned.run_id))
            made["posting"].extend(rows.posting_rows(entry_ids, built))
            entry_ids += 1
        line_ids += len(invoice.lines)
        adapter = _delivered_by(job, one, adapters)
        if adapter != "none":
            made["effect"].append(rows.effect_row(effect_ids + n, invoice, invoice_id, adapter, pinned.run_id))
        after = {"total": str(invoice.total), "currency": invoice.draft.currency, "series": invoice.series}
        subject = f"invoice/{invoice_id}"
        made["audit"].append(rows.audit_row(audit_ids + n, invoice.draft.tenant, stamp, subject, after, pinned.run_id))
    counts = {"invoices": len(issued), "lines": len(made["line"]), "postings": len(made["posting"])}
    counts["findings"] = len(batch.findings)
    with parts.books.writer(change, pinned.run_id) as writer:
        if writer.claim_partition(pinned.run_id, number) is None:
            return {"counts": {}}
        for table, name in (
            (t.INVOICE_LINE, "line"),
            (t.ENTRY, "entry"),
            (t.POSTING, "posting"),
            (t.EFFECT, "effect"),
            (t.AUDIT, "audit"),
        ):
            writer.append(table, made[name])
        writer.set_marks(batch.marks)
        writer.add_findings(parts.tenant, batch.findings)
        writer.finish_partition(pinned.run_id, number, {"counts": counts, "prices": sorted(batch.prices)})
        writer.append(t.INVOICE, _numbered(writer, pinned, entity, issued, invoice_ids))
    return {"counts": counts}


def _taker(parts: Parts) -> Callable[[str, int], int]:
    """Takes a block of ids; of nothing, none."""
    return lambda name, count: parts.books.take_ids(name, count) if count else 0


def _delivered_by(job: Any, one: Issued, known: dict[tuple[str, str], str]) -> str:
    key = (one.country, one.invoice.draft.currency)
    if key not in known:
        facts = RoutingFacts("delivery", job.entity.key, *key, job.on)
        known[key] = job.decide("routing", facts, job.on).terms["adapter"]
    return known[key]


def _numbered(
    writer: Writer, pinned: Pinned, entity: LegalEntity, issued: Sequence[Issued], first_id: int
) -> list[rows.Row]:
    """Invoice heads with their legal numbers, which are taken last: the series stays locked until the commit."""
    by_series: dict[str, list[tuple[int, Issued]]] = {}
    for n, one in enumerate(issued):
        by_series.setdefault(one.invoice.series, []).append((first_id + n, one))
    heads = []
    for series, members in sorted(by_series.items()):
        first = writer.take_numbers(entity.tenant, entity.key, series, len(members), pinned.on)
        for sequence, (invoice_id, one) in enumerate(members, first):
            number = legal_number(one.invoice.number_format, series, sequence, pinned.on)
            heads.append(
                rows.invoice_row(
                    invoice_id, one.invoice, sequence, number, pinned.on.isoformat(), one.rate, pinned.run_id
                )
            )
    return heads


def _finish(parts: Parts, pinned: Pinned, clock: Clock) -> Report:
    with parts.books.reader() as reader:
        done = reader.partitions(pinned.run_id)
    counts: dict[str, Any] = {}
    for partition in done:
        add_up(counts, partition.summary.get("counts", {}))
    used = {price for partition in done for price in partition.summary.get("prices", ())}
    unused = unused_prices(parts, pinned, used) if pinned.scope == ALL else []
    counts["findings"] = counts.get("findings", 0) + len(unused)
    summary = {"counts": counts, "seconds": {k: round(v, 3) for k, v in clock.seconds.items()}}
    with parts.books.writer(pinned.change, pinned.run_id) as writer:
        writer.add_findings(parts.tenant, unused)
        writer.finish_run(pinned.run_id, summary)
    return report_of(parts, pinned.run_id)


def unused_prices(parts: Parts, pinned: Pinned, used: set[int]) -> list[Finding]:
    """A finding for each pricing rule in force that decided nothing: a typing mistake in a condition looks like this."""
    in_force = {ruleset.name for ruleset in parts.rules.in_force("pricing", pinned.on)}
    return [
        Finding(
            UNUSED_PRICE,
            decision.where,
            f"rule {decision.rule} of {decision.ruleset} priced nothing on {pinned.on}",
            "no charge met its condition, or an earlier rule always answers first",
            "look whether the condition is what was meant",
            level="info",
            subject=f"rule/{decision.ruleset}/{decision.rule}",
        )
        for decision in parts.rules.decisions()
        if decision.family == "pricing" and decision.ruleset in in_force and decision.id not in used
    ]


def report_of(parts: Parts, run_id: int) -> Report:
    """What a run of the books did, with its findings."""
    with parts.books.reader() as reader:
        run = reader.run(run_id)
        findings = reader.findings(parts.tenant, run_id)
        money = tracing.money(reader, run_id)
    if run is None:
        raise refuse(UNKNOWN_RUN, f"there is no run {run_id}", mend="`tollbook runs list` shows them")
    return Report(
        run.id,
        run.kind,
        run.period,
        run.release,
        run.state,
        run.summary.get("counts", {}),
        run.summary.get("seconds", {}),
        tuple(findings),
        money=money,
    )


def _dry_run(parts: Parts, pinned: Pinned, account: str | None, clock: Clock, progress: Progress) -> Report:
    """The same computation, partition by partition, with nothing written; ``details`` are the invoices that would be."""
    findings: list[Finding] = []
    details: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    with parts.books.reader() as reader:
        todo = _ranges(parts, reader, account)
        for number, (entity, low, high) in enumerate(todo, 1):
            with clock.step("read"):
                job, dues, table, again = _read(parts, reader, pinned, entity, low, high)
            batch = compute(parts, job, dues, table, clock)
            findings.extend((*batch.findings, *again))
            details.extend(_outline(one) for one in batch.issued)
            add_up(counts, {"invoices": len(batch.issued), "lines": sum(len(i.invoice.lines) for i in batch.issued)})
            progress("bill", number, len(todo))
    counts["findings"] = len(findings)
    return Report(
        0,
        "bill",
        pinned.on.isoformat(),
        parts.rules.release,
        "dry run",
        counts,
        clock.seconds,
        tuple(findings),
        tuple(details),
    )


def _outline(one: Issued) -> dict[str, Any]:
    invoice = one.invoice
    return {
        "payer": invoice.draft.payer,
        "kind": invoice.kind,
        "currency": invoice.draft.currency,
        "net": str(invoice.net),
        "tax": str(invoice.tax),
        "total": str(invoice.total),
        "lines": [
            {
                "text": line.charge.text,
                "plan": line.charge.plan,
                "charge": line.charge.charge,
                "account": line.charge.account,
                "from": line.charge.service_from.isoformat(),
                "to": line.charge.service_to.isoformat(),
                "quantity": str(line.charge.quantity),
                "share": line.charge.share,
                "amount": str(line.charge.amount),
                "tax": str(line.tax.amount),
            }
            for line in invoice.lines
        ],
    }
